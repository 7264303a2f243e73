package main

// What a session is called: its cookie, and its key. The simulator's keys are UUIDs, all of one length, as vCenter's
// are; with --uneven each login has a cookie and a key of another length, so that whoever puts one in the place of
// another must count anew.

import (
	"strings"
	"sync"
)

const cookieDigits = 40

// sessionNames is safe for concurrent use.
type sessionNames struct {
	lock    sync.Mutex
	uneven  bool
	cookies int
	keys    []string // the simulator's key and the name that clients know it by, in turn
	shown   *strings.Replacer
	hidden  *strings.Replacer
}

func newSessionNames(uneven bool) *sessionNames {
	n := &sessionNames{uneven: uneven}
	n.makeReplacers()
	return n
}

func (n *sessionNames) makeReplacers() {
	var back []string
	for i := 0; i < len(n.keys); i += 2 {
		back = append(back, n.keys[i+1], n.keys[i])
	}
	n.shown, n.hidden = strings.NewReplacer(n.keys...), strings.NewReplacer(back...)
}

// newCookie returns the next session's cookie: of 24 to 83 digits if they are uneven, and never of one length twice in
// a row.
func (n *sessionNames) newCookie() string {
	n.lock.Lock()
	defer n.lock.Unlock()
	digits := cookieDigits
	if n.uneven {
		digits = 24 + n.cookies*37%60
		n.cookies++
	}
	return randomHex(digits)
}

// add gives a key that the simulator made its name, of 20 to 69 digits.
func (n *sessionNames) add(key string) {
	n.lock.Lock()
	defer n.lock.Unlock()
	if !n.uneven {
		return
	}
	n.keys = append(n.keys, key, randomHex(20+len(n.keys)/2*23%50))
	n.makeReplacers()
}

// show puts the names in the place of the simulator's keys.
func (n *sessionNames) show(text string) string {
	n.lock.Lock()
	defer n.lock.Unlock()
	return n.shown.Replace(text)
}

// hide does the contrary.
func (n *sessionNames) hide(text string) string {
	n.lock.Lock()
	defer n.lock.Unlock()
	return n.hidden.Replace(text)
}

// showAnswer shows the names in an answer's body.
func (n *sessionNames) showAnswer(a *answer) {
	if n.uneven && a != nil {
		a.body = []byte(n.show(string(a.body)))
	}
}

// hideRequest hides them in a request's.
func (n *sessionNames) hideRequest(body []byte) []byte {
	if !n.uneven {
		return body
	}
	return []byte(n.hide(string(body)))
}
