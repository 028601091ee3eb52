// SPDX-FileCopyrightText: 2026 The sipnat authors
// SPDX-License-Identifier: MIT

package flow

import (
	"bytes"
	"strings"

	"github.com/sipnat/sipnat/internal/via"
)

// ErrTooLarge says that a request is larger than UDPLimit, and RefuseLarge is set.
// Nothing was sent.
var ErrTooLarge error = &Refusal{Code: 513, Reason: "Message Too Large"}

// fragmentLimit is where a UDP message begins to be at risk of IP fragments
// (RFC 3261 section 18.1.1).
const fragmentLimit = 1300

// fit makes b smaller, if that is wanted, when it is too large for one packet, and
// counts it if it stays so. A response is never refused: who waits for it would wait in vain.
func (l *Layer) fit(b []byte) ([]byte, error) {
	limit := limit(l.UDPLimit, fragmentLimit)
	if limit < 0 || len(b) <= limit {
		return b, nil
	}
	if l.CompactLarge {
		l.stats.compacted.Add(1)
		b = appendCompact(make([]byte, 0, len(b)), b)
	}
	if len(b) <= limit {
		return b, nil
	}
	if l.RefuseLarge && !via.IsResponse(b) {
		return nil, ErrTooLarge
	}
	l.stats.large.Add(1)
	return b, nil
}

// appendCompact appends msg to b with the short names of its headers (RFC 3261
// section 7.3.3) and no blanks around them. Values and body stay as they are.
func appendCompact(b, msg []byte) []byte {
	head, body, ok := bytes.Cut(msg, []byte("\r\n\r\n"))
	if !ok {
		return append(b, msg...)
	}
	start, lines, _ := bytes.Cut(head, []byte("\r\n"))
	b = append(b, start...)
	for len(lines) > 0 {
		var line []byte
		line, lines, _ = bytes.Cut(lines, []byte("\r\n"))
		b = append(b, "\r\n"...)
		name, value, ok := bytes.Cut(line, []byte(":"))
		short := compactName(name)
		if !ok || short == "" {
			b = append(b, line...)
			continue
		}
		b = append(append(b, short...), ':')
		b = append(b, bytes.TrimLeft(value, " \t")...)
	}
	return append(append(b, "\r\n\r\n"...), body...)
}

// compactNames are short forms from IANA's list of SIP headers.
var compactNames = [...]struct{ long, short string }{
	{"via", "v"},
	{"from", "f"},
	{"to", "t"},
	{"call-id", "i"},
	{"contact", "m"},
	{"content-type", "c"},
	{"content-length", "l"},
	{"supported", "k"},
	{"subject", "s"},
	{"event", "o"},
	{"allow-events", "u"},
	{"content-encoding", "e"},
	{"refer-to", "r"},
	{"referred-by", "b"},
	{"accept-contact", "a"},
	{"reject-contact", "j"},
	{"request-disposition", "d"},
	{"session-expires", "x"},
}

// compactName is the short form; empty if there is none. A line that begins with a
// blank continues another.
func compactName(name []byte) string {
	if len(name) == 0 || name[0] == ' ' || name[0] == '\t' {
		return ""
	}
	name = bytes.TrimRight(name, " \t")
	for _, c := range compactNames {
		if len(name) == len(c.long) && strings.EqualFold(string(name), c.long) {
			return c.short
		}
	}
	return ""
}
