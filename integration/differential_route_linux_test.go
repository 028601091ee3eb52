// SPDX-FileCopyrightText: 2026 The sipnat authors
// SPDX-License-Identifier: MIT

package integration_test

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/emiago/sipgo/sip"
	"github.com/emiago/sipgo/siptest"

	"github.com/sipnat/sipnat/flow"
	"github.com/sipnat/sipnat/proxy"
	"github.com/sipnat/sipnat/route"
)

// oracleNames are the oracle's sockets, for a route.Router of ours in its place.
type oracleNames struct{}

func (oracleNames) Name(f flow.Flow) (host string, port int) {
	return f.Local.Addr().String(), int(f.Local.Port())
}

func (oracleNames) IsSelf(host string, port int) bool {
	addr, err := netip.ParseAddr(strings.Trim(host, "[]"))
	if port == 0 {
		port = 5060
	}
	own := []netip.AddrPort{oracle4, oracle4b, oracle4port, oracle6}
	return err == nil && slices.Contains(own, netip.AddrPortFrom(addr, uint16(port)))
}

func newDiffRouter() *route.Router {
	return &route.Router{Layer: oracleNames{}, Key: []byte("differential")}
}

// diffRoute is a question about Record-Route or Route.
type diffRoute struct {
	id      int
	peer    *diffPeer
	to      netip.AddrPort // the oracle's socket
	out     flow.Flow      // record: where it goes on
	loose   bool
	tagged  bool     // has a To tag
	signed  bool     // one of the routes has our signature
	ruri    string   // its URI
	records []string // what stands in Record-Route already
	routes  []string
	text    string
}

// diffRouted is an answer: the URIs in the way that routes prints them.
type diffRouted struct {
	code    string // of loose: 1, -1 or -3, as loose_route returns it
	next    string // of loose: where it goes: a Route, or the Request-URI
	ruri    string
	records []string
	routes  []string
}

func (a diffRouted) String() string {
	return fmt.Sprintf("code %s, next %s, ru %s, record-route %q, route %q", a.code, a.next, a.ruri, a.records, a.routes)
}

func (m *diffRoute) callID() string { return fmt.Sprintf("route-%d", m.id) }

// ours asks the router.
func (m *diffRoute) ours(r *route.Router) (diffRouted, error) {
	msg, err := sip.NewParser().ParseSIP([]byte(m.text))
	if err != nil {
		return diffRouted{}, err
	}
	req := msg.(*sip.Request)
	if !m.loose {
		in := m.peer.flow
		in.Local = m.to
		err := r.RecordRoute(req, in, m.out)
		return diffRouted{records: routesIn(req, "Record-Route")}, err
	}
	res, err := r.Loose(req)
	if err != nil {
		return diffRouted{}, err
	}
	a := diffRouted{code: "-1", next: routeURI(req.Recipient)}
	if res.More {
		a.next = routesIn(req, "Route")[0]
	}
	sent, err := m.forwarded(req)
	if err != nil {
		return diffRouted{}, err
	}
	a.ruri, a.routes = routeURI(sent.Recipient), routesIn(sent, "Route")
	switch {
	case res.Driven && !m.tagged && !res.More:
		a.code = "-3" // no dialog that we know, and nowhere to go
	case res.Driven:
		a.code = "1"
	}
	return a, nil
}

// forwarded is req as the forwarder sends it.
func (m *diffRoute) forwarded(req *sip.Request) (*sip.Request, error) {
	tx := siptest.NewServerTxRecorder(req)
	defer tx.Terminate()
	var sent *sip.Request
	fwd := &proxy.Forwarder{Layer: &flow.Layer{}, Branch: []proxy.BranchHook{func(req *sip.Request, _ flow.Leg) error {
		sent = req
		return flow.ErrFlowGone // far enough
	}}}
	fwd.Forward(req, tx, []flow.Target{{URI: req.Recipient, Peer: flow.Peer{Flow: m.peer.flow}}})
	if sent == nil {
		return nil, fmt.Errorf("the forwarder did not send:\n%s", req)
	}
	return sent, nil
}

