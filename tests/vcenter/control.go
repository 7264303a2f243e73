package main

// The control server: plain HTTP on a unix socket, so that tests steer with `curl --unix-socket` and none of it is
// counted as traffic.

import (
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"sync/atomic"
	"time"
)

type control struct {
	front    *front
	counters *connectionCounters
	server   *http.Server
}

func startControl(o *options, f *front, counters *connectionCounters) (*control, error) {
	name := filepath.Join(o.dir, "control.sock")
	_ = os.Remove(name) // of an earlier start
	listener, err := net.Listen("unix", name)
	if err != nil {
		return nil, err
	}
	if err := os.Chmod(name, 0600); err != nil {
		return nil, err
	}

	c := &control{front: f, counters: counters}
	mux := http.NewServeMux()
	for path, method := range map[string]func(url.Values) (string, error){
		"/count": c.count, "/connections": c.connections, "/sessions": c.sessions, "/views": c.views, "/await": c.await,
	} {
		mux.HandleFunc(path, only(http.MethodGet, method))
	}
	for path, method := range map[string]func(url.Values) (string, error){
		"/reset": c.reset, "/delay": c.delay, "/fail": c.fail, "/hold": c.hold, "/release": c.release,
		"/end-sessions": c.endSessions, "/task-time": c.taskTime, "/gzip": c.gzip, "/framing": c.framing,
		"/close-connections": c.closeConnections, "/password": c.password, "/end-tasks": c.endTasks,
	} {
		mux.HandleFunc(path, only(http.MethodPost, method))
	}
	c.server = &http.Server{Handler: mux}
	go func() { _ = c.server.Serve(listener) }()
	return c, nil
}

// only makes a handler of a function from the query to a line of text.
func only(method string, act func(url.Values) (string, error)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if r.Method != method {
			http.Error(w, "use "+method, http.StatusMethodNotAllowed)
			return
		}
		text, err := act(r.URL.Query())
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		fmt.Fprintln(w, text)
	}
}

func (c *control) count(q url.Values) (string, error) {
	return strconv.FormatInt(c.front.journal.count(q.Get("operation")), 10), nil
}

func (c *control) connections(q url.Values) (string, error) {
	counter := &c.counters.accepted
	if q.Get("open") != "" {
		counter = &c.counters.open
	}
	return strconv.FormatInt(atomic.LoadInt64(counter), 10), nil
}

func (c *control) sessions(q url.Values) (string, error) {
	c.front.lock.Lock()
	defer c.front.lock.Unlock()
	if q.Get("list") != "" {
		return c.front.sessions.list(), nil
	}
	live, _ := c.front.sessions.count()
	return strconv.Itoa(live), nil
}

func (c *control) views(q url.Values) (string, error) {
	c.front.lock.Lock()
	defer c.front.lock.Unlock()
	if q.Get("list") != "" {
		return c.front.sessions.listViews(), nil
	}
	_, views := c.front.sessions.count()
	return strconv.Itoa(views), nil
}

// await blocks until so many requests have arrived; the test's alternative to a sleep that hopes.
func (c *control) await(q url.Values) (string, error) {
	n, err := number(q, "count", 1)
	if err != nil {
		return "", err
	}
	seconds, err := number(q, "seconds", 60)
	if err != nil {
		return "", err
	}
	if !c.front.journal.await(q.Get("operation"), int64(n), time.Duration(seconds)*time.Second) {
		return "", fmt.Errorf("only %d arrived", c.front.journal.count(q.Get("operation")))
	}
	return strconv.FormatInt(c.front.journal.count(q.Get("operation")), 10), nil
}

func (c *control) reset(url.Values) (string, error) {
	atomic.StoreInt64(&c.counters.accepted, 0)
	return "reset", c.front.journal.reset()
}

func (c *control) delay(q url.Values) (string, error) {
	ms, err := number(q, "ms", 0)
	c.front.trouble.setDelay(q.Get("operation"), time.Duration(ms)*time.Millisecond)
	return "delay", err
}

func (c *control) taskTime(q url.Values) (string, error) {
	ms, err := number(q, "ms", 0)
	c.front.trouble.setTaskTime(time.Duration(ms) * time.Millisecond)
	return "task-time", err
}

func (c *control) endTasks(url.Values) (string, error) {
	return strconv.Itoa(c.front.endTasks()), nil
}

func (c *control) fail(q url.Values) (string, error) {
	rule := &troubleRule{
		operation: q.Get("operation"),
		fault:     q.Get("fault"),
		reset:     q.Get("reset") != "",
		truncate:  q.Get("truncate") != "",
		before:    q.Get("before") != "",
		end:       q.Get("end") != "",
	}
	var err error
	if rule.skip, err = number(q, "skip", 0); err != nil {
		return "", err
	}
	if rule.times, err = number(q, "times", 1); err != nil {
		return "", err
	}
	if rule.times == 0 {
		c.front.trouble.clear()
		return "no more", nil
	}
	if q.Get("status") != "" {
		if rule.status, err = number(q, "status", 0); err != nil || rule.status < 200 || rule.status > 999 {
			return "", fmt.Errorf("status %q", q.Get("status"))
		}
	}
	if rule.status == 0 && rule.fault == "" && !rule.reset && !rule.truncate && !rule.before && !rule.end {
		return "", fmt.Errorf("want one of status, fault, reset, truncate, before, end")
	}
	c.front.trouble.add(rule)
	return rule.String(), nil
}

func (c *control) hold(q url.Values) (string, error) {
	c.front.trouble.hold(q.Get("operation"))
	return "held", nil
}

func (c *control) release(q url.Values) (string, error) {
	c.front.trouble.release(q.Get("operation"))
	return "released", nil
}

func (c *control) endSessions(q url.Values) (string, error) {
	key, user := c.front.sessions.names.hide(q.Get("key")), q.Get("user")
	return strconv.Itoa(c.front.endSessions(func(s *session) bool {
		return (key == "" || key == s.key) && (user == "" || user == s.user)
	})), nil
}

// password changes a user's, or makes a user.
func (c *control) password(q url.Values) (string, error) {
	if q.Get("user") == "" || q.Get("password") == "" {
		return "", fmt.Errorf("want user and password")
	}
	c.front.lock.Lock()
	defer c.front.lock.Unlock()
	c.front.o.users[q.Get("user")] = q.Get("password")
	return "changed", nil
}

func (c *control) gzip(q url.Values) (string, error) {
	if !validGzip(q.Get("policy")) {
		return "", fmt.Errorf("want policy=auto, always or never")
	}
	c.front.form.setGzip(q.Get("policy"))
	return q.Get("policy"), nil
}

func (c *control) framing(q url.Values) (string, error) {
	if !validFraming(q.Get("mode")) {
		return "", fmt.Errorf("want mode=auto, length, chunked or close")
	}
	c.front.form.setFraming(q.Get("mode"))
	return q.Get("mode"), nil
}

// closeConnections closes what is open, as an idle time-out or a load balancer would.
func (c *control) closeConnections(q url.Values) (string, error) {
	return strconv.Itoa(c.counters.closeAll(q.Get("reset") != "", q.Get("notify") != "")), nil
}

func number(q url.Values, name string, otherwise int) (int, error) {
	if q.Get(name) == "" {
		return otherwise, nil
	}
	n, err := strconv.Atoi(q.Get(name))
	if err != nil || n < 0 {
		return 0, fmt.Errorf("%s=%q is no number", name, q.Get(name))
	}
	return n, nil
}
