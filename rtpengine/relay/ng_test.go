// SPDX-FileCopyrightText: 2026 The sipnat authors
// SPDX-License-Identifier: MIT

package relay_test

import (
	"bytes"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sipnat/sipnat/internal/bencode"
	"github.com/sipnat/sipnat/rtpengine"
	"github.com/sipnat/sipnat/rtpengine/relay"
)

// serve starts a relay on loopback and returns where it answers ng.
func serve(t *testing.T, cfg relay.Config) (r *relay.Relay, at net.Addr) {
	t.Helper()
	cfg.Address = netip.MustParseAddr("127.0.0.1")
	r, err := relay.New(cfg)
	require.NoError(t, err)
	pc, err := net.ListenPacket("udp4", "127.0.0.1:0")
	require.NoError(t, err)
	done := make(chan error, 1)
	go func() { done <- r.ServeNG(pc) }()
	t.Cleanup(func() {
		require.NoError(t, r.Close())
		require.NoError(t, <-done, "ServeNG returns nil after Close")
	})
	ask(t, socket(t, "127.0.0.1"), pc.LocalAddr(), []byte("up d7:command4:pinge"))
	return r, pc.LocalAddr()
}

// socket is a UDP socket that gives up after a while.
func socket(t *testing.T, ip string) *net.UDPConn {
	t.Helper()
	c, err := net.ListenUDP("udp4", net.UDPAddrFromAddrPort(netip.MustParseAddrPort(ip+":0")))
	require.NoError(t, err)
	t.Cleanup(func() { c.Close() })
	require.NoError(t, c.SetReadDeadline(time.Now().Add(10*time.Second)))
	return c
}

// ask sends a datagram and returns the answer.
func ask(t *testing.T, c *net.UDPConn, to net.Addr, datagram []byte) []byte {
	t.Helper()
	_, err := c.WriteTo(datagram, to)
	require.NoError(t, err)
	b := make([]byte, 1<<16)
	n, _, err := c.ReadFrom(b)
	require.NoError(t, err)
	return b[:n]
}

func request(t testing.TB, cookie, command string, d rtpengine.Dict) []byte {
	t.Helper()
	d["command"] = command
	b, err := bencode.Append([]byte(cookie+" "), d)
	require.NoError(t, err)
	return b
}

// reply checks the cookie and decodes.
func reply(t testing.TB, cookie string, b []byte) rtpengine.Dict {
	t.Helper()
	body, ok := bytes.CutPrefix(b, []byte(cookie+" "))
	require.True(t, ok, "%q", b)
	v, err := bencode.Decode(body)
	require.NoError(t, err)
	return v.(rtpengine.Dict)
}

func TestServeNG(t *testing.T) {
	_, at := serve(t, relay.Config{})
	client := socket(t, "127.0.0.1")
	offer := func(id string) rtpengine.Dict {
		return rtpengine.Params{CallID: id, FromTag: "A", SDP: audio("127.0.0.2:4000")}.Dict()
	}

	require.Equal(t, "1 d6:result4:ponge", string(ask(t, client, at, []byte("1 d7:command4:pinge"))))
	first := ask(t, client, at, request(t, "2", "offer", offer("c")))
	require.Equal(t, "ok", reply(t, "2", first)["result"])
	// The payload under a used cookie is not looked at.
	require.Equal(t, first, ask(t, client, at, request(t, "2", "offer", offer("other"))))
	require.Equal(t, first, ask(t, client, at, request(t, "2", "delete", rtpengine.Params{CallID: "c"}.Dict())))
	calls := reply(t, "3", ask(t, client, at, request(t, "3", "list", rtpengine.Dict{})))["calls"]
	require.Equal(t, []any{"c"}, calls, "executed once")
	// The cookie of one client is none of another's.
	require.Equal(t, "2 d6:result4:ponge", string(ask(t, socket(t, "127.0.0.1"), at, []byte("2 d7:command4:pinge"))))

	require.Equal(t, "ok", reply(t, "4", ask(t, client, at, request(t, "4", "delete", rtpengine.Params{CallID: "c"}.Dict())))["result"])
	gone := ask(t, client, at, request(t, "5", "query", rtpengine.Params{CallID: "c"}.Dict()))
	require.Equal(t, rtpengine.Dict{"result": "error", "error-reason": "Unknown call-id"}, reply(t, "5", gone))
}

// The client of this module talks to it.
func TestServeNGToClient(t *testing.T) {
	_, at := serve(t, relay.Config{MaxCalls: 1})
	c, err := rtpengine.Dial("udp:" + at.String())
	require.NoError(t, err)
	defer c.Close()
	require.NoError(t, c.Ping(t.Context()))
	_, err = c.Offer(t.Context(), rtpengine.Params{CallID: "c", FromTag: "A", SDP: audio(addrA), Flags: flags(t, "replace-origin ICE=remove strict-source")})
	require.NoError(t, err)
	sdp, err := c.Answer(t.Context(), rtpengine.Params{CallID: "c", FromTag: "A", ToTag: "B", SDP: audio(addrB)})
	require.NoError(t, err)
	require.Equal(t, "127.0.0.1", ports(t, sdp)[0].Addr().String())
	_, err = c.Offer(t.Context(), rtpengine.Params{CallID: "d", FromTag: "A", SDP: audio(addrA)})
	require.ErrorIs(t, err, rtpengine.ErrLoadLimit)
	require.NoError(t, c.Delete(t.Context(), rtpengine.Params{CallID: "c", FromTag: "A", ToTag: "B"}))
}

