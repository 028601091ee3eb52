// SPDX-FileCopyrightText: 2026 The sipnat authors
// SPDX-License-Identifier: MIT

package keepalive_test

import (
	"bytes"
	"encoding/hex"
	"net"
	"net/netip"
	"testing"
	"time"

	"github.com/pion/stun/v3"
	"github.com/stretchr/testify/require"

	"github.com/sipnat/sipnat/keepalive"
)

// give hands a datagram to the middleware of p, and returns what passes and what
// is answered.
func give(t testing.TB, p *keepalive.Pinger, n *network, packet []byte, src string) (passed bool, answer []byte) {
	t.Helper()
	n.in = make(chan datagram, 2)
	n.in <- datagram{bytes: packet, from: from(src)}
	close(n.in)
	_, _, err := p.PacketConn(n).ReadFrom(make([]byte, 2048))
	answers := n.answers()
	if len(answers) == 0 {
		return err == nil, nil
	}
	require.Len(t, answers, 1)
	require.Equal(t, src, answers[0].flow.Remote.String())
	return err == nil, answers[0].bytes
}

func TestKeepalivesOfPhones(t *testing.T) {
	for _, c := range []struct {
		name, packet, from string
		pong               bool
		passes             bool
		answer             string
	}{
		{"double CRLF", "\r\n\r\n", "203.0.0.1:40000", false, false, ""},
		{"double CRLF, pong", "\r\n\r\n", "203.0.0.1:40000", true, false, "\r\n"},
		{"a stranger's, pong", "\r\n\r\n", "203.0.0.1:40001", true, true, ""},
		{"another stranger's, pong", "\r\n\r\n", "203.0.0.2:40000", true, true, ""},
		{"single CRLF, pong", "\r\n", "203.0.0.1:40000", true, false, ""},
		{"zeros, pong", "\x00\x00\x00\x00", "203.0.0.1:40000", true, false, ""},
		{"zeros of a stranger", "\x00\x00\x00\x00", "203.0.0.9:40000", true, true, ""},
		{"five bytes", "\r\n\r\n\r", "203.0.0.1:40000", true, true, ""},
		{"one and more", "\x01\x02", "203.0.0.1:40000", true, true, ""},
		{"a message behind CRLF", "\r\nOPTIONS", "203.0.0.1:40000", true, true, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			n := &network{}
			p := keepalive.New(n, keepalive.Config{Pong: c.pong})
			p.Add("alice", peer(1))
			passed, answer := give(t, p, n, []byte(c.packet), c.from)
			require.Equal(t, c.passes, passed)
			require.Equal(t, c.answer, string(answer))
			require.Equal(t, !c.passes, p.Stats().Keepalives == 1)
			p.Remove("alice")
			passed, answer = give(t, p, n, []byte(c.packet), c.from)
			require.True(t, passed, "not live any more")
			require.Empty(t, answer)
		})
	}
}

// TestHoldBack: a phone that pings each 20 s is not pinged, and one that stops is
// pinged an interval after.
func TestHoldBack(t *testing.T) {
	for _, on := range []bool{true, false} {
		run(t, keepalive.Config{HoldBack: on}, func(t *testing.T, l *lab) {
			l.net.set(answering, nil)
			l.Add("alice", peer(1))
			l.Add("bob", peer(2))
			for range 30 {
				l.net.in <- datagram{bytes: []byte("\r\n\r\n"), from: from("203.0.0.1:40000")}
				sleep(20 * time.Second)
			}
			stopped := time.Now().Add(-20 * time.Second)
			pings := map[netip.AddrPort]int{}
			for _, s := range l.net.take() {
				pings[s.flow.Remote]++
			}
			require.Equal(t, 24, pings[peer(2).Remote])
			if !on {
				require.Equal(t, 24, pings[peer(1).Remote])
				return
			}
			require.LessOrEqual(t, pings[peer(1).Remote], 1, "before the first of its own")
			require.NotZero(t, l.Stats().HeldBack)
			sleep(10 * time.Second)
			var got []time.Duration
			for _, s := range l.net.take() {
				if s.flow == peer(1) {
					got = append(got, s.at.Sub(stopped).Round(time.Second))
				}
			}
			require.NotEmpty(t, got)
			require.Equal(t, 25*time.Second, got[0])
			sleep(250 * time.Second)
			require.InDelta(t, 20, len(l.net.take()), 2, "at its own phase again")
		})
	}
}

// binding is a STUN binding request.
func binding(t testing.TB, more ...stun.Setter) []byte {
	t.Helper()
	m, err := stun.Build(append([]stun.Setter{stun.TransactionID, stun.BindingRequest}, more...)...)
	require.NoError(t, err)
	return m.Raw
}

