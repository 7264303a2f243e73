package main

import "testing"

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
