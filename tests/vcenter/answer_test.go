package main

import "testing"

func TestGzipOnlyForThoseWhoAcceptIt(t *testing.T) {
	for header, want := range map[string]bool{
		"": false, "gzip": true, "gzip, deflate": true, "deflate, GZIP;q=0.5": true, "gzip;q=0": false, "gzip; q=0.0": false,
		"identity": false, "x-gzip": true, "gzipped": false,
	} {
		if got := acceptsGzip([]string{header}); got != want {
			t.Errorf("%q: %v", header, got)
		}
	}
}

func TestGzipPolicy(t *testing.T) {
	for _, c := range []struct {
		policy string
		size   int
		want   bool
	}{
		{"auto", 99, false}, {"auto", 100, true}, {"always", 1, true}, {"never", 1000, false},
	} {
		a := &answer{body: make([]byte, c.size)}
		a.encode(c.policy, 100, []string{"gzip"})
		if (a.coding == "gzip") != c.want {
			t.Errorf("%s %d: %q", c.policy, c.size, a.coding)
		}
	}
}
