// SPDX-FileCopyrightText: 2026 The sipnat authors
// SPDX-License-Identifier: MIT

package keepalive

import (
	"encoding/hex"
	"net/netip"
	"strconv"
	"strings"
)

// probe is what an OPTIONS ping is made of.
type probe struct {
	host   string // our name towards the peer, and port; 0 for none
	port   int
	remote netip.AddrPort
	name   []byte // the ping's name and MAC
}

// appendOptions appends the OPTIONS to b. It goes to the flow's address and not
// to the phone's Contact, which the pinger need not know; phones answer both.
// It has no Contact of ours: nobody is to remember one. Our Via asks for rport,
// so that the reply comes back even if we are behind a NAT ourselves.
func (p probe) appendOptions(b []byte) []byte {
	b = append(b, "OPTIONS sip:"...)
	b = p.remote.AppendTo(b)
	b = append(b, " SIP/2.0\r\nVia: SIP/2.0/UDP "...)
	b = p.appendHost(b)
	b = append(b, ";rport;branch="...)
	b = append(b, branchPrefix...)
	b = hex.AppendEncode(b, p.name)
	b = append(b, "\r\nMax-Forwards: 70\r\nFrom: <sip:"...)
	b = p.appendHost(b)
	b = append(b, ">;tag="...)
	b = hex.AppendEncode(b, p.name[:nameLen])
	b = append(b, "\r\nTo: <sip:"...)
	b = p.remote.AppendTo(b)
	b = append(b, ">\r\nCall-ID: "...)
	b = hex.AppendEncode(b, p.name)
	return append(b, "\r\nCSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n"...)
}

func (p probe) appendHost(b []byte) []byte {
	if strings.Contains(p.host, ":") && !strings.HasPrefix(p.host, "[") {
		b = append(append(append(b, '['), p.host...), ']')
	} else {
		b = append(b, p.host...)
	}
	if p.port > 0 {
		b = strconv.AppendInt(append(b, ':'), int64(p.port), 10)
	}
	return b
}
