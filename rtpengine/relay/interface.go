// SPDX-FileCopyrightText: 2026 The sipnat authors
// SPDX-License-Identifier: MIT

package relay

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
)

// Interface is an address by which a relay faces a network, as one --interface
// of rtpengine is. An interface with both families is two of the same name.
type Interface struct {
	// Name is what the option direction calls it: "internal", "external".
	Name string
	// Address is the local address of its media ports. Zero means all addresses
	// of Advertise's family. Interfaces may share one.
	Address netip.Addr
	// Advertise is written into SDP, as the address outside of a 1:1 NAT. Zero
	// means Address.
	Advertise netip.Addr
}

// iface is an Interface in use.
type iface struct {
	name   string // "" if the relay has but one
	public netip.Addr
	pool   *pool
}

// family is the interface's, as the option address-family has it.
func (f *iface) family() string { return familyOf(f.public) }

func familyOf(a netip.Addr) string {
	switch {
	case a.Is4():
		return "ip4"
	case a.Is6():
		return "ip6"
	}
	return ""
}

// own is the address that the host knows: the local one, if it is only one.
func (f *iface) own() netip.Addr {
	if f.pool.local.IsUnspecified() {
		return f.public
	}
	return f.pool.local
}

// interfaces opens what the config names. Interfaces with the same local address
// share its ports.
func (c *Config) interfaces() ([]*iface, error) {
	named := c.Interfaces
	switch {
	case len(named) == 0:
		named = []Interface{{Address: c.Address, Advertise: c.Advertise}}
	case c.Address.IsValid() || c.Advertise.IsValid():
		return nil, errors.New("relay: Config has Interfaces, and Address or Advertise besides")
	}
	var all []*iface
	for _, i := range named {
		if len(c.Interfaces) > 0 && (i.Name == "" || strings.ContainsAny(i.Name, " \t\r\n=")) {
			return nil, fmt.Errorf("relay: %q is no name of an interface", i.Name)
		}
		local, public, err := i.addresses()
		if err != nil {
			return nil, err
		}
		f := &iface{name: i.Name, public: public}
		for _, other := range all {
			if other.name == f.name && other.family() == f.family() {
				return nil, fmt.Errorf("relay: interface %q is there twice in one family", i.Name)
			}
			if other.pool.local == local {
				f.pool = other.pool
			}
		}
		if f.pool == nil {
			if f.pool, err = newPool(c, local); err != nil {
				return nil, err
			}
			if err := f.pool.probe(); err != nil {
				return nil, err
			}
		}
		all = append(all, f)
	}
	return all, nil
}

// addresses returns the local address and the one for SDP.
func (i *Interface) addresses() (local, public netip.Addr, err error) {
	local, public = i.Address.Unmap(), i.Advertise.Unmap().WithZone("")
	if !local.IsValid() && public.Is4() {
		local = netip.IPv4Unspecified()
	}
	if !local.IsValid() && public.Is6() {
		local = netip.IPv6Unspecified()
	}
	if !public.IsValid() {
		public = local.WithZone("")
	}
	switch {
	case !public.IsValid() || public.IsUnspecified():
		return local, public, errors.New("relay: Config needs the Address of a host, or Advertise")
	case public.Is4() != local.Is4():
		return local, public, errors.New("relay: Address and Advertise differ in family")
	}
	return local, public, nil
}

// named reports whether direction means something to the relay.
func (e *engine) named() bool { return e.ifaces[0].name != "" }

// knows reports whether there is an interface of that name.
func (e *engine) knows(name string) bool {
	return slices.ContainsFunc(e.ifaces, func(f *iface) bool { return f.name == name })
}

// by returns the first interface of that name and family, "" being any. If the
// name has only the other family it is that.
func (e *engine) by(name, family string) *iface {
	var second *iface
	for _, f := range e.ifaces {
		switch {
		case name != "" && f.name != name:
		case family == "" || f.family() == family:
			return f
		case second == nil:
			second = f
		}
	}
	return second
}

// direct checks the option direction and returns its names, received side
// first; "" where it says nothing.
func (e *engine) direct(o *options) (names [2]string, reason string) {
	switch n := len(o.direction); {
	case n == 0:
		return names, ""
	case !e.named() && (n != 2 || o.direction[0] == o.direction[1]):
		return names, ""
	case !e.named() || n != 2 || !e.knows(o.direction[0]) || !e.knows(o.direction[1]):
		return names, unsupported("direction", o.direction)
	}
	return [2]string(o.direction), ""
}

// face chooses the interfaces towards the two parties for an offer of one of
// them: by direction, else as they are, else any; in the family that the offerer
// writes, and that it asks for for the other party, else the one that the party
// has, else the same on both sides.
func (e *engine) face(offer *description, o *options, was [2]*iface, side int) (now [2]*iface, reason string) {
	names, reason := e.direct(o)
	if reason != "" {
		return now, reason
	}
	families := [2]string{offer.family(o), o.family}
	for i, party := range []int{side, 1 - side} {
		if old := was[party]; old != nil {
			if names[i] == "" {
				names[i] = old.name
			}
			if families[i] == "" {
				families[i] = old.family()
			}
		}
		if families[i] == "" {
			families[i] = families[0]
		}
		now[party] = e.by(names[i], families[i])
	}
	if o.family != "" && now[1-side].family() != o.family {
		return now, unsupported("address-family", o.family)
	}
	return now, ""
}

// family is the family that a party's media comes in; "" if the SDP does not
// say.
func (d *description) family(o *options) string {
	for i := range d.media {
		m := &d.media[i]
		switch {
		case !m.active() || m.held():
		case o.sipSource && o.from.IsValid():
			return familyOf(o.from)
		default:
			return familyOf(m.addr)
		}
	}
	return ""
}
