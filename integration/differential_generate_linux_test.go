// SPDX-FileCopyrightText: 2026 The sipnat authors
// SPDX-License-Identifier: MIT

package integration_test

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
)

// diffGenerator makes messages out of a seed.
type diffGenerator struct {
	*rand.Rand
	peers []*diffPeer
	n     int
}

func newDiffGenerator(seed uint64, peers []*diffPeer) *diffGenerator {
	return &diffGenerator{Rand: rand.New(rand.NewPCG(seed, 3)), peers: peers}
}

// chance is true in so many of a hundred cases.
func (g *diffGenerator) chance(percent int) bool { return g.IntN(100) < percent }

func (g *diffGenerator) one(of ...string) string { return of[g.IntN(len(of))] }

// message makes the next message.
func (g *diffGenerator) message(reply bool) *diffMessage {
	g.n++
	m := &diffMessage{id: g.n, reply: reply, peer: g.peers[g.IntN(len(g.peers))]}
	m.method = g.one("REGISTER", "INVITE", "SUBSCRIBE")
	m.ruri = g.requestURI()
	if reply {
		m.replyVias()
	} else {
		g.requestVias(m)
	}
	g.addContacts(m)
	if g.chance(55) {
		m.sdp = g.media(m.peer)
	}
	m.write()
	return m
}

// requestVias are those of a phone; a few phones have a proxy of their own.
func (g *diffGenerator) requestVias(m *diffMessage) {
	m.vias = []diffVia{g.via(m.peer, 0)}
	for i := 1; i < 3 && g.chance(10); i++ {
		m.vias = append(m.vias, g.via(m.peer, i))
	}
}

// replyVias are Kamailio's own, and the one that leads back to the sender.
func (m *diffMessage) replyVias() {
	local, remote := m.peer.flow.Local, m.peer.flow.Remote
	upper := m.peer.flow.Transport.Upper()
	own := diffVia{transport: upper, host: bracketed(local.Addr()), port: int(local.Port()), params: ";branch=z9hG4bKown"}
	next := diffVia{transport: upper, host: bracketed(remote.Addr()), port: int(remote.Port()), nextLine: m.id%2 == 0}
	next.params = fmt.Sprintf(";branch=z9hG4bKd%d", m.id)
	m.vias = []diffVia{own, next}
}

func (g *diffGenerator) via(p *diffPeer, i int) diffVia {
	v := diffVia{
		transport: p.flow.Transport.Upper(), host: g.host(p), port: g.port(p),
		params: fmt.Sprintf(";branch=z9hG4bKd%d.%d", g.n, i), nextLine: g.chance(50), compact: g.chance(30),
	}
	if g.chance(8) {
		v.transport = g.one("TLS", "WS", "WSS")
	}
	switch g.IntN(10) {
	case 0, 1, 2:
		v.params += ";rport"
	case 3:
		v.params = ";rport" + v.params
	case 4:
		v.params += ";rport=" + g.one("5060", "40112", "1")
	case 5:
		v.params += ";received=" + g.one("9.9.9.9", "203.0.113.50")
	case 6:
		v.params += ";maddr=10.9.9.9;ttl=1;x=\"a;b\""
	}
	return v
}

// host is where somebody says that he is: often the truth.
func (g *diffGenerator) host(p *diffPeer) string {
	addr := p.flow.Remote.Addr()
	switch n := g.IntN(20); {
	case n < 8:
		return bracketed(addr)
	case n < 12:
		return g.one("10.0.0.5", "10.255.255.255", "192.168.1.100", "172.16.0.0", "172.31.255.254", "100.64.0.0", "100.127.0.1", "192.0.0.7", "192.0.0.171")
	case n < 14:
		return g.one("8.8.4.4", "9.255.255.255", "11.0.0.1", "172.15.255.255", "172.32.0.1", "192.167.255.255", "192.169.0.1", "100.63.255.255",
			"100.128.0.1", "192.0.1.1", "191.255.255.255", "126.0.0.1", "128.0.0.1", "169.253.1.1", "198.17.255.255", "198.20.0.1", "[fec0::1]", "[fb00::1]")
	case n < 15:
		return g.one("169.254.1.1", "127.0.0.1", "198.18.7.7", "198.19.255.1", "0.0.0.0")
	case n < 16:
		return g.one("[fd12::1]", "[fe80::1]", "[::1]", "[::ffff:10.0.0.5]", "[64:ff9b::10.0.0.5]", "[2001:db8:1::9]")
	case n < 17 && addr.Is6():
		return g.one("[2001:DB8::50]", "[2001:db8:0::50]", "[2001:0db8::0050]", "[FD00::50]", "[fd00:0:0::50]")
	case n < 17:
		return g.one("010.0.0.1", "10.0.0.010", "10.1", "0x0a.0.0.1", "192.168.1.999", "10.0.0")
	case n < 18:
		return g.one("phone.invalid", "df7jal23ls0d.invalid")
	}
	return g.one("phone.example.com", "localhost", "Gateway.Example.NET", "a-1.example")
}

// port is 0 for none.
func (g *diffGenerator) port(p *diffPeer) int {
	switch n := g.IntN(10); {
	case n < 4:
		return int(p.flow.Remote.Port())
	case n < 8:
		return 0
	}
	return []int{5060, 5061, 40112, 1024, 65535}[g.IntN(5)]
}

