// SPDX-FileCopyrightText: 2026 The sipnat authors
// SPDX-License-Identifier: MIT

package integration_test

import (
	"fmt"
	"slices"
)

// addContacts gives m none, "*", one or several Contacts.
func (g *diffGenerator) addContacts(m *diffMessage) {
	switch n := g.IntN(100); {
	case n < 4:
		return
	case n < 8:
		m.contacts = []diffContact{{uri: diffURI{raw: "*"}, compact: g.chance(30)}}
		return
	}
	compact := g.chance(30)
	for i := 0; i < 1 || i < 3 && g.chance(18); i++ {
		c := g.contact(m.peer)
		c.compact, c.nextLine = compact, g.chance(40)
		if c.bare && i > 0 {
			c.nextLine = true // sipgo reads a comma behind a bare URI well enough, people do not
		}
		m.contacts = append(m.contacts, c)
	}
}

func (g *diffGenerator) contact(p *diffPeer) diffContact {
	if g.chance(2) {
		return diffContact{uri: diffURI{raw: g.one("tel:+4930123", "mailto:bob@example.com")}}
	}
	c := diffContact{uri: diffURI{scheme: "sip", user: g.one("alice", "alice", "", "al%69ce", "sip*1", "a;b=c"), host: g.host(p), port: g.port(p)}}
	if g.chance(8) {
		c.uri.scheme = "sips"
	}
	if c.uri.user == "" && p.flow.Remote.Addr().Is6() {
		c.uri.user = "alice" // see sipgoBracket: neither answer could be read
	}
	c.display = g.one("", "", "", "Bob ", "\"Bob\" ", "\"B, <sip:x@10.0.0.1> \\\"q\\\"\" ", "\"\"")
	c.params = g.one("", "", ";expires=60", ";q=0.5;expires=3600", ";+sip.instance=\"<urn:uuid:0-1>\"", ";received=\"sip:6.6.6.6:6666\"")
	if g.chance(15) {
		c.bare, c.display, c.uri.user = true, "", "alice"
		return c
	}
	c.uri.params = g.uriParams()
	if g.chance(40) && !hasTransport(c.uri) {
		c.uri.params = append(c.uri.params, "transport="+p.flow.Transport.String())
	}
	if g.chance(8) && c.uri.user != "" {
		c.uri.params = slices.Insert(c.uri.params, g.IntN(len(c.uri.params)+1), g.alias())
	}
	if g.chance(5) {
		c.uri.headers = fmt.Sprintf("X-H=%d&Y=z", g.n)
	}
	return c
}

func hasTransport(u diffURI) bool {
	_, ok := u.param("transport")
	return ok
}
