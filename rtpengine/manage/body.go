// SPDX-FileCopyrightText: 2026 The sipnat authors
// SPDX-License-Identifier: MIT

package manage

import (
	"bytes"
	"strings"

	"github.com/emiago/sipgo/sip"
)

// maxSDP bounds the session descriptions that we take on. WebRTC offers with
// many tracks reach 20 kB; an ng command fits 65 kB.
const maxSDP = 32 << 10

// body is a message's body around its session description.
type body struct {
	head, sdp, tail []byte
	found           bool // sdp is the description
	opaque          bool // there may be one, which we cannot get at
}

// with is the body with another description.
func (b body) with(sdp []byte) []byte {
	out := make([]byte, 0, len(b.head)+len(sdp)+len(b.tail))
	out = append(out, b.head...)
	out = append(out, sdp...)
	return append(out, b.tail...)
}

// message is what requests and responses have in common here.
type message interface {
	sip.Message
	ContentType() *sip.ContentTypeHeader
	GetHeader(name string) sip.Header
}

// bodyOf finds the session description of a message: the whole body, or the only
// such part of a multipart one (RFC 5621).
func bodyOf(msg message) body {
	raw := msg.Body()
	if len(raw) == 0 {
		return body{}
	}
	fields := entity{disposition: value(msg, "Content-Disposition"), encoding: value(msg, "Content-Encoding")}
	if fields.encoding == "" {
		fields.encoding = value(msg, "e") // its compact form
	}
	if h := msg.ContentType(); h != nil {
		fields.media = h.Value()
	}
	switch {
	case fields.isSDP():
		return body{sdp: raw, found: true}
	case fields.isMultipart() && !fields.encoded():
		return splitParts(fields.media, raw)
	}
	return body{opaque: fields.hidesSDP()}
}

func value(msg message, name string) string {
	if h := msg.GetHeader(name); h != nil {
		return h.Value()
	}
	return ""
}

// entity is how a body, or a part of one, describes itself.
type entity struct {
	media, disposition, encoding string
	sized                        bool // a part with a length of its own
}

// word is the value of a header without parameters, in lower case.
func word(v string) string {
	v, _, _ = strings.Cut(v, ";")
	return strings.ToLower(strings.TrimSpace(v))
}

// session reports whether the body negotiates the session of the dialog: other
// dispositions, such as early-session (RFC 3959), are negotiations of their own.
func (e entity) session() bool {
	d := word(e.disposition)
	return d == "" || d == "session"
}

func (e entity) encoded() bool {
	switch word(e.encoding) {
	case "", "identity", "7bit", "8bit", "binary":
		return false
	}
	return true
}

func (e entity) isSDP() bool {
	return word(e.media) == "application/sdp" && e.session() && !e.encoded() && !e.sized
}

// hidesSDP reports whether there is a session description in a form that we
// cannot rewrite.
func (e entity) hidesSDP() bool {
	return word(e.media) == "application/sdp" && e.session() || e.isMultipart()
}

func (e entity) isMultipart() bool { return strings.HasPrefix(word(e.media), "multipart/") }

// parse reads the header of a part.
func (e *entity) parse(header []byte) {
	// A folded line belongs to the one before it.
	header = bytes.ReplaceAll(header, []byte("\r\n"), []byte("\n"))
	header = bytes.ReplaceAll(header, []byte("\n "), []byte(" "))
	header = bytes.ReplaceAll(header, []byte("\n\t"), []byte(" "))
	for line := range bytes.SplitSeq(header, []byte("\n")) {
		name, v, _ := strings.Cut(string(line), ":")
		switch strings.ToLower(strings.TrimSpace(name)) {
		case "content-type", "c":
			e.media = v
		case "content-disposition":
			e.disposition = v
		case "content-transfer-encoding", "content-encoding", "e":
			if !e.encoded() {
				e.encoding = v
			}
		case "content-length", "l":
			e.sized = true
		}
	}
}
