package main

// What is not SOAP: the files that clients fetch before they log in, transfers, and a little traffic that no cache has
// any business with.

import (
	"fmt"
	"io"
	"net/http"
	"strings"
)

func (f *front) document(r *http.Request, body []byte) *answer {
	get := r.Method == http.MethodGet || r.Method == http.MethodHead
	switch path := r.URL.Path; {
	case get && path == "/sdk/vimServiceVersions.xml":
		return &answer{status: http.StatusOK, contentType: "text/xml", body: []byte(serviceVersions(f.o.apiVersion))}
	case get && (path == "/sdk/vimService.wsdl" || path == "/sdk/vimService"):
		return &answer{status: http.StatusOK, contentType: "text/xml", body: []byte(wsdl(r.Host))}
	case get && path == "/sdk/vim.wsdl":
		return &answer{status: http.StatusOK, contentType: "text/xml", body: []byte(portTypes)}
	case get && path == "/":
		return &answer{status: http.StatusOK, contentType: "text/html", body: []byte("<html><body>vCenter of the tests</body></html>\n")}
	case path == "/echo":
		return &answer{status: http.StatusOK, contentType: "application/octet-stream", body: body}
	case path == "/sdk" || strings.HasPrefix(path, "/sdk/"):
		return &answer{status: http.StatusMethodNotAllowed, contentType: "text/plain", body: []byte("Method Not Allowed\n")}
	}
	return f.transfer(r, body)
}

// transfer lets the simulator answer for a datastore's files.
func (f *front) transfer(r *http.Request, body []byte) *answer {
	f.lock.Lock()
	defer f.lock.Unlock()
	r.Body = io.NopCloser(strings.NewReader(string(body)))
	w := &recorder{status: http.StatusOK, header: http.Header{}}
	cookie, _ := cookieValue(r.Header.Values("Cookie"))
	switch {
	case !strings.HasPrefix(r.URL.Path, "/folder/") && !strings.HasPrefix(r.URL.Path, "/nfc/"):
		return &answer{status: http.StatusNotFound, contentType: "text/plain", body: []byte("Not Found\n")}
	case !f.sessions.find(cookie).live():
		return &answer{status: http.StatusUnauthorized, contentType: "text/plain", body: []byte("Unauthorized\n")}
	}
	if a := machineFile(r.URL); a != nil && r.Method != http.MethodPut {
		return a
	}
	f.origin.file(w, r)
	return &answer{status: w.status, contentType: w.header.Get("Content-Type"), body: w.body.Bytes()}
}

// serviceVersions lists the API's versions up to the newest.
func serviceVersions(newest string) string {
	var prior strings.Builder
	for _, version := range []string{"8.0.0.1", "7.0.3.0", "6.7", "6.5", "6.0", "5.5", "5.1", "5.0", "4.1", "4.0", "2.5u2", "2.5", "2.0"} {
		if version != newest && version < newest {
			prior.WriteString("   <version>" + version + "</version>\n")
		}
	}
	return fmt.Sprintf(`<?xml version="1.0" encoding="UTF-8" ?>
<namespaces version="1.0">
 <namespace>
  <name>urn:vim25</name>
  <version>%s</version>
  <priorVersions>
%s  </priorVersions>
 </namespace>
 <namespace>
  <name>urn:vim2</name>
  <version>2.0</version>
 </namespace>
</namespaces>
`, escape(newest), prior.String())
}

func wsdl(host string) string {
	return `<?xml version="1.0" encoding="UTF-8" ?>
<definitions targetNamespace="urn:vim25Service" xmlns="http://schemas.xmlsoap.org/wsdl/"
   xmlns:soap="http://schemas.xmlsoap.org/wsdl/soap/" xmlns:interface="urn:vim25">
  <import location="vim.wsdl" namespace="urn:vim25" />
  <service name="VimService">
    <port binding="interface:VimBinding" name="VimPort">
      <soap:address location="https://` + escape(host) + `/sdk/vimService" />
    </port>
  </service>
</definitions>
`
}

const portTypes = `<?xml version="1.0" encoding="UTF-8" ?>
<definitions targetNamespace="urn:vim25" xmlns="http://schemas.xmlsoap.org/wsdl/"
   xmlns:soap="http://schemas.xmlsoap.org/wsdl/soap/" xmlns:vim25="urn:vim25"
   xmlns:xsd="http://www.w3.org/2001/XMLSchema">
  <types>
    <xsd:schema targetNamespace="urn:vim25" elementFormDefault="qualified">
      <xsd:complexType name="ManagedObjectReference">
        <xsd:simpleContent>
          <xsd:extension base="xsd:string"><xsd:attribute name="type" type="xsd:string" /></xsd:extension>
        </xsd:simpleContent>
      </xsd:complexType>
      <xsd:element name="CurrentTime">
        <xsd:complexType>
          <xsd:sequence><xsd:element name="_this" type="vim25:ManagedObjectReference" /></xsd:sequence>
        </xsd:complexType>
      </xsd:element>
      <xsd:element name="CurrentTimeResponse">
        <xsd:complexType>
          <xsd:sequence><xsd:element name="returnval" type="xsd:dateTime" /></xsd:sequence>
        </xsd:complexType>
      </xsd:element>
    </xsd:schema>
  </types>
  <message name="CurrentTimeRequestMsg"><part name="parameters" element="vim25:CurrentTime" /></message>
  <message name="CurrentTimeResponseMsg"><part name="parameters" element="vim25:CurrentTimeResponse" /></message>
  <portType name="VimPortType">
    <operation name="CurrentTime">
      <input message="vim25:CurrentTimeRequestMsg" />
      <output message="vim25:CurrentTimeResponseMsg" />
    </operation>
  </portType>
  <binding name="VimBinding" type="vim25:VimPortType">
    <soap:binding style="document" transport="http://schemas.xmlsoap.org/soap/http" />
    <operation name="CurrentTime">
      <soap:operation soapAction="" style="document" />
      <input><soap:body use="literal" /></input>
      <output><soap:body use="literal" /></output>
    </operation>
  </binding>
</definitions>
`
