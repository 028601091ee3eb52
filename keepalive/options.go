// SPDX-FileCopyrightText: 2026 The sipnat authors
// SPDX-License-Identifier: MIT

package keepalive

import (
	"encoding/hex"
	"net/netip"
	"strconv"
	"strings"

	"github.com/sipnat/sipnat/flow"
)

// probe is what an OPTIONS ping is made of.
type probe struct {
	method string // empty for OPTIONS
	host   string // our name towards the peer, and port; 0 for none
	port   int
	flow   flow.Flow
	route  route
	name   []byte // the ping's name and MAC
}

// append appends the OPTIONS to b. Without a route it goes to the flow's address
// and not to the phone's Contact, which the pinger need not know; phones answer
// both. It has no Contact of ours: nobody is to remember one. Our Via asks for
// rport, so that the reply comes back even if we are behind a NAT ourselves.
func (p probe) append(b []byte) []byte {
	method := p.method
	if method == "" {
		method = "OPTIONS"
	}
	b = append(append(b, method...), ' ')
	b = p.appendTarget(b)
	b = append(b, " SIP/2.0\r\nVia: SIP/2.0/"...)
	if p.flow.Transport == flow.UDP {
		b = append(b, "UDP "...) // Upper allocates
	} else {
		b = append(append(b, p.flow.Transport.Upper()...), ' ')
	}
	b = p.appendHost(b)
	b = append(b, ";rport;branch="...)
	b = append(b, branchPrefix...)
	b = hex.AppendEncode(b, p.name)
	b = append(b, "\r\n"...)
	b = append(b, p.route.headers...)
	b = append(b, "Max-Forwards: 70\r\nFrom: <sip:"...)
	b = p.appendHost(b)
	b = append(b, ">;tag="...)
	b = hex.AppendEncode(b, p.name[:nameLen])
	b = append(b, "\r\nTo: <"...)
	b = p.appendTarget(b)
	b = append(b, ">\r\nCall-ID: "...)
	b = hex.AppendEncode(b, p.name)
	b = append(b, "\r\nCSeq: 1 "...)
	b = append(b, method...)
	if method == "NOTIFY" {
		b = append(b, "\r\nEvent: keep-alive"...)
	}
	return append(b, "\r\nContent-Length: 0\r\n\r\n"...)
}

func (p probe) appendTarget(b []byte) []byte {
	if p.route.valid() {
		return append(b, p.route.uri...)
	}
	// A zone is ours alone, and no part of a URI.
	remote := netip.AddrPortFrom(p.flow.Remote.Addr().WithZone(""), p.flow.Remote.Port())
	return remote.AppendTo(append(b, "sip:"...))
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

// isMethod reports whether s is a method, or empty.
func isMethod(s string) bool {
	return strings.IndexFunc(s, func(c rune) bool {
		letter := 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9'
		return !letter && !strings.ContainsRune("-.!%*_+`'~", c)
	}) < 0
}

// route is the rendered Path of a binding: the Request-URI and Route headers.
type route struct{ uri, headers string }

func (r route) valid() bool { return r.headers != "" }

// newRoute reports false for what must not be written into a message.
func newRoute(how Ping) (route, bool) {
	if len(how.Route) == 0 {
		return route{}, true
	}
	var b strings.Builder
	uri := how.URI.String()
	// Headers are not in a Request-URI (RFC 3261 section 19.1.1). sipgo may have
	// taken them for a part of a parameter; a user part may have a '?'.
	if host := strings.IndexByte(uri, '@') + 1; strings.Contains(uri[host:], "?") {
		uri = uri[:host+strings.IndexByte(uri[host:], '?')]
	}
	sound := clean(uri) && how.URI.Host != ""
	for i := range how.Route {
		hop := how.Route[i].String()
		sound = sound && clean(hop) && how.Route[i].Host != ""
		b.WriteString("Route: <" + hop + ">\r\n")
	}
	return route{uri, b.String()}, sound
}

func clean(s string) bool {
	return strings.IndexFunc(s, func(c rune) bool { return c <= ' ' || c == 0x7f || c == '<' || c == '>' }) < 0
}
