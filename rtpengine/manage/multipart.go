// SPDX-FileCopyrightText: 2026 The sipnat authors
// SPDX-License-Identifier: MIT

package manage

import (
	"bytes"
	"mime"
)

// splitParts finds the session description in a multipart body (RFC 2046 section
// 5.1): ISUP or a location may travel beside it, and is kept to the byte. The
// body is opaque unless it is whole and has exactly one description.
func splitParts(contentType string, raw []byte) body {
	opaque := body{opaque: true}
	_, params, err := mime.ParseMediaType(contentType)
	boundary := params["boundary"]
	if err != nil || boundary == "" || len(boundary) > 70 {
		return opaque
	}
	dash := []byte("--" + boundary)
	found := body{}
	from, last, ok := delimiter(raw, dash, 0)
	if !ok || last {
		return opaque
	}
	for !last {
		var end, next int
		if end, next, last, ok = nextDelimiter(raw, dash, from); !ok {
			return opaque
		}
		header, start := partHeader(raw, from, end)
		var fields entity
		fields.parse(header)
		switch {
		case fields.isSDP() && found.found:
			return opaque // alternatives: which one counts is the peer's choice
		case fields.isSDP():
			found = body{head: raw[:start], sdp: raw[start:end], tail: raw[end:], found: true}
		case fields.hidesSDP():
			return opaque
		}
		from = next
	}
	return found
}

// delimiter finds the first delimiter line at or after from, which is the start
// of a line: the offset behind the line, and whether it is the closing one.
func delimiter(raw, dash []byte, from int) (next int, last, ok bool) {
	_, next, last, ok = nextDelimiter(raw, dash, from)
	return next, last, ok
}

// nextDelimiter finds the delimiter line that ends a part which begins at from.
// end is where the part's content ends: the line break before the delimiter is
// the delimiter's.
func nextDelimiter(raw, dash []byte, from int) (end, next int, last, ok bool) {
	for at := from; at < len(raw); {
		lineEnd := len(raw)
		if i := bytes.IndexByte(raw[at:], '\n'); i >= 0 {
			lineEnd = at + i + 1
		}
		if rest, is := bytes.CutPrefix(raw[at:lineEnd], dash); is {
			rest, last = bytes.CutPrefix(rest, []byte("--"))
			if len(bytes.TrimSpace(rest)) == 0 && (last || lineEnd < len(raw)) {
				return lineBreakBefore(raw, at, from), lineEnd, last, true
			}
		}
		at = lineEnd
	}
	return 0, 0, false, false
}

func lineBreakBefore(raw []byte, at, from int) int {
	if at > from && raw[at-1] == '\n' {
		at--
		if at > from && raw[at-1] == '\r' {
			at--
		}
	}
	return at
}

// partHeader is the header of the part raw[from:end], and where its content
// starts.
func partHeader(raw []byte, from, end int) (header []byte, start int) {
	if end < from {
		end = from
	}
	for at := from; at < end; {
		i := bytes.IndexByte(raw[at:end], '\n')
		if i < 0 {
			break
		}
		line := raw[at : at+i+1]
		at += i + 1
		if len(bytes.TrimSpace(line)) == 0 {
			return raw[from:at], at
		}
	}
	return raw[from:end], end
}
