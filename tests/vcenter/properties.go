package main

// Property reads: who may do them, and in how many pages and shapes they are answered.

import (
	"net/http"
)

// Whoever has no session may read these (System.Anonymous), and nothing below them.
func readableByAnybody(body *node) bool {
	for _, specification := range body.all("specSet") {
		for _, object := range specification.all("objectSet") {
			kind := object.child("obj").reference().kind
			if (kind != "ServiceInstance" && kind != "SessionManager") || object.child("selectSet") != nil {
				return false
			}
		}
	}
	return true
}

// read does a property read as whoever may do it, or says that the session is missing.
func (x *exchange) read(raw []byte, body *node) *answer {
	who := x.visitor()
	if !x.session.live() {
		if !readableByAnybody(body) {
			return notAuthenticated(x.request.this)
		}
		// The simulator shows a stranger the SessionManager without a session, and nothing of the ServiceInstance.
		if obj := body.find("obj"); obj != nil && obj.reference().kind == "ServiceInstance" {
			who.session = x.front.origin.own
		}
	}
	r := x.front.origin.call(who, raw)
	return &answer{status: r.status, contentType: soapType, body: x.localized(r.body)}
}

func (x *exchange) retrieve() *answer {
	return x.read(x.request.raw, x.request.body)
}

func (x *exchange) retrieveEx() *answer {
	a := x.read(x.request.raw, x.request.body)
	if a.status != http.StatusOK {
		return a
	}
	_, result := returned(a.body)
	objects := result.all("objects")
	if len(objects) == 0 {
		return success("RetrievePropertiesEx", "") // vCenter returns nothing, the simulator an empty result
	}
	size := pageSize(x.request.body.child("options").child("maxObjects").value(), x.front.o.page)
	if !x.session.live() || size == 0 || len(objects) <= size {
		return a
	}
	p := &pages{size: size}
	for _, o := range objects {
		p.objects = append(p.objects, o.outerXML(a.body))
	}
	return success("RetrievePropertiesEx", x.session.nextPage(p))
}

// fetch is pyVmomi 8's way to read one property: in no WSDL, and answered by the value itself.
func (x *exchange) fetch() *answer {
	name := x.request.body.child("prop").value()
	this := x.request.this
	inside := `<specSet><propSet><type>` + escape(this.kind) + `</type><pathSet>` + escape(name) + `</pathSet></propSet>` +
		`<objectSet><obj type="` + escape(this.kind) + `">` + escape(this.value) + `</obj></objectSet></specSet><options></options>`
	raw := operationRequest("RetrievePropertiesEx", reference{"PropertyCollector", "propertyCollector"}, inside)
	read, err := parseRequest(raw)
	if err != nil {
		return fault("InvalidRequest", err.Error(), "")
	}

	a := x.read(raw, read.body)
	if a.status != http.StatusOK {
		return a
	}
	return fetched(a.body, name)
}

// fetched makes the answer to Fetch out of the answer to a read of the same property.
func fetched(body []byte, name string) *answer {
	_, result := returned(body)
	object := result.find("objects")
	if value := object.find("propSet", "val"); value != nil {
		return success("Fetch", "<returnval"+value.attributes(body)+">"+value.innerXML(body)+"</returnval>")
	}
	if missing := object.find("missingSet", "fault", "fault"); missing != nil {
		kind := attribute(missing.attributes(body), "xsi:type")
		if kind == "" {
			kind = "InvalidProperty"
		}
		return fault(kind, "The property '"+name+"' cannot be read.", missing.innerXML(body))
	}
	return success("Fetch", "") // unset
}
