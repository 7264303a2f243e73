package main

// The session cookie as vCenter sends it, and in every form in which clients send it back.

import (
	"crypto/rand"
	"encoding/hex"
	"strings"
)

const cookieName = "vmware_soap_session"

// randomHex returns so many digits.
func randomHex(digits int) string {
	b := make([]byte, (digits+1)/2)
	_, _ = rand.Read(b) // Go's reader does not fail on Linux
	return hex.EncodeToString(b)[:digits]
}

// setCookie is the header's value: quoted, with attributes, a semicolon after the last. Programs take it apart by hand.
func setCookie(value string) string {
	return cookieName + `="` + value + `"; Path=/; HttpOnly; Secure;`
}

// cookieValue finds the session in Cookie headers: name="value", name=value, or the whole Set-Cookie value with its
// attributes (pyVmomi). Go's own parser drops quotes in only some of these.
func cookieValue(headers []string) (string, bool) {
	for _, header := range headers {
		for _, part := range strings.Split(header, ";") {
			name, value, ok := strings.Cut(strings.TrimSpace(part), "=")
			if ok && name == cookieName {
				return strings.Trim(strings.TrimSpace(value), `"`), true
			}
		}
	}
	return "", false
}
