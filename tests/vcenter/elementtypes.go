package main

// vCenter says xsi:type on every element of an ArrayOf… value, and libvirt refuses elements without. The simulator
// leaves it out there, and elsewhere spells it with a prefix of its own, which it declares in each value anew.

import "strings"

// plain undoes the simulator's prefix; the envelope declares xsi.
var plain = strings.NewReplacer(
	` xmlns:XMLSchema-instance="http://www.w3.org/2001/XMLSchema-instance"`, ``,
	` XMLSchema-instance:type="`, ` xsi:type="`,
)

// typed gives the simulator's answer the types in the form in which vCenter gives them.
func typed(body []byte) []byte {
	return addElementTypes([]byte(plain.Replace(string(body))))
}

// schemaTypes are the element names in arrays of simple values.
var schemaTypes = map[string]bool{
	"string": true, "int": true, "long": true, "short": true, "byte": true, "boolean": true, "float": true,
	"double": true, "dateTime": true, "anyURI": true, "base64Binary": true, "anyType": true, "decimal": true,
}

func addElementTypes(body []byte) []byte {
	root := pieces(body)
	if root == nil {
		return body
	}
	var b strings.Builder
	done := 0
	root.eachElementOfArray(body, false, func(p *piece) {
		name := p.name
		if schemaTypes[name] {
			name = "xsd:" + name
		}
		at := p.start + 1 + len(p.name) + len(typelessAttributes(p, body))
		b.Write(body[done:at])
		b.WriteString(` xsi:type="` + name + `"`)
		done = at
	})
	if done == 0 {
		return body
	}
	b.Write(body[done:])
	return []byte(b.String())
}

// eachElementOfArray visits, in their order in the text, elements without xsi:type directly in an ArrayOf… value.
func (p *piece) eachElementOfArray(body []byte, inArray bool, visit func(*piece)) {
	if p.name != "" {
		kind := attribute(p.attributes(body), "xsi:type")
		if inArray && kind == "" {
			visit(p)
		}
		inArray = strings.HasPrefix(kind, "ArrayOf")
	}
	for _, c := range p.children {
		c.eachElementOfArray(body, inArray, visit)
	}
}

// typelessAttributes are the ones an xsi:type is written behind.
func typelessAttributes(p *piece, body []byte) string {
	return strings.TrimRight(p.attributes(body), " ")
}
