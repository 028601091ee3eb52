// SPDX-FileCopyrightText: 2026 The sipnat authors
// SPDX-License-Identifier: MIT

package nat_test

import (
	"net/netip"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/sipnat/sipnat/nat"
)

func TestIsPrivate(t *testing.T) {
	tests := []struct {
		name, addr string
		want       bool
	}{
		{"RFC 1918 10/8", "10.255.255.255", true},
		{"RFC 1918 172.16/12, first", "172.16.0.0", true},
		{"RFC 1918 172.16/12, last", "172.31.255.255", true},
		{"beyond 172.16/12", "172.32.0.0", false},
		{"RFC 1918 192.168/16", "192.168.0.1", true},
		{"RFC 6598 first", "100.64.0.0", true},
		{"RFC 6598 last", "100.127.255.255", true},
		{"before RFC 6598", "100.63.255.255", false},
		{"RFC 7335", "192.0.0.8", true},
		{"documentation is not private", "192.0.2.1", false},
		{"link-local", "169.254.1.1", true},
		{"loopback", "127.0.0.1", true},
		{"benchmarking", "198.19.255.255", true},
		{"unspecified", "0.0.0.0", false},
		{"public", "203.0.113.9", false},
		{"unique local", "fd00::1", true},
		{"IPv6 link-local with zone", "fe80::1%eth0", true},
		{"IPv6 loopback", "::1", true},
		{"IPv6 unspecified", "::", false},
		{"IPv6 public", "2001:db8::1", false},
		{"mapped private", "::ffff:10.0.0.1", true},
		{"mapped public", "::ffff:203.0.113.9", false},
		{"NAT64 private", "64:ff9b::10.0.0.1", true},
		{"NAT64 public", "64:ff9b::203.0.113.9", false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			require.Equal(t, tt.want, nat.IsPrivate(netip.MustParseAddr(tt.addr)))
		})
	}
	require.False(t, nat.IsPrivate(netip.Addr{}), "the invalid address")
}

func TestParseTests(t *testing.T) {
	tests := []struct {
		in   string
		want nat.Test
	}{
		{"18", nat.TestReceived | nat.TestPort},
		{"1023", nat.TestAll},
		{"all", nat.TestAll},
		{"All", nat.TestAll},
		{"received|port", nat.TestReceived | nat.TestPort},
		{"RECEIVED, 16", nat.TestReceived | nat.TestPort},
		{"sdp-source+contact-port", nat.TestSDPSource | nat.TestContactPort},
	}
	for _, tt := range tests {
		t.Run(tt.in, func(t *testing.T) {
			got, err := nat.ParseTests(tt.in)
			require.NoError(t, err)
			require.Equal(t, tt.want, got)
		})
	}
	for _, bad := range []string{"", "0", " ,", "1024", "-1", "0x12", "18x", "none", "99999999999"} {
		t.Run("bad "+bad, func(t *testing.T) {
			_, err := nat.ParseTests(bad)
			require.ErrorIs(t, err, nat.ErrTest)
		})
	}
}

func TestTestValuesAreKamailios(t *testing.T) {
	values := map[nat.Test]int{
		nat.TestContact: 1, nat.TestReceived: 2, nat.TestVia: 4, nat.TestSDP: 8, nat.TestPort: 16, nat.TestSource: 32,
		nat.TestWebSocket: 64, nat.TestContactPort: 128, nat.TestSDPSource: 256, nat.TestDestination: 512,
	}
	for test, value := range values {
		require.EqualValues(t, value, test)
		back, err := nat.ParseTests(test.String())
		require.NoError(t, err)
		require.Equal(t, test, back)
	}
	back, err := nat.ParseTests(nat.TestAll.String())
	require.NoError(t, err)
	require.Equal(t, nat.TestAll, back)
	require.Equal(t, "none", nat.Test(0).String())
	require.Equal(t, "none", nat.Test(1<<12).String())
	for one := range nat.TestAll.Each() {
		require.Equal(t, nat.TestContact, one)
		break // stopping early is allowed
	}
}
