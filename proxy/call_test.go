// SPDX-FileCopyrightText: 2026 The sipnat authors
// SPDX-License-Identifier: MIT

package proxy_test

import (
	"bufio"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sipnat/sipnat/flow"
)

func TestCallUDP(t *testing.T) {
	for _, listen := range []string{"127.0.0.1:0", "[::1]:0"} {
		t.Run(listen, func(t *testing.T) {
			e := newEdge(t, listen)
			alice, bob := e.phone("alice"), e.phone("bob")
			port := alice.LocalAddr().(*net.UDPAddr).AddrPort()

			alice.send(request("INVITE", "bob", "c1", "X-Unknown: kept"))
			alice.get("SIP/2.0 100")
			invite := bob.get("INVITE sip:bob@10.1.1.1 ")
			vias := values(invite, "Via")
			require.Len(t, vias, 2)
			require.Contains(t, vias[0], e.addr.String())
			require.Contains(t, vias[1], fmt.Sprintf("rport=%d", port.Port()))
			require.Contains(t, vias[1], "received="+port.Addr().String())
			require.Equal(t, []string{"kept"}, values(invite, "X-Unknown"))
			require.Equal(t, []string{"69"}, values(invite, "Max-Forwards"))

			bob.send(reply(invite, 180))
			require.Len(t, values(alice.get("SIP/2.0 180"), "Via"), 1)
			bob.send(reply(invite, 200, "Contact: <sip:bob@10.1.1.1>"))
			require.Equal(t, vias[1:], values(alice.get("SIP/2.0 200"), "Via"))
			bob.send(reply(invite, 200, "Contact: <sip:bob@10.1.1.1>")) // no ACK yet
			alice.get("SIP/2.0 200")

			alice.send(request("ACK", "bob", "c1"))
			ack := bob.get("ACK sip:bob@10.1.1.1 ")
			require.Len(t, values(ack, "Via"), 2)
			require.NotEqual(t, vias[0], values(ack, "Via")[0])

			bob.send(request("BYE", "alice", "c1"))
			bye := alice.get("BYE ")
			alice.send(reply(bye, 200))
			bob.get("SIP/2.0 200")
			alice.silent()
			bob.silent()
		})
	}
}

func TestForkUDP(t *testing.T) {
	e := newEdge(t, "127.0.0.1:0")
	alice, desk, cell, soft := e.phone(), e.phone("bob"), e.phone("bob"), e.phone("bob")
	alice.send(request("INVITE", "bob", "f1"))
	alice.get("SIP/2.0 100")
	toDesk, toCell, toSoft := desk.get("INVITE"), cell.get("INVITE"), soft.get("INVITE")
	soft.send(reply(toSoft, 486))
	require.Len(t, values(soft.get("ACK"), "Route"), 0)
	desk.send(reply(toDesk, 180))
	alice.get("SIP/2.0 180")
	cell.send(reply(toCell, 200))
	alice.get("SIP/2.0 200")
	cancel := desk.get("CANCEL sip:bob@10.1.1.1 ")
	require.Equal(t, values(toDesk, "Via")[:1], values(cancel, "Via"))
	desk.send(reply(cancel, 200))
	desk.send(reply(toDesk, 487))
	desk.get("ACK")
	alice.silent()
}

func TestCancelUDP(t *testing.T) {
	e := newEdge(t, "127.0.0.1:0")
	alice, bob := e.phone(), e.phone("bob")
	alice.send(request("INVITE", "bob", "x1"))
	alice.get("SIP/2.0 100")
	invite := bob.get("INVITE")
	bob.send(reply(invite, 180))
	alice.get("SIP/2.0 180")
	alice.send(request("CANCEL", "bob", "x1"))
	require.Equal(t, []string{"1 CANCEL"}, values(alice.get("SIP/2.0 200"), "CSeq"))
	alice.get("SIP/2.0 487")
	alice.send(request("ACK-of-failure", "bob", "x1"))
	cancel := bob.get("CANCEL")
	bob.send(reply(cancel, 200))
	bob.send(reply(invite, 487))
	bob.get("ACK")
	alice.silent()
	bob.silent()
}

func TestAnswerCrossingCancelUDP(t *testing.T) {
	e := newEdge(t, "127.0.0.1:0")
	alice, bob := e.phone(), e.phone("bob")
	alice.send(request("INVITE", "bob", "x2"))
	alice.get("SIP/2.0 100")
	invite := bob.get("INVITE")
	bob.send(reply(invite, 180))
	alice.get("SIP/2.0 180")
	alice.send(request("CANCEL", "bob", "x2"))
	alice.get("SIP/2.0 200")
	alice.get("SIP/2.0 487")
	alice.send(request("ACK-of-failure", "bob", "x2"))
	cancel := bob.get("CANCEL")

	bob.send(reply(invite, 200, "Contact: <sip:line1@10.1.1.1:5062>"))
	ack := bob.get("ACK sip:line1@10.1.1.1:5062 ")
	require.Equal(t, []string{"<sip:bob@example.com>;tag=b"}, values(ack, "To"))
	bye := bob.get("BYE sip:line1@10.1.1.1:5062 ")
	bob.send(reply(invite, 200, "Contact: <sip:line1@10.1.1.1:5062>")) // our ACK was lost
	bob.get("ACK")
	bob.send(reply(bye, 200))
	bob.send(reply(cancel, 481))
	alice.silent()
	bob.silent()
}

