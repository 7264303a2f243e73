package main

import (
	"strings"
	"testing"
)

func result(inside string) []byte {
	return success("RetrievePropertiesEx", "<returnval><objects><obj type=\"VirtualMachine\">vm-1</obj>"+inside+"</objects></returnval>").body
}

func TestFetchIsAnsweredByTheValue(t *testing.T) {
	for inside, want := range map[string]string{
		`<propSet><name>name</name><val xsi:type="xsd:string">n</val></propSet>`: `<FetchResponse xmlns="urn:vim25"><returnval xsi:type="xsd:string">n</returnval></FetchResponse>`,
		``: `<FetchResponse xmlns="urn:vim25"></FetchResponse>`,
		`<missingSet><path>x</path><fault><fault xsi:type="InvalidProperty"><name>x</name></fault><localizedMessage></localizedMessage></fault></missingSet>`: `<InvalidPropertyFault xmlns="urn:vim25" xsi:type="InvalidProperty"><name>x</name></InvalidPropertyFault>`,
	} {
		if got := string(fetched(result(inside), "x").body); !strings.Contains(got, want) {
			t.Errorf("\n%s\n%s", got, want)
		}
	}
}
