// SPDX-FileCopyrightText: 2026 The sipnat authors
// SPDX-License-Identifier: MIT

package relay_test

import (
	"encoding/binary"
	"errors"
	"net"
	"net/netip"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

// memNet is a network in memory that works inside synctest bubbles.
type memNet struct {
	mu    sync.Mutex
	conns map[netip.AddrPort]*memConn
	plain bool // connections know *net.UDPAddr only
}

type datagram struct {
	from netip.AddrPort
	b    []byte
}

func newMemNet() *memNet { return &memNet{conns: map[netip.AddrPort]*memConn{}} }

// listen is a relay's Listen hook.
func (n *memNet) listen(_, address string) (net.PacketConn, error) {
	c, err := n.open(netip.MustParseAddrPort(address))
	if err != nil {
		return nil, err
	}
	if n.plain {
		return struct{ net.PacketConn }{c}, nil
	}
	return c, nil
}

func (n *memNet) open(at netip.AddrPort) (*memConn, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.conns[at] != nil {
		return nil, errors.New("address in use")
	}
	c := &memConn{net: n, at: at, in: make(chan datagram, 1024), closed: make(chan struct{})}
	n.conns[at] = c
	return c, nil
}

// count is how many sockets are open.
func (n *memNet) count() int {
	n.mu.Lock()
	defer n.mu.Unlock()
	return len(n.conns)
}

type memConn struct {
	net    *memNet
	at     netip.AddrPort
	in     chan datagram
	closed chan struct{}
}

func (c *memConn) ReadFromUDPAddrPort(b []byte) (int, netip.AddrPort, error) {
	select {
	case d := <-c.in:
		return copy(b, d.b), d.from, nil
	case <-c.closed:
		return 0, netip.AddrPort{}, net.ErrClosed
	}
}

func (c *memConn) WriteToUDPAddrPort(b []byte, to netip.AddrPort) (int, error) {
	c.net.mu.Lock()
	defer c.net.mu.Unlock()
	if peer := c.net.conns[to]; peer != nil {
		peer.in <- datagram{c.at, append([]byte(nil), b...)}
	}
	return len(b), nil
}

func (c *memConn) ReadFrom(b []byte) (int, net.Addr, error) {
	n, from, err := c.ReadFromUDPAddrPort(b)
	return n, net.UDPAddrFromAddrPort(from), err
}

func (c *memConn) WriteTo(b []byte, to net.Addr) (int, error) {
	return c.WriteToUDPAddrPort(b, to.(*net.UDPAddr).AddrPort())
}

func (c *memConn) Close() error {
	c.net.mu.Lock()
	defer c.net.mu.Unlock()
	if c.net.conns[c.at] == c {
		delete(c.net.conns, c.at)
		close(c.closed)
	}
	return nil
}

func (c *memConn) LocalAddr() net.Addr              { return net.UDPAddrFromAddrPort(c.at) }
func (c *memConn) SetDeadline(time.Time) error      { return nil }
func (c *memConn) SetReadDeadline(time.Time) error  { return nil }
func (c *memConn) SetWriteDeadline(time.Time) error { return nil }

// peer is somebody on the network who sends and counts packets.
type peer struct {
	*memConn
	t *testing.T
}

func (n *memNet) peer(t *testing.T, at string) *peer {
	t.Helper()
	c, err := n.open(netip.MustParseAddrPort(at))
	require.NoError(t, err)
	return &peer{c, t}
}

// send sends packets to a port of the relay and lets them arrive.
func (p *peer) send(to netip.AddrPort, packets ...[]byte) {
	for _, b := range packets {
		_, err := p.WriteToUDPAddrPort(b, to)
		require.NoError(p.t, err)
	}
	synctest.Wait()
}

// got returns what arrived since it was last asked.
func (p *peer) got() (payloads []string) {
	for {
		select {
		case d := <-p.in:
			payloads = append(payloads, string(d.b[min(12, len(d.b)):]))
		default:
			return payloads
		}
	}
}

// rtpPacket is RTP with a payload to know it by.
func rtpPacket(ssrc uint32, payload string) []byte {
	b := []byte{0x80, 0, 0, 1, 0, 0, 0, 1}
	b = binary.BigEndian.AppendUint32(b, ssrc)
	return append(b, payload...)
}

// rtcpPacket is a receiver report with something behind it.
func rtcpPacket(ssrc uint32, payload string) []byte {
	b := []byte{0x80, 201, 0, 1}
	b = binary.BigEndian.AppendUint32(b, ssrc)
	return append(append(b, 0, 0, 0, 0), payload...)
}

func repeat(n int, b []byte) (packets [][]byte) {
	for range n {
		packets = append(packets, b)
	}
	return packets
}
