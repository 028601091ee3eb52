// SPDX-FileCopyrightText: 2026 The sipnat authors
// SPDX-License-Identifier: MIT

package manage

import (
	"net/netip"

	"github.com/sipnat/sipnat/flow"
)

// ByLocal is a Direction for an engine with several interfaces, beside a proxy
// that has an address in each of the same networks: the interface that faces a
// peer is named by our own address that the peer's messages go to. The longest
// prefix that holds the address wins; none gives "", which leaves the choice to
// the engine. A later change of names has no effect. It replaces the
// direction=internal direction=external that a Kamailio script works out for
// each call.
//
//	Direction: manage.ByLocal(map[netip.Prefix]string{
//		netip.MustParsePrefix("10.0.0.0/8"): "internal",
//		netip.MustParsePrefix("0.0.0.0/0"):  "external",
//		netip.MustParsePrefix("::/0"):       "external",
//	})
func ByLocal(names map[netip.Prefix]string) func(flow.Flow) string {
	t := newPrefixes(names)
	return func(f flow.Flow) string { return t.name(f.Local.Addr()) }
}

// ByRemote is a Direction for a proxy that meets all networks by one address, as
// behind the 1:1 NAT of a cloud: the interface that faces a peer is named by the
// address that its messages come from. Otherwise it is as ByLocal.
func ByRemote(names map[netip.Prefix]string) func(flow.Flow) string {
	t := newPrefixes(names)
	return func(f flow.Flow) string { return t.name(f.Remote.Addr()) }
}

// prefixes finds names by address.
type prefixes []struct {
	netip.Prefix
	name string
}

func newPrefixes(names map[netip.Prefix]string) (t prefixes) {
	for p, name := range names {
		if a := p.Addr(); a.Is4In6() && p.Bits() >= 96 {
			p = netip.PrefixFrom(a.Unmap(), p.Bits()-96)
		}
		t = append(t, struct {
			netip.Prefix
			name string
		}{p.Masked(), name})
	}
	return t
}

func (t prefixes) name(a netip.Addr) (name string) {
	best := -1
	a = a.Unmap().WithZone("")
	for _, p := range t {
		if p.Bits() > best && p.Contains(a) {
			best, name = p.Bits(), p.name
		}
	}
	return name
}
