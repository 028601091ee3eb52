// SPDX-FileCopyrightText: 2026 The sipnat authors
// SPDX-License-Identifier: MIT

package alias

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"net/netip"
	"strings"

	"github.com/sipnat/sipnat/flow"
)

// A token is base64url without padding of
//
//	version<<4 | transport    1 byte
//	key id                    1 byte
//	remote kind<<4 | local kind
//	remote address and port   6 or 18 bytes, with a zone 19 and the zone
//	local address and port    none, 6 or 18 bytes, with a zone 19 and the zone
//	connection                1 to 10 bytes, uvarint
//	MAC                       10 bytes
//
// Tokens are taken apart only when their MAC is good.
const (
	version = 1
	// tokenMAC is 80 bits: the length that RFC 4231's truncation and RFC 2104
	// section 5 still call safe, and the one of Kamailio's flow tokens.
	tokenMAC = 10
	maxZone  = 16 // IFNAMSIZ
	maxAddr  = 16 + 1 + maxZone + 2
	maxRaw   = 3 + 2*maxAddr + binary.MaxVarintLen64 + tokenMAC
	maxText  = (maxRaw*8 + 5) / 6
)

// Kinds of addresses in a token.
const (
	kindNone = iota
	kindV4
	kindV6
	kindZoned
)

// tokens is strict: two spellings of one token do not both pass.
var tokens = base64.RawURLEncoding.Strict()

// carries reports whether a token has room for f.
func carries(f flow.Flow) bool {
	return f.Transport < 16 && len(f.Remote.Addr().Zone()) <= maxZone && len(f.Local.Addr().Zone()) <= maxZone
}

// appendToken appends the token for f and user to b. It does not allocate if b
// has room for maxText bytes.
func (s *Signer) appendToken(b []byte, st *state, user string, f flow.Flow) []byte {
	raw := append(st.raw[:0], version<<4|byte(f.Transport), s.keys[0].id, kindOf(f.Remote)<<4|kindOf(f.Local))
	raw = appendAddrPort(raw, f.Remote)
	raw = appendAddrPort(raw, f.Local)
	raw = binary.AppendUvarint(raw, f.Conn)
	raw = append(raw, s.mac(st, 0, raw, user)...)
	return tokens.AppendEncode(b, raw)
}

// verify reads a token that was found on user. Whatever is wrong with it is
// ErrForged: it has our name. It does not allocate, but for a zone.
func (s *Signer) verify(st *state, user, token string) (flow.Flow, error) {
	// The decoder skips line breaks.
	if len(token) > maxText || strings.ContainsAny(token, "\r\n") {
		return flow.Flow{}, ErrForged
	}
	n, err := tokens.Decode(st.raw[:], st.text[:copy(st.text[:], token)])
	if err != nil || n < 3+tokenMAC {
		return flow.Flow{}, ErrForged
	}
	body, mac := st.raw[:n-tokenMAC], st.raw[n-tokenMAC:n]
	for i := range s.keys {
		if s.keys[i].id != body[1] || !hmac.Equal(mac, s.mac(st, i, body, user)) {
			continue
		}
		if f, ok := parseFlow(body); ok {
			return f, nil
		}
	}
	return flow.Flow{}, ErrForged
}

// mac is the MAC by key i over body and user. The user part is taken without
// its escapes, which a peer may write in other ways (RFC 3261 section 19.1.4).
func (s *Signer) mac(st *state, i int, body []byte, user string) []byte {
	h := st.macs[i]
	if h == nil {
		h = hmac.New(sha256.New, s.keys[i].secret)
		st.macs[i] = h
	}
	h.Reset()
	n := copy(st.chunk[:], "sna token ") // not a MAC of anything else under this key
	h.Write(st.chunk[:n])
	h.Write(body)
	n = 0
	for user != "" {
		c, size := unescape(user)
		user = user[size:]
		if n == len(st.chunk) {
			h.Write(st.chunk[:])
			n = 0
		}
		st.chunk[n] = c
		n++
	}
	h.Write(st.chunk[:n])
	return h.Sum(st.sum[:0])[:tokenMAC]
}

// unescape is the first byte of s, which is not empty, and how many it takes.
func unescape(s string) (c byte, size int) {
	if s[0] == '%' && len(s) > 2 {
		hi, lo := unhex(s[1]), unhex(s[2])
		if hi < 16 && lo < 16 {
			return hi<<4 | lo, 3
		}
	}
	return s[0], 1
}

func unhex(c byte) byte {
	switch {
	case '0' <= c && c <= '9':
		return c - '0'
	case 'a' <= c && c <= 'f':
		return c - 'a' + 10
	case 'A' <= c && c <= 'F':
		return c - 'A' + 10
	}
	return 16
}

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

// parseFlow reads a token's bytes in front of the MAC.
func parseFlow(b []byte) (flow.Flow, bool) {
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
