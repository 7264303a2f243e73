package main

import "testing"

func TestDatastoresAreShownAndFoundAgain(t *testing.T) {
	var n datastoreNames
	for _, name := range []string{"0", "1", "2", "3", "4", "5", "6", "7", "8", "9"} {
		n.add("/d/"+name+".files", "/d/"+name+".files@folder-3", name)
	}
	inside := `<obj type="Datastore">/d/9.files@folder-3</obj><url>/d/9.files</url>`
	shown := n.show([]byte(inside))
	if want := `<obj type="Datastore">datastore-10</obj>`; string(shown[:len(want)]) != want {
		t.Error(string(shown))
	}
	if got := n.hide(shown); string(got) != inside {
		t.Error(string(got))
	}
	if other := "<name>datastore-1 and more</name>"; string(n.hide([]byte(other))) != other {
		t.Error("changed a part of a value")
	}
}
