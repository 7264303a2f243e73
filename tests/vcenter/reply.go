package main

// The simulator's answers as bytes with a tree of offsets over them. They are machine-made: no comments, no CDATA, no
// '>' inside attributes; so pieces can be cut out and moved without writing them anew.

import (
	"bytes"
	"html"
	"strings"
)

// piece is one element: body[start:end] whole, body[inner:innerEnd] what is inside.
type piece struct {
	name                        string
	start, inner, innerEnd, end int
	children                    []*piece
}

// pieces returns the tree under a root that has no element of its own, or nil if the bytes are not well-formed.
func pieces(body []byte) *piece {
	root := &piece{end: len(body), innerEnd: len(body)}
	open := []*piece{root}
	for at := 0; ; {
		next := bytes.IndexByte(body[at:], '<')
		if next < 0 {
			break
		}
		start := at + next
		length := bytes.IndexByte(body[start:], '>')
		if length < 0 {
			return nil
		}
		end := start + length + 1
		at = end

		switch body[start+1] {
		case '?', '!':
		case '/':
			if len(open) == 1 {
				return nil
			}
			top := open[len(open)-1]
			top.innerEnd, top.end = start, end
			open = open[:len(open)-1]
		default:
			p := &piece{name: tagName(body[start+1 : end-1]), start: start, inner: end, innerEnd: end, end: end}
			top := open[len(open)-1]
			top.children = append(top.children, p)
			if body[end-2] != '/' {
				open = append(open, p)
			}
		}
	}
	if len(open) != 1 {
		return nil
	}
	return root
}

func tagName(tag []byte) string {
	if i := bytes.IndexAny(tag, " \t\r\n/"); i >= 0 {
		tag = tag[:i]
	}
	return string(tag)
}

// find follows the names down from p, taking the first of each.
func (p *piece) find(path ...string) *piece {
	for _, name := range path {
		if p == nil {
			return nil
		}
		var found *piece
		for _, c := range p.children {
			if c.name == name {
				found = c
				break
			}
		}
		p = found
	}
	return p
}

func (p *piece) all(name string) []*piece {
	var found []*piece
	if p != nil {
		for _, c := range p.children {
			if c.name == name {
				found = append(found, c)
			}
		}
	}
	return found
}

func (p *piece) outerXML(body []byte) string { return string(body[p.start:p.end]) }
func (p *piece) innerXML(body []byte) string { return string(body[p.inner:p.innerEnd]) }

// attributes is what the start tag holds besides its name.
func (p *piece) attributes(body []byte) string {
	tag := body[p.start+1 : p.inner-1]
	return string(bytes.TrimSuffix(tag[len(p.name):], []byte("/")))
}

// attribute returns the value of the attribute as it stands there.
func attribute(attributes, name string) string {
	_, after, ok := strings.Cut(attributes, " "+name+`="`)
	if !ok {
		return ""
	}
	value, _, _ := strings.Cut(after, `"`)
	return value
}

// returned is the first element in the Body's response element: what the operation returned.
func returned(body []byte) (response, value *piece) {
	response = pieces(body).find("soapenv:Envelope", "soapenv:Body")
	if response == nil || len(response.children) == 0 {
		return nil, nil
	}
	response = response.children[0]
	return response, response.find("returnval")
}

// text is the inside of a piece without children, "" for none.
func (p *piece) text(body []byte) string {
	if p == nil {
		return ""
	}
	return unescape(p.innerXML(body))
}

func unescape(s string) string {
	return html.UnescapeString(s) // knows XML's five and numbers
}
