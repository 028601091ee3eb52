// SPDX-FileCopyrightText: 2026 The sipnat authors
// SPDX-License-Identifier: MIT

package registrar_test

import (
	"bufio"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/emiago/sipgo"
	"github.com/emiago/sipgo/sip"
	"github.com/stretchr/testify/require"

	"github.com/sipnat/sipnat/flow"
	"github.com/sipnat/sipnat/registrar"
)

// TestClosed: over real connections, bindings die with the one that leads to
// them, and only those.
func TestClosed(t *testing.T) {
	bound, unbound := make(chan string, 10), make(chan string, 10)
	r, store := open()
	r.OnBind = func(id string, _ flow.Flow) { bound <- id }
	r.OnUnbind = func(id string) { unbound <- id }
	layer := &flow.Layer{}
	addr := serve(t, layer, r)

	one, two := dial(t, addr), dial(t, addr)
	a := alice()
	a.transport = "TCP"
	one.register(t, a.with("Contact: "+home, "Contact: <sip:x@192.168.1.2>", "Expires: 600"))
	first := stored(t, store, "alice")
	require.Len(t, first, 2)
	require.NotZero(t, first[0].Flow.Conn)
	one.register(t, phone{user: "bob", callID: "c2", cseq: 1, transport: "TCP"}.with("Contact: <sip:bob@h>", "Path: <sip:e;lr>"))
	two.register(t, phone{user: "carol", callID: "c3", cseq: 1, transport: "TCP"}.with("Contact: <sip:carol@h>"))
	two.register(t, a.next("Contact: "+home)) // has moved to another connection
	for range 4 {
		<-bound
	}

	r.Closed(flow.Flow{Transport: flow.UDP}) // names no connection
	carol := stored(t, store, "carol")[0].ID
	require.NoError(t, one.Close())
	require.Equal(t, first[1].ID, <-unbound)
	require.Len(t, stored(t, store, "alice"), 1)
	require.Len(t, stored(t, store, "bob"), 1, "the proxy's connection is not the phone's")
	require.NoError(t, two.Close())
	require.ElementsMatch(t, []string{first[0].ID, carol}, []string{<-unbound, <-unbound})
	require.Empty(t, stored(t, store, "alice"))
	require.Empty(t, stored(t, store, "carol"))
	r.Drop(stored(t, store, "bob")[0].ID)
	require.Eventually(t, func() bool { return r.Tracked() == 0 }, 5*time.Second, time.Millisecond)
	require.Empty(t, bound)
	require.Empty(t, unbound)
}

// serve runs r behind a TCP listener of layer.
func serve(t *testing.T, layer *flow.Layer, r *registrar.Registrar) string {
	t.Helper()
	ua, err := sipgo.NewUA()
	require.NoError(t, err)
	t.Cleanup(func() { _ = ua.Close() })
	srv, err := sipgo.NewServer(ua)
	require.NoError(t, err)
	srv.OnRegister(r.Middleware(func(*sip.Request, sip.ServerTransaction) { t.Error("passed on") }))
	layer.OnClose(r.Closed)
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = layer.ServeTCP(srv, ln)
	}()
	t.Cleanup(func() {
		_ = ln.Close()
		<-done
	})
	return ln.Addr().String()
}

type conn struct {
	net.Conn
	in *bufio.Reader
}

func dial(t *testing.T, addr string) conn {
	t.Helper()
	c, err := net.Dial("tcp", addr)
	require.NoError(t, err)
	t.Cleanup(func() { _ = c.Close() })
	return conn{c, bufio.NewReader(c)}
}

func (c conn) register(t *testing.T, p phone) {
	t.Helper()
	p.source = "192.0.2.1:1"
	_, err := c.Write([]byte(p.request(t).String()))
	require.NoError(t, err)
	require.NoError(t, c.SetReadDeadline(time.Now().Add(5*time.Second)))
	status, err := c.in.ReadString('\n')
	require.NoError(t, err)
	require.Equal(t, "SIP/2.0 200 OK\r\n", status)
	for line := status; strings.TrimSpace(line) != ""; {
		line, err = c.in.ReadString('\n')
		require.NoError(t, err)
	}
}
