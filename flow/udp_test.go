// SPDX-FileCopyrightText: 2026 The sipnat authors
// SPDX-License-Identifier: MIT

package flow_test

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/emiago/sipgo/sip"
	"github.com/stretchr/testify/require"

	"github.com/sipnat/sipnat/flow"
)

// One peer that talks to two listeners in turn is answered by the one that it
// asked (facts: sipgo alone answers the third request from the second).
func TestTwoListenersOnePhone(t *testing.T) {
	e := newEdge(t)
	one, two := e.listenUDP(t, "127.0.0.1:0"), e.listenUDP(t, "127.0.0.1:0")
	p := newPhone(t, "127.0.0.1:0")
	for i, to := range []netip.AddrPort{one, two, one, one, two, two, one} {
		p.send(options(strconv.Itoa(i), p.via()), to)
		res, from := p.receive()
		require.Equal(t, to, from, "request %d", i)
		require.Contains(t, res, "SIP/2.0 200 OK")
		require.NotContains(t, res, "snl=", "no tag on the wire")
		require.Equal(t, flow.Flow{Transport: flow.UDP, Local: to, Remote: p.addr()}, <-e.flows)
	}
}

func TestWildcardAnswersFromTheAddressThatWasAsked(t *testing.T) {
	for _, listen := range []string{"0.0.0.0:0", "[::]:0"} {
		t.Run(listen, func(t *testing.T) {
			e := newEdge(t)
			port := e.listenUDP(t, listen).Port()
			p := newPhone(t, "127.0.0.1:0")
			for i, asked := range []string{"127.0.0.2", "127.0.0.3", "127.0.0.2", "127.0.0.1"} {
				to := netip.AddrPortFrom(netip.MustParseAddr(asked), port)
				p.send(options(strconv.Itoa(i), p.via()), to)
				_, from := p.receive()
				require.Equal(t, to, from)
				f := <-e.flows
				require.Equal(t, flow.Flow{Transport: flow.UDP, Local: to, Remote: p.addr()}, f)

				require.NoError(t, e.layer.Write([]byte("\r\n"), f))
				_, from = p.receive()
				require.Equal(t, to, from, "raw writes too")
			}
		})
	}
}

// A request to a phone that has sent nothing since the start leaves from the
// flow's listener all the same (facts: sipgo alone opens a socket of its own).
func TestDoLeavesFromTheListener(t *testing.T) {
	for _, addrs := range [][]string{{"127.0.0.1:0"}, {"127.0.0.1:0", "127.0.0.2:0"}, {"0.0.0.0:0"}, {"[::1]:0"}} {
		t.Run(strings.Join(addrs, " "), func(t *testing.T) {
			e := newEdge(t)
			var last netip.AddrPort
			for _, a := range addrs {
				last = e.listenUDP(t, a)
			}
			host := last.Addr().Unmap()
			if host.IsUnspecified() {
				host = netip.MustParseAddr("127.0.0.3")
			}
			p := newPhone(t, net.JoinHostPort(map[bool]string{true: "127.0.0.1", false: "::1"}[host.Is4()], "0"))
			f := flow.Flow{Transport: flow.UDP, Local: netip.AddrPortFrom(host, last.Port()), Remote: p.addr()}

			tx, err := e.layer.Do(t.Context(), outgoing(e.layer, f), f)
			require.NoError(t, err)
			defer tx.Terminate()
			req, from := p.receive()
			require.Equal(t, f.Local, from)
			require.Contains(t, req, "Via: SIP/2.0/UDP "+f.Local.String()+";branch=z9hG4bKx;rport\r\n")

			p.send("SIP/2.0 200 OK\r\n"+strings.SplitN(req, "\r\n", 2)[1], from)
			select {
			case res := <-tx.Responses():
				require.Equal(t, 200, res.StatusCode)
			case <-time.After(5 * time.Second):
				t.Fatal("no response reached the transaction")
			}

			require.NoError(t, e.layer.Send(outgoing(e.layer, f), f))
			again, from := p.receive()
			require.Equal(t, f.Local, from)
			require.Equal(t, req, again)
		})
	}
}

func outgoing(l *flow.Layer, f flow.Flow) *sip.Request {
	req := sip.NewRequest(sip.OPTIONS, sip.Uri{User: "bob", Host: "10.0.0.5"})
	req.AppendHeader(l.Via(f, "z9hG4bKx"))
	for _, h := range [][2]string{{"From", "<sip:edge>;tag=1"}, {"To", "<sip:bob@10.0.0.5>"}, {"Call-ID", "c"}, {"CSeq", "1 OPTIONS"}, {"Max-Forwards", "70"}, {"Content-Length", "0"}} {
		req.AppendHeader(sip.NewHeader(h[0], h[1]))
	}
	cseq := sip.CSeqHeader{SeqNo: 1, MethodName: sip.OPTIONS}
	req.RemoveHeader("CSeq")
	req.AppendHeader(&cseq)
	return req
}

