package main

// Sessions as vCenter keeps them: found by a cookie that is not the UserSession's key, ended by Logout, by idling out,
// by an administrator.

import (
	"fmt"
	"sort"
	"strings"
	"time"
)

// session is one cookie. Guarded by the front's lock.
type session struct {
	cookie string
	key    string // of the simulator's session; "" until somebody logs in (early cookie)
	user   string
	locale string // as logged in with, or set by SetLocale
	used   time.Time
	ended  chan struct{} // closed at its end, for requests that wait in it

	pages      map[string]*pages
	tokens     int // given to pages so far
	views      map[string]bool
	collectors map[string]*collector
}

type sessions struct {
	byCookie map[string]*session
	names    *sessionNames
	idle     time.Duration
}

func newSession(cookie string) *session {
	return &session{
		cookie:     cookie,
		used:       time.Now(),
		ended:      make(chan struct{}),
		pages:      map[string]*pages{},
		views:      map[string]bool{},
		collectors: map[string]*collector{},
	}
}

func (s *session) live() bool { return s != nil && s.key != "" }

func (s *session) visitorKey() string {
	if s == nil {
		return ""
	}
	return s.key
}

// open starts a session under the cookie of old, if there is one, or a new cookie.
func (t *sessions) open(old *session, key string) *session {
	s := old
	if s == nil {
		s = newSession(t.names.newCookie())
		t.byCookie[s.cookie] = s
	}
	s.key, s.used = key, time.Now()
	t.names.add(key)
	return s
}

// find returns the session of a request and takes note that it was used.
func (t *sessions) find(cookie string) *session {
	s := t.byCookie[cookie]
	if s != nil {
		s.used = time.Now()
	}
	return s
}

func (t *sessions) forget(s *session) {
	delete(t.byCookie, s.cookie)
	close(s.ended)
}

func (t *sessions) byKey(key string) *session {
	for _, s := range t.byCookie {
		if s.key == key && key != "" {
			return s
		}
	}
	return nil
}

// count returns how many are logged in, and how many views they hold.
func (t *sessions) count() (live, views int) {
	for _, s := range t.byCookie {
		if s.live() {
			live++
			views += len(s.views)
		}
	}
	return live, views
}

// list describes those that are logged in, one a line: key, cookie, user, how many views, how many filters.
func (t *sessions) list() string {
	var lines []string
	for _, s := range t.byCookie {
		if !s.live() {
			continue
		}
		filters := 0
		for _, c := range s.collectors {
			filters += len(c.filters)
		}
		lines = append(lines, fmt.Sprintf("%s %s %s %d %d", t.names.show(s.key), s.cookie, s.user, len(s.views), filters))
	}
	sort.Strings(lines)
	return strings.Join(lines, "\n")
}

// listViews names every view, after the key of its session.
func (t *sessions) listViews() string {
	var lines []string
	for _, s := range t.byCookie {
		for view := range s.views {
			lines = append(lines, t.names.show(s.key+" "+view))
		}
	}
	sort.Strings(lines)
	return strings.Join(lines, "\n")
}

// idled returns the sessions that nobody has used for too long; one that waits for updates is in use.
func (t *sessions) idled(now time.Time) []*session {
	var old []*session
	if t.idle <= 0 {
		return nil
	}
	for _, s := range t.byCookie {
		waiting := false
		for _, c := range s.collectors {
			waiting = waiting || c.waiters > 0
		}
		if !waiting && now.Sub(s.used) > t.idle {
			old = append(old, s)
		}
	}
	return old
}
