package main

// The simulator itself, called in process and by one caller at a time: it is not free of races of its own, and calls
// that would block in it (WaitForUpdates) are answered elsewhere.

import (
	"bytes"
	"fmt"
	"log"
	"net/http"
	"net/url"
	"strings"

	"github.com/vmware/govmomi/simulator"
)

// origin has no lock of its own: the front's covers it.
type origin struct {
	service *simulator.Service
	names   *datastoreNames
	own     string // the front's own session in the simulator, for what vCenter lets anybody read
}

// visitor is who the simulator takes a request to be from.
type visitor struct {
	session string // the session's key in the simulator, or nothing
	agent   string
	address string
}

// reply is the simulator's answer.
type reply struct {
	status  int
	session string // the key of a session that it opened
	body    []byte
}

func openOrigin(o *options) (*origin, error) {
	service, names, err := buildInventory(o)
	if err != nil {
		return nil, err
	}
	service.Listen = &url.URL{} // no user: passwords are the front's affair
	service.RegisterSDK(simulator.Map)
	addPerformance()
	addAutoStart()

	g := &origin{service: service, names: names}
	r := g.call(visitor{agent: "vpxd"}, operationRequest("Login", reference{"SessionManager", "SessionManager"},
		`<userName>vpxd-extension</userName><password>-</password>`))
	if r.status != http.StatusOK {
		return nil, fmt.Errorf("the simulator refuses the front's own login: %s", r.body)
	}
	g.own = r.session
	return g, nil
}

// call does one SOAP request. The simulator's panics become faults, as vpxd's do.
func (g *origin) call(who visitor, request []byte) (result reply) {
	defer func() {
		if p := recover(); p != nil {
			log.Printf("simulator: %v", p)
			a := fault("SystemError", "A general system error occurred", "<reason></reason>")
			result = reply{status: a.status, body: a.body}
		}
	}()

	r, err := http.NewRequest(http.MethodPost, "/sdk", bytes.NewReader(g.names.hide(request)))
	if err != nil {
		panic(err)
	}
	r.RemoteAddr = who.address
	r.Header.Set("User-Agent", who.agent)
	if who.session != "" {
		r.AddCookie(&http.Cookie{Name: cookieName, Value: who.session})
	}
	w := &recorder{status: http.StatusOK, header: http.Header{}}
	g.service.ServeSDK(w, r)

	opened, _ := cookieValue(w.header.Values("Set-Cookie"))
	return reply{
		status:  w.status,
		session: opened,
		body:    typed(g.names.show(w.body.Bytes())),
	}
}

// file passes a transfer (/folder, /nfc, /guestFile) on.
func (g *origin) file(w http.ResponseWriter, r *http.Request) bool {
	switch {
	case strings.HasPrefix(r.URL.Path, "/folder/"):
		g.service.ServeDatastore(w, r)
	case strings.HasPrefix(r.URL.Path, "/nfc/"):
		simulator.ServeNFC(w, r)
	default:
		return false
	}
	return true
}

// recorder keeps what a handler writes.
type recorder struct {
	status int
	header http.Header
	body   bytes.Buffer
}

func (w *recorder) Header() http.Header         { return w.header }
func (w *recorder) WriteHeader(status int)      { w.status = status }
func (w *recorder) Write(b []byte) (int, error) { return w.body.Write(b) }