// media is a session description.
func (g *diffGenerator) media(p *diffPeer) *diffSDP {
	s := &diffSDP{contentType: "application/sdp", origin: g.sdpHost(p)}
	if g.chance(20) {
		s.contentType = g.one("Application/SDP", "application/sdp;charset=utf-8", "application/sdp ; x=y")
	}
	if g.chance(10) {
		s.multipart, s.contentType = true, "multipart/mixed;boundary=cut"
	}
	if g.chance(4) {
		s.multipart, s.contentType = false, g.one("text/plain", "application/dtmf-relay")
	}
	if g.chance(70) {
		s.session = g.sdpHost(p)
	}
	for range 1 + g.IntN(3) {
		media := diffMedia{port: 4000 + g.IntN(1000)}
		if s.session == "" || g.chance(40) {
			media.conn = g.sdpHost(p)
		}
		if g.chance(5) {
			media.port = 0
		}
		s.media = append(s.media, media)
	}
	return s
}

func (g *diffGenerator) sdpHost(p *diffPeer) string {
	switch n := g.IntN(20); {
	case n < 9:
		return p.flow.Remote.Addr().String()
	case n < 13:
		return g.one("10.0.0.5", "192.168.1.100", "172.16.0.1", "100.64.0.9", "192.0.0.2")
	case n < 15:
		return g.one("0.0.0.0", "::")
	case n < 16:
		return g.one("127.0.0.1", "169.254.1.1", "198.18.0.9")
	case n < 17:
		return g.one("fd00::7", "2001:db8::50", "::ffff:10.0.0.5")
	case n < 18:
		return g.one("media.example.com", "phone.invalid")
	}
	return g.one("8.8.4.4", "203.0.113.50")
}

// requestURI often has an alias, good or bad.
func (g *diffGenerator) requestURI() diffURI {
	u := diffURI{scheme: "sip", user: g.one("bob", "bob", "", "+4930123", "a%20b"), host: g.one("203.0.113.10", "example.com", "192.168.9.9", "[2001:db8::10]")}
	if g.chance(3) {
		return diffURI{raw: g.one("tel:+4930123", "tel:+49-30;phone-context=x")}
	}
	if g.chance(10) {
		u.scheme = "sips"
	}
	if g.chance(30) {
		u.port = []int{5060, 5070, 5061}[g.IntN(3)]
	}
	u.params = g.uriParams()
	if u.user != "" && g.chance(6) {
		u.user += g.one(";alias=10.0.0.1~5060~1", ";isub=1")
	}
	for range [...]int{0, 1, 1, 1, 1, 1, 1, 1, 2, 0}[g.IntN(10)] {
		u.params = slices.Insert(u.params, g.IntN(len(u.params)+1), g.alias())
	}
	return u
}

func (g *diffGenerator) uriParams() []string {
	var params []string
	for _, p := range []string{"transport=udp", "transport=tcp", "transport=TLS", "transport=ws", "ob", "user=phone", "maddr=10.9.9.9", "x=y", "lr"} {
		if g.chance(8) {
			params = append(params, p)
		}
	}
	g.Shuffle(len(params), func(i, j int) { params[i], params[j] = params[j], params[i] })
	transports := 0
	return slices.DeleteFunc(params, func(p string) bool { // one of them will do
		if len(p) > 9 && p[:9] == "transport" {
			transports++
			return transports > 1
		}
		return false
	})
}

// alias is Kamailio's parameter, in its form or nearly.
func (g *diffGenerator) alias() string {
	host := g.one("198.51.100.7", "203.0.113.50", "10.1.2.3", "[2001:db8::50]")
	port := g.one("5060", "40112", "1", "65535")
	proto := g.one("1", "1", "2", "3", "5", "6")
	if g.chance(60) {
		return "alias=" + host + "~" + port + "~" + proto
	}
	switch g.IntN(8) {
	case 0:
		host = g.one("host.name", "2001:db8::50", "%31.2.3.4", "1.2.3", "010.0.0.1", "")
	case 1:
		port = g.one("0", "99999", "x", "", "05060", "65536")
	case 2:
		proto = g.one("0", "4", "7", "9", "x", "", "11")
	case 3:
		return g.one("alias="+host+"~"+port, "alias="+host, "alias=", "alias=", "alias=", "alias", "alias=~~", "alias=a~b")
	case 4:
		return g.one("ALIAS=", "Alias=", "aliasx=", "xalias=") + host + "~" + port + "~" + proto
	case 5:
		return "alias=" + g.one("[::2]~99~1", "1.2.3.4~5~1", "1.1.1.1~1~1", "[::]~5~1", "0.0.0.0~5~1")
	case 6:
		host = g.one("[::ffff:1.2.3.4]", "[fe80::1]", "[1.2.3.4]", "[2001:DB8::50]")
	case 7:
		return "alias=" + host + "~" + port + "~" + proto + g.one("~1", "~", "=1")
	}
	return "alias=" + host + "~" + port + "~" + proto
}

// bracketed is addr as a URI and a Via have it.
func bracketed(addr netip.Addr) string {
	if addr.Is6() {
		return "[" + addr.String() + "]"
	}
	return addr.String()
}
