package main

// Logging in and out, and what else changes a session.

import (
	"bytes"
	"net/http"
	"strings"
)

func (x *exchange) login() *answer {
	name, password := x.request.body.child("userName").value(), ""
	if p := x.request.body.child("password"); p != nil {
		password = p.text // blanks count
	}
	if known, ok := x.front.o.users[name]; !ok || known != password || x.session.live() {
		return invalidLogin()
	}
	if live, _ := x.front.sessions.count(); x.front.o.maxSessions > 0 && live >= x.front.o.maxSessions {
		return &answer{status: http.StatusServiceUnavailable, contentType: "text/plain", body: []byte("Service Unavailable\n")}
	}
	return x.enter(x.request.raw)
}

// loginByToken believes the assertion, but not that it is about somebody unknown.
func (x *exchange) loginByToken() *answer {
	name := x.request.header.find("NameID").value()
	if _, ok := x.front.o.users[name]; !ok || x.session.live() {
		return invalidLogin()
	}
	return x.enter(x.request.raw)
}

func (x *exchange) cloneSession() *answer {
	if x.session.live() {
		return invalidLogin()
	}
	return x.enter(x.request.raw)
}

// enter lets the simulator open a session and gives it a cookie; an early cookie becomes the session's.
func (x *exchange) enter(request []byte) *answer {
	r := x.front.origin.call(visitor{agent: x.http.UserAgent(), address: x.http.RemoteAddr}, request)
	a := &answer{status: r.status, contentType: soapType, body: r.body}
	if r.status != http.StatusOK || r.session == "" {
		return a
	}
	known := x.session != nil
	s := x.front.sessions.open(x.session, r.session)
	_, opened := returned(r.body)
	s.user = opened.find("userName").text(r.body)
	s.locale = x.request.body.child("locale").value()
	x.enteredBy(s)
	if !known {
		a.setCookie = setCookie(s.cookie)
	}
	return a
}

func (x *exchange) logout() *answer {
	a := x.pass()
	if a.status == http.StatusOK {
		x.front.sessions.forget(x.session)
	}
	return a
}

func (x *exchange) terminateSession() *answer {
	a := x.pass()
	if a.status != http.StatusOK {
		return a
	}
	for _, id := range x.request.body.all("sessionId") {
		if s := x.front.sessions.byKey(id.value()); s != nil {
			x.front.sessions.forget(s)
		}
	}
	return a
}

// setLocale is unknown to the simulator. currentSession shows what was set, and labels are in that language.
func (x *exchange) setLocale() *answer {
	locale := x.request.body.child("locale").value()
	if len(locale) < 2 {
		return invalidArgument("locale")
	}
	x.session.locale = locale
	return success("SetLocale", "")
}

// translated shows labels in the session's language: English, or marked as what they ought to be in.
func (x *exchange) translated(a *answer) {
	if a != nil && x.session.live() && x.session.locale != "" && !strings.HasPrefix(x.session.locale, "en") {
		a.body = bytes.ReplaceAll(a.body, []byte("<label>"), []byte("<label>["+escape(x.session.locale)+"] "))
	}
}

// localized shows a session in the locale that it was set to.
func (x *exchange) localized(body []byte) []byte {
	if !x.session.live() || x.session.locale == "" {
		return body
	}
	text := string(body)
	at := strings.Index(text, "<key>"+x.session.key+"</key>")
	if at < 0 {
		return body
	}
	end := strings.Index(text[at:], "</messageLocale>")
	if end < 0 {
		return body
	}
	own := text[at : at+end]
	for _, name := range []string{"locale", "messageLocale"} {
		if _, after, ok := strings.Cut(own, "<"+name+">"); ok {
			old, _, _ := strings.Cut(after+"<", "<")
			own = strings.Replace(own, "<"+name+">"+old, "<"+name+">"+escape(x.session.locale), 1)
		}
	}
	return []byte(text[:at] + own + text[at+end:])
}

// impersonate is unknown to the simulator: the session behind the cookie becomes one of the other user's.
func (x *exchange) impersonate() *answer {
	name := x.request.body.child("userName").value()
	if _, ok := x.front.o.users[name]; !ok {
		return invalidLogin()
	}
	login := operationRequest("Login", reference{"SessionManager", "SessionManager"},
		"<userName>"+escape(name)+"</userName><password>-</password>")
	r := x.front.origin.call(visitor{agent: x.http.UserAgent(), address: x.http.RemoteAddr}, login)
	if r.status != http.StatusOK || r.session == "" {
		return &answer{status: r.status, contentType: soapType, body: r.body}
	}
	x.front.origin.call(x.visitor(), operationRequest("Logout", reference{"SessionManager", "SessionManager"}, ""))
	x.session.key, x.session.user = r.session, name
	x.session.views = map[string]bool{}
	x.front.sessions.names.add(r.session)
	x.enteredBy(x.session)
	_, user := returned(r.body)
	return success("ImpersonateUser", user.outerXML(r.body))
}
