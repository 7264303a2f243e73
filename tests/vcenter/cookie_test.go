package main

import "testing"

func TestCookieIsUnderstoodInEveryFormThatClientsSend(t *testing.T) {
	whole := setCookie("c0ffee")
	for _, header := range []string{
		`vmware_soap_session="c0ffee"`,
		`vmware_soap_session=c0ffee`,
		whole,
		`other=1; vmware_soap_session="c0ffee"; $Path=/`,
	} {
		if value, ok := cookieValue([]string{"", header}); !ok || value != "c0ffee" {
			t.Errorf("%s: %q %v", header, value, ok)
		}
	}
	for _, header := range []string{"", "other=c0ffee", "xvmware_soap_session=c0ffee", "vmware_soap_session"} {
		if value, ok := cookieValue([]string{header}); ok {
			t.Errorf("%s: %q", header, value)
		}
	}
	if whole != `vmware_soap_session="c0ffee"; Path=/; HttpOnly; Secure;` {
		t.Error(whole)
	}
}
