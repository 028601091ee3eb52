// SPDX-FileCopyrightText: 2026 The sipnat authors
// SPDX-License-Identifier: MIT

package relay_test

import (
	"net/netip"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"

	"github.com/sipnat/sipnat/rtpengine"
	"github.com/sipnat/sipnat/rtpengine/relay"
)

// twoNetworks is a relay between an inside network of both families and the
// Internet, to which it is behind a 1:1 NAT in IPv4.
func twoNetworks() relay.Config {
	ip := netip.MustParseAddr
	return relay.Config{Interfaces: []relay.Interface{
		{Name: "internal", Address: ip("10.0.0.5")},
		{Name: "internal", Address: ip("fd00::5")},
		{Name: "external", Address: ip("10.9.0.5"), Advertise: ip(relayIP)},
		{Name: "external6", Address: ip("2001:db8::5")},
	}}
}

const (
	insideA  = "10.0.0.10:4000"
	insideA6 = "[fd00::10]:4000"
	outside6 = "[2001:db8::20]:5000"
	out4     = "internal external"
)

// sdpOf is a phone's SDP in the family of its address.
func sdpOf(addr string, more ...string) []byte {
	at := netip.MustParseAddrPort(addr)
	body := string(audio(netip.AddrPortFrom(netip.MustParseAddr("192.0.2.99"), at.Port()).String(), more...))
	if at.Addr().Is6() {
		body = strings.ReplaceAll(body, "IN IP4", "IN IP6")
	}
	return []byte(strings.ReplaceAll(body, "192.0.2.99", at.Addr().String()))
}

// connection is the c= line of an SDP.
func connection(t *testing.T, sdp []byte) string {
	t.Helper()
	for line := range strings.Lines(string(sdp)) {
		if c, ok := strings.CutPrefix(line, "c="); ok {
			return strings.TrimSpace(c)
		}
	}
	require.Fail(t, "no c=", "%s", sdp)
	return ""
}

// inNetworks runs a test with a relay that has interfaces.
func inNetworks(t *testing.T, cfg relay.Config, test func(t *testing.T, l *lab)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		l := &lab{t: t, net: newMemNet()}
		cfg.Listen = l.net.listen
		r, err := relay.New(cfg)
		require.NoError(t, err)
		l.Relay = r
		defer func() { require.NoError(t, r.Close()) }()
		test(t, l)
	})
}

// talkBetween has both sides send to the other's local port of the relay and
// checks that each hears the other from there.
func (l *lab) talkBetween(a, b *peer, forA, forB netip.AddrPort) {
	l.t.Helper()
	a.got()
	b.got()
	a.send(forA, rtpPacket(1, "from A"))
	require.Equal(l.t, []string{"from A"}, b.got())
	b.send(forB, rtpPacket(2, "from B"))
	require.Equal(l.t, []string{"from B"}, a.got())
}

// at is a party's local RTP port at the relay; with a 1:1 NAT the SDP does not
// say it.
func (l *lab) at(tag string) netip.AddrPort {
	l.t.Helper()
	reply, err := l.Query(l.t.Context(), rtpengine.Params{CallID: "c"})
	require.NoError(l.t, err)
	s := stream(reply, tag, 0)
	return netip.AddrPortFrom(netip.MustParseAddr(s["local address"].(string)), uint16(s["local port"].(int64)))
}

