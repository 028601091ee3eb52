// SPDX-FileCopyrightText: 2026 The sipnat authors
// SPDX-License-Identifier: MIT

package relay_test

import (
	"net"
	"net/netip"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/sipnat/sipnat/rtpengine"
	"github.com/sipnat/sipnat/rtpengine/relay"
)

// pipe is a media port whose packets come from and go to channels, without
// copying.
type pipe struct {
	*memConn
	from netip.AddrPort
	in   chan []byte
	out  chan struct{}
}

func (p *pipe) ReadFromUDPAddrPort(b []byte) (int, netip.AddrPort, error) {
	select {
	case packet := <-p.in:
		return copy(b, packet), p.from, nil
	case <-p.closed:
		return 0, netip.AddrPort{}, net.ErrClosed
	}
}

func (p *pipe) WriteToUDPAddrPort(b []byte, _ netip.AddrPort) (int, error) {
	p.out <- struct{}{}
	return len(b), nil
}

// piped returns a function that has the relay relay one packet.
func piped(t testing.TB) func() {
	t.Helper()
	n := newMemNet()
	pipes := map[netip.AddrPort]*pipe{}
	out := make(chan struct{})
	r, err := relay.New(relay.Config{Address: netip.MustParseAddr(relayIP), Listen: func(_, address string) (net.PacketConn, error) {
		c, err := n.open(netip.MustParseAddrPort(address))
		if err != nil {
			return nil, err
		}
		p := &pipe{memConn: c, from: netip.MustParseAddrPort(addrA), in: make(chan []byte), out: out}
		pipes[c.at] = p
		return p, nil
	}})
	require.NoError(t, err)
	t.Cleanup(func() { r.Close() })
	_, err = r.Offer(t.Context(), rtpengine.Params{CallID: "c", FromTag: "A", SDP: audio(addrA)})
	require.NoError(t, err)
	sdp, err := r.Answer(t.Context(), rtpengine.Params{CallID: "c", FromTag: "A", ToTag: "B", SDP: audio(addrB)})
	require.NoError(t, err)
	forA := ports(t, sdp)[0]
	in := pipes[forA].in
	packet := append(rtpPacket(1, ""), make([]byte, 160)...)
	return func() {
		in <- packet
		<-out
	}
}

func TestRelayingDoesNotAllocate(t *testing.T) {
	one := piped(t)
	for range 10 {
		one()
	}
	require.Zero(t, testing.AllocsPerRun(1000, one))
}

// The relay's own work: two goroutine switches are the test's.
func BenchmarkRelay(b *testing.B) {
	one := piped(b)
	b.ReportAllocs()
	for b.Loop() {
		one()
	}
}

// With the kernel: from one loopback socket to another.
func BenchmarkRelayLoopback(b *testing.B) {
	r, err := relay.New(relay.Config{Address: netip.MustParseAddr("127.0.0.1")})
	require.NoError(b, err)
	defer r.Close()
	in, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	require.NoError(b, err)
	defer in.Close()
	out, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	require.NoError(b, err)
	defer out.Close()
	_, err = r.Offer(b.Context(), rtpengine.Params{CallID: "c", FromTag: "A", SDP: audio(in.LocalAddr().String())})
	require.NoError(b, err)
	sdp, err := r.Answer(b.Context(), rtpengine.Params{CallID: "c", FromTag: "A", ToTag: "B", SDP: audio(out.LocalAddr().String())})
	require.NoError(b, err)
	to := ports(b, sdp)[0]
	packet := append(rtpPacket(1, ""), make([]byte, 160)...)
	buf := make([]byte, 2048)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := in.WriteToUDPAddrPort(packet, to); err != nil {
			b.Fatal(err)
		}
		if _, _, err := out.ReadFromUDPAddrPort(buf); err != nil {
			b.Fatal(err)
		}
	}
}

// A whole call: offer, answer, delete, with its sockets.
func BenchmarkCall(b *testing.B) {
	r, err := relay.New(relay.Config{Address: netip.MustParseAddr("127.0.0.1")})
	require.NoError(b, err)
	defer r.Close()
	offer := rtpengine.Params{CallID: "c", FromTag: "A", SDP: audio(addrA)}
	answer := rtpengine.Params{CallID: "c", FromTag: "A", ToTag: "B", SDP: audio(addrB)}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := r.Offer(b.Context(), offer); err != nil {
			b.Fatal(err)
		}
		if _, err := r.Answer(b.Context(), answer); err != nil {
			b.Fatal(err)
		}
		if err := r.Delete(b.Context(), rtpengine.Params{CallID: "c"}); err != nil {
			b.Fatal(err)
		}
	}
}
