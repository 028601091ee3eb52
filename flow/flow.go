// SPDX-FileCopyrightText: 2026 The sipnat authors
// SPDX-License-Identifier: MIT

package flow

import (
	"fmt"
	"net/netip"
	"strings"

	"github.com/emiago/sipgo/sip"
)

// Transport is a SIP transport. The values are those of Kamailio's protocol
// digit, which the legacy alias writes on the wire.
type Transport uint8

// The transports. The zero value is no transport.
const (
	UDP Transport = 1
	TCP Transport = 2
	TLS Transport = 3
	WS  Transport = 5
	WSS Transport = 6
)

var transportNames = map[Transport]string{UDP: "udp", TCP: "tcp", TLS: "tls", WS: "ws", WSS: "wss"}

// ParseTransport reads a transport's name, in any case. The second result is
// false for a name that this library does not serve (SCTP among them).
func ParseTransport(name string) (Transport, bool) {
	for t, n := range transportNames {
		if strings.EqualFold(n, name) {
			return t, true
		}
	}
	return 0, false
}

// String is the name in lower case, as in a URI's transport parameter.
func (t Transport) String() string {
	if n, ok := transportNames[t]; ok {
		return n
	}
	return fmt.Sprintf("transport(%d)", uint8(t))
}

// Upper is the name in upper case, as in a Via.
func (t Transport) Upper() string { return strings.ToUpper(t.String()) }

// Reliable reports whether the transport is a stream: everything but UDP.
func (t Transport) Reliable() bool { return t != UDP }

// Secure reports whether the transport is encrypted: TLS and WSS.
func (t Transport) Secure() bool { return t == TLS || t == WSS }

// DefaultPort is the port of a URI that names none (RFC 3261 section 19.1.2,
// RFC 7118 section 5.2.2... 80 and 443 for WebSocket).
func (t Transport) DefaultPort() uint16 {
	switch t {
	case TLS:
		return 5061
	case WS:
		return 80
	case WSS:
		return 443
	}
	return 5060
}

// Flow is the path that a message really took: what the network showed, never
// what the message claims. Flows are comparable and serve as map keys.
// Addresses are unmapped (no ::ffff:a.b.c.d).
type Flow struct {
	Transport Transport
	// Local is the address of our side: the listener's, or, on a wildcard
	// listener, the address that the packet was sent to.
	Local netip.AddrPort
	// Remote is the packet's source: behind NAT, the NAT's mapped address.
	Remote netip.AddrPort
	// Conn is the serial of the live connection; 0 on UDP, and on a stream
	// that has not been opened yet (see Layer.Out).
	Conn uint64
}

// IsValid reports whether f names a peer that can be sent to.
func (f Flow) IsValid() bool { return f.Transport != 0 && f.Remote.IsValid() && f.Remote.Port() != 0 }

// String is for logs: "udp 192.0.2.1:5060 <- 203.0.113.9:40112".
func (f Flow) String() string {
	s := f.Transport.String() + " " + f.Local.String() + " <- " + f.Remote.String()
	if f.Conn != 0 {
		s += fmt.Sprintf(" #%d", f.Conn)
	}
	return s
}

// Peer is who is at the other end of a flow, and what we believe about it.
type Peer struct {
	Flow Flow
	// NAT says that what the peer writes about its own address is not to be
	// believed.
	NAT bool
}

// Leg is one branch of a forwarded request: where the request came from, where
// it goes. Hooks of the forwarder get it beside the message.
type Leg struct {
	In, Out Peer
	// Branch is the branch parameter of our own Via on this leg.
	Branch string
}

// Target is a place that a request may be sent to. What makes one is an
// authority: the location service, a signed alias, a signed route, the user's
// own policy. The forwarder sends nowhere else.
type Target struct {
	// URI becomes the Request-URI.
	URI sip.Uri
	// Peer is the way to it. With an invalid flow the next hop is the first
	// Route, else the URI.
	Peer Peer
	// Route is put in front of the request's own Route headers (RFC 3327 Path).
	Route []sip.Uri
	// Q is the preference, 0 to 1000 (thousandths of RFC 3261's q). Targets of
	// equal Q are tried in parallel, lower ones after them.
	Q int
	// ID names the binding that the target came from; empty if none.
	ID string
}

// Apply makes req ready to be sent to t: Request-URI and Route. The flow is
// for Layer.Do; a destination pinned on the request earlier is dropped.
func (t Target) Apply(req *sip.Request) {
	req.Recipient = *t.URI.Clone()
	for i := len(t.Route) - 1; i >= 0; i-- {
		req.PrependHeader(&sip.RouteHeader{Address: *t.Route[i].Clone()})
	}
	req.SetDestination("")
}