// theirs reads Kamailio's answer: a relayed request, or a reply with what was found.
func (m *diffRoute) theirs(text string) (diffRouted, error) {
	if !m.loose {
		msg, err := sip.NewParser().ParseSIP([]byte(text))
		if err != nil {
			return diffRouted{}, err
		}
		return diffRouted{records: routesIn(msg, "Record-Route")}, nil
	}
	a := diffRouted{code: headerOf(text, "X-Code")}
	var u sip.Uri
	if err := sip.ParseUri(headerOf(text, "X-RU"), &u); err != nil {
		return a, err
	}
	a.ruri = routeURI(u)
	a.next = a.ruri
	if du := nullIsNone(headerOf(text, "X-DU")); du != "" {
		var next sip.Uri
		if err := sip.ParseUri(du, &next); err != nil {
			return a, err
		}
		a.next = routeURI(next)
	}
	if left := nullIsNone(headerOf(text, "X-Route")); left != "" {
		head := "OPTIONS sip:a@b SIP/2.0\r\nRoute: " + left + "\r\n\r\n"
		msg, err := sip.NewParser().ParseSIP([]byte(head))
		if err != nil {
			return a, err
		}
		a.routes = routesIn(msg, "Route")
	}
	return a, nil
}

func routesIn(msg sip.Message, name string) []string {
	var list []string
	for _, h := range msg.GetHeaders(name) {
		switch h := h.(type) {
		case *sip.RouteHeader:
			list = append(list, routeURI(h.Address))
		case *sip.RecordRouteHeader:
			list = append(list, routeURI(h.Address))
		}
	}
	return list
}

// routeURI is a URI in one form: the port always there, parameters in order,
// without our signature, and lr=on as lr.
func routeURI(u sip.Uri) string {
	port := u.Port
	var params []string
	for _, p := range u.UriParams {
		switch {
		case p.K == "snr":
			continue
		case p.V == "" || p.K == "lr":
			params = append(params, p.K)
		default:
			params = append(params, p.K+"="+strings.ToLower(p.V))
		}
	}
	slices.Sort(params)
	if port == 0 {
		port = 5060
	}
	text := fmt.Sprintf("%s:%s:%d", u.Scheme, u.Host, port)
	if u.User != "" {
		text = fmt.Sprintf("%s:%s@%s:%d", u.Scheme, u.User, u.Host, port)
	}
	return strings.Join(append([]string{text}, params...), ";")
}

// write makes the text.
func (m *diffRoute) write() {
	var b strings.Builder
	line := func(format string, args ...any) { fmt.Fprintf(&b, format+"\r\n", args...) }
	f := m.peer.flow
	line("INVITE %s SIP/2.0", m.ruri)
	line("Via: SIP/2.0/%s %s;branch=z9hG4bKr%d", f.Transport.Upper(), f.Remote, m.id)
	list := func(name string, uris []string) {
		for i, u := range uris {
			if i > 0 && m.id%2 == 0 {
				b.WriteString(", <" + u + ">")
			} else {
				if i > 0 {
					b.WriteString("\r\n")
				}
				b.WriteString(name + ": <" + u + ">")
			}
		}
		if len(uris) > 0 {
			b.WriteString("\r\n")
		}
	}
	list("Record-Route", m.records)
	list("Route", m.routes)
	line("From: <sip:alice@example.com>;tag=f%d", m.id)
	if m.tagged {
		line("To: <sip:bob@example.com>;tag=t%d", m.id)
	} else {
		line("To: <sip:bob@example.com>")
	}
	line("Call-ID: %s", m.callID())
	line("CSeq: 1 INVITE")
	line("Max-Forwards: 70")
	line("Contact: <sip:alice@%s>", f.Remote)
	if m.loose {
		line("X-Ask: loose")
	} else {
		line("X-Ask: record")
		line("X-From: %s:%s", m.out.Transport, m.out.Local)
		line("X-To: sip:%s;transport=%s", m.out.Remote, m.out.Transport)
	}
	line("Content-Length: 0")
	m.text = b.String() + "\r\n"
}
