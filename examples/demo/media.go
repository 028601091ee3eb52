// SPDX-FileCopyrightText: 2026 The sipnat authors
// SPDX-License-Identifier: MIT

package main

import (
	"encoding/binary"
	"fmt"
	"net"
	"net/netip"
	"sync/atomic"
)

// media is a phone's RTP socket.
type media struct {
	pc   net.PacketConn
	addr netip.AddrPort
	seq  atomic.Uint32
	got  atomic.Int32
}

func (m *media) sdp(direction string) string {
	ip := m.addr.Addr()
	return fmt.Sprintf("v=0\r\no=- 1 1 IN IP4 %s\r\ns=-\r\nc=IN IP4 %s\r\nt=0 0\r\nm=audio %d RTP/AVP 0\r\na=rtpmap:0 PCMU/8000\r\na=%s\r\n", ip, ip, m.addr.Port(), direction)
}

// send sends 20 ms of G.711 silence.
func (m *media) send(to netip.AddrPort) {
	seq := m.seq.Add(1)
	p := make([]byte, 12+160)
	p[0] = 0x80 // RTP version 2 (RFC 3550 section 5.1)
	binary.BigEndian.PutUint16(p[2:], uint16(seq))
	binary.BigEndian.PutUint32(p[4:], seq*160)
	binary.BigEndian.PutUint32(p[8:], uint32(m.addr.Port())<<16|uint32(m.addr.Addr().As4()[3]))
	_, _ = m.pc.WriteTo(p, net.UDPAddrFromAddrPort(to))
}

// count counts RTP until the socket is closed.
func (m *media) count() {
	buf := make([]byte, 2048)
	for {
		n, _, err := m.pc.ReadFrom(buf)
		if err != nil {
			return
		}
		if n >= 12 && buf[0]>>6 == 2 {
			m.got.Add(1)
		}
	}
}
