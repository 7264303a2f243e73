package main

// A SOAP request as the front looks at it: a small tree, namespaces resolved, written out again with plain prefixes.

import (
	"bytes"
	"encoding/xml"
	"errors"
	"io"
	"strings"
)

const xsiSpace = "http://www.w3.org/2001/XMLSchema-instance"

type node struct {
	name       string
	space      string
	attributes []xml.Attr
	children   []*node
	text       string
}

type reference struct{ kind, value string }

// request is the first element of a Body.
type request struct {
	operation string
	this      reference
	body      *node
	header    *node
	raw       []byte
}

var errNotSoap = errors.New("no SOAP body")

func parseRequest(raw []byte) (*request, error) {
	root, err := parseTree(raw)
	if err != nil {
		return nil, err
	}
	body := root.child("Body")
	if root.name != "Envelope" || body == nil || len(body.children) == 0 {
		return nil, errNotSoap
	}
	first := body.children[0]
	r := &request{operation: first.name, body: first, header: root.child("Header"), raw: raw}
	if this := first.child("_this"); this != nil {
		r.this = this.reference()
	}
	return r, nil
}

// id is what the client calls the request, or nothing.
func (r *request) id() string { return r.header.child("operationID").value() }

func parseTree(raw []byte) (*node, error) {
	decoder := xml.NewDecoder(bytes.NewReader(raw))
	root := &node{}
	open := []*node{root}
	for {
		token, err := decoder.Token()
		if err == io.EOF {
			break
		}
		if err != nil {
			return nil, err
		}
		top := open[len(open)-1]
		switch t := token.(type) {
		case xml.StartElement:
			n := &node{name: t.Name.Local, space: t.Name.Space, attributes: t.Copy().Attr}
			top.children = append(top.children, n)
			open = append(open, n)
		case xml.EndElement:
			open = open[:len(open)-1]
		case xml.CharData:
			top.text += string(t)
		}
	}
	if len(root.children) == 0 {
		return nil, io.ErrUnexpectedEOF
	}
	return root.children[0], nil
}

// child returns the first child of that name; a nil node has none.
func (n *node) child(name string) *node {
	if n == nil {
		return nil
	}
	for _, c := range n.children {
		if c.name == name {
			return c
		}
	}
	return nil
}

func (n *node) all(name string) []*node {
	var found []*node
	if n != nil {
		for _, c := range n.children {
			if c.name == name {
				found = append(found, c)
			}
		}
	}
	return found
}

// find returns the first node of that name anywhere below.
func (n *node) find(name string) *node {
	if n == nil {
		return nil
	}
	for _, c := range n.children {
		if c.name == name {
			return c
		}
		if found := c.find(name); found != nil {
			return found
		}
	}
	return nil
}

func (n *node) value() string {
	if n == nil {
		return ""
	}
	return strings.TrimSpace(n.text)
}

func (n *node) isTrue() bool { return n.value() == "true" || n.value() == "1" }

func (n *node) reference() reference {
	r := reference{value: n.value()}
	for _, a := range n.attributes {
		if a.Name.Local == "type" && a.Name.Space != xsiSpace {
			r.kind = a.Value
		}
	}
	return r
}

// write gives the node as XML under a default namespace of urn:vim25. Prefixes inside xsi:type values are dropped:
// the ones they named are gone, and the simulator knows types by their bare names.
func (n *node) write(b *strings.Builder) {
	b.WriteString("<" + n.name)
	for _, a := range n.attributes {
		switch {
		case a.Name.Space == xsiSpace && a.Name.Local == "type":
			b.WriteString(` xsi:type="` + escape(bareType(a.Value)) + `"`)
		case a.Name.Space == "" && a.Name.Local == "type":
			b.WriteString(` type="` + escape(a.Value) + `"`)
		}
	}
	b.WriteString(">")
	if len(n.children) == 0 {
		b.WriteString(escape(n.text))
	}
	for _, c := range n.children {
		c.write(b)
	}
	b.WriteString("</" + n.name + ">")
}

func (n *node) String() string {
	var b strings.Builder
	n.write(&b)
	return b.String()
}

func bareType(name string) string {
	if _, local, ok := strings.Cut(name, ":"); ok {
		name = local
	}
	if schemaTypes[name] {
		return "xsd:" + name
	}
	return name
}

// operationRequest makes a request of the front's own.
func operationRequest(operation string, this reference, inside string) []byte {
	return []byte(envelopeOpen + `<` + operation + ` xmlns="urn:vim25"><_this type="` + escape(this.kind) + `">` +
		escape(this.value) + `</_this>` + inside + `</` + operation + `>` + envelopeClose)
}
