// SPDX-FileCopyrightText: 2026 The sipnat authors
// SPDX-License-Identifier: MIT

package flow_test

import (
	"bufio"
	"crypto/rand"
	"errors"
	"io"
	"net"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/gobwas/ws"
	"github.com/gobwas/ws/wsutil"
	"github.com/stretchr/testify/require"

	"github.com/sipnat/sipnat/flow"
)

// A client that closes, or breaks off, with requests in hand must not make us
// dial what it wrote into their Via.
func TestRequestsInHandOfADeadStreamAreNotDialled(t *testing.T) {
	tests := []struct {
		name      string
		transport flow.Transport
		leave     func(c net.Conn)
	}{
		{"reset", flow.TCP, func(c net.Conn) { _ = c.(*net.TCPConn).SetLinger(0) }},
		{"nonsense behind", flow.TCP, func(c net.Conn) { _, _ = io.WriteString(c, "nonsense\r\n\r\n") }},
		{"reset", flow.WS, func(c net.Conn) { _ = c.(*net.TCPConn).SetLinger(0) }},
		{"nonsense behind", flow.WS, func(c net.Conn) { _ = wsutil.WriteClientText(c, []byte("nonsense\r\n\r\n")) }},
		{"close frame", flow.WS, func(c net.Conn) { _ = ws.WriteFrame(c, ws.MaskFrame(ws.NewCloseFrame(nil))) }},
		{"ping with a payload", flow.WS, func(c net.Conn) { _ = ws.WriteFrame(c, ws.MaskFrame(ws.NewPingFrame([]byte("x")))) }},
	}
	for _, tt := range tests {
		t.Run(tt.transport.String()+" "+tt.name, func(t *testing.T) {
			victim, err := net.Listen("tcp", "127.0.0.1:0")
			require.NoError(t, err)
			defer func() { _ = victim.Close() }()
			e := newEdge(t)
			e.flows = make(chan flow.Flow, 1<<16)
			to := e.listenStream(t, tt.transport).String()
			for range 50 {
				c := dial(t, to)
				if tt.transport == flow.TCP {
					_, _ = io.WriteString(c, strings.Join(many("SIP/2.0/TCP "+victim.Addr().String()), ""))
				} else {
					c = upgrade(t, to)
					for _, msg := range many("SIP/2.0/WS " + victim.Addr().String()) {
						_ = wsutil.WriteClientText(c, []byte(msg))
					}
				}
				tt.leave(c)
				_ = c.Close()
			}
			require.NoError(t, victim.(*net.TCPListener).SetDeadline(time.Now().Add(300*time.Millisecond)))
			_, err = victim.Accept()
			require.Error(t, err, "nobody dialled")
		})
	}
}

// upgrade is a WebSocket client.
func upgrade(t *testing.T, to string) net.Conn {
	t.Helper()
	c, _, _, err := ws.Dialer{Protocols: []string{"sip"}, Timeout: 5 * time.Second}.Dial(t.Context(), "ws://"+to)
	require.NoError(t, err)
	t.Cleanup(func() { _ = c.Close() })
	return c
}

func dial(t *testing.T, to string) net.Conn {
	t.Helper()
	c, err := net.Dial("tcp", to)
	require.NoError(t, err)
	t.Cleanup(func() { _ = c.Close() })
	return c
}

func many(via string) []string {
	msgs := make([]string, 40)
	for i := range msgs {
		msgs[i] = options(strconv.Itoa(i)+"x"+rand.Text(), via)
	}
	return msgs
}

// A hook may send on another flow: sipgo's table must not be locked then.
func TestOnCloseMaySend(t *testing.T) {
	for name, last := range map[string]string{"closed": "", "nonsense": "nonsense\r\n\r\n"} {
		t.Run(name, func(t *testing.T) {
			e := newEdge(t)
			to := e.listenTCP(t).String()
			stays, goes := dial(t, to), dial(t, to)
			r := bufio.NewReader(stays)
			_, err := io.WriteString(stays, options("1", "SIP/2.0/TCP h"))
			require.NoError(t, err)
			require.Equal(t, "SIP/2.0 200 OK", line(t, stays, r))
			skipHeaders(t, stays, r)
			other := <-e.flows
			done := make(chan error, 10)
			e.layer.OnClose(func(flow.Flow) { done <- e.layer.Send(outgoing(e.layer, other), other) })
			_, err = io.WriteString(goes, last)
			require.NoError(t, err)
			if last == "" {
				require.NoError(t, goes.Close())
			}
			select {
			case err := <-done:
				require.NoError(t, err)
			case <-time.After(10 * time.Second):
				t.Fatal("stuck")
			}
			require.Equal(t, "OPTIONS sip:bob@10.0.0.5 SIP/2.0", line(t, stays, r))
		})
	}
}

