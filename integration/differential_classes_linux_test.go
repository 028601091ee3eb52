// SPDX-FileCopyrightText: 2026 The sipnat authors
// SPDX-License-Identifier: MIT

package integration_test

import (
	"net/netip"
	"slices"
	"strconv"
	"strings"
)

// diffClass is one way in which this library differs from Kamailio 5.6.3 by
// intent: a row of docs/deviations.md of that name.
type diffClass struct {
	name     string
	explains func(d diffDifference) bool
}

var diffClasses = []diffClass{
	{"contact-each", contactEach},
	{"private-ranges", privateRanges},
	{"address-spelling", addressSpelling},
	{"address-text", addressText},
	{"default-port", defaultPort},
	{"sdp-scan-stops", sdpScanStops},
	{"sdp-session-unused", sdpSessionUnused},
	{"sdp-media-level", sdpMediaLevel},
	{"sdp-hold", sdpHold},
	{"sdp-mapped", sdpMapped},
	{"reply-via", replyVia},
	{"reply-register", replyRegister},
	{"alias-echo", aliasEcho},
	{"alias-bare-instance", aliasBareInstance},
	{"alias-unchecked", aliasUnchecked},
	{"alias-bare-ipv6", aliasBareIPv6},
	{"alias-twice", aliasTwice},
	{"alias-error-mutates", aliasErrorMutates},
	{"alias-spelling", aliasSpelling},
	{"alias-short", aliasShort},
	{"alias-empty", aliasEmpty},
	{"sipgo-bracket", sipgoBracket},
}

// oursOnly is whether it is we who fire the bit of d.
func (d diffDifference) oursOnly() bool { return d.ours.bits&d.bit != 0 }

// read is the Contact that Kamailio 5.6.3 looks at: the last one of the first
// header field.
func (m *diffMessage) read() int {
	for i := 1; i < len(m.contacts); i++ {
		if m.contacts[i].nextLine {
			return i - 1
		}
	}
	return len(m.contacts) - 1
}

// looseAddr reads an IPv4 address as inet_aton does.
func looseAddr(host string) (netip.Addr, bool) {
	parts := strings.Split(host, ".")
	if host == "" || len(parts) > 4 {
		return netip.Addr{}, false
	}
	var sum uint64
	for i, p := range parts {
		n, err := strconv.ParseUint(p, 0, 32)
		if err != nil || strings.ContainsAny(p, "_oObB") {
			return netip.Addr{}, false
		}
		if i < len(parts)-1 {
			if n > 255 {
				return netip.Addr{}, false
			}
			sum |= n << (24 - 8*i)
			continue
		}
		if n >= 1<<(8*(5-len(parts))) {
			return netip.Addr{}, false
		}
		sum |= n
	}
	return netip.AddrFrom4([4]byte{byte(sum >> 24), byte(sum >> 16), byte(sum >> 8), byte(sum)}), true
}

var kamailioPrivate = []netip.Prefix{
	netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("172.16.0.0/12"), netip.MustParsePrefix("192.168.0.0/16"),
	netip.MustParsePrefix("100.64.0.0/10"), netip.MustParsePrefix("192.0.0.0/24"),
}

func kamailioCallsPrivate(host string) bool {
	addr, ok := looseAddr(host)
	return ok && slices.ContainsFunc(kamailioPrivate, func(p netip.Prefix) bool { return p.Contains(addr) })
}

// ourPrivate is what docs/deviations.md says that we call private beside them,
// written down again: a fault of nat.IsPrivate is no excuse.
var ourPrivate = append([]netip.Prefix{
	netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("169.254.0.0/16"), netip.MustParsePrefix("198.18.0.0/15"),
	netip.MustParsePrefix("::1/128"), netip.MustParsePrefix("fe80::/10"), netip.MustParsePrefix("fc00::/7"),
}, kamailioPrivate...)

// weCallPrivate reads addresses strictly.
func weCallPrivate(host string) bool {
	host = strings.Trim(host, "[]")
	addr, err := netip.ParseAddr(strings.TrimPrefix(host, "64:ff9b::"))
	return err == nil && slices.ContainsFunc(ourPrivate, func(p netip.Prefix) bool { return p.Contains(addr.Unmap()) })
}
