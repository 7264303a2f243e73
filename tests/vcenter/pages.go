package main

// RetrievePropertiesEx in pages: the simulator never makes any.

import (
	"strconv"
	"strings"
)

// pages are the objects of one read that its session has not been given yet.
type pages struct {
	size    int
	objects []string
}

// pageSize is the smaller of what the client asks for and what the server allows; 0 is no limit.
func pageSize(asked string, limit int) int {
	n, err := strconv.Atoi(asked)
	if err != nil || n <= 0 || (limit > 0 && n > limit) {
		return limit
	}
	return n
}

// nextPage returns a RetrieveResult and keeps what is left under the token that it names.
func (s *session) nextPage(p *pages) string {
	var b strings.Builder
	b.WriteString("<returnval>")
	count := len(p.objects)
	if count > p.size {
		count = p.size
		// A small number, as vCenter's are: two sessions have the same ones.
		token := strconv.Itoa(s.tokens)
		s.tokens++
		s.pages[token] = &pages{size: p.size, objects: p.objects[count:]}
		b.WriteString("<token>" + token + "</token>")
	}
	for _, object := range p.objects[:count] {
		b.WriteString(object)
	}
	b.WriteString("</returnval>")
	return b.String()
}

// takePages returns the pages of a token, which is good once and only in its own session.
func (x *exchange) takePages() *pages {
	token := x.request.body.child("token").value()
	p := x.session.pages[token]
	delete(x.session.pages, token)
	return p
}

func (x *exchange) continueRetrieve() *answer {
	p := x.takePages()
	if p == nil {
		return invalidArgument("token")
	}
	return success("ContinueRetrievePropertiesEx", x.session.nextPage(p))
}

func (x *exchange) cancelRetrieve() *answer {
	if x.takePages() == nil {
		return invalidArgument("token")
	}
	return success("CancelRetrievePropertiesEx", "")
}