// Each side is talked to from the listener that it talks to.
func TestTwoListeners(t *testing.T) {
	e := newEdge(t, "127.0.0.1:0")
	alice, bob := e.phone(), e.phone("bob")
	alice.send(request("OPTIONS", "nobody", "l0")) // sipgo remembers her by this one
	alice.get("SIP/2.0 404")
	alice.edge = e.listenUDP("127.0.0.1:0")
	for _, call := range []string{"l1", "l2", "l3"} {
		alice.send(request("INVITE", "bob", call))
		alice.get("SIP/2.0 100")
		invite := bob.get("INVITE")
		bob.send(reply(invite, 180))
		alice.get("SIP/2.0 180")
		bob.send(reply(invite, 486))
		bob.get("ACK")
		require.Len(t, values(alice.get("SIP/2.0 486"), "Via"), 1)
		alice.send(request("ACK-of-failure", "bob", call))
		alice.silent()
	}
}

func TestLargeMessageUDP(t *testing.T) {
	e := newEdge(t, "127.0.0.1:0")
	alice, bob := e.phone(), e.phone("bob")
	big := strings.Repeat("x", 3000)
	alice.send(request("MESSAGE", "bob", "m1", "X-Big: "+big))
	msg := bob.get("MESSAGE")
	require.Equal(t, []string{big}, values(msg, "X-Big"))
	bob.send(reply(msg, 200, "X-Big: "+big))
	require.Equal(t, []string{big}, values(alice.get("SIP/2.0 200"), "X-Big"))
}

// stream is a phone on TCP.
type stream struct {
	t *testing.T
	net.Conn
	r *bufio.Reader
}

func (e *edge) dial(addr netip.AddrPort) *stream {
	c, err := net.Dial("tcp", addr.String())
	require.NoError(e.t, err)
	e.t.Cleanup(func() { _ = c.Close() })
	return &stream{e.t, c, bufio.NewReader(c)}
}

func (s *stream) send(msg string) {
	s.t.Helper()
	// When the connection ends, sipgo answers what is still in hand by dialling
	// the Via (facts/sipgo.md 1): it shall find nobody.
	msg = strings.ReplaceAll(msg, "SIP/2.0/UDP 10.9.9.9:5060", "SIP/2.0/TCP "+s.LocalAddr().String())
	_, err := s.Write([]byte(msg))
	require.NoError(s.t, err)
}

// get is the next message without a body.
func (s *stream) get(start string) string {
	s.t.Helper()
	require.NoError(s.t, s.SetReadDeadline(time.Now().Add(10*time.Second)))
	var b strings.Builder
	for !strings.HasSuffix(b.String(), "\r\n\r\n") {
		line, err := s.r.ReadString('\n')
		require.NoError(s.t, err, "waiting for %s", start)
		b.WriteString(line)
	}
	require.True(s.t, strings.HasPrefix(b.String(), start), "want %s, got:\n%s", start, b.String())
	return b.String()
}

// The ACK of a failure gets to the handler on streams (facts/sipgo.md 7); it
// must not ring on at the phone.
func TestACKOfAFailureTCP(t *testing.T) {
	e := newEdge(t, "127.0.0.1:0")
	alice, bob := e.dial(e.listenTCP()), e.phone("bob")
	alice.send(request("INVITE", "bob", "t1"))
	alice.get("SIP/2.0 100")
	bob.send(reply(bob.get("INVITE"), 486))
	bob.get("ACK")
	alice.get("SIP/2.0 486")
	// sipgo consumes it as long as the handler is not back.
	require.Eventually(t, func() bool {
		alice.send(request("ACK-of-failure", "bob", "t1"))
		return len(e.dropped) > 0
	}, 5*time.Second, time.Millisecond)
	require.Equal(t, "proxy: the ACK is for a failure that was answered from here", <-e.dropped)
	bob.silent()
	alice.send(request("OPTIONS", "nobody", "t2"))
	alice.get("SIP/2.0 404")
}

func TestCallOverTCP(t *testing.T) {
	e := newEdge(t, "127.0.0.1:0")
	addr := e.listenTCP()
	alice, bob := e.phone("alice"), e.dial(addr)
	f, err := e.findTCP(bob)
	require.NoError(t, err)
	e.bind("bob", f)
	alice.send(request("INVITE", "bob", "t3"))
	alice.get("SIP/2.0 100")
	invite := bob.get("INVITE")
	require.Contains(t, values(invite, "Via")[0], "SIP/2.0/TCP "+addr.String())
	bob.send(reply(invite, 180))
	alice.get("SIP/2.0 180")
	bob.send(reply(invite, 486))
	bob.get("ACK")
	alice.get("SIP/2.0 486")
	alice.send(request("ACK-of-failure", "bob", "t3"))

	// The connection of the binding ends: 480, and nobody dials the phone.
	require.NoError(t, bob.Close())
	require.Eventually(t, func() bool { _, err := e.layer.Find(flow.TCP, f.Remote); return err != nil }, 5*time.Second, time.Millisecond)
	alice.send(request("INVITE", "bob", "t4"))
	alice.get("SIP/2.0 100")
	alice.get("SIP/2.0 480")
	alice.send(request("ACK-of-failure", "bob", "t4"))
	alice.silent()
}

// findTCP is the flow of a connection, once the edge has accepted it.
func (e *edge) findTCP(s *stream) (f flow.Flow, err error) {
	remote := s.LocalAddr().(*net.TCPAddr).AddrPort()
	require.Eventually(e.t, func() bool { f, err = e.layer.Find(flow.TCP, remote); return err == nil }, 5*time.Second, time.Millisecond)
	return f, err
}