func TestDoRefuses(t *testing.T) {
	e := newEdge(t)
	own := e.listenUDP(t, "127.0.0.1:0")
	p := newPhone(t, "127.0.0.1:0")
	good := flow.Flow{Transport: flow.UDP, Local: own, Remote: p.addr()}
	foreign := good
	foreign.Local = netip.MustParseAddrPort("192.0.2.1:5060")
	for name, f := range map[string]flow.Flow{"zero flow": {}, "a listener that is not ours": foreign, "a stream that is not live": {Transport: flow.TCP, Local: own, Remote: p.addr(), Conn: 7}} {
		_, err := e.layer.Do(t.Context(), outgoing(e.layer, good), f)
		require.ErrorIs(t, err, flow.ErrFlowGone, name)
		require.ErrorIs(t, e.layer.Send(outgoing(e.layer, good), f), flow.ErrFlowGone, name)
		require.ErrorIs(t, e.layer.Write([]byte("\r\n"), f), flow.ErrFlowGone, name)
	}
	bare := outgoing(e.layer, good)
	bare.RemoveHeader("Via")
	_, err := e.layer.Do(context.Background(), bare, good)
	require.ErrorContains(t, err, "without a Via")
}

func TestGuard(t *testing.T) {
	e := newEdge(t)
	to := e.listenUDP(t, "127.0.0.1:0")
	p := newPhone(t, "127.0.0.1:0")
	for _, junk := range []string{
		"jaK", "GET / HTTP/1.1\r\n\r\n", "\r\n\r\n\r\n", "\x00", "\r\n\r\n", "SIP/2.0 200 OK\r\nnonsense\r\n\r\n",
		"ACK sip:edge SIP/2.0\r\nVia: SIP/2.0/UDP h;branch=z\r\nContact: <sip:a\r\n\r\n", "OPTIONS sip:edge SIP/2.0\r\nContact: <\r\n\r\n",
		"\x00\x01\x00\x00\x21\x12\xa4\x42abcdefghijkl",
	} {
		p.send(junk, to)
	}
	broken := strings.Replace(options("b", p.via()), "From: <sip:a@example.com>;tag=1", "Contact: <sip:a@h", 1)
	p.send(broken, to)
	res, from := p.receive()
	require.Equal(t, to, from)
	require.Regexp(t, regexp.QuoteMeta(fmt.Sprintf("SIP/2.0 400 Bad Request\r\nVia: %s;branch=z9hG4bKb\r\nTo: <sip:edge>", p.via()))+`;tag=[0-9a-z]+`+
		regexp.QuoteMeta("\r\nCall-ID: b\r\nCSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n"), res)
	p.send(broken, to)
	again, _ := p.receive()
	require.Equal(t, res, again, "the same tag")
	tagged := strings.Replace(broken, "To: <sip:edge>", "t: <sip:edge;tag=x> ; TAG=y", 1)
	p.send(tagged, to)
	res, _ = p.receive()
	require.Contains(t, res, "\r\nt: <sip:edge;tag=x> ; TAG=y\r\n")
	p.send(options("ok", p.via()), to)
	res, _ = p.receive()
	require.Contains(t, res, "SIP/2.0 200 OK", "nothing else was answered, and the listener lives")
	s := e.layer.Stats()
	require.Equal(t, uint64(3), s.Garbage)
	require.Equal(t, uint64(3), s.Keepalives)
	require.Equal(t, uint64(6), s.Malformed)
}

