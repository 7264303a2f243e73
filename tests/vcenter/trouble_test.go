package main

import "testing"

func TestRuleLetsSomeThroughBefore(t *testing.T) {
	tr := newTrouble(&options{})
	tr.add(&troubleRule{skip: 2, times: 1, end: true})
	for i, want := range []bool{false, false, true, false} {
		if got := tr.next("CurrentTime") != nil; got != want {
			t.Errorf("%d: %v", i, got)
		}
	}
}

func TestRuleIsUsedUpByTheOperationItIsFor(t *testing.T) {
	tr := newTrouble(&options{})
	tr.add(&troubleRule{operation: "Login", times: 2, status: 503})
	if tr.next("Logout") != nil {
		t.Error("taken by another operation")
	}
	for i, want := range []bool{true, true, false} {
		if got := tr.next("Login") != nil; got != want {
			t.Errorf("%d: %v", i, got)
		}
	}
}
