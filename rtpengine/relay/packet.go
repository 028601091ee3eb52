// SPDX-FileCopyrightText: 2026 The sipnat authors
// SPDX-License-Identifier: MIT

package relay

import "encoding/binary"

// packet is what the relay reads in a datagram.
type packet struct {
	rtcp bool
	ssrc uint32
}

// parsePacket reports whether b may pass: RTP or RTCP, version 2, with a whole
// header, or DTLS if the stream has that (RFC 7983 section 7). STUN and
// keepalives teach the relay nothing and stay here.
func parsePacket(b []byte, dtls bool) (p packet, ok bool) {
	if len(b) < 8 {
		return p, false
	}
	if b[0]>>6 != 2 {
		return p, dtls && 20 <= b[0] && b[0] <= 63
	}
	// The payload types that RTCP's packet types would be are not used by RTP
	// (RFC 5761 section 4).
	if 192 <= b[1] && b[1] <= 223 {
		return packet{rtcp: true, ssrc: binary.BigEndian.Uint32(b[4:])}, true
	}
	if len(b) < 12 {
		return p, false
	}
	return packet{ssrc: binary.BigEndian.Uint32(b[8:])}, true
}
