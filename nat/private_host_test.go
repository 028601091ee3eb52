// SPDX-FileCopyrightText: 2026 The sipnat authors
// SPDX-License-Identifier: MIT

package nat_test

import (
	"net/netip"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/sipnat/sipnat/nat"
)

// FuzzParseHost: hosts are read as netip reads them.
func FuzzParseHost(f *testing.F) {
	for _, host := range []string{
		"10.0.0.1", "255.255.255.255", "0.0.0.0", "256.1.1.1", "1.2.3", "1.2.3.4.5", "1.2.3.", ".1.2.3", "1..2.3", "10.0.0.", "10.20.30", "10203040", "01.2.3.4", "00.0.0.0", "1.2.3.04",
		"0x0a.0.0.1", "10.1", "1.2.3.4 ", "\t1.2.3.4", "1.2.3.4%eth0", "[1.2.3.4]", "[2001:db8::1]", "::ffff:10.0.0.1", "fe80::1%eth0", "[", "[]", "", "1.2.3.4444444444",
		"example.com", "1.2.3.4:5060", "\u00851.2.3.4", "[[::1]]",
	} {
		f.Add(host)
	}
	f.Fuzz(func(t *testing.T, host string) {
		text := strings.TrimSpace(host)
		if n := len(text); n > 2 && text[0] == '[' && text[n-1] == ']' {
			text = text[1 : n-1]
		}
		want, err := netip.ParseAddr(text)
		if err != nil {
			want = netip.Addr{}
		}
		require.Equal(t, want.Unmap().WithZone(""), nat.ParseHost(host), "%q", host)
	})
}
