package main

// Everything that can go wrong on demand: answers that come late, or wrong, or in part, or not at all.

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"net/http"
	"strconv"
	"sync"
	"time"
)

// trouble is safe for concurrent use.
type trouble struct {
	lock   sync.Mutex
	delay  time.Duration            // of every SOAP answer
	delays map[string]time.Duration // of one operation's, instead
	task   time.Duration
	rules  []*troubleRule
	holds  map[string]chan struct{} // operation ("" for all) → closed on release
}

// troubleRule is what is to happen to the next so many requests.
type troubleRule struct {
	operation string // "" for any
	skip      int    // so many are let through before
	times     int
	status    int    // answer with this status
	fault     string // or with this fault
	reset     bool   // or send half the answer, then RST
	truncate  bool   // or send half the answer, then close
	before    bool   // RST before the request is looked at
	end       bool   // the request's session ends before it is looked at
}

func (r *troubleRule) String() string {
	switch {
	case r.before:
		return "reset before"
	case r.reset:
		return "reset"
	case r.truncate:
		return "truncate"
	case r.end:
		return "session ended"
	case r.fault != "":
		return "fault " + r.fault
	}
	return "status " + strconv.Itoa(r.status)
}

func newTrouble(o *options) *trouble {
	return &trouble{
		delay:  o.delay,
		delays: map[string]time.Duration{},
		task:   o.taskTime,
		holds:  map[string]chan struct{}{},
	}
}

// next returns the rule for this request and uses it up by one. Only a request of a live session can end it.
func (t *trouble) next(operation string, isLive bool) *troubleRule {
	t.lock.Lock()
	defer t.lock.Unlock()
	for i, r := range t.rules {
		if (r.operation != "" && r.operation != operation) || (r.end && !isLive) {
			continue
		}
		if r.skip > 0 {
			r.skip--
			continue
		}
		taken := *r
		if r.times--; r.times <= 0 {
			t.rules = append(t.rules[:i:i], t.rules[i+1:]...)
		}
		return &taken
	}
	return nil
}

func (t *trouble) add(r *troubleRule) {
	t.lock.Lock()
	defer t.lock.Unlock()
	t.rules = append(t.rules, r)
}

func (t *trouble) clear() {
	t.lock.Lock()
	defer t.lock.Unlock()
	t.rules = nil
}

func (t *trouble) setDelay(operation string, d time.Duration) {
	t.lock.Lock()
	defer t.lock.Unlock()
	if operation == "" {
		t.delay = d
	} else {
		t.delays[operation] = d
	}
}

func (t *trouble) setTaskTime(d time.Duration) {
	t.lock.Lock()
	defer t.lock.Unlock()
	t.task = d
}

func (t *trouble) taskTime() time.Duration {
	t.lock.Lock()
	defer t.lock.Unlock()
	return t.task
}

// hold keeps answers back from now on, until release.
func (t *trouble) hold(operation string) {
	t.lock.Lock()
	defer t.lock.Unlock()
	if t.holds[operation] == nil {
		t.holds[operation] = make(chan struct{})
	}
}

// release lets the answers of one operation go, or all that are held.
func (t *trouble) release(operation string) {
	t.lock.Lock()
	defer t.lock.Unlock()
	for name, held := range t.holds {
		if operation == "" || operation == name {
			close(held)
			delete(t.holds, name)
		}
	}
}

// holdBack returns when the answer, which is computed already, may be sent.
func (t *trouble) holdBack(ctx context.Context, operation string) {
	t.lock.Lock()
	wait, special := t.delays[operation]
	if !special {
		wait = t.delay
	}
	held := t.holds[operation]
	if held == nil {
		held = t.holds[""]
	}
	t.lock.Unlock()

	if wait > 0 {
		timer := time.NewTimer(wait)
		defer timer.Stop()
		select {
		case <-timer.C:
		case <-ctx.Done():
		}
	}
	if held != nil {
		select {
		case <-held:
		case <-ctx.Done():
		}
	}
}

// hijack takes the connection away from Go's server.
func hijack(w http.ResponseWriter) (net.Conn, *bufio.ReadWriter) {
	connection, buffer, err := w.(http.Hijacker).Hijack()
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	return connection, buffer
}

// sendHalf sends a head that promises the whole body, then half of it. The TLS connection ends without a close_notify,
// as it does when a machine or a middlebox fails.
func sendHalf(w http.ResponseWriter, a *answer, reset bool, tcp *numberedConnection) {
	_, buffer := hijack(w)
	header := http.Header{}
	a.head(header)
	header.Set("Content-Length", strconv.Itoa(len(a.body)))
	fmt.Fprintf(buffer, "HTTP/1.1 %d %s\r\n", a.status, http.StatusText(a.status))
	_ = header.Write(buffer)
	_, _ = buffer.WriteString("\r\n")
	_, _ = buffer.Write(a.body[:len(a.body)/2])
	_ = buffer.Flush()
	if reset {
		tcp.abort()
		return
	}
	_ = tcp.Close()
}
