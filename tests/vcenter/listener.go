package main

// The TCP side: accepted connections get a number, so that a test can tell one from the next and count them.

import (
	"context"
	"crypto/tls"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
)

// numberedListener counts every accepted connection, those included whose TLS handshake never completes.
type numberedListener struct {
	net.Listener
	counters *connectionCounters
}

type connectionCounters struct {
	accepted int64 // since the last reset
	open     int64
	number   int64 // never reset: it names a connection in the journal

	lock sync.Mutex
	all  map[*numberedConnection]bool
}

func newConnectionCounters() *connectionCounters {
	return &connectionCounters{all: map[*numberedConnection]bool{}}
}

// closeAll closes every open connection and returns how many there were: with a RST, with TLS's close_notify before the
// FIN, or with the FIN alone.
func (n *connectionCounters) closeAll(reset, notify bool) int {
	n.lock.Lock()
	open := map[*numberedConnection]*tls.Conn{}
	for c := range n.all {
		open[c] = c.secured
	}
	n.lock.Unlock()

	for c, secured := range open {
		switch {
		case reset:
			c.abort()
		case notify && secured != nil:
			_ = secured.Close()
		default:
			_ = c.Close()
		}
	}
	return len(open)
}

type numberedConnection struct {
	net.Conn
	number   int64
	counters *connectionCounters
	closed   int32
	secured  *tls.Conn // the TLS connection over it; the counters' lock covers it
}

func (l *numberedListener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	atomic.AddInt64(&l.counters.accepted, 1)
	atomic.AddInt64(&l.counters.open, 1)
	n := &numberedConnection{Conn: c, number: atomic.AddInt64(&l.counters.number, 1), counters: l.counters}
	l.counters.lock.Lock()
	l.counters.all[n] = true
	l.counters.lock.Unlock()
	return n, nil
}

func (c *numberedConnection) Close() error {
	if atomic.CompareAndSwapInt32(&c.closed, 0, 1) {
		atomic.AddInt64(&c.counters.open, -1)
		c.counters.lock.Lock()
		delete(c.counters.all, c)
		c.counters.lock.Unlock()
	}
	return c.Conn.Close()
}

// abort closes with a RST: no lingering, what is unsent is thrown away.
func (c *numberedConnection) abort() {
	if tcp, ok := c.Conn.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0)
	}
	_ = c.Close()
}

type connectionKey struct{}

// withConnection lets a handler find the connection under its request.
func withConnection(ctx context.Context, c net.Conn) context.Context {
	if t, ok := c.(*tls.Conn); ok {
		c = t.NetConn()
		if n, ok := c.(*numberedConnection); ok {
			n.counters.lock.Lock()
			n.secured = t
			n.counters.lock.Unlock()
		}
	}
	return context.WithValue(ctx, connectionKey{}, c)
}

func connectionOf(r *http.Request) *numberedConnection {
	c, _ := r.Context().Value(connectionKey{}).(*numberedConnection)
	return c
}