func TestLoadLimitReply(t *testing.T) {
	r, _ := serve(t, relay.Config{MaxCalls: 1})
	offer := func(id string, supports ...any) rtpengine.Dict {
		d := rtpengine.Params{CallID: id, FromTag: "A", SDP: audio(addrA)}.Dict()
		d["supports"] = supports
		return reply(t, "x", r.Reply(request(t, "x", "offer", d)))
	}
	require.Equal(t, "ok", offer("1")["result"])
	require.Equal(t, rtpengine.Dict{"result": "load limit", "message": "Parallel session limit reached"}, offer("2", "load limit"))
	require.Equal(t, rtpengine.Dict{"result": "error", "error-reason": "Parallel session limit reached"}, offer("2"))
}

func TestBadDatagrams(t *testing.T) {
	r, _ := serve(t, relay.Config{})
	for _, tc := range []struct{ name, in, reason string }{
		{"no payload", "c ", "Invalid data (no payload)"},
		{"not a dictionary", "c 4:ping", "Invalid NG data format"},
		{"JSON", `c {"command":"ping"}`, "Invalid NG data format"},
		{"cut", "c d7:command4:pin", "Could not decode bencode dictionary"},
		{"huge length", "c d999999999:x", "Could not decode bencode dictionary"},
		{"nested as deep as kills the daemon", "c d1:x" + strings.Repeat("l", 30000), "Could not decode bencode dictionary"},
		{"no command", "c de", `Dictionary contains no key "command"`},
		{"command is a number", "c d7:commandi1ee", `Dictionary contains no key "command"`},
		{"unknown command", "c d7:command1:xe", "Unrecognized command"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			require.Equal(t, rtpengine.Dict{"result": "error", "error-reason": tc.reason}, reply(t, "c", r.Reply([]byte(tc.in))))
		})
	}
	for _, in := range []string{"", "ping", " d7:command4:pinge"} {
		require.Nil(t, r.Reply([]byte(in)), "no cookie, no reply: %q", in)
	}
}

func TestServeNGClosesWithItsSocket(t *testing.T) {
	r, err := relay.New(relay.Config{Address: netip.MustParseAddr("127.0.0.1")})
	require.NoError(t, err)
	pc, err := net.ListenPacket("udp4", "127.0.0.1:0")
	require.NoError(t, err)
	require.NoError(t, pc.Close())
	require.ErrorIs(t, r.ServeNG(pc), net.ErrClosed)
	require.NoError(t, r.Close())
	pc, err = net.ListenPacket("udp4", "127.0.0.1:0")
	require.NoError(t, err)
	require.ErrorIs(t, r.ServeNG(pc), relay.ErrClosed)
	require.ErrorIs(t, pc.Close(), net.ErrClosed)
}

// On real sockets: A behind "NAT" on 127.0.0.3, the attacker on 127.0.0.66.
func TestAttackOnLoopback(t *testing.T) {
	r, _ := serve(t, relay.Config{})
	a, b, evil := socket(t, "127.0.0.3"), socket(t, "127.0.0.4"), socket(t, "127.0.0.66")
	forB, err := r.Offer(t.Context(), rtpengine.Params{
		CallID: "c", FromTag: "A", SDP: audio("192.168.1.10:4000"),
		ReceivedFrom: netip.MustParseAddr("127.0.0.3"), Flags: flags(t, "strict-source SIP-source-address endpoint-learning-heuristic"),
	})
	require.NoError(t, err)
	forA, err := r.Answer(t.Context(), rtpengine.Params{CallID: "c", FromTag: "A", ToTag: "B", SDP: audio(b.LocalAddr().String())})
	require.NoError(t, err)
	send := func(c *net.UDPConn, to []byte, payload string) {
		_, err := c.WriteToUDPAddrPort(rtpPacket(1, payload), ports(t, to)[0])
		require.NoError(t, err)
	}
	read := func(c *net.UDPConn) string {
		buf := make([]byte, 2048)
		n, err := c.Read(buf)
		require.NoError(t, err)
		return string(buf[12:n])
	}
	for range 20 {
		send(evil, forA, "evil")
		send(a, forA, "A")
		require.Equal(t, "A", read(b))
		send(b, forB, "B")
		require.Equal(t, "B", read(a))
	}
	// Had the attacker got anything it would lie before this.
	_, err = a.WriteTo(rtpPacket(1, "sentinel"), evil.LocalAddr())
	require.NoError(t, err)
	require.Equal(t, "sentinel", read(evil))
}
