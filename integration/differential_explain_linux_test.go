// SPDX-FileCopyrightText: 2026 The sipnat authors
// SPDX-License-Identifier: MIT

package integration_test

import (
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"github.com/emiago/sipgo/sip"

	"github.com/sipnat/sipnat/flow"
	"github.com/sipnat/sipnat/nat"
)

// contactEach: Kamailio tests and changes one Contact, the last of the first
// header field; we all of them.
func contactEach(d diffDifference) bool {
	read := d.m.read()
	switch d.what {
	case "contact":
		return d.contact != read && d.theirs.contacts[d.contact] == d.m.plain()[d.contact]
	case "bit":
		if !d.oursOnly() {
			return false
		}
		for i, c := range d.m.contacts {
			if i != read && (d.bit == nat.TestContact && weCallPrivate(c.uri.host) ||
				d.bit == nat.TestContactPort && c.uri.raw == "" && c.uri.port != int(d.m.peer.flow.Remote.Port())) {
				return true
			}
		}
	}
	return false
}

// plain is the Contacts as they were sent, as sipgo prints them.
func (m *diffMessage) plain() []string {
	msg, err := sip.NewParser().ParseSIP([]byte(m.text))
	if err != nil {
		return nil
	}
	return contactsOf(msg)
}

// privateRanges: Kamailio knows RFC 1918, 6598 and 192.0.0.0/24 of IPv4 only.
func privateRanges(d diffDifference) bool {
	if d.what != "bit" || !d.oursOnly() {
		return false
	}
	beyond := func(host string) bool { return weCallPrivate(host) && !kamailioCallsPrivate(host) }
	switch d.bit {
	case nat.TestContact:
		return len(d.m.contacts) > 0 && beyond(d.m.contacts[d.m.read()].uri.host)
	case nat.TestVia:
		return beyond(d.m.vias[0].host)
	case nat.TestSource:
		return beyond(d.m.peer.flow.Remote.Addr().String())
	case nat.TestSDP:
		return slices.ContainsFunc(d.m.sdp.conns(), beyond) && !slices.ContainsFunc(d.m.sdp.conns(), kamailioCallsPrivate)
	}
	return false
}

// conns are the addresses of the c= lines.
func (s *diffSDP) conns() []string {
	var all []string
	if s.session != "" {
		all = append(all, s.session)
	}
	for _, m := range s.media {
		if m.conn != "" {
			all = append(all, m.conn)
		}
	}
	return all
}

// addressSpelling: Kamailio reads octal, hexadecimal and short forms of IPv4.
func addressSpelling(d diffDifference) bool {
	if d.what != "bit" || d.oursOnly() {
		return false
	}
	loose := func(host string) bool {
		_, err := netip.ParseAddr(host)
		return err != nil && kamailioCallsPrivate(host)
	}
	return d.bit == nat.TestContact && loose(d.m.contacts[d.m.read()].uri.host) ||
		d.bit == nat.TestVia && loose(d.m.vias[0].host)
}

// addressText: Kamailio compares the Via with the source as text.
func addressText(d diffDifference) bool {
	if d.what != "bit" || d.bit != nat.TestReceived || d.oursOnly() || d.m.reply {
		return false
	}
	host := strings.Trim(d.m.vias[0].host, "[]")
	addr, err := netip.ParseAddr(host)
	return err == nil && addr == d.m.peer.flow.Remote.Addr() && !strings.EqualFold(host, addr.String())
}

// defaultPort: without a port Kamailio always takes 5060, we that of the transport.
func defaultPort(d diffDifference) bool {
	if d.what != "bit" {
		return false
	}
	src := d.m.peer.flow.Remote.Port()
	var t flow.Transport
	switch d.bit {
	case nat.TestPort:
		via := d.m.vias[0]
		if d.m.reply || via.port != 0 {
			return false
		}
		t, _ = flow.ParseTransport(via.transport)
	case nat.TestContactPort:
		uri := d.m.contacts[d.m.read()].uri
		if uri.raw != "" || uri.port != 0 {
			return false
		}
		name, _ := uri.param("transport")
		t, _ = flow.ParseTransport(name)
		if uri.scheme == "sips" {
			t = flow.TLS
			if strings.EqualFold(name, "ws") {
				t = flow.WSS
			}
		}
	default:
		return false
	}
	return d.oursOnly() == (src == 5060) && (src == 5060 && t.DefaultPort() != 5060 || src == t.DefaultPort())
}

// sdpScanStops: Kamailio looks at no stream behind a held one or one of IPv6.
func sdpScanStops(d diffDifference) bool {
	if d.what != "bit" || d.bit != nat.TestSDP || !d.oursOnly() {
		return false
	}
	stopped := false
	for _, m := range d.m.sdp.media {
		addr := m.conn
		if addr == "" {
			addr = d.m.sdp.session
		}
		if stopped && kamailioCallsPrivate(addr) {
			return true
		}
		stopped = stopped || addr == "0.0.0.0" || strings.Contains(addr, ":")
	}
	return false
}

