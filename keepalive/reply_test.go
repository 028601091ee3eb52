// SPDX-FileCopyrightText: 2026 The sipnat authors
// SPDX-License-Identifier: MIT

package keepalive_test

import (
	"bytes"
	"encoding/hex"
	"errors"
	"math/rand/v2"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/pion/stun/v3"
	"github.com/stretchr/testify/require"

	"github.com/sipnat/sipnat/keepalive"
)

const prefix = "z9hG4bKsnk"

func from(addr string) net.Addr {
	return net.UDPAddrFromAddrPort(netip.MustParseAddrPort(addr))
}

// ping waits for the next OPTIONS of l.
func ping(t *testing.T, l *lab) sent {
	t.Helper()
	l.net.take()
	for range 251 {
		sleep(100 * time.Millisecond)
		if all := l.net.take(); len(all) > 0 {
			return all[0]
		}
	}
	require.FailNow(t, "no ping")
	return sent{}
}

func branchOf(t testing.TB, message []byte) string {
	t.Helper()
	_, rest, ok := strings.Cut(string(message), "branch=")
	require.True(t, ok)
	return rest[:strings.IndexAny(rest, ";\r")]
}

// TestWhoseReplyCounts gives a reply to the first ping, of a pinger with which
// one miss is death.
func TestWhoseReplyCounts(t *testing.T) {
	for _, c := range []struct {
		name  string
		from  string
		edit  func(branch string) string
		alive bool
	}{
		{"ours", "203.0.0.1:40000", nil, true},
		{"ours, v4-mapped source", "[::ffff:203.0.0.1]:40000", nil, true},
		{"from another port", "203.0.0.1:40001", nil, false},
		{"from another host", "198.51.100.66:40000", nil, false},
		{"another MAC", "203.0.0.1:40000", func(b string) string { return b[:len(b)-1] + flip(b[len(b)-1]) }, false},
		{"another number", "203.0.0.1:40000", func(b string) string { return b[:33] + flip(b[33]) + b[34:] }, false},
		{"another binding", "203.0.0.1:40000", func(b string) string { return b[:25] + flip(b[25]) + b[26:] }, false},
		{"upper case", "203.0.0.1:40000", func(b string) string { return prefix + strings.ToUpper(b[len(prefix):]) }, false},
		{"truncated", "203.0.0.1:40000", func(b string) string { return b[:len(b)-1] }, false},
		{"prefix alone", "203.0.0.1:40000", func(string) string { return prefix }, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			run(t, keepalive.Config{Misses: 1}, func(t *testing.T, l *lab) {
				l.Add("alice", peer(1))
				s := ping(t, l)
				reply := string(answer(s.bytes, 200))
				if c.edit != nil {
					b := branchOf(t, s.bytes)
					reply = strings.Replace(reply, b, c.edit(b), 1)
				}
				l.net.in <- datagram{bytes: []byte(reply), from: from(c.from)}
				sleep(10 * time.Second)
				stats := l.Stats()
				if c.alive {
					require.Empty(t, l.deaths())
					require.Equal(t, uint64(1), stats.Answered)
					require.Zero(t, stats.Stray)
					return
				}
				require.Equal(t, []string{"alice"}, l.deaths())
				require.Zero(t, stats.Answered)
				require.Equal(t, uint64(1), stats.Stray)
			})
		})
	}
}

func flip(c byte) string {
	if c == '0' {
		return "1"
	}
	return "0"
}

// TestLateAndRepeatedReplies: the reply to an earlier ping counts if that was
// not answered; a reply counts once.
func TestLateAndRepeatedReplies(t *testing.T) {
	run(t, keepalive.Config{Misses: 2}, func(t *testing.T, l *lab) {
		l.Add("alice", peer(1))
		first := ping(t, l)
		second := ping(t, l) // the quick retry
		require.Equal(t, 4*time.Second, second.at.Sub(first.at))
		late := datagram{bytes: answer(first.bytes, 200), from: from("203.0.0.1:40000")}
		l.net.in <- late
		sleep(5 * time.Second)
		require.Empty(t, l.deaths(), "late, but there")
		l.net.in <- late
		sleep(100 * time.Millisecond)
		require.Equal(t, uint64(1), l.Stats().Stray, "not twice")
		sleep(time.Minute)
		require.Equal(t, []string{"alice"}, l.deaths())
	})
}

