// SPDX-FileCopyrightText: 2026 The sipnat authors
// SPDX-License-Identifier: MIT

package integration_test

import (
	"encoding/binary"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/emiago/sipgo/sip"
	"github.com/stretchr/testify/require"
)

// softphone is a hand-made phone with one call at a time: a ua and an RTP
// stream that also flows while it holds the call, as music.
type softphone struct {
	*ua
	media *net.UDPConn
	latch bool // it sends RTP back to where RTP comes from, whatever SDP says

	rtpMu sync.Mutex
	rtpTo netip.AddrPort

	from, to, callID string
	target           sip.Uri
	routes           []sip.Uri // the first one is the next hop
	cseq             uint32
}

// rtpPause is the time between two RTP packets.
const rtpPause = 20 * time.Millisecond

// softphone starts a phone on the host, with SIP on port 5070 and RTP on 6070.
func (h *host) softphone(t testing.TB, latch bool) *softphone {
	t.Helper()
	s := &softphone{ua: h.ua(t, 5070), media: h.listenUDP(t, h.ip+":6070"), latch: latch}
	var running sync.WaitGroup
	stop := make(chan struct{})
	running.Go(s.receiveRTP)
	running.Go(func() { s.sendRTP(stop) })
	t.Cleanup(func() {
		close(stop)
		_ = s.media.Close()
		running.Wait()
	})
	return s
}

func (s *softphone) receiveRTP() {
	b := make([]byte, 2048)
	for {
		n, from, err := s.media.ReadFromUDPAddrPort(b)
		if err != nil {
			return
		}
		if s.latch && n == 172 {
			_, _ = s.media.WriteToUDPAddrPort(b[:n], from) // RTP may get lost
		}
	}
}

func (s *softphone) sendRTP(stop <-chan struct{}) {
	tick := time.NewTicker(rtpPause)
	defer tick.Stop()
	packet := make([]byte, 172)
	packet[0] = 0x80 // version 2, payload type 0 is PCMU
	for n := uint32(0); ; n++ {
		select {
		case <-stop:
			return
		case <-tick.C:
		}
		s.rtpMu.Lock()
		to := s.rtpTo
		s.rtpMu.Unlock()
		if s.latch || !to.IsValid() {
			continue
		}
		binary.BigEndian.PutUint16(packet[2:], uint16(n))
		binary.BigEndian.PutUint32(packet[4:], n*160)
		_, _ = s.media.WriteToUDPAddrPort(packet, to)
	}
}

// sdp is an offer or answer with the phone's own, maybe private, address.
func (s *softphone) sdp(direction string) string {
	return fmt.Sprintf(`v=0
o=softphone 1 %[3]d IN IP4 %[1]s
s=-
c=IN IP4 %[1]s
t=0 0
m=audio %[2]d RTP/AVP 0
a=rtpmap:0 PCMU/8000
a=%[4]s
`, s.host.ip, s.media.LocalAddr().(*net.UDPAddr).Port, s.cseq+1, direction)
}

// heed takes the address for RTP from the other side's SDP.
func (s *softphone) heed(t testing.TB, sdp []byte) {
	t.Helper()
	var ip, port string
	for line := range strings.Lines(string(sdp)) {
		fields := strings.Fields(line)
		if v, ok := strings.CutPrefix(line, "c=IN IP4 "); ok {
			ip = strings.TrimSpace(v)
		}
		if strings.HasPrefix(line, "m=audio ") {
			port = fields[1]
		}
	}
	to, err := netip.ParseAddrPort(ip + ":" + port)
	require.NoError(t, err, "in SDP:\n%s", sdp)
	s.rtpMu.Lock()
	defer s.rtpMu.Unlock()
	s.rtpTo = to
}

// mediaLine returns the line of SDP that begins so.
func mediaLine(sdp []byte, prefix string) string {
	for line := range strings.Lines(string(sdp)) {
		if strings.HasPrefix(line, prefix) {
			return strings.TrimSpace(line)
		}
	}
	return ""
}

// hop is the host and port of a URI.
func hop(u sip.Uri) string {
	if u.Port == 0 {
		return u.Host + ":5060"
	}
	return u.Host + ":" + strconv.Itoa(u.Port)
}
