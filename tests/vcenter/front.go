package main

// The front: takes every request, keeps the journal, decides who answers, and sends the answer in the form asked for.

import (
	"io"
	"log"
	"net/http"
	"strings"
	"sync"
	"time"
)

// Far above anything a client sends; a bound all the same.
const largestRequest = 64 << 20

// front's lock covers the simulator, the sessions and everything in them: one SOAP request is computed at a time. It is
// not held while an answer is delayed, held back, sent, or waits for updates.
type front struct {
	o        *options
	journal  *journal
	trouble  *trouble
	form     *form
	lock     sync.Mutex
	origin   *origin
	sessions *sessions
	diary    *diary
	changed  chan struct{} // closed and replaced when something may have changed
	running  []*runningTask
}

// exchange is one request on its way through.
type exchange struct {
	front   *front
	http    *http.Request
	entry   *entry
	request *request
	session *session // whose cookie came, if it is known here
}

func (f *front) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	x := &exchange{front: f, http: r, entry: &entry{Method: r.Method, Path: r.URL.RequestURI(), Agent: r.UserAgent()}}
	connection := connectionOf(r)
	x.entry.Connection = connection.number
	cookie, came := cookieValue(r.Header.Values("Cookie"))
	x.entry.Cookie = came && cookie != ""

	body, err := io.ReadAll(io.LimitReader(r.Body, largestRequest))
	if err != nil {
		return // the client went away in the middle: nobody to answer
	}
	soap := isSoap(r)
	if soap {
		x.request, err = parseRequest(f.sessions.names.hideRequest(body))
	}
	x.entry.Operation = operationName(r, x.request)
	if x.request != nil {
		x.entry.This = x.request.this.value
		x.entry.ID = x.request.id()
	}
	f.journal.arrived(x.entry)

	rule := f.trouble.next(x.entry.Operation, f.isLive(cookie))
	if rule != nil && rule.before {
		x.entry.Trouble = rule.String()
		f.journal.write(x.entry)
		hijack(w)
		connection.abort()
		return
	}

	var a *answer
	switch {
	case rule != nil && rule.status != 0:
		a = &answer{status: rule.status, contentType: "text/plain", body: []byte(http.StatusText(rule.status) + "\n")}
	case rule != nil && rule.fault != "":
		a = fault(rule.fault, "", "")
	case soap && err != nil:
		a = fault("InvalidRequest", err.Error(), "")
	case soap:
		if rule != nil && rule.end {
			f.endSessions(func(s *session) bool { return s.cookie == cookie })
		}
		a = x.soap(cookie)
		f.sessions.names.showAnswer(a)
	default:
		a = f.document(r, body)
	}
	if a == nil { // the client gave up while it waited
		x.entry.Trouble = "abandoned"
		f.journal.write(x.entry)
		panic(http.ErrAbortHandler)
	}

	if soap {
		f.trouble.holdBack(r.Context(), x.entry.Operation)
	}
	f.finish(w, x, a, rule, connection)
}

// finish writes the journal, then the answer, whole or as broken as was asked for.
func (f *front) finish(w http.ResponseWriter, x *exchange, a *answer, rule *troubleRule, connection *numberedConnection) {
	coding, minimum, framing := f.form.get()
	a.encode(coding, minimum, x.http.Header.Values("Accept-Encoding"))
	x.entry.Status, x.entry.Bytes = a.status, len(a.body)
	if rule != nil {
		x.entry.Trouble = rule.String()
	}
	f.journal.write(x.entry)

	if rule != nil && (rule.reset || rule.truncate) {
		sendHalf(w, a, rule.reset, connection)
		return
	}
	a.send(w, framing)
}

func (f *front) isLive(cookie string) bool {
	f.lock.Lock()
	defer f.lock.Unlock()
	return f.sessions.byCookie[cookie].live()
}

func isSoap(r *http.Request) bool {
	return r.Method == http.MethodPost && (r.URL.Path == "/sdk" || strings.HasPrefix(r.URL.Path, "/sdk/"))
}

func operationName(r *http.Request, q *request) string {
	if q != nil {
		return q.operation
	}
	return r.Method + " " + r.URL.Path
}

// soap answers one SOAP request.
func (x *exchange) soap(cookie string) *answer {
	f := x.front
	f.lock.Lock()
	defer f.lock.Unlock()

	x.session = f.sessions.find(cookie)
	early := ""
	if x.session == nil && f.o.earlyCookie {
		x.session = newSession(f.sessions.names.newCookie())
		f.sessions.byCookie[x.session.cookie] = x.session
		early = setCookie(x.session.cookie)
	}
	if x.session.live() {
		x.enteredBy(x.session)
	}

	from := monotonic()
	a := x.dispatch()
	x.translated(a)
	if !isRead(x.request.operation) {
		f.noted(f.diary.note(from, x.request.id()))
	}
	if a != nil && a.setCookie == "" {
		a.setCookie = early
	}
	return a
}