func TestInterfaces(t *testing.T) {
	direction := func(t *testing.T, names string) rtpengine.Flags {
		if names == "" {
			return rtpengine.Flags{}
		}
		a, b, _ := strings.Cut(names, " ")
		return flags(t, "direction="+a+" direction="+b)
	}
	for _, tc := range []struct {
		name, direction, more string
		a, b                  string // the phones
		forB, forA            string // c= of the offer and of the answer as they leave
	}{
		{"inside calls out", out4, "", insideA, addrB, "IN IP4 " + relayIP, "IN IP4 10.0.0.5"},
		{"outside calls in", "external internal", "", addrB, insideA, "IN IP4 10.0.0.5", "IN IP4 " + relayIP},
		{"inside", "internal internal", "", insideA, "10.0.0.11:5000", "IN IP4 10.0.0.5", "IN IP4 10.0.0.5"},
		{"no direction: the first of the family", "", "", insideA, "10.0.0.11:5000", "IN IP4 10.0.0.5", "IN IP4 10.0.0.5"},
		{"inside in IPv6", "internal internal", "", insideA6, "[fd00::11]:5000", "IN IP6 fd00::5", "IN IP6 fd00::5"},
		{"IPv6 to IPv4 of one interface", "internal internal", "address-family=IP4", insideA6, "10.0.0.11:5000", "IN IP4 10.0.0.5", "IN IP6 fd00::5"},
		{"IPv4 to IPv6 of one interface", "", "address-family=IP6", insideA, "[fd00::11]:5000", "IN IP6 fd00::5", "IN IP4 10.0.0.5"},
		{"the other side has one family only", "internal external6", "", insideA, outside6, "IN IP6 2001:db8::5", "IN IP4 10.0.0.5"},
		{"from IPv6 out to IPv4", out4, "", insideA6, addrB, "IN IP4 " + relayIP, "IN IP6 fd00::5"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			inNetworks(t, twoNetworks(), func(t *testing.T, l *lab) {
				f := direction(t, tc.direction).With(flags(t, tc.more))
				sdp, err := l.Offer(t.Context(), rtpengine.Params{CallID: "c", FromTag: "A", SDP: sdpOf(tc.a), Flags: f})
				require.NoError(t, err)
				require.Equal(t, tc.forB, connection(t, sdp))
				sdp, err = l.Answer(t.Context(), rtpengine.Params{CallID: "c", FromTag: "A", ToTag: "B", SDP: sdpOf(tc.b)})
				require.NoError(t, err)
				require.Equal(t, tc.forA, connection(t, sdp))
				a, b := l.net.peer(t, tc.a), l.net.peer(t, tc.b)
				forA, forB := l.at("A"), l.at("B")
				l.talkBetween(a, b, forA, forB)

				// B re-INVITEs, with the direction as it is from there, or without any.
				for _, names := range []string{reversed(tc.direction), ""} {
					p := rtpengine.Params{CallID: "c", FromTag: "B", ToTag: "A", SDP: sdpOf(tc.b, "a=sendonly"), Flags: direction(t, names)}
					sdp, err = l.Offer(t.Context(), p)
					require.NoError(t, err)
					require.Equal(t, tc.forA, connection(t, sdp))
					p.SDP = sdpOf(tc.a, "a=recvonly")
					sdp, err = l.Answer(t.Context(), p)
					require.NoError(t, err)
					require.Equal(t, tc.forB, connection(t, sdp))
					require.Equal(t, []netip.AddrPort{forA, forB}, []netip.AddrPort{l.at("A"), l.at("B")}, "ports stay")
				}
				l.talkBetween(a, b, forA, forB)
			})
		})
	}
}

func reversed(direction string) string {
	a, b, ok := strings.Cut(direction, " ")
	if !ok {
		return ""
	}
	return b + " " + a
}

