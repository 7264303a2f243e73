package main

// Faults in vCenter's words. Clients look at the type, at the text, and at the status 500.

import (
	"bytes"
	"encoding/xml"
	"net/http"
)

const (
	envelopeOpen = `<?xml version="1.0" encoding="UTF-8"?>` + "\n" +
		`<soapenv:Envelope xmlns:soapenc="http://schemas.xmlsoap.org/soap/encoding/"` +
		` xmlns:soapenv="http://schemas.xmlsoap.org/soap/envelope/"` +
		` xmlns:xsd="http://www.w3.org/2001/XMLSchema"` +
		` xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"><soapenv:Body>`
	envelopeClose = `</soapenv:Body></soapenv:Envelope>`
)

// fault answers with the named vim25 fault; detail is the XML inside it.
func fault(kind, text, detail string) *answer {
	return soapAnswer(http.StatusInternalServerError,
		`<soapenv:Fault><faultcode>ServerFaultCode</faultcode><faultstring>`+escape(text)+`</faultstring>`+
			`<detail><`+kind+`Fault xmlns="urn:vim25" xsi:type="`+kind+`">`+detail+`</`+kind+`Fault></detail></soapenv:Fault>`)
}

func notAuthenticated(this reference) *answer {
	return fault("NotAuthenticated", "The session is not authenticated.",
		`<object type="`+escape(this.kind)+`">`+escape(this.value)+`</object><privilegeId>System.View</privilegeId>`)
}

func invalidLogin() *answer {
	return fault("InvalidLogin", "Cannot complete login due to an incorrect user name or password.", "")
}

func invalidArgument(property string) *answer {
	return fault("InvalidArgument", "A specified parameter was not correct: "+property,
		`<invalidProperty>`+escape(property)+`</invalidProperty>`)
}

func notFound(this reference) *answer {
	return fault("ManagedObjectNotFound",
		"The object '"+this.kind+":"+this.value+"' has already been deleted or has not been completely created",
		`<obj type="`+escape(this.kind)+`">`+escape(this.value)+`</obj>`)
}

// success wraps the inside of an operation's response element.
func success(operation, inside string) *answer {
	return soapAnswer(http.StatusOK, `<`+operation+`Response xmlns="urn:vim25">`+inside+`</`+operation+`Response>`)
}

func soapAnswer(status int, body string) *answer {
	return &answer{status: status, contentType: soapType, body: []byte(envelopeOpen + body + envelopeClose)}
}

func escape(s string) string {
	var b bytes.Buffer
	_ = xml.EscapeText(&b, []byte(s)) // a Buffer does not fail
	return b.String()
}
