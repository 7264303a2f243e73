package main

import "testing"

const prefixed = `<?xml version="1.0"?>
<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/" xmlns:v="urn:vim25" xmlns:i="http://www.w3.org/2001/XMLSchema-instance">
 <s:Header><operationID>x</operationID></s:Header>
 <s:Body><v:RetrievePropertiesEx><v:_this type="PropertyCollector">propertyCollector</v:_this>
  <v:specSet><v:objectSet><v:obj type="Folder">group-d1</v:obj><v:selectSet i:type="v:TraversalSpec"><v:path>a &amp; b</v:path></v:selectSet></v:objectSet></v:specSet>
 </v:RetrievePropertiesEx></s:Body></s:Envelope>`

func TestRequestIsReadWhateverItsPrefixes(t *testing.T) {
	r, err := parseRequest([]byte(prefixed))
	if err != nil {
		t.Fatal(err)
	}
	if r.operation != "RetrievePropertiesEx" || r.this != (reference{"PropertyCollector", "propertyCollector"}) {
		t.Error(r.operation, r.this)
	}
	want := `<selectSet xsi:type="TraversalSpec"><path>a &amp; b</path></selectSet>`
	if got := r.body.find("selectSet").String(); got != want {
		t.Error(got)
	}
}

func TestRequestThatIsNoneIsRefused(t *testing.T) {
	for _, body := range []string{"", "no", "<a/>", "<Envelope/>", "<Envelope><Body/></Envelope>", "<Envelope><Body><x>"} {
		if r, err := parseRequest([]byte(body)); err == nil {
			t.Errorf("%q: %v", body, r)
		}
	}
}

func TestStrangersReadOnlyWhatEverybodyMay(t *testing.T) {
	for inside, want := range map[string]bool{
		`<obj type="ServiceInstance">ServiceInstance</obj>`:                        true,
		`<obj type="SessionManager">SessionManager</obj>`:                          true,
		`<obj type="VirtualMachine">vm-1</obj>`:                                    false,
		`<obj type="ServiceInstance">ServiceInstance</obj><selectSet></selectSet>`: false,
	} {
		r, err := parseRequest(operationRequest("RetrieveProperties", reference{"PropertyCollector", "propertyCollector"},
			`<specSet><objectSet>`+inside+`</objectSet></specSet>`))
		if err != nil {
			t.Fatal(err)
		}
		if got := readableByAnybody(r.body); got != want {
			t.Errorf("%s: %v", inside, got)
		}
	}
}
