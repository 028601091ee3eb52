// SPDX-FileCopyrightText: 2026 The sipnat authors
// SPDX-License-Identifier: MIT

package integration_test

import (
	"context"
	"fmt"
	"net"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/emiago/sipgo"
	"github.com/stretchr/testify/require"

	"github.com/sipnat/sipnat"
	"github.com/sipnat/sipnat/flow"
	"github.com/sipnat/sipnat/nat"
	"github.com/sipnat/sipnat/proxy"
	"github.com/sipnat/sipnat/registrar"
	"github.com/sipnat/sipnat/registrar/boltstore"
	"github.com/sipnat/sipnat/route"
	"github.com/sipnat/sipnat/rport"
)

// boltEdge is one life of an edge with a location file, on loopback. OnBind
// sends the pings' first packet to bound.
type boltEdge struct {
	bound chan flow.Flow
	stop  func()
}

func startBoltEdge(t *testing.T, addr, file string) *boltEdge {
	t.Helper()
	store, err := boltstore.Open(file, boltstore.Config{})
	require.NoError(t, err)
	ua, err := sipgo.NewUA()
	require.NoError(t, err)
	srv, err := sipgo.NewServer(ua)
	require.NoError(t, err)
	layer, detector := &flow.Layer{}, &nat.Detector{}
	e := &boltEdge{bound: make(chan flow.Flow, 10)}
	location := &registrar.Registrar{
		AOR: registrar.Unauthenticated, NAT: detector.Behind, Store: store,
		OnBind: func(_ string, f flow.Flow) { e.bound <- f },
	}
	router := &route.Router{Layer: layer}
	edge := &proxy.Forwarder{Layer: layer, NAT: detector.Behind, Locate: location.Locate, Branch: []proxy.BranchHook{router.Branch}}
	sipnat.Handle(srv, edge.Handle, detector.Middleware, router.Middleware, location.Middleware)
	pc, err := net.ListenPacket("udp", addr)
	require.NoError(t, err)
	served := make(chan error, 1)
	go func() { served <- layer.ServeUDP(srv, pc, rport.Always) }()
	require.NoError(t, location.Restore(context.Background()))
	e.stop = func() {
		require.NoError(t, pc.Close())
		require.NoError(t, <-served)
		require.NoError(t, ua.Close())
		require.NoError(t, store.Close())
	}
	return e
}

func loopbackSocket(t *testing.T) *net.UDPConn {
	t.Helper()
	c, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	require.NoError(t, err)
	t.Cleanup(func() { _ = c.Close() })
	require.NoError(t, c.SetDeadline(time.Now().Add(20*time.Second)))
	return c
}

func sendSIP(t *testing.T, c *net.UDPConn, to, start, user string, more ...string) {
	t.Helper()
	method, _, _ := strings.Cut(start, " ")
	lines := append([]string{
		start, "Via: SIP/2.0/UDP 192.168.1.2:5060;branch=z9hG4bK" + method + user, "Max-Forwards: 70",
		fmt.Sprintf("From: <sip:%s@example.com>;tag=1", user), "To: <sip:alice@example.com>",
		"Call-ID: " + method + user, "CSeq: 1 " + method, "Contact: <sip:" + user + "@192.168.1.2:5060>", "Content-Length: 0",
	}, more...)
	dst, err := net.ResolveUDPAddr("udp", to)
	require.NoError(t, err)
	_, err = c.WriteTo([]byte(strings.Join(lines, "\r\n")+"\r\n\r\n"), dst)
	require.NoError(t, err)
}

// hear waits for a message that begins with start.
func hear(t *testing.T, c *net.UDPConn, start string) (text, from string) {
	t.Helper()
	b := make([]byte, 65536)
	for {
		n, addr, err := c.ReadFrom(b)
		require.NoError(t, err, "waiting for %q", start)
		if strings.HasPrefix(string(b[:n]), start) {
			return string(b[:n]), addr.String()
		}
	}
}

// TestCallAfterRestart: an edge with a location file is started anew. A call
// reaches a phone on UDP from the very port that it had registered with, before
// the phone has sent anything, and its pings are taken up.
func TestCallAfterRestart(t *testing.T) {
	file := filepath.Join(t.TempDir(), "location.db")
	free := loopbackSocket(t)
	addr := free.LocalAddr().String()
	require.NoError(t, free.Close())

	phone, caller := loopbackSocket(t), loopbackSocket(t)
	first := startBoltEdge(t, addr, file)
	sendSIP(t, phone, addr, "REGISTER sip:example.com SIP/2.0", "alice", "Expires: 600")
	hear(t, phone, "SIP/2.0 200")
	require.Equal(t, phone.LocalAddr().String(), (<-first.bound).Remote.String())
	first.stop()

	second := startBoltEdge(t, addr, file)
	defer second.stop()
	require.Equal(t, phone.LocalAddr().String(), (<-second.bound).Remote.String(), "known before anybody has sent anything")
	sendSIP(t, caller, addr, "INVITE sip:alice@example.com SIP/2.0", "bob")
	invite, from := hear(t, phone, "INVITE ")
	require.Equal(t, addr, from)
	require.True(t, strings.HasPrefix(invite, "INVITE sip:alice@192.168.1.2:5060 "), invite)
	reply := strings.Replace(invite, strings.SplitN(invite, "\r\n", 2)[0], "SIP/2.0 486 Busy Here", 1)
	dst, err := net.ResolveUDPAddr("udp", addr)
	require.NoError(t, err)
	_, err = phone.WriteTo([]byte(strings.Replace(reply, "To: <sip:alice@example.com>", "To: <sip:alice@example.com>;tag=2", 1)), dst)
	require.NoError(t, err)
	hear(t, caller, "SIP/2.0 486")
}
