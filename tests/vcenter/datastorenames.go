package main

// The simulator keeps a datastore in a directory of this machine and uses its path for the datastore's URL and even its
// reference. Clients are shown what a vCenter shows instead, which is also the same for every start.

import (
	"bytes"
	"fmt"
	"strings"

	"github.com/google/uuid"
)

type datastoreNames struct {
	inside  []string // as the simulator has it; the longer of two that overlap first
	outside []string // as clients see it
	seen    map[string]bool
	out     *strings.Replacer
}

// add notes one datastore: where it is, its reference in the simulator, and a name that tells it from all others.
func (n *datastoreNames) add(directory, reference, name string) {
	if n.seen == nil {
		n.seen = map[string]bool{}
	}
	if n.seen[reference] {
		return
	}
	n.seen[reference] = true

	id := uuid.NewSHA1(uuid.NameSpaceURL, []byte(name)).String()
	n.inside = append(n.inside, reference, directory)
	n.outside = append(n.outside, fmt.Sprintf("datastore-%d", len(n.seen)), "ds:///vmfs/volumes/"+id+"/")

	var pairs []string
	for i := range n.inside {
		pairs = append(pairs, n.inside[i], n.outside[i])
	}
	n.out = strings.NewReplacer(pairs...)
}

// show turns the simulator's words into the client's.
func (n *datastoreNames) show(answer []byte) []byte {
	if n.out == nil {
		return answer
	}
	return []byte(n.out.Replace(string(answer)))
}

// hide turns the client's words into the simulator's. Only whole values: datastore-1 is not the start of datastore-10.
func (n *datastoreNames) hide(request []byte) []byte {
	for i := range n.outside {
		for _, value := range []string{n.outside[i], strings.TrimSuffix(n.outside[i], "/")} {
			old := []byte(">" + value + "<")
			if bytes.Contains(request, old) {
				request = bytes.ReplaceAll(request, old, []byte(">"+n.inside[i]+"<"))
			}
		}
	}
	return request
}