// TestRepliesOnTheOldFlow say nothing about the new one.
func TestRepliesOnTheOldFlow(t *testing.T) {
	run(t, keepalive.Config{Misses: 1}, func(t *testing.T, l *lab) {
		l.Add("alice", peer(1))
		s := ping(t, l)
		elsewhere := peer(1)
		elsewhere.Local = netip.MustParseAddrPort("192.0.2.2:5060") // same phone, other listener
		l.Add("alice", elsewhere)
		l.net.in <- datagram{bytes: answer(s.bytes, 200), from: from("203.0.0.1:40000")}
		sleep(time.Minute)
		require.Equal(t, []string{"alice"}, l.deaths())
		require.Equal(t, uint64(1), l.Stats().Stray)
	})
}

// TestForgedReplyFlood: what does not know the secret changes nothing, and
// nothing of it reaches sipgo.
func TestForgedReplyFlood(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	run(t, keepalive.Config{}, func(t *testing.T, l *lab) {
		l.Add("gone", peer(1))
		s := ping(t, l)
		branch, reply := branchOf(t, s.bytes), string(answer(s.bytes, 200))
		name := branch[len(prefix) : len(prefix)+24]
		const flood = 20_000
		for range flood {
			mac := make([]byte, 8)
			for i := range mac {
				mac[i] = byte(rng.Uint32())
			}
			forged := strings.Replace(reply, branch, prefix+name+hex.EncodeToString(mac), 1)
			l.net.in <- datagram{bytes: []byte(forged), from: from("203.0.0.1:40000")}
		}
		sleep(30 * time.Second)
		require.Equal(t, []string{"gone"}, l.deaths())
		require.Equal(t, uint64(flood), l.Stats().Stray)
		require.Zero(t, l.Stats().Answered)
	})
}

// TestReplayedReplyFlood: a good reply, sent over and over, counts once, and does
// not keep a phone alive that has gone since.
func TestReplayedReplyFlood(t *testing.T) {
	run(t, keepalive.Config{}, func(t *testing.T, l *lab) {
		l.Add("gone", peer(1))
		s := ping(t, l)
		reply := datagram{bytes: answer(s.bytes, 200), from: from("203.0.0.1:40000")}
		const flood = 1000
		for range 60 {
			for range flood / 60 {
				l.net.in <- reply
			}
			sleep(time.Second)
		}
		require.Equal(t, []string{"gone"}, l.deaths())
		require.Equal(t, uint64(1), l.Stats().Answered)
		require.Equal(t, uint64(flood/60*60-1), l.Stats().Stray)
	})
}

// TestRepliesToWhoIsGone: a binding that was removed, and its place in our
// memory taken by another, is not named by its old branches.
func TestRepliesToWhoIsGone(t *testing.T) {
	run(t, keepalive.Config{Misses: 1}, func(t *testing.T, l *lab) {
		l.Add("alice", peer(1))
		s := ping(t, l)
		l.Remove("alice")
		l.Add("bob", peer(1))
		ping(t, l)
		l.net.in <- datagram{bytes: answer(s.bytes, 200), from: from("203.0.0.1:40000")}
		sleep(10 * time.Second)
		require.Equal(t, []string{"bob"}, l.deaths())
		require.Equal(t, uint64(1), l.Stats().Stray)
	})
}

// TestTwoPingers: the replies to one are taken out by the other, and count for
// nothing: secrets differ.
func TestTwoPingers(t *testing.T) {
	run(t, keepalive.Config{}, func(t *testing.T, l *lab) {
		l.Add("alice", peer(1))
		s := ping(t, l)
		n := &network{in: make(chan datagram, 1)}
		other := keepalive.New(n, keepalive.Config{})
		other.Add("alice", peer(1))
		n.in <- datagram{bytes: answer(s.bytes, 200), from: from("203.0.0.1:40000")}
		close(n.in)
		_, _, err := other.PacketConn(n).ReadFrom(make([]byte, 2048))
		require.ErrorIs(t, err, net.ErrClosed)
		require.Equal(t, uint64(1), other.Stats().Stray)
		require.Zero(t, other.Stats().Answered)
	})
}