// What the daemon silently takes for something else.
func TestInterfaceRefusals(t *testing.T) {
	for _, tc := range []struct{ flags, refused string }{
		{"direction=internal direction=elsewhere", "direction=[internal elsewhere]"},
		{"direction=internal direction=external address-family=IP6", "address-family=ip6"},
		{"direction=internal direction=external6 media-address=192.0.2.7", "media-address=192.0.2.7"},
	} {
		t.Run(tc.flags, func(t *testing.T) {
			inNetworks(t, twoNetworks(), func(t *testing.T, l *lab) {
				_, err := l.Offer(t.Context(), rtpengine.Params{CallID: "c", FromTag: "A", SDP: sdpOf(insideA), Flags: flags(t, tc.flags)})
				require.EqualError(t, err, "rtpengine: offer: "+tc.refused+" not supported by this relay")
				require.Zero(t, l.net.count())
			})
		})
	}
	t.Run("in an answer", func(t *testing.T) {
		inNetworks(t, twoNetworks(), func(t *testing.T, l *lab) {
			_, err := l.Offer(t.Context(), rtpengine.Params{CallID: "c", FromTag: "A", SDP: sdpOf(insideA)})
			require.NoError(t, err)
			_, err = l.Answer(t.Context(), rtpengine.Params{CallID: "c", FromTag: "A", ToTag: "B", SDP: sdpOf(addrB), Flags: flags(t, "direction=x direction=internal")})
			require.ErrorContains(t, err, "direction=[x internal] not supported")
			_, err = l.Answer(t.Context(), rtpengine.Params{CallID: "c", FromTag: "A", ToTag: "B", SDP: sdpOf(addrB), Flags: flags(t, "address-family=IP6")})
			require.ErrorContains(t, err, "address-family=ip6 not supported")
		})
	})
}

// A phone that moves from the inside network to the Internet re-INVITEs: its
// ports move with it, but not before that is agreed.
func TestMoveToAnotherInterface(t *testing.T) {
	inNetworks(t, twoNetworks(), func(t *testing.T, l *lab) {
		both := func(addr, direction string) rtpengine.Params {
			p := rtpengine.Params{CallID: "c", FromTag: "A", ToTag: "B", SDP: sdpOf(addr)}
			if direction != "" {
				p.Flags = flags(t, direction)
			}
			return p
		}
		const in, out = "direction=internal direction=external", "direction=external direction=external"
		offer := func(p rtpengine.Params) []byte {
			sdp, err := l.Offer(t.Context(), p)
			require.NoError(t, err)
			return sdp
		}
		answer := func() []byte {
			sdp, err := l.Answer(t.Context(), both(addrB, ""))
			require.NoError(t, err)
			return sdp
		}
		a, b := l.net.peer(t, insideA), l.net.peer(t, addrB)
		offer(both(insideA, in))
		answer()
		forA, forB := l.at("A"), l.at("B")
		const sockets = 4 + 2
		l.talkBetween(a, b, forA, forB)

		require.Equal(t, "IN IP4 "+relayIP, connection(t, offer(both(addrA, out))))
		require.Equal(t, sockets+4, l.net.count(), "both pairs of ports")
		l.talkBetween(a, b, forA, forB) // still by the old ones
		offer(both(addrA, out))
		require.Equal(t, sockets+4, l.net.count(), "a repeated offer takes no more")

		// The re-INVITE was refused, and B makes one: A is where it was.
		back := rtpengine.Params{CallID: "c", FromTag: "B", ToTag: "A", SDP: sdpOf(addrB)}
		offer(back)
		back.SDP = sdpOf(insideA)
		_, err := l.Answer(t.Context(), back)
		require.NoError(t, err)
		require.Equal(t, sockets, l.net.count())
		require.Equal(t, []netip.AddrPort{forA, forB}, []netip.AddrPort{l.at("A"), l.at("B")})

		offer(both(addrA, out))
		offer(both(insideA, in)) // the same, and manage restores
		answer()
		require.Equal(t, sockets, l.net.count())
		require.Equal(t, []netip.AddrPort{forA, forB}, []netip.AddrPort{l.at("A"), l.at("B")})
		l.talkBetween(a, b, forA, forB)

		offer(both(addrA, out))
		require.Equal(t, "IN IP4 "+relayIP, connection(t, answer()))
		moved := l.net.peer(t, addrA)
		require.Equal(t, sockets+1, l.net.count(), "the old ports are closed")
		l.talkBetween(moved, b, l.at("A"), l.at("B"))
		require.NotEqual(t, forA, l.at("A"))
		offer(both(insideA, in))
		require.NoError(t, l.Delete(t.Context(), rtpengine.Params{CallID: "c"}))
		require.Equal(t, 3, l.net.count(), "only the phones' sockets are left")
	})
}

