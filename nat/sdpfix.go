// SPDX-FileCopyrightText: 2026 The sipnat authors
// SPDX-License-Identifier: MIT

package nat

import (
	"bytes"
	"fmt"
	"net/netip"
	"strconv"
	"strings"

	"github.com/emiago/sipgo/sip"
)

// SDPFlags say what FixSDP edits. The values are those of Kamailio's
// fix_nated_sdp; the last one is OpenSIPS's.
type SDPFlags uint8

// The edits.
const (
	// SDPActive puts a=direction:active into each media section.
	SDPActive SDPFlags = 1 << iota
	// SDPConnection writes the address into c= lines, and into a=rtcp lines
	// that hold one.
	SDPConnection
	// SDPNoProxy appends a=nortpproxy:yes, which tells another nathelper on the
	// way that media are taken care of.
	SDPNoProxy
	// SDPOrigin writes the address into the o= line, and into a=rtcp lines that
	// hold one.
	SDPOrigin
	// SDPNullIP extends SDPConnection and SDPOrigin to the null address (0.0.0.0
	// and ::), which puts a stream on hold and is left alone otherwise.
	SDPNullIP
)

var sdpFlagNames = [...]string{"active", "connection", "no-proxy", "origin", "null-ip"}

// String is the names of the flags, joined by "|"; "none" for none.
func (f SDPFlags) String() string {
	var names []string
	for i, name := range sdpFlagNames {
		if f&(1<<i) != 0 {
			names = append(names, name)
		}
	}
	if names == nil {
		return "none"
	}
	return strings.Join(names, "|")
}

const (
	activeLine  = "a=direction:active"
	noProxyLine = "a=nortpproxy:yes"
)

// FixSDP edits the session description of msg, in the body or in parts of a
// multipart body, as Kamailio's fix_nated_sdp does: addr, where the sender was
// seen, takes the place of the addresses that it claims, with IP4 or IP6 as addr
// demands. Whoever sends media there must also wait for media and answer to
// where they came from (latch): the port is the one that was claimed.
//
// Multicast addresses stay, and so does every byte that no flag is about; line
// ends and blanks stay as they were. Content-Length is set, that of a part too
// where it has one. No a=oldmediaip line is left behind, and streams of
// different address families are no error, other than in Kamailio. Candidates
// (ICE) are not touched: their owner checks paths by itself. A second call
// changes nothing.
//
// A message without SDP is not changed. *Error if the SDP or the multipart body
// is malformed, ErrAddress if addr is needed and is invalid, unspecified or
// multicast; then msg is unchanged. An INVITE that sipgo may still answer by
// itself (auto 100) must be cloned first.
func FixSDP(msg sip.Message, flags SDPFlags, addr netip.Addr) (changed bool, err error) {
	addr = addr.Unmap().WithZone("")
	if flags&(SDPConnection|SDPOrigin) != 0 && (!addr.IsValid() || addr.IsUnspecified() || addr.IsMulticast()) {
		return false, ErrAddress
	}
	if headersOf(msg) == nil {
		return false, nil
	}
	parts, err := sdpParts(msg)
	if err != nil || len(parts) == 0 {
		return false, err
	}
	if len(msg.GetHeaders("Content-Length")) > maxLengths {
		return false, &Error{Field: "Content-Length", Reason: "given too often"}
	}
	body := msg.Body()
	out := make([]byte, 0, len(body)+256)
	done := 0
	for _, part := range parts {
		fixed, err := fixDescription(body[part.start:part.end], flags, addr)
		if err != nil {
			return false, err
		}
		if bytes.Equal(fixed, body[part.start:part.end]) {
			continue
		}
		changed = true
		if part.lengthEnd > 0 {
			out = append(out, body[done:part.lengthStart]...)
			out = strconv.AppendInt(out, int64(len(fixed)), 10)
			done = part.lengthEnd
		}
		out = append(append(out, body[done:part.start]...), fixed...)
		done = part.end
	}
	if changed {
		setBody(msg, append(out, body[done:]...))
	}
	return changed, nil
}

// maxLengths is how many Content-Lengths are made one: sipgo can only take them
// off one by one, each at the price of a walk through all headers.
const maxLengths = 8

