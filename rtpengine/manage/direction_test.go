// SPDX-FileCopyrightText: 2026 The sipnat authors
// SPDX-License-Identifier: MIT

package manage_test

import (
	"fmt"
	"net/netip"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/sipnat/sipnat/flow"
	"github.com/sipnat/sipnat/rtpengine/manage"
)

// twoNetworks names the lab's networks.
func twoNetworks() map[netip.Prefix]string {
	names := map[netip.Prefix]string{}
	for prefix, name := range map[string]string{
		"10.0.0.0/8": "internal", "10.9.0.0/16": "dmz", "0.0.0.0/0": "external", "::/0": "external6",
		"fd00::/8": "internal6", "::ffff:172.16.0.0/108": "mapped",
	} {
		names[netip.MustParsePrefix(prefix)] = name
	}
	return names
}

func TestDirections(t *testing.T) {
	local, remote := manage.ByLocal(twoNetworks()), manage.ByRemote(twoNetworks())
	for _, tc := range []struct{ name, addr, want string }{
		{"in a network", "10.1.2.3", "internal"},
		{"the longest prefix", "10.9.2.3", "dmz"},
		{"elsewhere", "192.0.2.1", "external"},
		{"IPv6", "fd00::1", "internal6"},
		{"IPv6 elsewhere", "2001:db8::1", "external6"},
		{"an address of IPv4 in IPv6", "::ffff:10.1.2.3", "internal"},
		{"a prefix of IPv4 in IPv6", "172.17.0.1", "mapped"},
		{"with a zone", "fd00::1%eth0", "internal6"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			at, other := netip.AddrPortFrom(netip.MustParseAddr(tc.addr), 5060), netip.MustParseAddrPort("198.18.0.1:5060")
			require.Equal(t, tc.want, local(flow.Flow{Transport: flow.UDP, Local: at, Remote: other}))
			require.Equal(t, tc.want, remote(flow.Flow{Transport: flow.UDP, Local: other, Remote: at}))
		})
	}
	t.Run("a flow without addresses", func(t *testing.T) {
		require.Empty(t, local(flow.Flow{}))
		require.Empty(t, remote(flow.Flow{}))
	})
	t.Run("no names", func(t *testing.T) {
		require.Empty(t, manage.ByLocal(nil)(peerA.Flow))
	})
	t.Run("a later change has no effect", func(t *testing.T) {
		names := twoNetworks()
		f := manage.ByRemote(names)
		clear(names)
		require.Equal(t, "external", f(peerA.Flow))
	})
}

func ExampleByLocal() {
	facing := manage.ByLocal(map[netip.Prefix]string{
		netip.MustParsePrefix("10.0.0.0/8"): "internal",
		netip.MustParsePrefix("0.0.0.0/0"):  "external",
	})
	trunk := flow.Flow{Transport: flow.UDP, Local: netip.MustParseAddrPort("10.0.0.5:5060"), Remote: netip.MustParseAddrPort("10.0.0.9:5060")}
	phone := flow.Flow{Transport: flow.UDP, Local: netip.MustParseAddrPort("192.0.2.1:5060"), Remote: netip.MustParseAddrPort("203.0.113.9:40112")}
	fmt.Println(facing(trunk), facing(phone))
	// Output: internal external
}

func ExampleByRemote() {
	facing := manage.ByRemote(map[netip.Prefix]string{
		netip.MustParsePrefix("10.0.0.0/8"): "internal",
		netip.MustParsePrefix("0.0.0.0/0"):  "external",
	})
	at := netip.MustParseAddrPort("10.0.0.5:5060") // the host's only address
	fmt.Println(
		facing(flow.Flow{Transport: flow.UDP, Local: at, Remote: netip.MustParseAddrPort("10.0.0.9:5060")}),
		facing(flow.Flow{Transport: flow.UDP, Local: at, Remote: netip.MustParseAddrPort("203.0.113.9:40112")}),
	)
	// Output: internal external
}