// sdpSessionUnused: a private c= of the session says something about the phone
// even if every stream has its own.
func sdpSessionUnused(d diffDifference) bool {
	return d.what == "bit" && d.bit == nat.TestSDP && d.oursOnly() && kamailioCallsPrivate(d.m.sdp.session) &&
		!slices.ContainsFunc(d.m.sdp.media, func(m diffMedia) bool { return m.conn == "" })
}

// sdpMediaLevel: Kamailio's 256 looks at c= lines of the session only.
func sdpMediaLevel(d diffDifference) bool {
	if d.what != "bit" || d.bit != nat.TestSDPSource || !d.oursOnly() {
		return false
	}
	other := func(host string) bool {
		addr, err := netip.ParseAddr(host)
		return err == nil && !addr.IsUnspecified() && addr.Unmap() != d.m.peer.flow.Remote.Addr()
	}
	return !other(d.m.sdp.session) && slices.ContainsFunc(d.m.sdp.media, func(m diffMedia) bool { return other(m.conn) })
}

// sdpHold: Kamailio's 256 fires on the null address of a held session.
func sdpHold(d diffDifference) bool {
	return d.what == "bit" && d.bit == nat.TestSDPSource && !d.oursOnly() &&
		(d.m.sdp.session == "0.0.0.0" || d.m.sdp.session == "::")
}

// sdpMapped: Kamailio does not read IPv4 addresses that are mapped into IPv6.
func sdpMapped(d diffDifference) bool {
	return d.what == "bit" && d.bit == nat.TestSDPSource && d.oursOnly() && strings.HasPrefix(d.m.sdp.session, "::ffff:")
}

// replyRegister: the Contacts of a reply to REGISTER are everybody's.
func replyRegister(d diffDifference) bool {
	return d.what == "bit" && d.m.reply && d.m.method == "REGISTER" && !d.oursOnly() &&
		(d.bit == nat.TestContact || d.bit == nat.TestContactPort)
}

// replyVia: in a reply Kamailio holds its own Via, the first, and the one before
// us against the source; we the Contact.
func replyVia(d diffDifference) bool {
	if d.what != "bit" || !d.m.reply {
		return false
	}
	remote, local := d.m.peer.flow.Remote, d.m.peer.flow.Local
	theirs := !d.oursOnly()
	switch d.bit {
	case nat.TestReceived:
		return theirs == (remote.Addr() != local.Addr())
	case nat.TestPort:
		return theirs == (remote.Port() != local.Port())
	}
	return false
}

// aliasEcho: a phone sends back the alias that it was told. Kamailio puts
// another one in front, or leaves the old one where none is needed; we replace it.
func aliasEcho(d diffDifference) bool {
	if d.what != "contact" || d.contact != d.m.read() {
		return false
	}
	uri := d.m.contacts[d.contact].uri
	if !slices.ContainsFunc(uri.params, func(p string) bool { return p == "alias" || strings.HasPrefix(p, "alias=") }) {
		return false
	}
	if d.theirs.contacts[d.contact] == d.m.plain()[d.contact] && !strings.Contains(d.ours.contacts[d.contact], ";alias=") {
		return true // none needed
	}
	own := legacyAlias(d.m.peer.flow)
	return strings.Contains(d.theirs.raw, own+";") && strings.Contains(d.ours.contacts[d.contact], own) &&
		withoutAliases(d.theirs.contacts[d.contact]) == withoutAliases(d.ours.contacts[d.contact])
}

// aliasBareInstance: Kamailio takes a "<" in a header parameter for the bracket of
// the URI, and so puts the alias of a Contact without brackets outside the URI.
func aliasBareInstance(d diffDifference) bool {
	if d.what != "contact" || d.contact != d.m.read() {
		return false
	}
	c := d.m.contacts[d.contact]
	return c.bare && strings.Contains(c.params, "<") &&
		strings.Contains(d.theirs.raw, c.uri.String()+legacyAlias(d.m.peer.flow)+c.params) &&
		strings.HasPrefix(d.ours.contacts[d.contact], "<"+c.uri.String()+legacyAlias(d.m.peer.flow)+">")
}

func legacyAlias(f flow.Flow) string {
	return ";alias=" + bracketed(f.Remote.Addr()) + "~" + strconv.Itoa(int(f.Remote.Port())) + "~" + strconv.Itoa(int(f.Transport))
}

// withoutAliases cuts the aliases out of a Contact or URI.
func withoutAliases(s string) string {
	var b strings.Builder
	for {
		before, after, ok := strings.Cut(s, ";alias")
		b.WriteString(before)
		if !ok {
			return b.String()
		}
		s = after[min(len(after), strings.IndexAny(after+";", ";>?")):]
	}
}
