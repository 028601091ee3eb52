// SPDX-FileCopyrightText: 2026 The sipnat authors
// SPDX-License-Identifier: MIT

package keepalive_test

import (
	"strconv"
	"testing"
	"time"

	"github.com/emiago/sipgo/sip"
	"github.com/stretchr/testify/require"

	"github.com/sipnat/sipnat/flow"
	"github.com/sipnat/sipnat/keepalive"
)

// along is a Path of two hops to alice.
func along(t testing.TB) keepalive.Ping {
	t.Helper()
	var ping keepalive.Ping
	ping.Route = make([]sip.Uri, 2)
	require.NoError(t, sip.ParseUri("sip:alice@10.0.0.5:5060;ob?Priority=urgent", &ping.URI))
	require.NoError(t, sip.ParseUri("sip:edge.example.net;lr;transport=udp", &ping.Route[0]))
	require.NoError(t, sip.ParseUri("sip:token@[2001:db8::1]:5070;lr", &ping.Route[1]))
	return ping
}

func TestPathPing(t *testing.T) {
	for _, f := range []flow.Flow{peer(1), stream(flow.TCP), stream(flow.WSS)} {
		t.Run(f.Transport.String(), func(t *testing.T) {
			run(t, keepalive.Config{Kind: keepalive.Zeros}, func(t *testing.T, l *lab) {
				l.net.set(answering, nil)
				l.AddWith("alice", f, along(t))
				sleep(25 * time.Second)
				pings := l.net.take()
				require.Len(t, pings, 1)
				require.Equal(t, f, pings[0].flow)
				msg, err := sip.ParseMessage(pings[0].bytes)
				require.NoError(t, err)
				req := msg.(*sip.Request)
				require.Equal(t, "sip:alice@10.0.0.5:5060;ob", req.Recipient.String())
				require.Equal(t, "<sip:alice@10.0.0.5:5060;ob>", req.To().Value())
				require.Equal(t, f.Transport.Upper(), req.Via().Transport)
				var routes []string
				for _, h := range req.GetHeaders("Route") {
					routes = append(routes, h.Value())
				}
				require.Equal(t, []string{"<sip:edge.example.net;lr;transport=udp>", "<sip:token@[2001:db8::1]:5070;lr>"}, routes)
			})
		})
	}
}

// TestPathReplies: what a proxy may have said is not the phone's.
func TestPathReplies(t *testing.T) {
	for status, alive := range map[int]bool{
		200: true, 404: true, 405: true, 481: true, 486: true, 603: true,
		408: false, 430: false, 480: false, 500: false, 502: false, 503: false, 504: false,
	} {
		t.Run(strconv.Itoa(status), func(t *testing.T) {
			run(t, keepalive.Config{}, func(t *testing.T, l *lab) {
				l.net.set(func(sent) int { return status }, nil)
				l.AddWith("alice", peer(1), along(t))
				sleep(time.Minute)
				require.Equal(t, alive, len(l.deaths()) == 0)
				if !alive {
					require.Equal(t, uint64(3), l.Stats().Refused)
					require.Zero(t, l.Stats().Answered)
				}
			})
		})
	}
}

// TestPathIsNoSharedFlow: the phones behind one edge are pinged each.
func TestPathIsNoSharedFlow(t *testing.T) {
	run(t, keepalive.Config{}, func(t *testing.T, l *lab) {
		l.net.set(answering, nil)
		l.Add("the edge itself", peer(1))
		l.AddWith("alice", peer(1), along(t))
		bob := along(t)
		bob.URI.User = "bob"
		l.AddWith("bob", peer(1), bob)
		sleep(100 * time.Second)
		require.Len(t, l.net.take(), 12)
		l.AddWith("bob", peer(1), along(t)) // moved to alice's phone
		l.Add("alice", peer(1))             // registered without Path now
		sleep(100 * time.Second)
		require.Len(t, l.net.take(), 8)
		l.Remove("alice")
		l.Remove("bob")
		sleep(100 * time.Second)
		require.Len(t, l.net.take(), 4)
	})
}

// TestPathOverAStream: replies are not seen there, so that none is missed.
func TestPathOverAStream(t *testing.T) {
	run(t, keepalive.Config{}, func(t *testing.T, l *lab) {
		l.AddWith("alice", stream(flow.TLS), along(t))
		sleep(time.Hour)
		require.Empty(t, l.deaths())
		require.Len(t, l.net.take(), 144)
		require.Zero(t, l.Stats().Missed)
	})
}

func TestPathThatCannotBeSent(t *testing.T) {
	for name, edit := range map[string]func(*keepalive.Ping){
		"line break in the URI":   func(p *keepalive.Ping) { p.URI.User = "a\r\nX: y" },
		"line break in the Route": func(p *keepalive.Ping) { p.Route[1].Host = "h\r\nX: y" },
		"closing bracket":         func(p *keepalive.Ping) { p.Route[0].User = "a>" },
		"no URI":                  func(p *keepalive.Ping) { p.URI = sip.Uri{} },
		"empty hop":               func(p *keepalive.Ping) { p.Route[0] = sip.Uri{} },
	} {
		t.Run(name, func(t *testing.T) {
			run(t, keepalive.Config{}, func(t *testing.T, l *lab) {
				how := along(t)
				edit(&how)
				l.AddWith("alice", peer(1), how)
				require.Zero(t, l.Stats().Bindings)
			})
		})
	}
}

// TestPathToOurselves pins a loop of Kamailio's pinger (#2011).
func TestPathToOurselves(t *testing.T) {
	run(t, keepalive.Config{}, func(t *testing.T, l *lab) {
		f := peer(1)
		f.Remote = f.Local
		l.AddWith("alice", f, along(t))
		require.Zero(t, l.Stats().Bindings)
	})
}

func TestMethod(t *testing.T) {
	run(t, keepalive.Config{Method: "NOTIFY"}, func(t *testing.T, l *lab) {
		l.net.set(func(sent) int { return 489 }, nil)
		l.Add("alice", peer(1))
		sleep(25 * time.Second)
		msg, err := sip.ParseMessage(l.net.take()[0].bytes)
		require.NoError(t, err)
		req := msg.(*sip.Request)
		require.Equal(t, sip.NOTIFY, req.Method)
		require.Equal(t, sip.NOTIFY, req.CSeq().MethodName)
		require.Equal(t, "keep-alive", req.GetHeader("Event").Value())
		require.Equal(t, uint64(1), l.Stats().Answered)
	})
	require.Panics(t, func() { keepalive.New(&void{}, keepalive.Config{Method: "A B"}) })
}
