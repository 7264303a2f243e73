package main

import "sync"

// form is how answers are put on the wire; it can be changed while the server runs.
type form struct {
	lock    sync.Mutex
	gzip    string
	minimum int
	framing string
}

func (f *form) get() (coding string, minimum int, framing string) {
	f.lock.Lock()
	defer f.lock.Unlock()
	return f.gzip, f.minimum, f.framing
}

func (f *form) setGzip(policy string) {
	f.lock.Lock()
	defer f.lock.Unlock()
	f.gzip = policy
}

func (f *form) setFraming(framing string) {
	f.lock.Lock()
	defer f.lock.Unlock()
	f.framing = framing
}
