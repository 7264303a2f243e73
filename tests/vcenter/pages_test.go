package main

import (
	"strings"
	"testing"
)

func TestPageSizeIsTheSmallerOfClientAndServer(t *testing.T) {
	for _, c := range []struct {
		asked string
		limit int
		want  int
	}{
		{"", 0, 0}, {"10", 0, 10}, {"", 5, 5}, {"10", 5, 5}, {"3", 5, 3}, {"0", 5, 5}, {"-1", 0, 0}, {"x", 5, 5},
	} {
		if got := pageSize(c.asked, c.limit); got != c.want {
			t.Errorf("asked %q, limit %d: %d", c.asked, c.limit, got)
		}
	}
}

func TestPagesHoldEveryObjectOnceAndOnlyTheLastHasNoToken(t *testing.T) {
	s := newSession("c")
	p := &pages{size: 2, objects: []string{"<a/>", "<b/>", "<c/>", "<d/>", "<e/>"}}
	var got []string
	for i := 0; p != nil; i++ {
		page := s.nextPage(p)
		p = nil
		if _, after, ok := strings.Cut(page, "<token>"); ok {
			token, objects, _ := strings.Cut(after, "</token>")
			p = s.pages[token]
			delete(s.pages, token)
			page = objects
		}
		got = append(got, strings.NewReplacer("<returnval>", "", "</returnval>", "").Replace(page))
	}
	if strings.Join(got, " ") != "<a/><b/> <c/><d/> <e/>" {
		t.Error(got)
	}
}