// enteredBy says in the journal whose request it is.
func (x *exchange) enteredBy(s *session) {
	x.entry.Session = x.front.sessions.names.show(s.key)
	x.entry.User = s.user
}

// Operations that the front answers itself, or looks at on the way; all others go to the simulator as they are.
var handlers = map[string]func(*exchange) *answer{
	"Login":            (*exchange).login,
	"LoginByToken":     (*exchange).loginByToken,
	"CloneSession":     (*exchange).cloneSession,
	"Logout":           (*exchange).logout,
	"TerminateSession": (*exchange).terminateSession,
	"SetLocale":        (*exchange).setLocale,
	"ImpersonateUser":  (*exchange).impersonate,

	"RetrieveProperties":           (*exchange).retrieve,
	"RetrievePropertiesEx":         (*exchange).retrieveEx,
	"ContinueRetrievePropertiesEx": (*exchange).continueRetrieve,
	"CancelRetrievePropertiesEx":   (*exchange).cancelRetrieve,
	"Fetch":                        (*exchange).fetch,

	"CreatePropertyCollector":  (*exchange).createCollector,
	"CreateFilter":             (*exchange).createFilter,
	"DestroyPropertyFilter":    (*exchange).destroyFilter,
	"DestroyPropertyCollector": (*exchange).destroyCollector,
	"CheckForUpdates":          (*exchange).waitForUpdates,
	"WaitForUpdates":           (*exchange).waitForUpdates,
	"WaitForUpdatesEx":         (*exchange).waitForUpdates,
	"CancelWaitForUpdates":     (*exchange).cancelWait,

	"CreateContainerView": (*exchange).createView,
	"CreateListView":      (*exchange).createView,
	"CreateInventoryView": (*exchange).createView,
	"DestroyView":         (*exchange).destroyView,
}

// What may be asked without a session; property reads decide for themselves.
var anonymous = map[string]bool{
	"RetrieveServiceContent": true, "Login": true, "LoginByToken": true, "LoginExtensionByCertificate": true,
	"CloneSession": true, "RetrieveProperties": true, "RetrievePropertiesEx": true, "Fetch": true,
}

func (x *exchange) dispatch() *answer {
	operation := x.request.operation
	if !x.session.live() && !anonymous[operation] {
		return notAuthenticated(x.request.this)
	}
	if handler := handlers[operation]; handler != nil {
		return handler(x)
	}
	if x.front.trouble.taskTime() > 0 && strings.HasSuffix(operation, "_Task") {
		if a := x.slowTask(); a != nil {
			return a
		}
	}
	a := x.pass()
	if !isRead(operation) {
		x.front.announce()
	}
	return a
}

// visitor is whom the simulator is told the request is from.
func (x *exchange) visitor() visitor {
	return visitor{session: x.session.visitorKey(), agent: x.http.UserAgent(), address: x.http.RemoteAddr}
}

// pass lets the simulator answer.
func (x *exchange) pass() *answer {
	r := x.call(x.request.raw)
	return &answer{status: r.status, contentType: soapType, body: r.body}
}

func (x *exchange) call(request []byte) reply {
	return x.front.origin.call(x.visitor(), request)
}

// announce wakes those who wait for updates.
func (f *front) announce() {
	close(f.changed)
	f.changed = make(chan struct{})
}

// isRead is generous: a mistake costs a needless look by those who wait for updates.
func isRead(operation string) bool {
	for _, prefix := range []string{"Retrieve", "Query", "Find", "Fetch", "CurrentTime", "SessionIsActive", "Create", "Continue"} {
		if strings.HasPrefix(operation, prefix) {
			return !strings.HasPrefix(operation, "Create") || strings.HasPrefix(operation, "CreatePropertyCollector")
		}
	}
	return false
}

// noted reports a diary that cannot be kept: a test that reads it would judge by half of the truth.
func (f *front) noted(err error) {
	if err != nil {
		log.Fatalf("diary: %v", err)
	}
}

// endSession ends one here and in the simulator, which gives up the session's views with it.
func (f *front) endSession(s *session) {
	if s.live() {
		f.origin.call(visitor{session: s.key}, operationRequest("Logout", reference{"SessionManager", "SessionManager"}, ""))
	}
	f.sessions.forget(s)
}

// endSessions ends those chosen, and returns how many of them were logged in. All: as a restart of vpxd does.
func (f *front) endSessions(chosen func(*session) bool) int {
	f.lock.Lock()
	defer f.lock.Unlock()
	n := 0
	for _, s := range f.sessions.byCookie {
		if !chosen(s) {
			continue
		}
		if s.live() {
			n++
		}
		f.endSession(s)
	}
	return n
}

// endIdle runs for as long as the server does.
func (f *front) endIdle() {
	if f.sessions.idle <= 0 {
		return
	}
	interval := f.sessions.idle / 4
	if interval < 10*time.Millisecond {
		interval = 10 * time.Millisecond
	}
	for now := range time.Tick(interval) {
		f.lock.Lock()
		for _, s := range f.sessions.idled(now) {
			f.endSession(s)
		}
		f.lock.Unlock()
	}
}
