// SPDX-FileCopyrightText: 2026 The sipnat authors
// SPDX-License-Identifier: MIT

package proxy_test

import (
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/emiago/sipgo"
	"github.com/emiago/sipgo/sip"
	"github.com/stretchr/testify/require"

	"github.com/sipnat/sipnat/flow"
	"github.com/sipnat/sipnat/proxy"
)

// edge is a forwarder on real sockets of the loopback.
type edge struct {
	t     *testing.T
	layer *flow.Layer
	srv   *sipgo.Server
	fwd   *proxy.Forwarder
	addr  netip.AddrPort

	mu      sync.Mutex
	users   map[string][]flow.Target
	dropped chan string
}

func newEdge(t *testing.T, listen string) *edge {
	t.Helper()
	quiet := slog.New(slog.NewTextHandler(io.Discard, nil))
	ua, err := sipgo.NewUA(sipgo.WithUserAgentTransactionLayerOptions(sip.WithTransactionLayerLogger(quiet)))
	require.NoError(t, err)
	srv, err := sipgo.NewServer(ua)
	require.NoError(t, err)
	e := &edge{t: t, layer: &flow.Layer{UDPMTUSize: 65535}, srv: srv, users: map[string][]flow.Target{}, dropped: make(chan string, 16)}
	e.fwd = &proxy.Forwarder{Layer: e.layer, Locate: e.locate}
	e.fwd.Trace.Dropped = func(_ sip.Message, why error) {
		select {
		case e.dropped <- why.Error():
		default:
		}
	}
	srv.OnNoRoute(e.fwd.Handle)
	t.Cleanup(func() { _ = ua.Close() }) // after its listeners: it ends what handlers wait for
	e.addr = e.listenUDP(listen)
	return e
}

func (e *edge) listenUDP(listen string) netip.AddrPort {
	pc, err := net.ListenPacket("udp", listen)
	if err != nil {
		e.t.Skipf("needs %s: %v", listen, err)
	}
	served := make(chan error, 1)
	go func() { served <- e.layer.ServeUDP(e.srv, pc) }()
	e.t.Cleanup(func() {
		_ = pc.Close()
		require.NoError(e.t, <-served)
	})
	own := pc.LocalAddr().(*net.UDPAddr).AddrPort()
	require.Eventually(e.t, func() bool { return e.layer.IsSelf(own.Addr().String(), int(own.Port())) }, 5*time.Second, time.Millisecond)
	return own
}

func (e *edge) listenTCP() netip.AddrPort {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(e.t, err)
	served := make(chan error, 1)
	go func() { served <- e.layer.ServeTCP(e.srv, ln) }()
	e.t.Cleanup(func() {
		_ = ln.Close()
		require.ErrorIs(e.t, <-served, net.ErrClosed)
	})
	own := ln.Addr().(*net.TCPAddr).AddrPort()
	require.Eventually(e.t, func() bool { return e.layer.IsSelf(own.Addr().String(), int(own.Port())) }, 5*time.Second, time.Millisecond)
	return own
}

// locate knows users by flow, and phones that call by their Contact.
func (e *edge) locate(req *sip.Request) ([]flow.Target, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if t, ok := e.users[req.Recipient.User]; ok {
		return t, nil
	}
	return nil, &flow.Refusal{Code: 404, Reason: "Not Found"}
}

func (e *edge) bind(user string, f flow.Flow) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.users[user] = append(e.users[user], flow.Target{URI: sip.Uri{Scheme: "sip", User: user, Host: "10.1.1.1"}, Peer: flow.Peer{Flow: f, NAT: true}})
}

// phone is a UDP socket that writes SIP by hand.
type phone struct {
	t    *testing.T
	edge netip.AddrPort // the listener that it talks to
	*net.UDPConn
}

// phone is registered under users.
func (e *edge) phone(users ...string) *phone {
	pc, err := net.ListenPacket("udp", netip.AddrPortFrom(e.addr.Addr(), 0).String())
	require.NoError(e.t, err)
	e.t.Cleanup(func() { _ = pc.Close() })
	p := &phone{e.t, e.addr, pc.(*net.UDPConn)}
	f, err := e.layer.Out(flow.UDP, p.LocalAddr().(*net.UDPAddr).AddrPort())
	require.NoError(e.t, err)
	for _, u := range users {
		e.bind(u, f)
	}
	return p
}

func (p *phone) send(msg string) {
	p.t.Helper()
	_, err := p.WriteToUDPAddrPort([]byte(msg), p.edge)
	require.NoError(p.t, err)
}

// get is the next message; it must begin with start.
func (p *phone) get(start string) string {
	p.t.Helper()
	buf := make([]byte, 65535)
	require.NoError(p.t, p.SetReadDeadline(time.Now().Add(10*time.Second)))
	n, from, err := p.ReadFromUDPAddrPort(buf)
	require.NoError(p.t, err, "waiting for %s", start)
	require.Equal(p.t, p.edge, from, "sent from the listener")
	require.True(p.t, strings.HasPrefix(string(buf[:n]), start), "want %s, got:\n%s", start, buf[:n])
	return string(buf[:n])
}

// silent checks that nothing has come before the answer to a probe.
func (p *phone) silent() {
	p.t.Helper()
	probe := fmt.Sprint("probe", p.LocalAddr().(*net.UDPAddr).Port)
	p.send(request("OPTIONS", "nobody", probe))
	require.Contains(p.t, p.get("SIP/2.0 404"), "z9hG4bK"+probe+"OPTIONS")
}

// request is what a phone behind NAT writes: its own address is a private one.
func request(method, user, call string, lines ...string) string {
	cseq := method
	branch := "z9hG4bK" + call + method
	if method == "CANCEL" || method == "ACK-of-failure" {
		branch = "z9hG4bK" + call + "INVITE"
		method, _, _ = strings.Cut(method, "-")
		cseq = method
	}
	to := "<sip:bob@example.com>"
	if method == "BYE" || method == "ACK" {
		to += ";tag=b"
	}
	return strings.Join(append([]string{
		method + " sip:" + user + "@example.com SIP/2.0",
		"Via: SIP/2.0/UDP 10.9.9.9:5060;branch=" + branch + ";rport",
		"Max-Forwards: 70",
		"From: <sip:alice@example.com>;tag=a",
		"To: " + to,
		"Call-ID: " + call,
		"CSeq: 1 " + cseq,
		"Contact: <sip:alice@10.9.9.9>",
	}, append(lines, "Content-Length: 0", "", "")...), "\r\n")
}

// reply is a phone's response to a request as it got it.
func reply(req string, code int, lines ...string) string {
	out := []string{fmt.Sprintf("SIP/2.0 %d R%d", code, code)}
	for _, line := range headerLines(req) {
		name, _, _ := strings.Cut(line, ":")
		switch name {
		case "Via", "From", "Call-ID", "CSeq", "Record-Route":
			out = append(out, line)
		case "To":
			if !strings.Contains(line, ";tag=") && code != 100 {
				line += ";tag=b"
			}
			out = append(out, line)
		}
	}
	return strings.Join(append(append(out, lines...), "Content-Length: 0", "", ""), "\r\n")
}

func headerLines(msg string) []string {
	head, _, _ := strings.Cut(msg, "\r\n\r\n")
	return strings.Split(head, "\r\n")[1:]
}

// values lists the headers of a name.
func values(msg, name string) []string {
	var out []string
	for _, line := range headerLines(msg) {
		if v, ok := strings.CutPrefix(line, name+": "); ok {
			out = append(out, v)
		}
	}
	return out
}
