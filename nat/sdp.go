// SPDX-FileCopyrightText: 2026 The sipnat authors
// SPDX-License-Identifier: MIT

package nat

import (
	"bytes"
	"net/netip"

	"github.com/emiago/sipgo/sip"
)

// sdpAddress is where an address stands in a line of SDP.
type sdpAddress struct {
	typeStart, typeEnd int // "IP4" or "IP6"
	hostStart, hostEnd int // the address or name, with a multicast's "/ttl"
	host               string
}

// rtcpPrefix starts the attribute of RFC 3605; "a=rtcp-mux" and others do not.
const rtcpPrefix = "a=rtcp:"

// addressIn finds the address of an o=, c= or a=rtcp line (RFC 8866 sections 5.2
// and 5.7, RFC 3605). ok is false for other lines, for those that hold none,
// and for networks other than the Internet; broken says that one should be there.
func addressIn(line []byte) (a sdpAddress, ok, broken bool) {
	skip, before := 0, 0 // bytes of the line, then fields, before "IN"
	switch {
	case bytes.HasPrefix(line, []byte("o=")):
		skip, before = 2, 3
	case bytes.HasPrefix(line, []byte("c=")):
		skip = 2
	case bytes.HasPrefix(line, []byte(rtcpPrefix)):
		skip, before = len(rtcpPrefix), 1
	default:
		return a, false, false
	}
	fields := splitFields(line, skip)
	n := len(fields)
	if before == 1 && n != 4 { // the address is optional
		return a, false, false
	}
	if n < before+3 {
		return a, false, true
	}
	network, family, host := fields[n-3], fields[n-2], fields[n-1]
	if !bytes.EqualFold(line[network.start:network.end], []byte("IN")) {
		return a, false, false
	}
	f := line[family.start:family.end]
	if !bytes.EqualFold(f, []byte("IP4")) && !bytes.EqualFold(f, []byte("IP6")) {
		return a, false, true
	}
	return sdpAddress{
		typeStart: family.start, typeEnd: family.end,
		hostStart: host.start, hostEnd: host.end,
		host: string(line[host.start:host.end]),
	}, true, false
}

type fieldSpan struct{ start, end int }

func splitFields(line []byte, from int) []fieldSpan {
	fields := make([]fieldSpan, 0, 8)
	for i := from; i < len(line); {
		if line[i] == ' ' || line[i] == '\t' {
			i++
			continue
		}
		start := i
		for i < len(line) && line[i] != ' ' && line[i] != '\t' {
			i++
		}
		fields = append(fields, fieldSpan{start, i})
	}
	return fields
}

// addr is the address, without a multicast's suffix; invalid if it is a name.
func (a sdpAddress) addr() netip.Addr {
	host := a.host
	for i := range len(host) {
		if host[i] == '/' {
			host = host[:i]
			break
		}
	}
	return parseHost(host)
}

// judgeMedia holds the addresses of the session descriptions against the source.
func (j *judgement) judgeMedia(msg sip.Message) {
	parts, _ := sdpParts(msg) // what can be read of a malformed body is read
	body := msg.Body()
	for _, part := range parts {
		for at := part.start; at < part.end; {
			line, next := cutLine(body[:part.end], at)
			j.judgeSDPLine(line)
			at = next
		}
	}
}

func (j *judgement) judgeSDPLine(line []byte) {
	a, ok, _ := addressIn(line)
	if !ok {
		return
	}
	addr := a.addr()
	if !addr.IsValid() || addr.IsUnspecified() {
		return
	}
	if line[0] == 'o' {
		j.note(&j.origin, addr)
		return
	}
	private := j.note(&j.media, addr)
	if line[0] != 'c' {
		return
	}
	j.note(&j.conn, addr)
	if private {
		j.fire(TestSDP, claim{field: fieldSDP, host: a.host})
	}
	if j.src.IsValid() && addr != j.src.Addr() {
		j.fire(TestSDPSource, claim{field: fieldSDP, host: a.host})
	}
}
