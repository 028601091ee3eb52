// SPDX-FileCopyrightText: 2026 The sipnat authors
// SPDX-License-Identifier: MIT

package flowtoken

import (
	"encoding/binary"
	"net/netip"

	"github.com/sipnat/sipnat/flow"
)

// Kinds of addresses in a token.
const (
	kindNone = iota
	kindV4
	kindV6
	kindZoned
)

func kindOf(a netip.AddrPort) byte {
	addr := a.Addr()
	switch {
	case !addr.IsValid():
		return kindNone
	case addr.Is4():
		return kindV4
	case addr.Zone() == "":
		return kindV6
	}
	return kindZoned
}

func appendAddrPort(b []byte, a netip.AddrPort) []byte {
	addr := a.Addr()
	switch kindOf(a) {
	case kindNone:
		return b
	case kindV4:
		ip := addr.As4()
		b = append(b, ip[:]...)
	default:
		ip := addr.As16()
		b = append(b, ip[:]...)
		if zone := addr.Zone(); zone != "" {
			b = append(append(b, byte(len(zone))), zone...)
		}
	}
	return binary.BigEndian.AppendUint16(b, a.Port())
}

// bare reports whether the bytes in front of the MAC, at least minBody of them,
// name no flow.
func bare(body []byte) bool {
	return len(body) == minBody && body[0] == version<<4 && body[2] == 0 && body[3] == 0
}

// ParseFlow reads the bytes of a token in front of the MAC; false if they name no
// valid flow.
func ParseFlow(b []byte) (flow.Flow, bool) {
	if len(b) < 3 || b[0]>>4 != version {
		return flow.Flow{}, false
	}
	f := flow.Flow{Transport: flow.Transport(b[0] & 15)}
	kinds, rest := b[2], b[3:]
	var ok bool
	if f.Remote, rest, ok = cutAddrPort(rest, kinds>>4); !ok {
		return flow.Flow{}, false
	}
	if f.Local, rest, ok = cutAddrPort(rest, kinds&15); !ok {
		return flow.Flow{}, false
	}
	conn, n := binary.Uvarint(rest)
	if n <= 0 || n != len(rest) {
		return flow.Flow{}, false
	}
	f.Conn = conn
	if !f.IsValid() {
		return flow.Flow{}, false
	}
	return f, true
}

func cutAddrPort(b []byte, kind byte) (a netip.AddrPort, rest []byte, ok bool) {
	var addr netip.Addr
	switch {
	case kind == kindNone:
		return a, b, true
	case kind == kindV4 && len(b) >= 4+2:
		addr, b = netip.AddrFrom4([4]byte(b)), b[4:]
	case kind == kindV6 && len(b) >= 16+2:
		addr, b = netip.AddrFrom16([16]byte(b)), b[16:]
	case kind == kindZoned && len(b) >= 16+1 && len(b) >= 16+1+int(b[16])+2:
		n := 17 + int(b[16])
		addr, b = netip.AddrFrom16([16]byte(b)).WithZone(string(b[17:n])), b[n:]
	default:
		return a, b, false
	}
	return netip.AddrPortFrom(addr, binary.BigEndian.Uint16(b)), b[2:], true
}