func TestInterfaceConfig(t *testing.T) {
	ip := netip.MustParseAddr
	for _, tc := range []struct {
		name   string
		cfg    relay.Config
		reason string
	}{
		{
			"besides Address",
			relay.Config{Address: ip(relayIP), Interfaces: []relay.Interface{{Name: "a", Address: ip(relayIP)}}},
			"relay: Config has Interfaces, and Address or Advertise besides",
		},
		{"no name", relay.Config{Interfaces: []relay.Interface{{Address: ip(relayIP)}}}, `relay: "" is no name of an interface`},
		{
			"twice",
			relay.Config{Interfaces: []relay.Interface{{Name: "a", Address: ip(relayIP)}, {Name: "a", Address: ip("192.0.2.2")}}},
			`relay: interface "a" is there twice in one family`,
		},
		{"no address", relay.Config{Interfaces: []relay.Interface{{Name: "a"}}}, "relay: Config needs the Address of a host, or Advertise"},
		{"no ports", relay.Config{Interfaces: []relay.Interface{{Name: "a", Address: ip(relayIP)}}, PortMin: 9, PortMax: 8}, "relay: no pair of ports between PortMin and PortMax"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			tc.cfg.Listen = newMemNet().listen
			_, err := relay.New(tc.cfg)
			require.EqualError(t, err, tc.reason)
		})
	}
}

// Two networks that a host with one address behind a 1:1 NAT has: they share the
// ports of that address.
func TestInterfacesShareAnAddress(t *testing.T) {
	ip := netip.MustParseAddr
	cfg := relay.Config{PortMin: 30000, PortMax: 30003, Interfaces: []relay.Interface{
		{Name: "internal", Address: ip("10.0.0.5")},
		{Name: "external", Address: ip("10.0.0.5"), Advertise: ip(relayIP)},
	}}
	inNetworks(t, cfg, func(t *testing.T, l *lab) {
		p := rtpengine.Params{CallID: "c", FromTag: "A", SDP: sdpOf(insideA), Flags: flags(t, "direction=internal direction=external")}
		sdp, err := l.Offer(t.Context(), p)
		require.NoError(t, err)
		require.Equal(t, "IN IP4 "+relayIP, connection(t, sdp))
		p.CallID = "d"
		_, err = l.Offer(t.Context(), p)
		require.ErrorIs(t, err, rtpengine.ErrLoadLimit, "four ports in all")
		p.CallID, p.ToTag, p.SDP = "c", "B", sdpOf(addrB)
		sdp, err = l.Answer(t.Context(), p)
		require.NoError(t, err)
		require.Equal(t, "IN IP4 10.0.0.5", connection(t, sdp))
		l.talkBetween(l.net.peer(t, insideA), l.net.peer(t, addrB), l.at("A"), l.at("B"))
	})
}

// A private address in SDP may be right where the relay's interface has one too:
// then nobody else is believed before the phone speaks. On the Internet's side it
// is wrong for certain, and whoever speaks first may be the phone.
func TestPrivateAddressesByInterface(t *testing.T) {
	for _, tc := range []struct {
		direction string
		passed    int
	}{
		{"direction=internal direction=external", 0},
		{"direction=external direction=internal", 3},
	} {
		t.Run(tc.direction, func(t *testing.T) {
			inNetworks(t, twoNetworks(), func(t *testing.T, l *lab) {
				p := rtpengine.Params{CallID: "c", FromTag: "A", SDP: sdpOf(insideA), Flags: flags(t, tc.direction)}
				_, err := l.Offer(t.Context(), p)
				require.NoError(t, err)
				p.ToTag, p.SDP = "B", sdpOf(addrB)
				_, err = l.Answer(t.Context(), p)
				require.NoError(t, err)
				b, other := l.net.peer(t, addrB), l.net.peer(t, "198.51.100.66:4242")
				other.send(l.at("A"), repeat(3, rtpPacket(66, "x"))...)
				require.Len(t, b.got(), tc.passed)
			})
		})
	}
}
