// SPDX-FileCopyrightText: 2026 The sipnat authors
// SPDX-License-Identifier: MIT

package flow_test

import (
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

	"github.com/sipnat/sipnat"
	"github.com/sipnat/sipnat/flow"
	"github.com/sipnat/sipnat/keepalive"
	"github.com/sipnat/sipnat/registrar"
	"github.com/sipnat/sipnat/rport"
)

// location is a chain as edges have it: OPTIONS, a challenge, a registrar.
func location() func(*sip.Request, sip.ServerTransaction) {
	r := &registrar.Registrar{}
	r.AOR = func(req *sip.Request, tx sip.ServerTransaction) (string, error) {
		if req.GetHeader("Authorization") == nil {
			res := sip.NewResponseFromRequest(req, 401, "Unauthorized", nil)
			res.AppendHeader(sip.NewHeader("WWW-Authenticate", `Digest realm="x"`))
			_ = tx.Respond(res)
			return "", registrar.ErrAnswered
		}
		return registrar.Unauthenticated(req, tx)
	}
	return sipnat.Chain(keepalive.AnswerOptions, r.Middleware)(func(req *sip.Request, tx sip.ServerTransaction) {
		_ = tx.Respond(sip.NewResponseFromRequest(req, 404, "Not Found", nil))
	})
}

// bothWays serves the chain of an edge behind sipgo's transactions, and again
// without them.
func bothWays(t *testing.T) (transactions, stateless netip.AddrPort, e *edge) {
	t.Helper()
	e = newEdge(t)
	ways := make([]netip.AddrPort, 2)
	for i := range ways {
		e := e
		mw := []func(net.PacketConn) net.PacketConn{rport.Always}
		h := location()
		if i == 0 {
			e = newEdge(t)
		} else {
			mw = append(mw, e.layer.Stateless(h))
		}
		sipnat.Handle(e.srv, h)
		ways[i] = e.serveUDP(t, listen(t, "127.0.0.1:0"), mw...)
	}
	return ways[0], ways[1], e
}

func register(p phone, cseq int, headers ...string) string {
	return strings.Join(append([]string{
		"REGISTER sip:example.com SIP/2.0", fmt.Sprintf("Via: SIP/2.0/UDP 10.0.0.1:5060;branch=z9hG4bK%d", cseq), "From: <sip:a@example.com>;tag=1", "To: <sip:a@example.com>",
		"Call-ID: c", fmt.Sprintf("CSeq: %d REGISTER", cseq), "Contact: <sip:a@" + p.addr().String() + ">", "Max-Forwards: 70", "Content-Length: 0",
	}, append(headers, "", "")...), "\r\n")
}

var (
	moving  = regexp.MustCompile(`Date: .*|expires=\d+`)
	ownTag  = regexp.MustCompile(`To: [^;]*;tag=(\S+)`)
	sipgoID = regexp.MustCompile(`^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}$`)
)

// The same chain answers alike on both ways, and a repeated request is answered
// as it was.
func TestStatelessAnswersAlike(t *testing.T) {
	transactions, stateless, e := bothWays(t)
	p := newPhone(t, "127.0.0.1:0")
	auth := "Authorization: x"
	tests := []struct {
		name, msg, code string
		random          bool // the To tag that sipgo makes
	}{
		{"challenge", register(p, 1), "401", true},
		{"registered", register(p, 2, auth, "Expires: 600"), "200", false},
		{"too brief", register(p, 3, auth, "Expires: 1"), "423", false},
		{"malformed", register(p, 4, auth, "Expires: x"), "400", false},
		{"stale", register(p, 1, auth, "Expires: 600"), "500", false},
		{"asked", strings.Replace(register(p, 5, auth), "Contact", "X", 1), "200", false},
		{"gone", register(p, 6, auth, "Expires: 0"), "200", false},
		{"options", options("o", "SIP/2.0/UDP 10.0.0.1:5060"), "200", true},
		{"not for the registrar", strings.ReplaceAll(options("m", "SIP/2.0/UDP 10.0.0.1:5060"), "OPTIONS", "MESSAGE"), "404", true},
		{"not for a parser", strings.Replace(register(p, 7), "Max-Forwards: 70", "Contact: <sip:a@h", 1), "400", true},
	}
	for i, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			answer := func(to netip.AddrPort) (string, string) {
				msg := strings.Replace(tt.msg, "branch=z9hG4bK", "branch=z9hG4bK"+strconv.Itoa(i), 1)
				p.send(msg, to)
				first, from := p.receive()
				require.Equal(t, to, from)
				p.send(msg, to)
				second, _ := p.receive()
				require.Equal(t, moving.ReplaceAllString(first, ""), moving.ReplaceAllString(second, ""), "a repetition")
				require.Contains(t, first, "SIP/2.0 "+tt.code+" ")
				tag := ownTag.FindStringSubmatch(first)
				require.NotNil(t, tag, first)
				return moving.ReplaceAllString(first, ""), tag[1]
			}
			a, tagA := answer(transactions)
			b, tagB := answer(stateless)
			if tt.random {
				require.NotEqual(t, tagA, tagB)
				a = strings.Replace(a, tagA, tagB, 1)
			}
			if tt.code != "404" { // that passes, and is sipgo's to answer
				require.NotRegexp(t, sipgoID, tagB)
			}
			require.Equal(t, a, b)
		})
	}
	require.Equal(t, uint64(2*8), e.layer.Stats().Stateless, "the others passed")
}