// TestPassing: all else passes untouched, errors too, and reading goes on
// behind what is taken out.
func TestPassing(t *testing.T) {
	broken := errors.New("connection refused")
	vias := func(lines ...string) string {
		return "SIP/2.0 200 OK\r\n" + strings.Join(lines, "\r\n") + "\r\nCall-ID: x\r\n\r\n"
	}
	const ours, theirs = "SIP/2.0/UDP e;branch=" + prefix + "00", "SIP/2.0/UDP e;branch=z9hG4bK1"
	for _, c := range []struct {
		name, packet string
		err          error
		swallowed    bool
	}{
		{"request", "OPTIONS sip:a SIP/2.0\r\nVia: " + ours + "\r\n\r\n", nil, false},
		{"someone else's reply", vias("Via: " + theirs), nil, false},
		{"prefix in a lower Via", vias("Via: "+theirs, "Via: "+ours), nil, false},
		{"prefix in a lower value", vias("Via: " + theirs + ", " + ours), nil, false},
		{"prefix in another header", vias("X: "+ours, "Via: "+theirs), nil, false},
		{"prefix in the body", "SIP/2.0 200 OK\r\n\r\nVia: " + ours + "\r\n", nil, false},
		{"no Via", "SIP/2.0 200 OK\r\nCall-ID: x\r\n\r\n", nil, false},
		{"status line alone", "SIP/2.0 200 OK", nil, false},
		{"eight bytes", "SIP/2.0 ", nil, false},
		{"empty", "", nil, false},
		{"keepalive", "\r\n\r\n", nil, false},
		{"transient error", "", broken, false},
		{"error beside a packet", vias("Via: " + ours), broken, false},
		{"with the prefix", vias("Via: " + ours), nil, true},
		{"compact, blanks, parameters in front", vias("v : SIP/2.0/UDP e:1 ;rport=5 ; Branch = " + prefix + "00"), nil, true},
		{"folded", vias("Via: SIP/2.0/UDP e\r\n ;branch=" + prefix + "00"), nil, true},
		{"Via not the first header", vias("Call-ID: a", "VIA: "+ours+", "+theirs), nil, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			n := &network{in: make(chan datagram, 2)}
			p := keepalive.New(n, keepalive.Config{})
			n.in <- datagram{bytes: []byte(c.packet), from: from("203.0.0.1:40000"), err: c.err}
			n.in <- datagram{bytes: []byte("next"), from: from("203.0.0.2:40000")}
			b := make([]byte, 2048)
			size, addr, err := p.PacketConn(n).ReadFrom(b)
			if c.swallowed {
				require.NoError(t, err)
				require.Equal(t, "next", string(b[:size]))
				require.Equal(t, "203.0.0.2:40000", addr.String())
				require.Equal(t, uint64(1), p.Stats().Stray)
				return
			}
			require.Equal(t, c.err, err)
			require.Equal(t, c.packet, string(b[:size]))
			require.Equal(t, "203.0.0.1:40000", addr.String())
			require.Zero(t, p.Stats().Stray)
		})
	}
}

// strangeAddr is an address of another kind, as simulated networks have.
type strangeAddr string

func (strangeAddr) Network() string  { return "udp" }
func (a strangeAddr) String() string { return string(a) }

func TestOtherKindsOfAddresses(t *testing.T) {
	for addr, alive := range map[net.Addr]bool{
		strangeAddr("203.0.0.1:40000"): true,
		strangeAddr("pipe"):            false,
		nil:                            false,
	} {
		run(t, keepalive.Config{Misses: 1}, func(t *testing.T, l *lab) {
			l.Add("alice", peer(1))
			s := ping(t, l)
			l.net.in <- datagram{bytes: answer(s.bytes, 200), from: addr}
			sleep(10 * time.Second)
			require.Equal(t, alive, len(l.deaths()) == 0)
		})
	}
}

// FuzzReply: no datagram panics, passes changed, or is taken for a reply of a
// phone without the secret.
func FuzzReply(f *testing.F) {
	f.Add([]byte("SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP e:5060;branch=" + prefix + strings.Repeat("0", 40) + "\r\n\r\n"))
	f.Add([]byte("SIP/2.0 200 OK\r\nv:SIP/2.0/UDP [::1];branch=" + prefix + "\r\n\r\n"))
	f.Add([]byte("SIP/2.0 100\nVia: ;branch=\n"))
	f.Add([]byte("SIP/2.0 \r\n\r\n"))
	f.Add([]byte("\r\n"))
	f.Add([]byte("\x00"))
	f.Fuzz(func(t *testing.T, packet []byte) {
		n := &network{in: make(chan datagram, 1)}
		p := keepalive.New(n, keepalive.Config{})
		p.Add("alice", peer(1))
		n.in <- datagram{bytes: packet, from: net.UDPAddrFromAddrPort(peer(1).Remote)}
		close(n.in)
		b := make([]byte, len(packet))
		size, _, err := p.PacketConn(n).ReadFrom(b)
		require.Zero(t, p.Stats().Answered)
		if err != nil {
			if stun.IsMessage(packet) || p.Stats().Keepalives == 1 {
				return
			}
			require.True(t, bytes.HasPrefix(packet, []byte("SIP/2.0 ")))
			require.Contains(t, string(packet), prefix)
			return
		}
		require.Equal(t, packet, b[:size])
	})
}
