// SPDX-FileCopyrightText: 2026 The sipnat authors
// SPDX-License-Identifier: MIT

package relay

import (
	"errors"
	"net"
	"net/netip"
	"time"
)

// Config says where a relay listens and when it gives up. Address or Advertise
// is needed, or Interfaces; the zero value of every other field is useful.
type Config struct {
	// Address is the local address of the media ports. Zero means all addresses
	// of Advertise's family; Advertise is then needed.
	Address netip.Addr
	// Advertise is written into SDP. Zero means Address.
	Advertise netip.Addr
	// Interfaces stand in place of Address and Advertise where the relay has
	// several addresses: for networks between which it relays, which offers name
	// by the option direction, and for both families. A party that no direction
	// is said for gets the first one of its family.
	Interfaces []Interface
	// PortMin and PortMax are the first and the last media port of each address.
	// Zero means 30000 and 40000. A stream of a call takes four ports, two for
	// each party.
	PortMin, PortMax int
	// Timeout ends a call after that much time without a packet from a party.
	// Zero means 60 seconds, negative never.
	Timeout time.Duration
	// SilentTimeout is the Timeout of calls that need not have media: those not
	// answered yet and those on hold. Zero means one hour, negative never.
	SilentTimeout time.Duration
	// MaxCalls is how many calls there may be at a time; the next one is refused
	// with "Parallel session limit reached". Zero means as many as there are
	// ports.
	MaxCalls int
	// Listen opens a media port, as net.ListenPacket does, which nil means. The
	// network is "udp4" or "udp6". Connections that have the methods
	// ReadFromUDPAddrPort and WriteToUDPAddrPort of *net.UDPConn relay without
	// allocating; others must use *net.UDPAddr.
	Listen func(network, address string) (net.PacketConn, error)
	// OnTimeout is called for each call that ended by Timeout or SilentTimeout,
	// when its ports are closed. It must not block or call Close. Nil means nobody wants to
	// know.
	OnTimeout func(callID string)
}

func (c *Config) timeout() time.Duration { return orDefault(c.Timeout, 60*time.Second) }

func (c *Config) silentTimeout() time.Duration { return orDefault(c.SilentTimeout, time.Hour) }

func orDefault(d, zero time.Duration) time.Duration {
	if d == 0 {
		return zero
	}
	return d
}

// ports returns the range of media ports, PortMin made even.
func (c *Config) ports() (first, last int, err error) {
	first, last = c.PortMin, c.PortMax
	if first == 0 {
		first = 30000
	}
	if last == 0 {
		last = max(40000, min(first+10000, 65535))
	}
	first += first & 1
	if first < 2 || last > 65535 || last <= first {
		return 0, 0, errors.New("relay: no pair of ports between PortMin and PortMax")
	}
	return first, last, nil
}
