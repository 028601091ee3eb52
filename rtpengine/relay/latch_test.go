// SPDX-FileCopyrightText: 2026 The sipnat authors
// SPDX-License-Identifier: MIT

package relay_test

import (
	"net/netip"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sipnat/sipnat/rtpengine"
	"github.com/sipnat/sipnat/rtpengine/relay"
)

const (
	natted   = "nat"   // received-from, SIP-source-address and strict-source: a phone behind NAT
	known    = "known" // received-from alone
	silently = ""      // signalled by nothing but SDP
)

// scene is a call between A, whose port is attacked, and B.
type scene struct {
	*lab
	a, b, evil *peer
	forA, forB netip.AddrPort
}

const (
	publicA = "198.51.100.10"
	evilIP  = "198.51.100.66"
)

// stage sets up a call in which A signals sdp in the manner of mode; its packets
// come from heard, the attacker's from evil.
func stage(t *testing.T, l *lab, mode, sdp, heard, evil string) *scene {
	t.Helper()
	s := &scene{lab: l, a: l.net.peer(t, heard), b: l.net.peer(t, addrB), evil: l.net.peer(t, evil)}
	s.forB = l.offer(s.params(mode, sdp))
	s.forA = l.answer(rtpengine.Params{CallID: "c", FromTag: "A", ToTag: "B", SDP: audio(addrB)})
	return s
}

func (s *scene) params(mode, sdp string) rtpengine.Params {
	p := rtpengine.Params{CallID: "c", FromTag: "A", SDP: audio(sdp)}
	switch mode {
	case natted:
		p.ReceivedFrom = netip.MustParseAddr(publicA)
		p.Flags = flags(s.t, "endpoint-learning-heuristic strict-source SIP-source-address")
	case known:
		p.ReceivedFrom = netip.MustParseAddr(publicA)
	}
	return p
}

// reinvite renews A's offer, unchanged but for its address.
func (s *scene) reinvite(mode, sdp string) {
	p := s.params(mode, sdp)
	p.ToTag = "B"
	s.offer(p)
	s.answer(rtpengine.Params{CallID: "c", FromTag: "A", ToTag: "B", SDP: audio(addrB)})
}

// toA reports who of A and the attacker gets B's media.
func (s *scene) toA() (a, evil int) {
	s.a.got()
	s.evil.got()
	s.b.send(s.forB, repeat(3, rtpPacket(2, "B"))...)
	return len(s.a.got()), len(s.evil.got())
}

// inject is how many of the attacker's packets reach B.
func (s *scene) inject(n int) int {
	s.b.got()
	s.evil.send(s.forA, repeat(n, rtpPacket(66, "evil"))...)
	return len(s.b.got())
}

// talk is how many of A's packets reach B.
func (s *scene) talk(n int) int {
	s.b.got()
	s.a.send(s.forA, repeat(n, rtpPacket(1, "A"))...)
	return len(s.b.got())
}

func TestLatching(t *testing.T) {
	const (
		lan    = "192.168.1.10:4000"
		mapped = publicA + ":31337" // where the NAT has A's port
		other  = evilIP + ":4242"
	)
	for _, tc := range []struct {
		name, mode, sdp, heard, evil string
		early                        int // attacker's packets that pass before A spoke
		toEvil                       int // B's packets of 3 that the attacker gets then
	}{
		{name: "far-end NAT, signalled as such", mode: natted, sdp: lan, heard: mapped, evil: other},
		{name: "far-end NAT, the attacker has the signalled port", mode: natted, sdp: lan, heard: mapped, evil: evilIP + ":4000"},
		{name: "far-end NAT, source known, not strict", mode: known, sdp: lan, heard: mapped, evil: other},
		{name: "SDP address right", mode: silently, sdp: addrA, heard: addrA, evil: other},
		{name: "SDP address right, port not", mode: silently, sdp: addrA, heard: mapped, evil: evilIP + ":4000"},
		// Who the phone is cannot be told until the one with the better rank speaks.
		{name: "far-end NAT, signalled by nothing, port kept", mode: silently, sdp: lan, heard: publicA + ":4000", evil: other, early: 20, toEvil: 3},
	} {
		t.Run(tc.name, func(t *testing.T) {
			inLab(t, relay.Config{}, func(t *testing.T, l *lab) {
				s := stage(t, l, tc.mode, tc.sdp, tc.heard, tc.evil)
				require.Equal(t, tc.early, s.inject(20), "injection before A speaks")
				_, evil := s.toA()
				require.Equal(t, tc.toEvil, evil, "theft before A speaks")

				require.Equal(t, 1, s.talk(1), "A's first packet passes")
				a, evil := s.toA()
				require.Equal(t, []int{3, 0}, []int{a, evil}, "A has the media from its first packet on")
				require.Zero(t, s.inject(20))

				s.talk(5)
				time.Sleep(4 * time.Second)
				s.talk(1)
				require.Zero(t, s.inject(20), "locked")
				time.Sleep(30 * time.Second)
				require.Zero(t, s.inject(20), "locked, however long A is silent")
				a, evil = s.toA()
				require.Equal(t, []int{3, 0}, []int{a, evil})

				s.reinvite(tc.mode, tc.sdp)
				a, evil = s.toA()
				require.Equal(t, []int{3, 0}, []int{a, evil}, "a re-INVITE moves no media")
				require.Equal(t, 3, s.talk(3))
				require.Zero(t, s.inject(20), "nor does it open the port")
			})
		})
	}
}