// setBody leaves one Content-Length: SetBody replaces the first of several.
func setBody(msg sip.Message, body []byte) {
	msg.SetBody(body)
	lengths := msg.GetHeaders("Content-Length")
	remover, ok := msg.(interface{ RemoveHeader(name string) bool })
	if len(lengths) < 2 || !ok {
		return
	}
	for _, h := range lengths {
		remover.RemoveHeader(h.Name())
	}
	length := sip.ContentLengthHeader(len(body))
	msg.AppendHeader(&length)
}

// sdpEditor writes a session description line by line.
type sdpEditor struct {
	flags   SDPFlags
	addr    netip.Addr
	out     []byte
	lineEnd []byte
	// of the section that is being written
	inMedia, active bool
	noProxy, ended  bool
}

func fixDescription(text []byte, flags SDPFlags, addr netip.Addr) ([]byte, error) {
	if len(text) == 0 {
		return nil, &Error{Field: "SDP", Reason: "empty"}
	}
	e := sdpEditor{flags: flags, addr: addr, out: make([]byte, 0, len(text)+64), lineEnd: []byte("\r\n")}
	for at := 0; at < len(text); {
		line, next := cutLine(text, at)
		if err := checkLine(line, at == 0, e.ended); err != nil {
			return nil, err
		}
		if at == 0 && next > len(line) {
			e.lineEnd = text[len(line):next]
		}
		e.write(line, text[at+len(line):next])
		at = next
	}
	if !e.ended {
		e.end()
	}
	return e.out, nil
}

// checkLine refuses what cannot be edited safely, and no more: phones write
// descriptions that RFC 8866 would not pass.
func checkLine(line []byte, first, ended bool) error {
	malformed := func(reason string) error {
		return &Error{Field: "SDP", Reason: fmt.Sprintf("%s in %.40q", reason, line)}
	}
	switch {
	case first && !bytes.HasPrefix(line, []byte("v=")):
		return malformed("no version")
	case len(line) == 0:
		return nil
	case ended:
		return malformed("line after the end")
	case len(line) < 2 || line[1] != '=' || line[0] < 'a' || line[0] > 'z':
		return malformed("no type")
	case line[0] == 'm' && len(splitFields(line, 2)) < 3:
		return malformed("too few fields")
	}
	if _, _, broken := addressIn(line); broken {
		return malformed("no address")
	}
	return nil
}

// write edits one line. end is its line end, empty if the text stops there.
func (e *sdpEditor) write(line, end []byte) {
	switch {
	case len(line) == 0: // empty lines come at the end only
		if !e.ended {
			e.end()
		}
	case line[0] == 'm':
		e.endSection()
		e.inMedia = true
	case bytes.HasPrefix(line, []byte("a=direction:")) && e.inMedia && e.flags&SDPActive != 0:
		line, e.active = []byte(activeLine), true
	case string(line) == noProxyLine:
		e.noProxy = true
	}
	e.out = append(e.writeAddress(line), end...)
}

func (e *sdpEditor) writeAddress(line []byte) []byte {
	a, ok, _ := addressIn(line)
	if !ok || !e.replaces(line, a.addr()) {
		return append(e.out, line...)
	}
	family := "IP4"
	if e.addr.Is6() {
		family = "IP6"
	}
	e.out = append(append(e.out, line[:a.typeStart]...), family...)
	e.out = append(e.out, line[a.typeEnd:a.hostStart]...)
	e.out = e.addr.AppendTo(e.out)
	return append(e.out, line[a.hostEnd:]...)
}

func (e *sdpEditor) replaces(line []byte, old netip.Addr) bool {
	wanted := SDPConnection | SDPOrigin // a=rtcp
	switch line[0] {
	case 'c':
		wanted = SDPConnection
	case 'o':
		wanted = SDPOrigin
	}
	if e.flags&wanted == 0 || old.IsMulticast() {
		return false
	}
	return !old.IsUnspecified() || e.flags&SDPNullIP != 0
}

func (e *sdpEditor) endSection() {
	if e.inMedia && !e.active && e.flags&SDPActive != 0 {
		e.add(activeLine)
	}
	e.active = false
}

func (e *sdpEditor) end() {
	e.endSection()
	if !e.noProxy && e.flags&SDPNoProxy != 0 {
		e.add(noProxyLine)
	}
	e.ended = true
}

// add writes a line of our own; the last line of the text may lack its end.
func (e *sdpEditor) add(line string) {
	if bytes.HasSuffix(e.out, []byte("\n")) {
		e.out = append(append(e.out, line...), e.lineEnd...)
		return
	}
	e.out = append(append(e.out, e.lineEnd...), line...)
}
