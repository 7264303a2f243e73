package main

import "testing"

func TestElementsOfArraysSayTheirType(t *testing.T) {
	for given, want := range map[string]string{
		`<val xsi:type="ArrayOfHostCpuIdInfo"><HostCpuIdInfo><level>0</level></HostCpuIdInfo><HostCpuIdInfo/></val>`:                      `<val xsi:type="ArrayOfHostCpuIdInfo"><HostCpuIdInfo xsi:type="HostCpuIdInfo"><level>0</level></HostCpuIdInfo><HostCpuIdInfo xsi:type="HostCpuIdInfo"/></val>`,
		`<val xsi:type="ArrayOfString"><string>a</string></val>`:                                                                          `<val xsi:type="ArrayOfString"><string xsi:type="xsd:string">a</string></val>`,
		`<val xsi:type="ArrayOfManagedObjectReference"><ManagedObjectReference type="VirtualMachine">vm-1</ManagedObjectReference></val>`: `<val xsi:type="ArrayOfManagedObjectReference"><ManagedObjectReference type="VirtualMachine" xsi:type="ManagedObjectReference">vm-1</ManagedObjectReference></val>`,
		// Already typed, because the element's type is a subtype of the array's.
		`<val xsi:type="ArrayOfOptionValue"><OptionValue xsi:type="Sub"><a>1</a></OptionValue></val>`: `<val xsi:type="ArrayOfOptionValue"><OptionValue xsi:type="Sub"><a>1</a></OptionValue></val>`,
		// Lists inside an object are no ArrayOf.
		`<val xsi:type="VirtualHardware"><device><key>1</key></device></val>`: `<val xsi:type="VirtualHardware"><device><key>1</key></device></val>`,
		// Not well-formed: left alone.
		`<val xsi:type="ArrayOfString"><string>`: `<val xsi:type="ArrayOfString"><string>`,
	} {
		if got := string(addElementTypes([]byte(given))); got != want {
			t.Errorf("\n%s\n%s\n%s", given, got, want)
		}
	}
}

func TestTypesAreSpelledShort(t *testing.T) {
	given := `<val xmlns:XMLSchema-instance="http://www.w3.org/2001/XMLSchema-instance" XMLSchema-instance:type="ArrayOfX"><X XMLSchema-instance:type="Y">1</X></val>`
	want := `<val xsi:type="ArrayOfX"><X xsi:type="Y">1</X></val>`
	if got := string(typed([]byte(given))); got != want {
		t.Error(got)
	}
}