func TestLatchRules(t *testing.T) {
	const lan, mapped, other = "192.168.1.10:4000", publicA + ":31337", evilIP + ":4242"
	t.Run("five packets of rank 2 lock, four do not", func(t *testing.T) {
		inLab(t, relay.Config{}, func(t *testing.T, l *lab) {
			s := stage(t, l, natted, lan, mapped, publicA+":4000")
			require.Equal(t, 4, s.talk(4))
			require.Equal(t, 5, s.inject(5), "the exact signalled source is better")
			require.Zero(t, s.talk(1), "and locked now")
		})
	})
	t.Run("a change of SSRC starts the count again", func(t *testing.T) {
		inLab(t, relay.Config{}, func(t *testing.T, l *lab) {
			s := stage(t, l, natted, lan, mapped, publicA+":4000")
			s.talk(4)
			s.a.send(s.forA, rtpPacket(9, "A"))
			require.Equal(t, 1, s.inject(1))
		})
	})
	t.Run("the same rank takes over after half a second of silence only", func(t *testing.T) {
		inLab(t, relay.Config{}, func(t *testing.T, l *lab) {
			s := stage(t, l, natted, lan, mapped, publicA+":31338")
			require.Equal(t, 1, s.talk(1))
			require.Zero(t, s.inject(1))
			time.Sleep(499 * time.Millisecond)
			require.Zero(t, s.inject(1))
			time.Sleep(time.Millisecond)
			require.Equal(t, 1, s.inject(1))
		})
	})
	t.Run("the end of the window locks the best so far", func(t *testing.T) {
		inLab(t, relay.Config{}, func(t *testing.T, l *lab) {
			s := stage(t, l, silently, addrA, addrA, other)
			require.Zero(t, s.inject(1))
			time.Sleep(3 * time.Second)
			require.Equal(t, 1, s.inject(1), "a phone that signalled a wrong public address is heard at last")
			require.Zero(t, s.talk(1))
		})
	})
	t.Run("who was locked stays heard through a re-INVITE, whatever the rank", func(t *testing.T) {
		inLab(t, relay.Config{}, func(t *testing.T, l *lab) {
			s := stage(t, l, silently, "198.51.100.99:4000", mapped, other) // a wrong public address
			s.talk(1)
			time.Sleep(3 * time.Second)
			require.Equal(t, 1, s.talk(1))
			s.reinvite(silently, "198.51.100.99:4000")
			a, _ := s.toA()
			require.Equal(t, 3, a)
			require.Equal(t, 1, s.talk(1))
			require.Zero(t, s.inject(3))
		})
	})
	t.Run("strict: never", func(t *testing.T) {
		inLab(t, relay.Config{}, func(t *testing.T, l *lab) {
			s := stage(t, l, natted, lan, mapped, other)
			s.inject(1)
			time.Sleep(time.Minute - time.Second)
			require.Zero(t, s.inject(10))
			require.Equal(t, 1, s.talk(1))
		})
	})
	t.Run("a phone that roamed re-INVITEs and is heard at once", func(t *testing.T) {
		inLab(t, relay.Config{}, func(t *testing.T, l *lab) {
			s := stage(t, l, natted, lan, mapped, other)
			s.talk(9)
			moved := l.net.peer(t, "203.0.113.77:1234")
			moved.send(s.forA, rtpPacket(1, "A"))
			require.Empty(t, s.b.got(), "not before")
			p := s.params(natted, lan)
			p.ToTag, p.ReceivedFrom = "B", netip.MustParseAddr("203.0.113.77")
			s.offer(p)
			moved.send(s.forA, rtpPacket(1, "A"))
			require.Len(t, s.b.got(), 1)
			s.b.send(s.forB, rtpPacket(2, "B"))
			require.Len(t, moved.got(), 1)
			require.Zero(t, s.talk(3), "the old place is locked out")
		})
	})
	t.Run("the same answer again does not open the lock", func(t *testing.T) {
		inLab(t, relay.Config{}, func(t *testing.T, l *lab) {
			s := stage(t, l, silently, addrA, addrA, "203.0.113.20:5555") // the IP of B
			s.b.send(s.forB, repeat(5, rtpPacket(2, "B"))...)
			time.Sleep(time.Second)
			s.answer(rtpengine.Params{CallID: "c", FromTag: "A", ToTag: "B", SDP: audio(addrB)})
			s.a.got()
			s.evil.send(s.forB, rtpPacket(66, "evil"))
			require.Empty(t, s.a.got())
			require.Equal(t, 1, s.talk(1))
		})
	})
	t.Run("asymmetric: media goes to the signalled address", func(t *testing.T) {
		inLab(t, relay.Config{}, func(t *testing.T, l *lab) {
			s := &scene{lab: l, a: l.net.peer(t, addrA), b: l.net.peer(t, addrB), evil: l.net.peer(t, other)}
			s.forB = l.offer(rtpengine.Params{CallID: "c", FromTag: "A", SDP: audio(addrA), Flags: flags(t, "asymmetric")})
			s.forA = l.answer(rtpengine.Params{CallID: "c", FromTag: "A", ToTag: "B", SDP: audio(addrB)})
			l.net.peer(t, publicA+":9999").send(s.forA, repeat(9, rtpPacket(1, "A"))...)
			require.Len(t, s.b.got(), 9)
			require.Zero(t, s.inject(1))
			a, evil := s.toA()
			require.Equal(t, []int{3, 0}, []int{a, evil})
		})
	})
	t.Run("guesses are relayed at a limited rate", func(t *testing.T) {
		inLab(t, relay.Config{}, func(t *testing.T, l *lab) {
			s := stage(t, l, silently, lan, mapped, other)
			require.Equal(t, 500, s.talk(700))
			time.Sleep(time.Second)
			require.Equal(t, 10, s.talk(10))
		})
	})
}

