package main

// An answer, and the ways in which it can be put on the wire: coding and framing.

import (
	"bytes"
	"compress/gzip"
	"net/http"
	"strconv"
	"strings"
)

const soapType = "text/xml; charset=utf-8"

// From this size on, framing "auto" sends chunks.
const chunkedMinimum = 32 << 10

type answer struct {
	status      int
	contentType string
	setCookie   string // the value of a Set-Cookie header, or nothing
	coding      string
	body        []byte
}

func validGzip(s string) bool { return s == "auto" || s == "always" || s == "never" }

func validFraming(s string) bool {
	return s == "auto" || s == "length" || s == "chunked" || s == "close"
}

// encode compresses the body if the policy says so and the client accepts it.
func (a *answer) encode(policy string, minimum int, accept []string) {
	if policy == "never" || (policy == "auto" && len(a.body) < minimum) || !acceptsGzip(accept) {
		return
	}
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	_, _ = w.Write(a.body) // into memory
	_ = w.Close()
	a.body = b.Bytes()
	a.coding = "gzip"
}

func acceptsGzip(accept []string) bool {
	for _, header := range accept {
		for _, item := range strings.Split(header, ",") {
			coding, parameters, _ := strings.Cut(item, ";")
			coding = strings.ToLower(strings.TrimSpace(coding))
			if coding != "gzip" && coding != "x-gzip" {
				continue
			}
			weight := strings.ReplaceAll(parameters, " ", "")
			if q, err := strconv.ParseFloat(strings.TrimPrefix(weight, "q="), 64); err == nil && q == 0 {
				continue
			}
			return true
		}
	}
	return false
}

// head fills the header fields that do not depend on the framing.
func (a *answer) head(h http.Header) {
	if a.contentType != "" {
		h.Set("Content-Type", a.contentType)
	}
	h.Set("Cache-Control", "no-cache")
	if a.setCookie != "" {
		h.Set("Set-Cookie", a.setCookie)
	}
	if a.coding != "" {
		h.Set("Content-Encoding", a.coding)
	}
}

// send writes the answer with the framing asked for.
func (a *answer) send(w http.ResponseWriter, framing string) {
	a.head(w.Header())
	if framing == "auto" {
		framing = "length"
		if len(a.body) >= chunkedMinimum {
			framing = "chunked"
		}
	}

	switch framing {
	case "chunked":
		w.WriteHeader(a.status)
		a.sendInPieces(w)
	case "close":
		// Go's server takes this as: no length, no chunks, close after it.
		w.Header().Set("Transfer-Encoding", "identity")
		w.WriteHeader(a.status)
		a.sendInPieces(w)
	default:
		w.Header().Set("Content-Length", strconv.Itoa(len(a.body)))
		w.WriteHeader(a.status)
		_, _ = w.Write(a.body) // the client may be gone: its affair
	}
}

// sendInPieces makes at least two pieces of all but the shortest body, so that clients do meet more than one.
func (a *answer) sendInPieces(w http.ResponseWriter) {
	flusher, _ := w.(http.Flusher)
	flusher.Flush()
	half := len(a.body) / 2
	_, _ = w.Write(a.body[:half])
	flusher.Flush()
	_, _ = w.Write(a.body[half:])
}