func TestSTUN(t *testing.T) {
	for _, src := range []string{"203.0.0.1:40000", "198.51.100.7:1", "[2001:db8::7]:65535"} {
		t.Run(src, func(t *testing.T) {
			n := &network{}
			p := keepalive.New(n, keepalive.Config{})
			p.Add("alice", peer(1))
			req := binding(t, stun.NewSoftware("phone"), stun.NewUsername("u"), stun.NewShortTermIntegrity("x"), stun.Fingerprint)
			passed, answer := give(t, p, n, bytes.Clone(req), src)
			require.False(t, passed)
			var res stun.Message
			require.NoError(t, stun.Decode(answer, &res))
			require.Equal(t, stun.BindingSuccess, res.Type)
			require.Equal(t, req[8:20], res.TransactionID[:])
			var mapped stun.XORMappedAddress
			require.NoError(t, mapped.GetFrom(&res))
			want := netip.MustParseAddrPort(src)
			require.Equal(t, want.Addr().String(), mapped.IP.String())
			require.Equal(t, int(want.Port()), mapped.Port)
			require.Len(t, res.Attributes, 1, "RFC 5626 section 8: no fingerprint, no integrity")
			require.Equal(t, uint64(1), p.Stats().STUN)
			require.Equal(t, src == "203.0.0.1:40000", p.Stats().Keepalives == 1)
		})
	}
}

// TestSTUNVector is the sample IPv4 response of RFC 5769 without its software,
// integrity and fingerprint.
func TestSTUNVector(t *testing.T) {
	n := &network{}
	_, answer := give(t, keepalive.New(n, keepalive.Config{}), n,
		unhex(t, "00010000 2112a442 b7e7a701bc34d686fa87dfae"), "192.0.2.1:32853")
	require.Equal(t, unhex(t, "0101000c 2112a442 b7e7a701bc34d686fa87dfae 00200008 0001a147 e112a643"), answer)
}

func unhex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(string(bytes.ReplaceAll([]byte(s), []byte(" "), nil)))
	require.NoError(t, err)
	return b
}

// TestSTUNUnknown: RFC 8489 section 6.3.1, what has to be understood and is not
// is named in a 420.
func TestSTUNUnknown(t *testing.T) {
	var many []stun.Setter
	for range 300 {
		many = append(many, stun.RawAttribute{Type: stun.AttrPriority})
	}
	for name, add := range map[string][]stun.Setter{
		"CHANGE-REQUEST": {stun.RawAttribute{Type: stun.AttrChangeRequest, Value: make([]byte, 4)}},
		"300 of them":    many,
	} {
		t.Run(name, func(t *testing.T) {
			n := &network{}
			_, answer := give(t, keepalive.New(n, keepalive.Config{}), n, binding(t, add...), "192.0.2.1:1")
			var res stun.Message
			require.NoError(t, stun.Decode(answer, &res))
			require.Equal(t, stun.BindingError, res.Type)
			var code stun.ErrorCodeAttribute
			require.NoError(t, code.GetFrom(&res))
			require.Equal(t, stun.CodeUnknownAttribute, code.Code)
			var unknown stun.UnknownAttributes
			require.NoError(t, unknown.GetFrom(&res))
			require.NotEmpty(t, unknown)
			require.LessOrEqual(t, len(answer), 100)
		})
	}
}

// TestSTUNWithoutAnswer: taken, since it is not for sipgo, and no more.
func TestSTUNWithoutAnswer(t *testing.T) {
	indication, err := stun.Build(stun.TransactionID, stun.NewType(stun.MethodBinding, stun.ClassIndication))
	require.NoError(t, err)
	success, err := stun.Build(stun.TransactionID, stun.BindingSuccess)
	require.NoError(t, err)
	short := binding(t, stun.NewSoftware("phone"))
	for name, packet := range map[string][]byte{
		"indication": indication.Raw, "response": success.Raw, "truncated": short[:len(short)-4],
	} {
		t.Run(name, func(t *testing.T) {
			n := &network{}
			p := keepalive.New(n, keepalive.Config{})
			passed, answer := give(t, p, n, packet, "192.0.2.1:1")
			require.False(t, passed)
			require.Empty(t, answer)
			require.Zero(t, p.Stats().STUN)
		})
	}
}

// FuzzSTUN: no datagram panics, and no answer is much longer than its request.
func FuzzSTUN(f *testing.F) {
	f.Add(binding(f))
	f.Add(binding(f, stun.RawAttribute{Type: stun.AttrPriority}))
	f.Add([]byte("\r\n\r\n"))
	n := &network{}
	p := keepalive.New(n, keepalive.Config{})
	f.Fuzz(func(t *testing.T, packet []byte) {
		passed, answer := give(t, p, n, packet, "192.0.2.1:1")
		if answer == nil {
			return
		}
		require.False(t, passed)
		require.True(t, stun.IsMessage(packet))
		require.LessOrEqual(t, len(answer), len(packet)+50)
		require.Equal(t, packet[8:20], answer[8:20])
	})
}

func BenchmarkSTUN(b *testing.B) {
	n := &network{}
	pc := keepalive.New(n, keepalive.Config{}).PacketConn(endless{n, binding(b)})
	buf := make([]byte, 2048)
	b.ReportAllocs()
	for b.Loop() {
		_, _, _ = pc.ReadFrom(buf)
	}
}

// endless gives a packet, and then an error, in turn without end.
type endless struct {
	*network
	packet []byte
}

func (e endless) ReadFrom(b []byte) (int, net.Addr, error) {
	if len(e.answers()) > 0 {
		return 0, nil, net.ErrClosed
	}
	return copy(b, e.packet), stunClient, nil
}

var stunClient = &net.UDPAddr{IP: net.IPv4(192, 0, 2, 1), Port: 1}
