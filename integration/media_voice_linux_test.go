// SPDX-FileCopyrightText: 2026 The sipnat authors
// SPDX-License-Identifier: MIT

package integration_test

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// voice is one RTP stream of a phone: 50 packets a second to where it was told,
// each with a mark that says whose it is, and an account of whom it heard.
type voice struct {
	name string
	conn *net.UDPConn
	mark byte

	mu    sync.Mutex
	to    []netip.AddrPort
	heard [256]int            // packets by mark
	via   [256]netip.AddrPort // where the last one came from
}

// voice opens a stream on a port of the host. It is mute until told where to send.
func (h *host) voice(t testing.TB, port int, mark byte) *voice {
	t.Helper()
	v := &voice{name: h.name, conn: h.listenUDP(t, fmt.Sprintf("%s:%d", h.ip, port)), mark: mark}
	var running sync.WaitGroup
	stop := make(chan struct{})
	running.Go(v.listen)
	running.Go(func() { v.talk(stop) })
	t.Cleanup(func() {
		close(stop)
		_ = v.conn.Close()
		running.Wait()
	})
	return v
}

func (v *voice) listen() {
	b := make([]byte, 2048)
	for {
		n, from, err := v.conn.ReadFromUDPAddrPort(b)
		if err != nil {
			return
		}
		if n != rtpLength {
			continue
		}
		v.mu.Lock()
		v.heard[b[n-1]]++
		v.via[b[n-1]] = from
		v.mu.Unlock()
	}
}

// rtpLength is G.711 in 20 ms packets.
const rtpLength = 172

func (v *voice) talk(stop <-chan struct{}) {
	tick := time.NewTicker(rtpPause)
	defer tick.Stop()
	packet := bytes.Repeat([]byte{v.mark}, rtpLength)
	packet[0], packet[1] = 0x80, 0 // version 2, payload type 0 is PCMU
	for n := uint32(0); ; n++ {
		select {
		case <-stop:
			return
		case <-tick.C:
		}
		binary.BigEndian.PutUint16(packet[2:], uint16(n))
		binary.BigEndian.PutUint32(packet[4:], n*160)
		v.mu.Lock()
		to := v.to
		v.mu.Unlock()
		for _, addr := range to {
			_, _ = v.conn.WriteToUDPAddrPort(packet, addr) // RTP may get lost
		}
	}
}

// speak sends to these addresses from now on; to none: it is mute.
func (v *voice) speak(to ...netip.AddrPort) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.to = to
}

// of is the number of packets that v heard of the other, and where the last
// came from.
func (v *voice) of(other *voice) (int, netip.AddrPort) {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.heard[other.mark], v.via[other.mark]
}

func (v *voice) count(other *voice) int {
	n, _ := v.of(other)
	return n
}

// told is where v sends.
func (v *voice) told() netip.AddrPort {
	v.mu.Lock()
	defer v.mu.Unlock()
	if len(v.to) == 0 {
		return netip.AddrPort{}
	}
	return v.to[0]
}

// port is the voice's own port.
func (v *voice) port() uint16 { return v.conn.LocalAddr().(*net.UDPAddr).AddrPort().Port() }

// halfSecond is that many packets.
const halfSecond = 25

// converse waits until each has heard half a second more of the other, from the
// port that it sends to itself.
func converse(t testing.TB, x, y *voice) {
	t.Helper()
	wantX, wantY := x.count(y)+halfSecond, y.count(x)+halfSecond
	eventually(t, answerWithin, fmt.Sprintf("RTP between %s and %s", x.name, y.name), func() bool {
		return x.count(y) >= wantX && y.count(x) >= wantY
	})
	_, from := x.of(y)
	require.Equal(t, x.told(), from, "%s hears from where it sends to", x.name)
	_, from = y.of(x)
	require.Equal(t, y.told(), from, "%s hears from where it sends to", y.name)
}

// deaf waits until neither has heard the other for some packets' time although
// both talk.
func deaf(t testing.TB, x, y *voice) {
	t.Helper()
	require.True(t, x.told().IsValid() && y.told().IsValid(), "both talk")
	last, since := -1, time.Now()
	eventually(t, answerWithin, fmt.Sprintf("no RTP between %s and %s", x.name, y.name), func() bool {
		if n := x.count(y) + y.count(x); n != last {
			last, since = n, time.Now()
		}
		return time.Since(since) > 15*rtpPause
	})
}

// mediaAddr reads the address for RTP from SDP.
func mediaAddr(t testing.TB, sdp []byte) netip.AddrPort {
	t.Helper()
	m := strings.Fields(mediaLine(sdp, "m=audio "))
	require.Greater(t, len(m), 1, "m= line in SDP:\n%q", sdp)
	ip := strings.TrimPrefix(mediaLine(sdp, "c=IN IP4 "), "c=IN IP4 ")
	addr, err := netip.ParseAddrPort(ip + ":" + m[1])
	require.NoError(t, err, "in SDP:\n%s", sdp)
	return addr
}
