package main

// Start and stop: listener, TLS, front, control, and the files that tell others where it all is.

import (
	"crypto/tls"
	"fmt"
	"log"
	"net"
	"net/http"
	"os"
	"path/filepath"

	"github.com/vmware/govmomi/simulator"
)

type server struct {
	address string
	o       *options
	http    *http.Server
	control *control
}

func startServer(o *options) (*server, error) {
	certificate, err := certificateFor(o)
	if err != nil {
		return nil, err
	}
	journal, err := openJournal(filepath.Join(o.dir, "journal"))
	if err != nil {
		return nil, err
	}
	origin, err := openOrigin(o)
	if err != nil {
		return nil, err
	}
	f := &front{
		o:        o,
		journal:  journal,
		trouble:  newTrouble(o),
		form:     &form{gzip: o.gzip, minimum: o.gzipMinimum, framing: o.framing},
		origin:   origin,
		sessions: &sessions{byCookie: map[string]*session{}, names: newSessionNames(o.uneven), idle: o.sessionIdle},
		changed:  make(chan struct{}),
	}
	if o.diary {
		if f.diary, err = openDiary(filepath.Join(o.dir, "diary")); err != nil {
			return nil, err
		}
	}
	go f.endIdle()

	listener, err := net.Listen("tcp", o.listen)
	if err != nil {
		return nil, err
	}
	counters := newConnectionCounters()
	s := &server{address: listener.Addr().String(), o: o}
	simulator.Map.SessionManager().ServiceHostName = s.address
	if s.control, err = startControl(o, f, counters); err != nil {
		return nil, err
	}

	s.http = &http.Server{
		Handler:     f,
		ConnContext: withConnection,
		IdleTimeout: o.idleTimeout,
		ErrorLog:    log.Default(),
		TLSConfig: &tls.Config{
			Certificates: []tls.Certificate{certificate},
			NextProtos:   []string{"http/1.1"},
		},
	}
	if o.http2 {
		s.http.TLSConfig.NextProtos = []string{"h2", "http/1.1"}
	} else {
		// Not nil: no HTTP/2.
		s.http.TLSNextProto = map[string]func(*http.Server, *tls.Conn, http.Handler){}
	}
	go func() { _ = s.http.ServeTLS(&numberedListener{Listener: listener, counters: counters}, "", "") }()

	for _, name := range []string{"address", "ready"} { // ready last: when it is there, all is
		if err := writeAtomically(filepath.Join(o.dir, name), []byte(s.address+"\n")); err != nil {
			return nil, err
		}
	}
	return s, nil
}

// stop closes everything at once; the answers still on their way are lost, as with a machine that is switched off.
func (s *server) stop() {
	_ = s.http.Close()
	_ = s.control.server.Close()
	for _, name := range []string{"ready", "address"} {
		if err := os.Remove(filepath.Join(s.o.dir, name)); err != nil {
			fmt.Fprintln(os.Stderr, "vcenter:", err)
		}
	}
}
