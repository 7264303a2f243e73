package main

import "testing"

func seen(objects ...string) told {
	inside := ""
	for _, o := range objects {
		inside += "<objects>" + o + "</objects>"
	}
	return readTold(success("RetrievePropertiesEx", "<returnval>"+inside+"</returnval>").body)
}

func vm(id, properties string) string {
	return `<obj type="VirtualMachine">` + id + `</obj>` + properties
}

func property(name, value string) string {
	return `<propSet><name>` + name + `</name><val>` + value + `</val></propSet>`
}

func TestUpdatesAreTheDifference(t *testing.T) {
	a := seen(vm("vm-1", property("name", "a")+property("note", "n")))
	for _, c := range []struct {
		what          string
		before, after told
		want          string
	}{
		{"nothing", a, a, ""},
		{"enter", told{}, seen(vm("vm-1", property("name", "a"))),
			`<objectSet><kind>enter</kind><obj type="VirtualMachine">vm-1</obj><changeSet><name>name</name><op>assign</op><val>a</val></changeSet></objectSet>`},
		{"enter without properties", told{}, seen(vm("vm-1", "")),
			`<objectSet><kind>enter</kind><obj type="VirtualMachine">vm-1</obj></objectSet>`},
		{"modify", a, seen(vm("vm-1", property("name", "b")+property("note", "n"))),
			`<objectSet><kind>modify</kind><obj type="VirtualMachine">vm-1</obj><changeSet><name>name</name><op>assign</op><val>b</val></changeSet></objectSet>`},
		{"unset", a, seen(vm("vm-1", property("name", "a"))),
			`<objectSet><kind>modify</kind><obj type="VirtualMachine">vm-1</obj><changeSet><name>note</name><op>assign</op></changeSet></objectSet>`},
		{"leave", a, seen(), `<objectSet><kind>leave</kind><obj type="VirtualMachine">vm-1</obj></objectSet>`},
	} {
		if got := difference(c.before, c.after); got != c.want {
			t.Errorf("%s:\n%s\n%s", c.what, got, c.want)
		}
	}
}

func TestCollectorGoesBackOneAnswerAndNoFurther(t *testing.T) {
	old := told{order: []string{"x"}}
	c := &collector{version: 3, filters: []*filter{{name: "f"}}, previous: []*filter{{name: "f", told: old}}}
	for version, want := range map[string]bool{"3": true, "2": true, "1": false, "4": false, "z": false, "": true} {
		if got := c.rewind(version); got != want {
			t.Errorf("%q: %v", version, got)
		}
	}
	c.filters[0].told = told{}
	if c.rewind("2"); len(c.filters[0].told.order) != 1 {
		t.Error("the last answer is not repeated")
	}
}
