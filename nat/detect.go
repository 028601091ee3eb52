// SPDX-FileCopyrightText: 2026 The sipnat authors
// SPDX-License-Identifier: MIT

package nat

import (
	"net/netip"

	"github.com/emiago/sipgo/sip"

	"github.com/sipnat/sipnat/flow"
)

// Detect runs the tests on a request that came from the network: req.Source()
// against what the request says. It replaces Kamailio's nat_uac_test, bit by
// bit, but for what Kamailio errs in:
//
//   - every Contact is looked at, not one of them;
//   - addresses are compared as addresses, not as text, and IPv6 ranges are
//     known;
//   - a port that is not given is that of the transport (5061 for TLS and sips)
//     rather than always 5060;
//   - every c= line is looked at, and a held stream (0.0.0.0) neither ends the
//     search nor counts as another address.
//
// A request with more than one Via passed a proxy: Verdict.Proxied is set and
// NATed is not. A nil request, and one that was not received from the network
// (no source was set), is judged by what it says itself.
//
// Detect does not change req, and does not allocate unless TestSDP or
// TestSDPSource are asked of a message with a body (an address that is nearly
// one, such as 1:2:3, costs an allocation all the same).
func Detect(req *sip.Request, tests Test) Verdict {
	var j judgement
	j.request(req, requestPath(req), tests, nil)
	return j.verdict
}

// requestPath is the path as sipgo noted it on the request. Request.Source
// would make one up from the Via where there is none.
func requestPath(req *sip.Request) flow.Flow {
	if req == nil {
		return flow.Flow{}
	}
	f := flow.Flow{Transport: transportOf(req.MessageData.Transport())}
	source := req.MessageData.Source()
	if source == "" {
		return f
	}
	if addr, ok := parseSource(source); ok {
		f.Remote = addr
	}
	return f
}

// transportOf spares the loop of flow.ParseTransport for the spellings of sipgo.
func transportOf(name string) flow.Transport {
	switch name {
	case "UDP", "udp":
		return flow.UDP
	case "TCP", "tcp":
		return flow.TCP
	case "TLS", "tls":
		return flow.TLS
	case "WS", "ws":
		return flow.WS
	case "WSS", "wss":
		return flow.WSS
	case "":
		return 0
	}
	t, _ := flow.ParseTransport(name)
	return t
}

// request judges req. It returns nothing, since a Verdict is large: each function
// that hands it on costs a copy.
func (j *judgement) request(req *sip.Request, f flow.Flow, tests Test, private []netip.Prefix) {
	j.open(f, tests, private)
	if req != nil {
		j.judgeRequest(req)
	}
	j.close()
}

func (j *judgement) judgeRequest(req *sip.Request) {
	vias := 0
	for _, h := range req.Headers() {
		switch h := h.(type) {
		case *sip.ViaHeader:
			if vias++; vias == 1 {
				j.judgeVia(h)
			}
		case *sip.ContactHeader:
			j.judgeContact(h)
		case *sip.CallIDHeader:
			j.callID = string(*h)
		}
	}
	if vias == 0 {
		if via := req.Via(); via != nil { // added as text, not parsed
			j.judgeVia(via)
		}
	}
	j.verdict.Proxied = vias > 1
	if t := uriTransport(&req.Recipient); t == flow.WS || t == flow.WSS {
		j.fire(TestDestination, claim{field: fieldRequestURI, host: t.String()})
	}
	if j.asked&(TestSDP|TestSDPSource) != 0 {
		j.judgeMedia(req)
	}
}

// judgement is a verdict in the making.
type judgement struct {
	verdict Verdict
	src     netip.AddrPort
	asked   Test
	ranges  []netip.Prefix // private beside IsPrivate's
	callID  string

	srcPrivate   bool
	via, contact seen
	origin, conn seen // o= and c= lines
	media        seen // c= and a=rtcp lines
}

// seen is what the addresses of one part of a message turned out to be.
type seen struct {
	source  bool // one is the source address
	private bool // one is private
	port    int32
}

func (j *judgement) open(f flow.Flow, tests Test, ranges []netip.Prefix) {
	if f.Remote.IsValid() {
		j.src = netip.AddrPortFrom(f.Remote.Addr().Unmap().WithZone(""), f.Remote.Port())
	}
	j.asked, j.ranges = tests, ranges
	j.verdict.Source, j.verdict.Transport = j.src, f.Transport
	if j.srcPrivate = j.private(j.src.Addr()); j.srcPrivate {
		j.fire(TestSource, claim{field: fieldSource})
	}
	if f.Transport == flow.WS || f.Transport == flow.WSS {
		j.verdict.WebSocket = true
		j.fire(TestWebSocket, claim{field: fieldTransport})
	}
}

func (j *judgement) close() {
	j.verdict.NATed = j.verdict.fired != 0 && !j.verdict.Proxied
	j.verdict.ALG = j.algFlags()
}

// fire notes that a test fired, if it was asked and has not fired yet.
func (j *judgement) fire(t Test, c claim) {
	if t&j.asked&^j.verdict.fired == 0 {
		return
	}
	j.verdict.fired |= t
	j.verdict.claims[t.slot()] = c
}

// private reports whether addr is, and notes a carrier's.
func (j *judgement) private(addr netip.Addr) bool {
	private, carrier := classify(addr)
	j.verdict.CGNAT = j.verdict.CGNAT || carrier
	if private || len(j.ranges) == 0 {
		return private
	}
	addr = addr.WithZone("")
	for _, p := range j.ranges {
		if p.Contains(addr) || p.Contains(embedded4(addr)) {
			return true
		}
	}
	return false
}

// note classifies one address of a part of the message.
func (j *judgement) note(s *seen, addr netip.Addr) (private bool) {
	if !addr.IsValid() {
		return false
	}
	private = j.private(addr)
	s.source = s.source || addr == j.src.Addr()
	s.private = s.private || private
	return private
}

func (j *judgement) judgeVia(via *sip.ViaHeader) {
	addr := parseHost(via.Host)
	j.note(&j.via, addr)
	j.via.port = portOr(via.Port, transportOf(via.Transport).DefaultPort())
	if j.via.private {
		j.fire(TestVia, claim{field: fieldVia, host: via.Host})
	}
	if !j.src.IsValid() {
		return
	}
	if addr != j.src.Addr() {
		j.fire(TestReceived, claim{field: fieldVia, host: via.Host})
	}
	if j.via.port != int32(j.src.Port()) {
		j.fire(TestPort, claim{field: fieldVia, host: via.Host, port: j.via.port})
	}
}

func (j *judgement) judgeContact(contact *sip.ContactHeader) {
	uri := &contact.Address
	if !isSIP(uri) {
		return
	}
	addr := parseHost(uri.Host)
	port := portOr(uri.Port, uriTransport(uri).DefaultPort())
	isSource := addr.IsValid() && addr == j.src.Addr()
	private := j.note(&j.contact, addr)
	if isSource && j.contact.port != int32(j.src.Port()) {
		j.contact.port = port
	}
	if private {
		j.fire(TestContact, claim{field: fieldContact, host: uri.Host})
	}
	if j.src.IsValid() && port != int32(j.src.Port()) {
		j.fire(TestContactPort, claim{field: fieldContact, host: uri.Host, port: port})
	}
}
