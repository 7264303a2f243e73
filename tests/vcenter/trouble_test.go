package main

import "testing"

func TestRuleLetsSomeThroughBefore(t *testing.T) {
	tr := newTrouble(&options{})
	tr.add(&troubleRule{skip: 2, times: 1, end: true})
	if tr.next("CurrentTime", false) != nil {
		t.Error("taken by one without a session")
	}
	for i, want := range []bool{false, false, true, false} {
		if got := tr.next("CurrentTime", true) != nil; got != want {
			t.Errorf("%d: %v", i, got)
		}
	}
}

func TestRuleIsUsedUpByTheOperationItIsFor(t *testing.T) {
	tr := newTrouble(&options{})
	tr.add(&troubleRule{operation: "Login", times: 2, status: 503})
	if tr.next("Logout", true) != nil {
		t.Error("taken by another operation")
	}
	for i, want := range []bool{true, true, false} {
		if got := tr.next("Login", false) != nil; got != want {
			t.Errorf("%d: %v", i, got)
		}
	}
}
