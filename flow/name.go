// SPDX-FileCopyrightText: 2026 The sipnat authors
// SPDX-License-Identifier: MIT

package flow

import (
	"net"
	"net/netip"
	"strconv"
	"strings"

	"github.com/emiago/sipgo/sip"
)

// Name is what we are called on f, in Via, Record-Route and Path: the advertised
// host, else f.Local's address (an IPv6 address without brackets), and the port.
func (l *Layer) Name(f Flow) (host string, port int) {
	l.mu.RLock()
	defer l.mu.RUnlock()
	port = int(f.Local.Port())
	name := l.Advertise
	if addr := l.listenerAddr(f); addr != nil {
		name = l.advertised(addr)
		port = int(addrPort(addr).Port())
	}
	if name == "" {
		return f.Local.Addr().String(), port
	}
	host, p := splitName(name)
	if n, err := strconv.ParseUint(p, 10, 16); err == nil && n > 0 {
		port = int(n)
	}
	return host, port
}

// listenerAddr is the address of the listener that f belongs to; nil if none.
func (l *Layer) listenerAddr(f Flow) net.Addr {
	if !f.Transport.Reliable() {
		if s := l.socketAt(f.Local); s != nil {
			return s.LocalAddr()
		}
		return nil
	}
	if c, ok := l.live[f.Conn]; ok {
		return c.listener.Addr()
	}
	for _, ln := range l.streams {
		if ln.transport == f.Transport {
			return ln.Addr()
		}
	}
	return nil
}

// Via is our own Via for a request that leaves on f. It asks for rport, so that
// we are answered where we sent from even when we are behind NAT ourselves
// (Kamailio's add_local_rport).
func (l *Layer) Via(f Flow, branch string) *sip.ViaHeader {
	host, port := l.Name(f)
	v := &sip.ViaHeader{ProtocolName: "SIP", ProtocolVersion: "2.0", Transport: f.Transport.Upper(), Host: host, Port: port, Params: sip.NewParams()}
	v.Params.Add("branch", branch)
	v.Params.Add("rport", "")
	return v
}

// IsSelf reports whether host and port (0 if the URI names none) are one of our
// listeners', or a name that we advertise.
func (l *Layer) IsSelf(host string, port int) bool {
	host = strings.Trim(host, "[]")
	ip, err := netip.ParseAddr(host)
	ip = ip.Unmap()
	l.mu.RLock()
	defer l.mu.RUnlock()
	for _, s := range l.sockets {
		if l.isListener(s.LocalAddr(), UDP, host, ip, err == nil, port) {
			return true
		}
	}
	for _, ln := range l.streams {
		if l.isListener(ln.Addr(), ln.transport, host, ip, err == nil, port) {
			return true
		}
	}
	return false
}

func (l *Layer) isListener(addr net.Addr, t Transport, host string, ip netip.Addr, literal bool, port int) bool {
	if port == 0 {
		port = int(t.DefaultPort())
	}
	own := addrPort(addr)
	if name := l.advertised(addr); name != "" {
		h, p := splitName(name)
		if p == "" {
			p = strconv.Itoa(int(own.Port()))
		}
		if strings.EqualFold(h, host) && p == strconv.Itoa(port) {
			return true
		}
	}
	if !literal || int(own.Port()) != port {
		return false
	}
	if own.Addr().IsUnspecified() {
		return ip.IsLoopback() || l.host.has(ip)
	}
	return own.Addr() == ip
}