// What sipgo would only write a log line about, and what would get past the
// packet middleware, does not reach it.
func TestGuardOfTransactions(t *testing.T) {
	e := newEdge(t)
	to := e.listenUDP(t, "127.0.0.1:0")
	p := newPhone(t, "127.0.0.1:0")
	sound := options("1", p.via())
	tests := []struct{ name, msg, answer string }{
		{"request that looks like a response", strings.Replace(sound, "OPTIONS sip:edge", "SIP/2.0 sip:edge", 1), ""},
		{"no CSeq", strings.Replace(sound, "CSeq: 1 OPTIONS\r\n", "", 1), "400"},
		{"another method in CSeq", strings.Replace(sound, "1 OPTIONS", "1 INVITE", 1), "400"},
		{"old branch, no From tag", strings.Replace(strings.Replace(sound, ";tag=1", "", 1), "z9hG4bK", "", 1), "400"},
		{"Via that only sipgo can read", strings.Replace(sound, "SIP/2.0/UDP ", "SIP/2.0/UDP a ", 1), ""},
		{"no Via", strings.Replace(sound, "Via: ", "X: ", 1), ""},
		{"ACK in lower case", strings.Replace(sound, "OPTIONS sip:edge", "ack sip:edge", 1), ""},
		{"response without a branch", "SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP h\r\nCSeq: 1 OPTIONS\r\n\r\n", ""},
	}
	for i, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			p.send(tt.msg, to)
			if tt.answer != "" {
				res, _ := p.receive()
				require.True(t, strings.HasPrefix(res, "SIP/2.0 "+tt.answer), res)
			}
			p.send(options("next"+strconv.Itoa(i), p.via()), to)
			res, _ := p.receive()
			require.Contains(t, res, "200 OK")
			require.Contains(t, res, "branch=z9hG4bKnext"+strconv.Itoa(i))
			require.Equal(t, uint64(i+1), e.layer.Stats().Malformed)
		})
	}
}

// Two wildcard sockets on one port, one of them for IPv6 only: each sends to its
// own family, whichever was served first.
func TestWildcardsOfBothFamilies(t *testing.T) {
	for _, order := range [][]string{{"udp4", "udp6"}, {"udp6", "udp4"}} {
		t.Run(strings.Join(order, " "), func(t *testing.T) {
			e := newEdge(t)
			port := "0"
			for _, network := range order {
				pc, err := net.ListenPacket(network, ":"+port)
				require.NoError(t, err)
				own := e.serveUDP(t, pc)
				port = strconv.Itoa(int(own.Port()))
			}
			for _, host := range []string{"127.0.0.1", "::1"} {
				p := newPhone(t, net.JoinHostPort(host, "0"))
				var f flow.Flow
				require.Eventually(t, func() bool { // both are served
					var err error
					f, err = e.layer.Out(flow.UDP, p.addr())
					return err == nil && e.layer.Write([]byte("\r\n"), f) == nil
				}, 5*time.Second, time.Millisecond)
				require.Equal(t, netip.MustParseAddr(host), f.Local.Addr())
				_, from := p.receive()
				require.Equal(t, f.Local, from)
				require.NoError(t, e.layer.Write([]byte("\r\n"), f))
				_, from = p.receive()
				require.Equal(t, f.Local, from)
				tx, err := e.layer.Do(t.Context(), outgoing(e.layer, f), f)
				require.NoError(t, err)
				tx.Terminate()
				_, from = p.receive()
				require.Equal(t, f.Local, from)
			}
		})
	}
}

func TestSourcesAreForgotten(t *testing.T) {
	e := newEdge(t)
	e.layer.MaxSources = 100
	to := e.listenUDP(t, "127.0.0.1:0")
	first := newPhone(t, "127.0.0.1:0")
	for i := range 3000 {
		p := first
		if i%10 == 0 {
			pc, err := net.ListenPacket("udp", "127.0.0.1:0")
			require.NoError(t, err)
			p = phone{pc.(*net.UDPConn), t}
		}
		p.send(options(strconv.Itoa(i), p.via()), to)
		res, _ := p.receive()
		require.Contains(t, res, "200 OK")
		<-e.flows
		if p != first {
			require.NoError(t, p.Close())
		}
	}
	require.NotZero(t, e.layer.Stats().Recycled)
	pool := e.srv.TransportLayer().Pool("udp")
	require.Eventually(t, func() bool { return pool.Size() < 150 }, 10*time.Second, 10*time.Millisecond)
}

func TestNames(t *testing.T) {
	e := newEdge(t)
	e.layer.Advertise = "edge.example.com"
	one := e.listenUDP(t, "127.0.0.1:0")
	e.layer.AdvertiseAs(&net.UDPAddr{IP: net.IPv4(127, 0, 0, 2), Port: 5070}, "203.0.113.1:5060")
	port := int(one.Port())
	host, p := e.layer.Name(flow.Flow{Transport: flow.UDP, Local: one})
	require.Equal(t, "edge.example.com", host)
	require.Equal(t, port, p)
	for _, tt := range []struct {
		host string
		port int
		want bool
	}{{"127.0.0.1", port, true}, {"EDGE.example.com", port, true}, {"edge.example.com", 1, false}, {"edge.example.com", 0, false}, {"127.0.0.2", port, false}, {"127.0.0.1", port + 1, false}, {"", 0, false}} {
		require.Equal(t, tt.want, e.layer.IsSelf(tt.host, tt.port), "%s:%d", tt.host, tt.port)
	}
}
