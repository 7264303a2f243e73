package main

// What reached this vCenter: counters for tests that count, a journal for those that want to know what it was.

import (
	"encoding/json"
	"os"
	"sync"
	"time"
)

// entry is one line of the journal: one request and what became of it.
type entry struct {
	Sequence   int64  `json:"sequence"`
	Connection int64  `json:"connection"`
	At         int64  `json:"at"` // when the request had arrived: nanoseconds of CLOCK_MONOTONIC
	Method     string `json:"method"`
	Path       string `json:"path"`
	Operation  string `json:"operation"` // "GET /path" where there is no SOAP body
	This       string `json:"this"`
	ID         string `json:"id,omitempty"` // the request's operationID
	Agent      string `json:"agent"`
	Cookie     bool   `json:"cookie"` // a session cookie came, live or not
	Session    string `json:"session"`
	User       string `json:"user"`
	Status     int    `json:"status"`
	Bytes      int    `json:"bytes"`             // of the body, as framed before chunking
	Trouble    string `json:"trouble,omitempty"` // what was done to the answer on demand
}

// journal is safe for concurrent use.
type journal struct {
	lock     sync.Mutex
	changed  *sync.Cond
	file     *os.File
	sequence int64
	total    int64
	counts   map[string]int64
}

func openJournal(name string) (*journal, error) {
	file, err := os.OpenFile(name, os.O_CREATE|os.O_WRONLY|os.O_APPEND|os.O_TRUNC, 0600)
	if err != nil {
		return nil, err
	}
	j := &journal{file: file, counts: map[string]int64{}}
	j.changed = sync.NewCond(&j.lock)
	return j, nil
}

// arrived counts a request as soon as it is whole, before anything is done with it: one that waits is already counted.
func (j *journal) arrived(e *entry) {
	j.lock.Lock()
	defer j.lock.Unlock()
	j.sequence++
	e.Sequence = j.sequence
	e.At = monotonic()
	j.total++
	j.counts[e.Operation]++
	j.changed.Broadcast()
}

// write appends the line; the answer is sent only after it returns, so whoever has the answer finds the line.
func (j *journal) write(e *entry) {
	line, err := json.Marshal(e)
	if err != nil {
		return
	}
	j.lock.Lock()
	defer j.lock.Unlock()
	_, _ = j.file.Write(append(line, '\n'))
}

// count returns the requests since the last reset; operation "" means all.
func (j *journal) count(operation string) int64 {
	j.lock.Lock()
	defer j.lock.Unlock()
	return j.countLocked(operation)
}

func (j *journal) countLocked(operation string) int64 {
	if operation == "" {
		return j.total
	}
	return j.counts[operation]
}

// await returns once the count has reached n, or the time has passed.
func (j *journal) await(operation string, n int64, limit time.Duration) bool {
	deadline := time.Now().Add(limit)
	alarm := time.AfterFunc(limit, j.changed.Broadcast)
	defer alarm.Stop()

	j.lock.Lock()
	defer j.lock.Unlock()
	for j.countLocked(operation) < n {
		if !time.Now().Before(deadline) {
			return false
		}
		j.changed.Wait()
	}
	return true
}

func (j *journal) reset() error {
	j.lock.Lock()
	defer j.lock.Unlock()
	j.total = 0
	j.counts = map[string]int64{}
	return j.file.Truncate(0)
}
