// SPDX-FileCopyrightText: 2026 The sipnat authors
// SPDX-License-Identifier: MIT

package flow

import (
	"bytes"
	"hash/maphash"
	"strconv"

	"github.com/sipnat/sipnat/internal/via"
)

// maxEcho bounds what a 400 copies of a message that could not be parsed, so
// that it is never larger than a sound answer.
const maxEcho = 1200

// badRequest makes the 400 for a request that sipgo cannot parse, out of the
// header lines that RFC 3261 section 8.2.6.2 wants copied. It is nil when the
// first Via allows no answer, and for a response or an ACK: they have none.
func badRequest(msg []byte, seed maphash.Seed) []byte {
	if via.IsResponse(msg) || len(msg) < 4 || bytes.EqualFold(msg[:4], []byte("ACK ")) {
		return nil
	}
	if _, ok := via.First(msg); !ok {
		return nil
	}
	head, _, _ := bytes.Cut(msg, []byte("\r\n\r\n"))
	_, head, _ = bytes.Cut(head, []byte("\r\n"))
	res := append([]byte(nil), "SIP/2.0 400 Bad Request\r\n"...)
	for line := range bytes.SplitSeq(head, []byte("\r\n")) {
		name, _, ok := bytes.Cut(line, []byte(":"))
		key := string(bytes.ToLower(bytes.TrimSpace(name)))
		if !ok || !echoed(key) {
			continue
		}
		if len(res)+len(line) > maxEcho {
			return nil
		}
		res = append(res, line...)
		if (key == "to" || key == "t") && !hasTag(line) {
			res = append(res, ";tag="...)
			res = strconv.AppendUint(res, maphash.Bytes(seed, head), 36) // a repeated request's is the same
		}
		res = append(res, "\r\n"...)
	}
	return append(res, "Content-Length: 0\r\n\r\n"...)
}

// hasTag reports whether the To in line has a tag, a parameter of its URI not
// being one.
func hasTag(line []byte) bool {
	params := line[bytes.LastIndexByte(line, '>')+1:]
	for param := range bytes.SplitSeq(params, []byte(";")) {
		if name, _, _ := bytes.Cut(param, []byte("=")); bytes.EqualFold(bytes.TrimSpace(name), []byte("tag")) {
			return true
		}
	}
	return false
}

func echoed(name string) bool {
	switch name {
	case "via", "v", "from", "f", "to", "t", "call-id", "i", "cseq":
		return true
	}
	return false
}