// The transaction tells the flow, lives as long as its handler, and no longer.
func TestStatelessTransaction(t *testing.T) {
	for _, addr := range []string{"127.0.0.1:0", "0.0.0.0:0", "[::1]:0"} {
		t.Run(addr, func(t *testing.T) {
			e := newEdge(t)
			e.listenUDP(t, "127.0.0.1:0") // so that Vias are tagged
			type seen struct {
				flow       flow.Flow
				tx         sip.ServerTransaction
				terminated chan error
			}
			got := make(chan seen, 1)
			to := e.serveUDP(t, listen(t, addr), rport.Always, e.layer.Stateless(func(req *sip.Request, tx sip.ServerTransaction) {
				s := seen{flow.Of(req, flow.WithTarget(tx, flow.Target{})), tx, make(chan error, 1)}
				open := tx.OnTerminate(func(key string, err error) {
					if key != "" {
						s.terminated <- err
					}
				}) && tx.OnCancel(nil) && tx.Err() == nil && tx.Acks() == nil
				select {
				case <-tx.Done():
				default:
					if open {
						_ = tx.Respond(sip.NewResponseFromRequest(req, 100, "Trying", nil))
						_ = tx.Respond(sip.NewResponseFromRequest(req, 200, "OK", nil))
						_ = tx.Respond(sip.NewResponseFromRequest(req, 500, "Never Sent", nil))
					}
				}
				got <- s
			}, sip.OPTIONS))
			host := map[string]string{"127.0.0.1:0": "127.0.0.1", "0.0.0.0:0": "127.0.0.5", "[::1]:0": "::1"}[addr]
			p := newPhone(t, net.JoinHostPort(map[bool]string{true: "::1", false: "127.0.0.1"}[host == "::1"], "0"))
			to = netip.AddrPortFrom(netip.MustParseAddr(host), to.Port())
			for i := range 2 {
				p.send(options(strconv.Itoa(i), "SIP/2.0/UDP 10.0.0.1"), to)
				for _, status := range []string{"100 Trying", "200 OK"} {
					res, from := p.receive()
					require.Equal(t, to, from)
					require.Contains(t, res, "SIP/2.0 "+status)
					require.Contains(t, res, fmt.Sprintf(";rport=%d", p.addr().Port()))
					require.NotContains(t, res, "snl=")
				}
				s := <-got
				require.Equal(t, flow.Flow{Transport: flow.UDP, Local: to, Remote: p.addr()}, s.flow)
				require.ErrorIs(t, <-s.terminated, sip.ErrTransactionTerminated)
				<-s.tx.Done()
				require.ErrorIs(t, s.tx.Err(), sip.ErrTransactionTerminated)
				require.ErrorIs(t, s.tx.Respond(sip.NewResponse(200, "Late")), sip.ErrTransactionTerminated)
				require.False(t, s.tx.OnTerminate(nil))
				require.False(t, s.tx.OnCancel(nil))
			}
			p.send(strings.Replace(options("dialog", p.via()), "To: <sip:edge>", "To: <sip:edge>;tag=2", 1), to)
			p.send(strings.ReplaceAll(options("other", p.via()), "OPTIONS", "REGISTER"), to)
			for range 2 { // these are sipgo's
				<-e.flows
				p.receive()
			}
			require.Equal(t, uint64(2), e.layer.Stats().Stateless)
		})
	}
}

func TestStatelessRefusesWhatNeedsATransaction(t *testing.T) {
	require.Panics(t, func() { new(flow.Layer).Stateless(nil, sip.INVITE) })
}

func listen(t testing.TB, addr string) net.PacketConn {
	t.Helper()
	pc, err := net.ListenPacket(map[bool]string{true: "udp4", false: "udp"}[strings.HasPrefix(addr, "0.")], addr)
	require.NoError(t, err)
	return pc
}

// pipe is a socket in memory: it reads what is asked, and tells what is answered.
type pipe struct {
	ask    chan []byte
	answer chan int
	closed chan struct{}
}

func newPipe() *pipe {
	return &pipe{make(chan []byte), make(chan int, 16), make(chan struct{})}
}

var pipePeer = &net.UDPAddr{IP: net.IPv4(192, 0, 2, 9).To4(), Port: 5060}

func (p *pipe) ReadFrom(b []byte) (int, net.Addr, error) {
	select {
	case msg := <-p.ask:
		return copy(b, msg), pipePeer, nil
	case <-p.closed:
		return 0, nil, net.ErrClosed
	}
}

func (p *pipe) WriteTo(b []byte, _ net.Addr) (int, error) {
	p.answer <- len(b)
	return len(b), nil
}

func (p *pipe) Close() error                     { close(p.closed); return nil }
func (p *pipe) LocalAddr() net.Addr              { return &net.UDPAddr{IP: net.IPv4(192, 0, 2, 1), Port: 5060} }
func (p *pipe) SetDeadline(time.Time) error      { return nil }
func (p *pipe) SetReadDeadline(time.Time) error  { return nil }
func (p *pipe) SetWriteDeadline(time.Time) error { return nil }