func TestOnlyMediaPasses(t *testing.T) {
	inLab(t, relay.Config{}, func(t *testing.T, l *lab) {
		forA, _ := l.call()
		a, b := l.net.peer(t, addrA), l.net.peer(t, addrB)
		for name, packet := range map[string][]byte{
			"empty":        {},
			"keepalive":    {0, 0, 0, 0},
			"short RTP":    rtpPacket(1, "")[:11],
			"RTP 1":        append([]byte{0x40}, rtpPacket(1, "x")[1:]...),
			"STUN":         append([]byte{0, 1, 0, 0, 0x21, 0x12, 0xa4, 0x42}, make([]byte, 12)...),
			"DTLS":         append([]byte{22, 254, 253}, make([]byte, 20)...),
			"perhaps cut":  append(rtpPacket(1, "x"), make([]byte, 4096)...),
			"SIP":          []byte("OPTIONS sip:x SIP/2.0\r\n\r\n"),
			"RTP for RTCP": nil,
		} {
			to := forA
			if packet == nil {
				to, packet = next(forA), rtpPacket(1, "x")
			}
			a.send(to, packet)
			require.Empty(t, b.got(), name)
		}
		a.send(forA, rtpPacket(1, "x"))
		require.Len(t, b.got(), 1)
	})
}

