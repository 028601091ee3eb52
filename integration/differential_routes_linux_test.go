// SPDX-FileCopyrightText: 2026 The sipnat authors
// SPDX-License-Identifier: MIT

package integration_test

import (
	"fmt"
	"net/netip"
	"slices"
	"sync"
	"testing"

	"github.com/emiago/sipgo/sip"
	"github.com/stretchr/testify/require"

	"github.com/sipnat/sipnat/flow"
	"github.com/sipnat/sipnat/route"
)

const (
	diffRecords = 400
	diffLooses  = 1200
)

// TestDifferentialRoutes compares record_route and loose_route with route.Router.
func TestDifferentialRoutes(t *testing.T) {
	t.Parallel()
	o := startOracle(t)
	g := newDiffGenerator(diffSeed(t), o.peers)
	r := newDiffRouter()
	byPeer := map[*diffPeer][]*diffRoute{}
	for i := range diffRecords + diffLooses {
		m := g.route(t, o, r, i >= diffRecords)
		byPeer[m.peer] = append(byPeer[m.peer], m)
	}
	var mu sync.Mutex
	counts := map[string]int{}
	var wg sync.WaitGroup
	for _, list := range byPeer {
		wg.Go(func() {
			for _, m := range list {
				name, err := o.compareRoute(r, m)
				if err != nil {
					t.Errorf("%v\n%s", err, m.text)
				}
				mu.Lock()
				counts[name]++
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	t.Logf("%5d of %d are equal", counts[""], diffRecords+diffLooses)
	for _, c := range diffRouteClasses {
		t.Logf("%5d %s", counts[c.name], c.name)
		require.NotZero(t, counts[c.name], "class %s never occurs", c.name)
	}
}

// compareRoute returns the class of the difference, "" for none.
func (o *oracle) compareRoute(r *route.Router, m *diffRoute) (string, error) {
	text, err := o.ask(m.peer, m.to, m.callID(), m.text)
	if err != nil {
		return "", err
	}
	theirs, err := m.theirs(text)
	if err != nil {
		return "", fmt.Errorf("%w\n%s", err, text)
	}
	ours, err := m.ours(r)
	if err != nil {
		return "", err
	}
	if ours.String() == theirs.String() {
		return "", nil
	}
	i := slices.IndexFunc(diffRouteClasses, func(c diffRouteClass) bool { return c.explains(m, ours, theirs) })
	if i < 0 {
		return "", fmt.Errorf("route %d\nours:     %v\nKamailio: %v", m.id, ours, theirs)
	}
	return diffRouteClasses[i].name, nil
}

// route makes the next question about routes.
func (g *diffGenerator) route(t testing.TB, o *oracle, r *route.Router, loose bool) *diffRoute {
	g.n++
	m := &diffRoute{id: g.n, peer: g.peers[g.IntN(len(g.peers))], loose: loose}
	m.to = m.peer.flow.Local
	if m.peer.flow.Transport == flow.UDP && m.to.Addr().Is4() {
		m.to = []netip.AddrPort{oracle4, oracle4b, oracle4port}[g.IntN(3)]
	}
	m.ruri = g.one("sip:", "sip:", "sip:", "sips:") + g.one("bob@192.0.2.200:5080", "bob@example.com", "192.0.2.200;transport=tcp", "bob@[2001:db8:1::2]")
	m.tagged = g.chance(75)
	if !loose {
		m.out = o.out(g)
		m.records = g.foreignRoutes(g.IntN(3))
		m.write()
		return m
	}
	signature := g.signature(t, r, m)
	own := func() string {
		u := g.one("sip:", "sip:", "sip:", "sips:") + g.one("203.0.113.10", "203.0.113.10:5060", "203.0.113.11", "203.0.113.10:5070", "[2001:db8::10]", "[2001:db8::10]:5060") +
			g.one("", "", ";transport=tcp", ";transport=udp") + g.one(";lr", ";lr", ";lr=on", "")
		if g.chance(60) {
			u += ";snr=" + signature
			m.signed = true
		}
		return u
	}
	switch n := g.IntN(20); {
	case n < 7:
		m.routes = []string{own()}
	case n < 13:
		m.routes = []string{own() + ";r2=on", own() + ";r2=on"}
	case n < 15:
		m.routes = []string{own(), own()}
	case n < 16: // what a strict router leaves of one, and of two
		m.ruri = own()
	case n < 17:
		m.ruri, m.routes = own()+";r2=on", []string{own() + ";r2=on"}
	case n < 18:
		m.routes = []string{own() + ";r2=on"}
	}
	m.routes = append(m.routes, g.foreignRoutes(g.IntN(3))...)
	if isOwnRoute(m.ruri) {
		m.routes = append(m.routes, "sip:bob@192.0.2.200:5080")
	}
	m.write()
	return m
}

// out is a flow that leaves from one of the oracle's sockets.
func (o *oracle) out(g *diffGenerator) flow.Flow {
	name := g.one("udp4", "udp4", "tcp4", "udp6", "tcp6")
	f := flow.Flow{Transport: flow.UDP, Local: oracle4, Remote: netip.MustParseAddrPort(o.sinks[name])}
	switch name {
	case "udp4":
		f.Local = []netip.AddrPort{oracle4, oracle4b, oracle4port}[g.IntN(3)]
	case "udp6", "tcp6":
		f.Local = oracle6
	}
	if name[0] == 't' {
		f.Transport = flow.TCP
	}
	return f
}

func (g *diffGenerator) foreignRoutes(n int) []string {
	var list []string
	for range n {
		list = append(list, g.one("sip:", "sip:", "sips:")+g.one("192.0.2.77", "p1.example.net:5066", "tok3n@192.0.2.78:5061", "[2001:db8:2::7]", "203.0.113.10:5099", "192.0.2.79;transport=tcp")+
			g.one(";lr", ";lr", ";lr=on", ";lr;ftag=x;did=1a.2", ";ftag=y"))
	}
	return list
}

// signature is what our Record-Route of the dialog would have held.
func (g *diffGenerator) signature(t testing.TB, r *route.Router, m *diffRoute) string {
	id := sip.CallIDHeader(m.callID())
	req := sip.NewRequest(sip.INVITE, sip.Uri{Scheme: "sip", Host: "example.com"})
	req.AppendHeader(&id)
	f := flow.Flow{Transport: flow.UDP, Local: oracle4, Remote: oracle4b}
	require.NoError(t, r.RecordRoute(req, f, f))
	token, ok := req.RecordRoute().Address.UriParams.Get("snr")
	require.True(t, ok)
	return token
}