// A stream that failed in the middle of a message is of no use any more.
func TestPeerThatDoesNotReadIsLeft(t *testing.T) {
	e := newEdge(t)
	e.layer.WriteTimeout = 50 * time.Millisecond
	to := e.listenTCP(t).String()
	gone := make(chan flow.Flow, 1)
	e.layer.OnClose(func(f flow.Flow) { gone <- f })
	c := dial(t, to)
	_, err := io.WriteString(c, options("1", "SIP/2.0/TCP h"))
	require.NoError(t, err)
	f := <-e.flows
	for junk := make([]byte, 1<<20); err == nil || errors.Is(err, flow.ErrBusy); {
		err = e.layer.Write(junk, f)
	}
	require.Equal(t, f, <-gone)
	require.ErrorIs(t, e.layer.Write([]byte("\r\n"), f), flow.ErrFlowGone)
}

// One client that says nothing, or half of something, keeps nobody out.
func TestWebSocketUpgradesDoNotWaitForOneAnother(t *testing.T) {
	e := newEdge(t)
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	served := make(chan error, 1)
	go func() { served <- e.layer.ServeWS(e.srv, ln) }()
	silent, slow := dial(t, ln.Addr().String()), dial(t, ln.Addr().String())
	_, err = io.WriteString(slow, "GET / HT")
	require.NoError(t, err)

	c := upgrade(t, ln.Addr().String())
	require.NoError(t, wsutil.WriteClientText(c, []byte(options("1", "SIP/2.0/WS phone.invalid"))))
	require.Equal(t, flow.WS, (<-e.flows).Transport)
	require.NoError(t, c.Close())

	require.NoError(t, ln.Close())
	require.ErrorIs(t, <-served, net.ErrClosed)
	for _, c := range []net.Conn{silent, slow} {
		require.NoError(t, c.SetReadDeadline(time.Now().Add(5*time.Second)))
		_, err := c.Read(make([]byte, 1))
		require.ErrorIs(t, err, io.EOF, "closed with the listener")
	}
}

// A trunk that has gone may be called anew at the address that it came from.
func TestADeadStreamsAddressMayBeDialled(t *testing.T) {
	e := newEdge(t)
	to := e.listenTCP(t).String()
	gone := make(chan flow.Flow, 1)
	e.layer.OnClose(func(f flow.Flow) { gone <- f })
	// An address of its own: another test's socket must not get its port below.
	c, err := (&net.Dialer{LocalAddr: &net.TCPAddr{IP: net.IPv4(127, 0, 0, 78)}}).Dial("tcp", to)
	require.NoError(t, err)
	t.Cleanup(func() { _ = c.Close() })
	_, err = io.WriteString(c, options("1", "SIP/2.0/TCP h"))
	require.NoError(t, err)
	f := <-e.flows
	require.NoError(t, c.(*net.TCPConn).SetLinger(0))
	require.NoError(t, c.Close())
	<-gone
	var trunk net.Listener
	require.Eventually(t, func() bool {
		trunk, err = net.Listen("tcp", f.Remote.String())
		return err == nil
	}, 5*time.Second, time.Millisecond)
	defer func() { _ = trunk.Close() }()
	out, err := e.layer.Out(flow.TCP, f.Remote)
	require.NoError(t, err)
	require.Zero(t, out.Conn)
	tx, err := e.layer.Do(t.Context(), outgoing(e.layer, out), out)
	require.NoError(t, err)
	defer tx.Terminate()
	in, err := trunk.Accept()
	require.NoError(t, err)
	defer func() { _ = in.Close() }()
	require.Equal(t, "OPTIONS sip:bob@10.0.0.5 SIP/2.0", line(t, in, bufio.NewReader(in)))
}
