// SPDX-FileCopyrightText: 2026 The sipnat authors
// SPDX-License-Identifier: MIT

package flow_test

import (
	"fmt"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/emiago/sipgo"
	"github.com/emiago/sipgo/sip"
	"github.com/stretchr/testify/require"

	"github.com/sipnat/sipnat/flow"
)

// edge is a sipgo server on a layer; its handler answers 200 and tells the flow.
type edge struct {
	layer *flow.Layer
	ua    *sipgo.UserAgent
	srv   *sipgo.Server
	flows chan flow.Flow
}

func newEdge(t *testing.T) *edge {
	t.Helper()
	ua, err := sipgo.NewUA()
	require.NoError(t, err)
	t.Cleanup(func() { _ = ua.Close() })
	srv, err := sipgo.NewServer(ua)
	require.NoError(t, err)
	e := &edge{layer: &flow.Layer{UDPMTUSize: 65535}, ua: ua, srv: srv, flows: make(chan flow.Flow, 100)}
	srv.OnNoRoute(func(req *sip.Request, tx sip.ServerTransaction) {
		e.flows <- flow.Of(req, tx)
		if !req.IsAck() {
			_ = tx.Respond(sip.NewResponseFromRequest(req, 200, "OK", nil))
		}
	})
	return e
}

func (e *edge) listenUDP(t *testing.T, addr string) netip.AddrPort {
	t.Helper()
	pc, err := net.ListenPacket("udp", addr)
	require.NoError(t, err)
	return e.serveUDP(t, pc)
}

func (e *edge) serveUDP(t *testing.T, pc net.PacketConn, mw ...func(net.PacketConn) net.PacketConn) netip.AddrPort {
	t.Helper()
	served := make(chan error, 1)
	go func() { served <- e.layer.ServeUDP(e.srv, pc, mw...) }()
	t.Cleanup(func() {
		_ = pc.Close()
		require.NoError(t, <-served)
	})
	own := pc.LocalAddr().(*net.UDPAddr).AddrPort()
	host := own.Addr().Unmap()
	if host.IsUnspecified() {
		host = map[bool]netip.Addr{true: netip.MustParseAddr("127.0.0.1"), false: netip.IPv6Loopback()}[host.Is4()]
	}
	require.Eventually(t, func() bool { return e.layer.IsSelf(host.String(), int(own.Port())) }, 5*time.Second, time.Millisecond)
	return own
}

// phone is a UDP socket that writes SIP by hand.
type phone struct {
	*net.UDPConn
	t *testing.T
}

func newPhone(t *testing.T, addr string) phone {
	t.Helper()
	pc, err := net.ListenPacket("udp", addr)
	require.NoError(t, err)
	t.Cleanup(func() { _ = pc.Close() })
	return phone{pc.(*net.UDPConn), t}
}

func (p phone) addr() netip.AddrPort {
	return p.LocalAddr().(*net.UDPAddr).AddrPort()
}

func (p phone) send(msg string, to netip.AddrPort) {
	p.t.Helper()
	_, err := p.WriteToUDPAddrPort([]byte(msg), to)
	require.NoError(p.t, err)
}

// receive is the next datagram and where it came from.
func (p phone) receive() (string, netip.AddrPort) {
	p.t.Helper()
	buf := make([]byte, 65535)
	require.NoError(p.t, p.SetReadDeadline(time.Now().Add(5*time.Second)))
	n, from, err := p.ReadFromUDPAddrPort(buf)
	require.NoError(p.t, err)
	return string(buf[:n]), from
}

func options(branch string, via string) string {
	return strings.Join([]string{
		"OPTIONS sip:edge SIP/2.0", "Via: " + via + ";branch=z9hG4bK" + branch, "From: <sip:a@example.com>;tag=1", "To: <sip:edge>",
		"Call-ID: " + branch, "CSeq: 1 OPTIONS", "Max-Forwards: 70", "Content-Length: 0", "", "",
	}, "\r\n")
}

func (p phone) via() string { return fmt.Sprintf("SIP/2.0/UDP %s;rport", p.addr()) }
