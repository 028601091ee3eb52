// SPDX-FileCopyrightText: 2026 The sipnat authors
// SPDX-License-Identifier: MIT

package flow

import (
	"bytes"

	"github.com/sipnat/sipnat/internal/via"
)

// kind is what a datagram looks like from its first bytes.
type kind int

const (
	garbage kind = iota
	sipMessage
	stun
	keepalive // CRLFs or zero bytes
)

// classify looks at the first line only: whether the rest can be parsed is
// found out by parsing it.
func classify(b []byte) kind {
	switch {
	case len(bytes.Trim(b, "\r\n\x00")) == 0:
		if len(b) <= 4 {
			return keepalive
		}
		return garbage
	case isSTUN(b):
		return stun
	case via.IsResponse(b) || isRequestLine(b):
		return sipMessage
	}
	return garbage
}

// isSTUN checks the two zero bits, the length and the magic cookie of RFC 8489
// section 5.
func isSTUN(b []byte) bool {
	return len(b) >= 20 && b[0]&0xc0 == 0 && len(b)%4 == 0 && bytes.Equal(b[4:8], []byte{0x21, 0x12, 0xa4, 0x42})
}

func isRequestLine(b []byte) bool {
	line, _, ok := bytes.Cut(b, []byte("\r\n"))
	return ok && bytes.HasSuffix(line, []byte(" SIP/2.0")) && 'A' <= b[0] && b[0] <= 'z'
}
