// SPDX-FileCopyrightText: 2026 The sipnat authors
// SPDX-License-Identifier: MIT

package rport

import (
	"bytes"
	"net"
	"strconv"

	"github.com/sipnat/sipnat/internal/via"
)

// Always is packet middleware that treats every request as if its topmost Via
// asked for rport (Kamailio's force_rport=1), so that sipgo answers the packet's
// source. What a client wrote into rport or received itself is dropped: it would
// be believed. It also mends spellings of the Via that sipgo mis-parses. A request
// whose topmost Via cannot be read passes as it is; flow.Layer drops it then.
//
// Requests that are written as they should be pass without an allocation and
// without a copy.
func Always(pc net.PacketConn) net.PacketConn { return &conn{PacketConn: pc} }

// OnMismatch is Always for those requests only whose Via differs in address or
// port from the packet's source: for fleets with phones that stumble over an
// rport that they did not ask for. A client-written value is dropped from all.
func OnMismatch(pc net.PacketConn) net.PacketConn { return &conn{PacketConn: pc, onMismatch: true} }

type conn struct {
	net.PacketConn
	onMismatch bool
}

// ReadFrom reads a datagram and, if it is a request, makes its Via ask for
// rport.
func (c *conn) ReadFrom(b []byte) (int, net.Addr, error) {
	n, from, err := c.PacketConn.ReadFrom(b)
	if err != nil {
		return n, from, err
	}
	return c.force(b, n, from), from, nil
}

// force edits the request in b[:n] and returns its new length.
func (c *conn) force(b []byte, n int, from net.Addr) int {
	if via.IsResponse(b[:n]) {
		return n
	}
	v, ok := via.First(b[:n])
	if !ok {
		return n
	}
	add := []byte(";rport")
	asked, sound := look(&v, b[:n])
	if c.onMismatch && !asked && matches(&v, b[:n], from) {
		add = nil
	}
	if sound && (asked || add == nil) {
		return n
	}
	return v.Rewrite(b, n, add, "rport", "received")
}

// look reports whether the request asks for rport, and whether its Via can stay
// as it is: spelled as sipgo reads it, rport once and without a value, no
// received.
func look(v *via.Via, msg []byte) (asked, sound bool) {
	sound = v.Clean()
	var p via.Param
	for (!asked || sound) && v.Next(msg, &p) { // else all is said
		switch {
		case p.Is("rport"):
			sound = sound && !asked && p.Value == nil && string(p.Name) == "rport"
			asked = true
		case p.Is("received"):
			sound = false
		}
	}
	return asked, sound
}

// matches reports whether sent-by is, in canonical spelling, the address that
// the packet came from.
func matches(v *via.Via, msg []byte, from net.Addr) bool {
	u, ok := from.(*net.UDPAddr)
	if !ok {
		return false
	}
	source := u.AddrPort()
	var room [64]byte
	if !bytes.EqualFold(v.Host(msg), source.Addr().Unmap().AppendTo(room[:0])) {
		return false
	}
	port := v.Port(msg)
	if len(port) == 0 {
		return source.Port() == 5060
	}
	return bytes.Equal(port, strconv.AppendUint(room[:0], uint64(source.Port()), 10))
}