// RTCP follows RTP: a stranger does not get the reports either.
func TestRTCPFollowsRTP(t *testing.T) {
	const lan, mapped, other = "192.168.1.10:4000", publicA + ":31337", evilIP + ":4242"
	inLab(t, relay.Config{}, func(t *testing.T, l *lab) {
		s := stage(t, l, silently, lan, mapped, other)
		bctl := l.net.peer(t, "203.0.113.20:5001")
		actl := l.net.peer(t, publicA+":31340")
		s.evil.send(next(s.forA), rtcpPacket(66, "evil"))
		require.Len(t, bctl.got(), 1, "as long as nobody knows better")
		s.talk(1)
		time.Sleep(3 * time.Second)
		s.talk(1)
		s.evil.send(next(s.forA), rtcpPacket(66, "evil"))
		require.Empty(t, bctl.got())
		bctl.send(next(s.forB), rtcpPacket(2, "B"))
		require.Empty(t, s.evil.got())
		actl.send(next(s.forA), rtcpPacket(1, "A"))
		require.Len(t, bctl.got(), 1)
		bctl.send(next(s.forB), rtcpPacket(2, "B"))
		require.Len(t, actl.got(), 1)
	})
}

// SDP cannot make the relay send where no phone is.
func TestForbiddenDestinations(t *testing.T) {
	for _, ip := range []string{"127.0.0.1", "169.254.169.254", "224.0.0.1", "255.255.255.255", "0.0.0.0"} {
		inLab(t, relay.Config{}, func(t *testing.T, l *lab) {
			victim := l.net.peer(t, ip+":4000")
			b := l.net.peer(t, addrB)
			forB := l.offer(rtpengine.Params{CallID: "c", FromTag: "A", SDP: audio(ip + ":4000")})
			l.answer(rtpengine.Params{CallID: "c", FromTag: "A", ToTag: "B", SDP: audio(addrB)})
			b.send(forB, rtpPacket(2, "B"))
			require.Empty(t, victim.got(), ip)
		})
	}
	t.Run("a private address of a party that is elsewhere", func(t *testing.T) {
		inLab(t, relay.Config{}, func(t *testing.T, l *lab) {
			s := stage(t, l, known, "10.0.0.5:4000", publicA+":31337", "10.0.0.5:4000")
			_, evil := s.toA()
			require.Zero(t, evil)
		})
	})
	t.Run("the relay's own port", func(t *testing.T) {
		inLab(t, relay.Config{}, func(t *testing.T, l *lab) {
			forA, forB := l.call()
			for _, loop := range []netip.AddrPort{forA, forB} {
				l.offer(rtpengine.Params{CallID: "c", FromTag: "A", ToTag: "B", SDP: audio(loop.String())})
				l.answer(rtpengine.Params{CallID: "c", FromTag: "A", ToTag: "B", SDP: audio(forA.String())})
				b := l.net.peer(t, addrB)
				b.send(forB, rtpPacket(2, "B")) // would go round for ever
				require.NoError(t, b.Close())
			}
		})
	})
}

// Hold by null address: nothing is sent to who is on hold, and all is as before
// afterwards.
func TestNullAddressHold(t *testing.T) {
	const lan, mapped, other = "192.168.1.10:4000", publicA + ":31337", evilIP + ":4242"
	inLab(t, relay.Config{}, func(t *testing.T, l *lab) {
		s := stage(t, l, natted, lan, mapped, other)
		s.talk(5)
		s.reinvite(natted, "0.0.0.0:4000")
		a, evil := s.toA()
		require.Equal(t, []int{0, 0}, []int{a, evil})
		require.Zero(t, s.inject(3))
		s.reinvite(natted, lan)
		a, evil = s.toA()
		require.Equal(t, []int{3, 0}, []int{a, evil}, "A need not speak first")
	})
}

func TestDTLSPasses(t *testing.T) {
	dtls := append([]byte{22, 254, 253}, make([]byte, 20)...)
	secure := func(addr string) []byte { return replace(audio(addr), "RTP/AVP", "UDP/TLS/RTP/SAVP") }
	inLab(t, relay.Config{}, func(t *testing.T, l *lab) {
		l.offer(rtpengine.Params{CallID: "c", FromTag: "A", SDP: secure(addrA)})
		forA := l.answer(rtpengine.Params{CallID: "c", FromTag: "A", ToTag: "B", SDP: secure(addrB)})
		a, b := l.net.peer(t, addrA), l.net.peer(t, addrB)
		a.send(forA, dtls)
		require.Len(t, b.got(), 1)
		synctest.Wait()
	})
}
