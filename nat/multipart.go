// SPDX-FileCopyrightText: 2026 The sipnat authors
// SPDX-License-Identifier: MIT

package nat

import (
	"bytes"
	"mime"
	"strings"

	"github.com/emiago/sipgo/sip"
)

// sdpPart is a session description inside of a body.
type sdpPart struct {
	start, end int // of the description
	// lengthStart and lengthEnd are the digits of the part's own
	// Content-Length, if it has one; else both are 0.
	lengthStart, lengthEnd int
}

// sdpParts finds the session descriptions in the body of msg: the body itself,
// or parts of a multipart body. What was found before a fault is returned with it.
func sdpParts(msg sip.Message) ([]sdpPart, error) {
	body := msg.Body()
	if len(body) == 0 {
		return nil, nil
	}
	value := contentType(msg)
	if isSDP(value) {
		return []sdpPart{{start: 0, end: len(body)}}, nil
	}
	if !strings.HasPrefix(strings.ToLower(strings.TrimSpace(value)), "multipart/") {
		return nil, nil
	}
	_, params, err := mime.ParseMediaType(value)
	if err != nil || params["boundary"] == "" {
		return nil, &Error{Field: "multipart", Reason: "no boundary"}
	}
	return multipartSDP(body, []byte("--"+params["boundary"]))
}

func contentType(msg sip.Message) string {
	for _, h := range headersOf(msg) {
		if strings.EqualFold(h.Name(), "Content-Type") || strings.EqualFold(h.Name(), "c") {
			return h.Value()
		}
	}
	return ""
}

func isSDP(contentType string) bool {
	name, _, _ := strings.Cut(contentType, ";")
	return strings.EqualFold(strings.TrimSpace(name), "application/sdp")
}

// multipartSDP walks the lines of a multipart body (RFC 2046 section 5.1.1).
func multipartSDP(body, delimiter []byte) ([]sdpPart, error) {
	var parts []sdpPart
	var part sdpPart
	const (
		outside = iota
		inHeader
		inBody
	)
	state, wanted := outside, false
	for at := 0; at < len(body); {
		line, next := cutLine(body, at)
		switch {
		case isDelimiter(line, delimiter):
			if state == inBody && wanted {
				part.end = max(part.start, trimLineEnd(body, at))
				parts = append(parts, part)
			}
			state, wanted, part = inHeader, false, sdpPart{}
			if bytes.HasPrefix(line[len(delimiter):], []byte("--")) {
				return parts, nil
			}
		case state == inHeader && len(line) == 0:
			state, part.start = inBody, next
		case state == inHeader:
			wanted = partHeader(line, at, &part) || wanted
		}
		at = next
	}
	return parts, &Error{Field: "multipart", Reason: "not terminated"}
}

func isDelimiter(line, delimiter []byte) bool {
	rest, ok := bytes.CutPrefix(line, delimiter)
	rest = bytes.TrimPrefix(rest, []byte("--"))
	return ok && len(bytes.TrimSpace(rest)) == 0
}

// partHeader reads one header of a part, which stands at offset at of the body:
// its Content-Length into part; true if it says that the part is SDP.
func partHeader(line []byte, at int, part *sdpPart) (sdp bool) {
	name, value, _ := bytes.Cut(line, []byte(":"))
	switch strings.ToLower(string(bytes.TrimSpace(name))) {
	case "content-type", "c":
		return isSDP(string(value))
	case "content-length", "l":
		digits := bytes.TrimSpace(value)
		if len(digits) > 0 {
			part.lengthStart = at + len(name) + 1 + bytes.Index(value, digits)
			part.lengthEnd = part.lengthStart + len(digits)
		}
	}
	return false
}

// cutLine is the line of text at offset at without its end, and where the next
// one starts. Lines end with LF or CRLF.
func cutLine(text []byte, at int) (line []byte, next int) {
	n := bytes.IndexByte(text[at:], '\n')
	if n < 0 {
		return text[at:], len(text)
	}
	return bytes.TrimSuffix(text[at:at+n], []byte("\r")), at + n + 1
}

// trimLineEnd is the offset before the line end that precedes offset at.
func trimLineEnd(text []byte, at int) int {
	if at > 0 && text[at-1] == '\n' {
		at--
		if at > 0 && text[at-1] == '\r' {
			at--
		}
	}
	return at
}
