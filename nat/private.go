// SPDX-FileCopyrightText: 2026 The sipnat authors
// SPDX-License-Identifier: MIT

package nat

import (
	"net/netip"
	"strconv"
	"strings"
)

// IsPrivate reports whether addr cannot be the address that the Internet knows
// a host by: RFC 1918, shared (RFC 6598, and 192.0.0.0/24 of RFC 7335),
// link-local, loopback, benchmarking and unique local addresses; IPv4 addresses
// too where they are mapped into IPv6 (::ffff:10.0.0.1) or translated (NAT64,
// 64:ff9b::10.0.0.1). The invalid and the unspecified address are not private.
// It does not allocate.
//
// Kamailio's is_rfc1918 knows the first two of these groups only.
func IsPrivate(addr netip.Addr) bool {
	private, _ := classify(addr)
	return private
}

// classify also says whether only a carrier's NAT hands addr out. It looks at
// the bytes, since every request has some four addresses to be classified.
func classify(addr netip.Addr) (private, carrier bool) {
	switch addr = embedded4(addr); {
	case addr.Is4():
		return classify4(addr.As4())
	case addr.Is6():
		b := addr.As16()
		uniqueLocal := b[0]&0xfe == 0xfc               // RFC 4193
		linkLocal := b[0] == 0xfe && b[1]&0xc0 == 0x80 // RFC 4291
		return uniqueLocal || linkLocal || addr.IsLoopback(), false
	}
	return false, false
}

func classify4(b [4]byte) (private, carrier bool) {
	switch b[0] {
	case 10, 127: // RFC 1918, loopback
		return true, false
	case 100: // RFC 6598: 100.64/10
		carrier = b[1]&0xc0 == 64
		return carrier, carrier
	case 169: // RFC 3927, link-local: 169.254/16
		return b[1] == 254, false
	case 172: // RFC 1918: 172.16/12
		return b[1]&0xf0 == 16, false
	case 192: // RFC 1918: 192.168/16; RFC 7335 and 6333: 192.0.0/24
		carrier = b[1] == 0 && b[2] == 0
		return b[1] == 168 || carrier, carrier
	case 198: // RFC 2544, benchmarking: 198.18/15
		return b[1]&0xfe == 18, false
	}
	return false, false
}

// nat64Prefix holds an IPv4 address in its last 32 bits (RFC 6052).
var nat64Prefix = [12]byte{0x00, 0x64, 0xff, 0x9b}

// embedded4 is the IPv4 address that addr carries, else addr.
func embedded4(addr netip.Addr) netip.Addr {
	if !addr.Is6() {
		return addr
	}
	if b := addr.As16(); [12]byte(b[:12]) == nat64Prefix {
		return netip.AddrFrom4([4]byte(b[12:]))
	}
	return addr.Unmap()
}

// parseHost reads a host as an IP address, with or without the brackets of a
// URI; the invalid address if it is a name. Octal, hexadecimal and short forms
// of IPv4 (010.0.0.1, 0x0a.0.0.1, 10.1) are no addresses.
// Blanks around it, which sipgo leaves there, are no part of it.
func parseHost(host string) netip.Addr {
	if n := len(host); n > 0 && (!visible(host[0]) || !visible(host[n-1])) {
		host = strings.TrimSpace(host)
	}
	if n := len(host); n > 2 && host[0] == '[' && host[n-1] == ']' {
		host = host[1 : n-1]
	}
	if addr, ok := parse4(host); ok || strings.IndexByte(host, ':') < 0 {
		return addr
	}
	addr, err := netip.ParseAddr(host)
	if err != nil {
		return netip.Addr{}
	}
	return addr.Unmap().WithZone("")
}

func visible(c byte) bool { return c > ' ' && c <= '~' }

// parse4 is netip.ParseAddr for IPv4 alone, in a third of its time and without
// the allocation of an error: names are the rule in some fields.
func parse4(s string) (netip.Addr, bool) {
	if len(s) < len("0.0.0.0") || len(s) > len("255.255.255.255") {
		return netip.Addr{}, false
	}
	var b [4]byte
	field, digits, n := 0, 0, 0
	for i := range len(s) {
		c := s[i]
		switch {
		case c == '.' && digits > 0 && field < 3:
			b[field] = byte(n)
			field, digits, n = field+1, 0, 0
		case '0' <= c && c <= '9' && (digits == 0 || n > 0):
			n = 10*n + int(c-'0')
			digits++
		default:
			return netip.Addr{}, false
		}
		if n > 255 {
			return netip.Addr{}, false
		}
	}
	if field < 3 || digits == 0 {
		return netip.Addr{}, false
	}
	b[3] = byte(n)
	return netip.AddrFrom4(b), true
}

// parseSource reads a source as sipgo notes it, "203.0.113.9:40112".
func parseSource(source string) (netip.AddrPort, bool) {
	if i := strings.LastIndexByte(source, ':'); i > 0 {
		if addr, ok := parse4(source[:i]); ok {
			port, err := strconv.ParseUint(source[i+1:], 10, 16)
			return netip.AddrPortFrom(addr, uint16(port)), err == nil
		}
	}
	addr, err := netip.ParseAddrPort(source)
	return addr, err == nil
}
