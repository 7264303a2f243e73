package main

// Filters and updates. The simulator polls for these four times a second inside one blocking call and keeps one account
// for all filters, so the front does it: a filter's objects are read through the simulator, compared with what the
// client was last told, and read again whenever something may have changed.

import (
	"crypto/rand"
	"encoding/hex"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// collector is a PropertyCollector of one session: the default one, which all programs in the session share, or one it
// created. Guarded by the front's lock.
type collector struct {
	version   int
	filters   []*filter
	previous  []*filter // as they were one version ago, for a client that lost the answer and asks again
	waiters   int
	cancelled chan struct{} // closed by CancelWaitForUpdates
}

type filter struct {
	name          string
	specification string
	told          told
}

// told is what the client knows: the objects in their order, and each one's properties as XML.
type told struct {
	order   []string
	objects map[string]*toldObject
}

type toldObject struct {
	reference string // the obj element's attributes and value
	order     []string
	values    map[string]string // name → the val element
}

// The default PropertyCollector has this name in every session; it is another one in each.
const defaultCollector = "propertyCollector"

// collector is the session's own of that name, or nil.
func (s *session) collector(name string) *collector {
	c := s.collectors[name]
	if c == nil && name == defaultCollector {
		c = s.addCollector(name)
	}
	return c
}

func (s *session) addCollector(name string) *collector {
	c := &collector{cancelled: make(chan struct{})}
	s.collectors[name] = c
	return c
}

func (x *exchange) createCollector() *answer {
	a := x.pass()
	if a.status == http.StatusOK {
		_, made := returned(a.body)
		x.session.addCollector(made.text(a.body))
	}
	return a
}

func (x *exchange) createFilter() *answer {
	c := x.session.collector(x.request.this.value)
	if c == nil {
		return notFound(x.request.this)
	}
	specification := x.request.body.child("spec")
	if specification == nil {
		return invalidArgument("spec")
	}
	var b strings.Builder
	b.WriteString("<specSet>")
	for _, child := range specification.children {
		child.write(&b)
	}
	b.WriteString("</specSet>")
	f := &filter{name: "session[" + x.session.key + "]" + newFilterName(), specification: b.String()}

	if _, refused := x.look(f); refused != nil { // what the filter names must exist
		return refused
	}
	c.filters = append(c.filters, f)
	x.front.announce()
	return success("CreateFilter", `<returnval type="PropertyFilter">`+f.name+`</returnval>`)
}

func (x *exchange) destroyFilter() *answer {
	for _, c := range x.session.collectors {
		for i, f := range c.filters {
			if f.name == x.request.this.value {
				c.filters = append(c.filters[:i:i], c.filters[i+1:]...)
				x.front.announce()
				return success("DestroyPropertyFilter", "")
			}
		}
	}
	return notFound(x.request.this)
}

func (x *exchange) destroyCollector() *answer {
	a := x.pass()
	if c := x.session.collectors[x.request.this.value]; c != nil && a.status == http.StatusOK {
		c.cancel()
		delete(x.session.collectors, x.request.this.value)
	}
	return a
}

func (x *exchange) cancelWait() *answer {
	c := x.session.collector(x.request.this.value)
	if c == nil {
		return notFound(x.request.this)
	}
	c.cancel()
	return success("CancelWaitForUpdates", "")
}

func (c *collector) cancel() {
	close(c.cancelled)
	c.cancelled = make(chan struct{})
}

// waitForUpdates answers CheckForUpdates, WaitForUpdates and WaitForUpdatesEx. It gives up the front's lock while it
// waits, and returns nil if the client is gone.
func (x *exchange) waitForUpdates() *answer {
	c := x.session.collector(x.request.this.value)
	if c == nil {
		return notFound(x.request.this)
	}
	version := x.request.body.child("version").value()
	if !c.rewind(version) {
		return fault("InvalidCollectorVersion", "The collector version is not known.", "")
	}

	var expired <-chan time.Time
	once := x.request.operation == "CheckForUpdates"
	if seconds := x.request.body.child("options").child("maxWaitSeconds"); seconds != nil {
		n, err := strconv.Atoi(seconds.value())
		if err != nil || n < 0 {
			return invalidArgument("options.maxWaitSeconds")
		}
		once = once || n == 0
		timer := time.NewTimer(time.Duration(n) * time.Second)
		defer timer.Stop()
		expired = timer.C
	}

	for {
		updates, refused := x.updates(c)
		switch {
		case refused != nil:
			return refused
		case updates != "" || version == "":
			return success(x.request.operation, "<returnval><version>"+strconv.Itoa(c.version)+"</version>"+updates+"</returnval>")
		case once:
			return success(x.request.operation, "")
		}

		changed, cancelled, ended := x.front.changed, c.cancelled, x.session.ended
		c.waiters++
		x.front.lock.Unlock()
		gone, late := false, false
		var outcome *answer
		select {
		case <-changed:
		case <-expired:
			late = true
		case <-cancelled:
			outcome = fault("RequestCanceled", "The task was canceled by a user.", "")
		case <-ended:
			outcome = notAuthenticated(x.request.this)
		case <-x.http.Context().Done():
			gone = true
		}
		x.front.lock.Lock()
		c.waiters--
		x.session.used = time.Now()

		switch {
		case gone:
			return nil
		case outcome != nil:
			return outcome
		case late:
			return success(x.request.operation, "")
		}
	}
}

// rewind makes the collector stand where the client says it does: at the start, here, or one answer back.
func (c *collector) rewind(version string) bool {
	switch version {
	case "":
		for _, f := range c.filters {
			f.told = told{}
		}
		return true
	case strconv.Itoa(c.version):
		return true
	case strconv.Itoa(c.version - 1):
		if c.previous == nil {
			return false
		}
		for _, f := range c.filters {
			for _, old := range c.previous {
				if old.name == f.name {
					f.told = old.told
				}
			}
		}
		return true
	}
	return false
}

// updates returns the filterSet elements of everything that the client does not know yet, and takes it as told.
func (x *exchange) updates(c *collector) (string, *answer) {
	var b strings.Builder
	now := make([]told, len(c.filters))
	for i, f := range c.filters {
		seen, refused := x.look(f)
		if refused != nil {
			return "", refused
		}
		now[i] = seen
		if changes := difference(f.told, seen); changes != "" {
			b.WriteString(`<filterSet><filter type="PropertyFilter">` + f.name + `</filter>` + changes + `</filterSet>`)
		}
	}
	if b.Len() == 0 && c.version > 0 {
		return "", nil
	}
	c.previous = nil
	for i, f := range c.filters {
		old := *f
		c.previous = append(c.previous, &old)
		f.told = now[i]
	}
	c.version++
	return b.String(), nil
}

// look reads a filter's objects as they are now.
func (x *exchange) look(f *filter) (told, *answer) {
	r := x.call(operationRequest("RetrievePropertiesEx", reference{"PropertyCollector", "propertyCollector"},
		f.specification+"<options></options>"))
	if r.status != http.StatusOK {
		// A filter outlives an object that it was made for; only when it is made must the object be there.
		if f.told.objects != nil {
			return told{objects: map[string]*toldObject{}}, nil
		}
		return told{}, &answer{status: r.status, contentType: soapType, body: r.body}
	}
	return readTold(r.body), nil
}

func readTold(body []byte) told {
	seen := told{objects: map[string]*toldObject{}}
	_, result := returned(body)
	for _, object := range result.all("objects") {
		obj := object.find("obj")
		o := &toldObject{
			reference: obj.attributes(body) + ">" + obj.innerXML(body),
			values:    map[string]string{},
		}
		for _, property := range object.all("propSet") {
			name, value := property.find("name").text(body), property.find("val")
			if value != nil {
				o.order = append(o.order, name)
				o.values[name] = value.outerXML(body)
			}
		}
		seen.order = append(seen.order, o.reference)
		seen.objects[o.reference] = o
	}
	return seen
}

// difference returns objectSet elements for what entered, changed, and left.
func difference(before, after told) string {
	var b strings.Builder
	for _, key := range after.order {
		old, o := before.objects[key], after.objects[key]
		var changes strings.Builder
		for _, name := range o.order {
			if old == nil || old.values[name] != o.values[name] {
				changes.WriteString("<changeSet><name>" + escape(name) + "</name><op>assign</op>" + o.values[name] + "</changeSet>")
			}
		}
		kind := "enter"
		if old != nil {
			kind = "modify"
			for _, name := range old.order {
				if _, still := o.values[name]; !still {
					changes.WriteString("<changeSet><name>" + escape(name) + "</name><op>assign</op></changeSet>")
				}
			}
			if changes.Len() == 0 {
				continue
			}
		}
		b.WriteString("<objectSet><kind>" + kind + "</kind><obj" + o.reference + "</obj>" + changes.String() + "</objectSet>")
	}
	for _, key := range before.order {
		if after.objects[key] == nil {
			b.WriteString("<objectSet><kind>leave</kind><obj" + key + "</obj></objectSet>")
		}
	}
	return b.String()
}

func newFilterName() string {
	var b [8]byte
	_, _ = rand.Read(b[:]) // Go's reader does not fail on Linux
	return hex.EncodeToString(b[:])
}
