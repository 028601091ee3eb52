// SPDX-FileCopyrightText: 2026 The sipnat authors
// SPDX-License-Identifier: MIT

package flow_test

import (
	"bufio"
	"net"
	"net/netip"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/emiago/sipgo"
	"github.com/stretchr/testify/require"

	"github.com/sipnat/sipnat/flow"
)

func (e *edge) listenTCP(t *testing.T) netip.AddrPort { t.Helper(); return e.listenStream(t, flow.TCP) }

func (e *edge) listenStream(t *testing.T, transport flow.Transport) netip.AddrPort {
	t.Helper()
	return e.listenStreamOn(t, transport, "127.0.0.1:0")
}

func (e *edge) listenStreamOn(t *testing.T, transport flow.Transport, addr string) netip.AddrPort {
	t.Helper()
	ln, err := net.Listen("tcp", addr)
	require.NoError(t, err)
	serve := map[flow.Transport]func(*sipgo.Server, net.Listener) error{flow.TCP: e.layer.ServeTCP, flow.WS: e.layer.ServeWS}[transport]
	served := make(chan error, 1)
	go func() { served <- serve(e.srv, ln) }()
	t.Cleanup(func() {
		_ = ln.Close()
		require.ErrorIs(t, <-served, net.ErrClosed)
	})
	return ln.Addr().(*net.TCPAddr).AddrPort()
}

func TestStreamFlow(t *testing.T) {
	e := newEdge(t)
	to := e.listenTCP(t)
	gone := make(chan flow.Flow, 1)
	e.layer.OnClose(func(f flow.Flow) { gone <- f })
	// An address of its own: another test's socket must not get its port below.
	c, err := (&net.Dialer{LocalAddr: &net.TCPAddr{IP: net.IPv4(127, 0, 0, 77)}}).Dial("tcp", to.String())
	require.NoError(t, err)
	defer func() { _ = c.Close() }()
	remote := c.LocalAddr().(*net.TCPAddr).AddrPort()

	_, err = c.Write([]byte(options("1", "SIP/2.0/TCP "+remote.String())))
	require.NoError(t, err)
	r := bufio.NewReader(c)
	require.Equal(t, "SIP/2.0 200 OK", line(t, c, r))
	f := <-e.flows
	require.NotZero(t, f.Conn)
	require.Equal(t, flow.Flow{Transport: flow.TCP, Local: to, Remote: remote, Conn: f.Conn}, f)
	found, err := e.layer.Find(flow.TCP, remote)
	require.NoError(t, err)
	require.Equal(t, f, found)

	skipHeaders(t, c, r)
	require.NoError(t, e.layer.Write([]byte("\r\n"), f))
	require.Empty(t, line(t, c, r))
	tx, err := e.layer.Do(t.Context(), outgoing(e.layer, f), f)
	require.NoError(t, err)
	tx.Terminate()
	require.Equal(t, "OPTIONS sip:bob@10.0.0.5 SIP/2.0", line(t, c, r))
	skipHeaders(t, c, r)
	require.NoError(t, e.layer.Send(outgoing(e.layer, f), f))
	require.Equal(t, "OPTIONS sip:bob@10.0.0.5 SIP/2.0", line(t, c, r))

	other := f
	other.Conn++
	_, err = e.layer.Do(t.Context(), outgoing(e.layer, other), other)
	require.ErrorIs(t, err, flow.ErrFlowGone, "another connection's serial")

	require.NoError(t, c.(*net.TCPConn).SetLinger(0)) // reset: the port is free again at once
	require.NoError(t, c.Close())
	require.Equal(t, f, <-gone)
	// Somebody listens where the phone was: nothing may dial there.
	ln, err := net.Listen("tcp", remote.String())
	require.NoError(t, err)
	defer func() { _ = ln.Close() }()
	_, err = e.layer.Do(t.Context(), outgoing(e.layer, f), f)
	require.ErrorIs(t, err, flow.ErrFlowGone)
	require.ErrorIs(t, e.layer.Send(outgoing(e.layer, f), f), flow.ErrFlowGone)
	_, err = e.layer.Find(flow.TCP, remote)
	require.ErrorIs(t, err, flow.ErrFlowGone)
	require.NoError(t, ln.(*net.TCPListener).SetDeadline(time.Now().Add(100*time.Millisecond)))
	_, err = ln.Accept()
	require.Error(t, err, "nobody dialled")
}

// Only a flow that Out made may open a connection.
func TestOutDials(t *testing.T) {
	e := newEdge(t)
	e.listenTCP(t)
	trunk, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer func() { _ = trunk.Close() }()
	var f flow.Flow
	require.Eventually(t, func() bool {
		f, err = e.layer.Out(flow.TCP, trunk.Addr().(*net.TCPAddr).AddrPort())
		return err == nil
	}, 5*time.Second, time.Millisecond)
	require.Zero(t, f.Conn)
	tx, err := e.layer.Do(t.Context(), outgoing(e.layer, f), f)
	require.NoError(t, err)
	defer tx.Terminate()
	c, err := trunk.Accept()
	require.NoError(t, err)
	defer func() { _ = c.Close() }()
	require.Equal(t, "OPTIONS sip:bob@10.0.0.5 SIP/2.0", line(t, c, bufio.NewReader(c)))
}

func TestSilentStreamIsClosed(t *testing.T) {
	e := newEdge(t)
	e.layer.HandshakeTimeout = 50 * time.Millisecond
	to := e.listenTCP(t)
	c, err := net.Dial("tcp", to.String())
	require.NoError(t, err)
	defer func() { _ = c.Close() }()
	require.NoError(t, c.SetReadDeadline(time.Now().Add(5*time.Second)))
	_, err = c.Read(make([]byte, 1))
	require.Error(t, err)
	require.NotErrorIs(t, err, os.ErrDeadlineExceeded, "closed by the edge, not by our own deadline")
}

func line(t *testing.T, c net.Conn, r *bufio.Reader) string {
	t.Helper()
	require.NoError(t, c.SetReadDeadline(time.Now().Add(5*time.Second)))
	s, err := r.ReadString('\n')
	require.NoError(t, err)
	return strings.TrimRight(s, "\r\n")
}

func skipHeaders(t *testing.T, c net.Conn, r *bufio.Reader) {
	t.Helper()
	for line(t, c, r) != "" {
	}
}
