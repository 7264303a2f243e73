package main

import "testing"

func TestUnevenNamesDifferInLengthAndStandForTheirKeys(t *testing.T) {
	n := newSessionNames(true)
	keys := []string{"5b0dd4a5-0000-4000-8000-000000000001", "5b0dd4a5-0000-4000-8000-000000000002", "5b0dd4a5-0000-4000-8000-000000000003"}
	for _, key := range keys {
		n.add(key)
	}
	lengths := map[int]bool{}
	for _, key := range keys {
		text := "session[" + key + "]x"
		shown := n.show(text)
		if shown == text || n.hide(shown) != text {
			t.Errorf("%s: %s", text, shown)
		}
		lengths[len(shown)] = true
	}
	if len(lengths) != len(keys) {
		t.Error(lengths)
	}
	last := 0
	for i := 0; i < 100; i++ {
		length := len(n.newCookie())
		if length == last || length < 24 {
			t.Error(i, length)
		}
		last = length
	}
}

func TestEvenNamesAreTheKeys(t *testing.T) {
	n := newSessionNames(false)
	n.add("key")
	if n.show("a key") != "a key" || n.hide("a key") != "a key" || len(n.newCookie()) != cookieDigits {
		t.Error(n.show("a key"), n.hide("a key"), n.newCookie())
	}
}
