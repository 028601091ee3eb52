// SPDX-FileCopyrightText: 2026 The sipnat authors
// SPDX-License-Identifier: MIT

package flow

import (
	"context"
	"errors"
	"hash/maphash"
	"math/rand/v2"
	"net"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/emiago/sipgo/sip"
)

// Layer owns the listeners and the live connections: it knows which path each
// message took, and sends along it. The zero value is ready; set the fields
// before the first Serve call. Its methods are safe for concurrent use.
type Layer struct {
	// Advertise is the name, "host" or "host:port", that goes into Via,
	// Record-Route and Path in place of a listener's own address, as Kamailio's
	// "listen … advertise" does; for 1:1 NAT in front of us. A port is best left
	// out: the listener's is taken then. Empty: the listener's own address.
	Advertise string

	// UDPMTUSize, if not zero, is written to sip.UDPMTUSize by the first Serve
	// call. That variable is global to the process and guards every UDP
	// message, responses too: at its default of 1500 sipgo refuses all that is
	// larger than 1300 bytes, and a 200 with SDP and two Record-Routes is. 65535
	// sends everything and leaves fragmentation to IP.
	UDPMTUSize int

	// UDPLimit is the size in bytes above which a UDP message is counted, because
	// IP may have to fragment it. Zero means 1300 (RFC 3261 section 18.1.1);
	// negative, that sizes do not matter.
	UDPLimit int

	// CompactLarge sends what is above UDPLimit with the short names of its headers
	// (RFC 3261 section 7.3.3), which every SIP element must understand.
	CompactLarge bool

	// RefuseLarge does not send a request that is above UDPLimit, with short names
	// if CompactLarge is set: Do and Send return ErrTooLarge. Responses are sent in
	// any case.
	RefuseLarge bool

	// MaxSources bounds how many UDP sources of one listener sipgo remembers
	// before its table is started anew; zero means 65536. Nothing is lost by it:
	// the old table is given up a while after the new one has taken over, and
	// requests are sent from the flow's own listener, known peer or not.
	MaxSources int

	// WriteTimeout bounds a write to a stream, so that a peer that does not
	// read blocks nobody for ever; zero means 10 seconds.
	WriteTimeout time.Duration

	// HandshakeTimeout bounds how long a new stream may take to send its first
	// bytes (TLS handshake, WebSocket upgrade, or message), and on TCP and TLS any
	// message from its first byte to its last; zero means 10 seconds.
	HandshakeTimeout time.Duration

	// IdleTimeout bounds how long a stream may be silent: no message, no keepalive,
	// no answer to our pings. Zero means 2 hours, more than a phone lets pass
	// between two REGISTERs; negative, that it may be so for ever. That a host has
	// gone is found out sooner by TCP itself: net.Listen turns its probes on.
	IdleTimeout time.Duration

	// MaxStreams bounds how many connections may be open on all listeners; zero
	// means 65536, negative no bound. One more is closed at once.
	MaxStreams int

	// MaxStreamsPerSource is MaxStreams for one IPv4 address, or one IPv6 /64, with
	// all the phones behind it; zero means 1024.
	MaxStreamsPerSource int

	stats  counters
	once   sync.Once
	seed   maphash.Seed  // of the To tags of stateless answers
	serial atomic.Uint64 // of the last connection
	graves sync.Mutex    // see bury
	census census
	host   hostAddrs

	mu        sync.RWMutex
	sockets   []*socket
	locals    []local
	localID   map[local]int
	streams   []*listener
	live      map[uint64]*conn
	byPeer    map[peer]*conn
	onClose   []func(Flow)
	advertise map[string]string
}

// local is one of our UDP addresses: a socket's own, or one that a packet to a
// wildcard socket was sent to.
type local struct {
	socket *socket
	addr   netip.AddrPort
}

type peer struct {
	transport Transport
	remote    netip.AddrPort
}

func (l *Layer) maxSources() int {
	if l.MaxSources > 0 {
		return l.MaxSources
	}
	return 65536
}

func (l *Layer) handshakeTimeout() time.Duration { return or(l.HandshakeTimeout, 10*time.Second) }

func (l *Layer) start() {
	l.once.Do(func() {
		if l.UDPMTUSize > 0 && l.UDPMTUSize != sip.UDPMTUSize {
			sip.UDPMTUSize = l.UDPMTUSize
		}
		l.seed = maphash.MakeSeed()
		l.mu.Lock()
		defer l.mu.Unlock()
		l.localID = map[local]int{}
		l.live = map[uint64]*conn{}
		l.byPeer = map[peer]*conn{}
		// Serials begin at random in each process, so that what an earlier one
		// signed names no connection of this one.
		l.serial.Store(rand.Uint64() >> 1)
	})
}

// AdvertiseAs gives one listener a name of its own; it overrides Advertise.
// Call it before the listener is served.
func (l *Layer) AdvertiseAs(listener net.Addr, name string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.advertise == nil {
		l.advertise = map[string]string{}
	}
	l.advertise[listener.Network()+" "+listener.String()] = name
}

// advertised is the name that a listener goes by; empty if its own address.
func (l *Layer) advertised(addr net.Addr) string {
	if name, ok := l.advertise[addr.Network()+" "+addr.String()]; ok {
		return name
	}
	return l.Advertise
}

// OnClose registers fn to be called once with every stream flow that ends, after
// it has gone from the tables. It may send on other flows, but must not block for
// long. Register before serving.
func (l *Layer) OnClose(fn func(Flow)) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.onClose = append(l.onClose, fn)
}

func (l *Layer) add(s *socket) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.sockets = append(l.sockets, s)
}

func (l *Layer) removeSocket(s *socket) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for i, other := range l.sockets {
		if other == s {
			l.sockets = append(l.sockets[:i:i], l.sockets[i+1:]...)
			return
		}
	}
}

// maxLocals bounds the addresses of ours that packets may teach us.
const maxLocals = 1024

// localIndex is the number under which one of our UDP addresses is known in
// the tag of a Via; false when there is none to be had.
func (l *Layer) localIndex(s *socket, addr netip.AddrPort) (int, bool) {
	at := local{s, addr}
	l.mu.RLock()
	i, ok := l.localID[at]
	l.mu.RUnlock()
	if ok {
		return i, true
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if i, ok := l.localID[at]; ok {
		return i, true
	}
	if len(l.locals) >= maxLocals {
		return 0, false
	}
	l.locals = append(l.locals, at)
	l.localID[at] = len(l.locals) - 1
	return len(l.locals) - 1, true
}

func (l *Layer) localAt(i int) (local, bool) {
	l.mu.RLock()
	defer l.mu.RUnlock()
	if i < 0 || i >= len(l.locals) {
		return local{}, false
	}
	return l.locals[i], true
}

// socketFor is the socket that owns one of our UDP addresses: the one bound to
// it, else a wildcard one on its port.
func (l *Layer) socketFor(addr netip.AddrPort) (*socket, bool) {
	l.mu.RLock()
	defer l.mu.RUnlock()
	s := l.socketAt(addr)
	return s, s != nil
}

// socketAt is socketFor for who holds the lock; nil if there is none. Of two
// wildcard sockets that of the address's own family is the one: the other may
// be bound to IPv6 only.
func (l *Layer) socketAt(addr netip.AddrPort) *socket {
	var found *socket
	for _, s := range l.sockets {
		switch {
		case s.local == addr:
			return s
		case !s.wildcard() || s.local.Port() != addr.Port() || !s.reaches(addr.Addr()):
		case found == nil || s.local.Addr().Is4() == addr.Addr().Is4():
			found = s
		}
	}
	return found
}

// manyLocals reports whether a Via must say at which of our addresses it came
// in: when there is more than one that it can have been.
func (l *Layer) manyLocals(s *socket) bool {
	l.mu.RLock()
	defer l.mu.RUnlock()
	return s.pktinfo || len(l.sockets) > 1
}

// ErrNoListener says that no listener of ours can reach that address.
var ErrNoListener error = &Refusal{Code: 503, Reason: "Service Unavailable: no listener for that transport and address family"}

// Out is the flow to a peer that we have none from: a trunk, a media server, a
// phone with a public address. For UDP it picks the listener, by the kernel's
// route where there are several; for streams a live connection from that very
// address, else one that Do may open (Conn 0).
func (l *Layer) Out(t Transport, dst netip.AddrPort) (Flow, error) {
	dst = unmap(dst)
	if t.Reliable() {
		if f, err := l.Find(t, dst); err == nil {
			return f, nil
		}
		return l.dial(t, dst)
	}
	s, err := l.pickSocket(dst)
	if err != nil {
		return Flow{}, err
	}
	f := Flow{Transport: UDP, Local: s.local, Remote: dst}
	if s.wildcard() {
		if ip, err := routeTo(dst); err == nil {
			f.Local = netip.AddrPortFrom(ip, s.local.Port())
		}
	}
	return f, nil
}

func (l *Layer) pickSocket(dst netip.AddrPort) (*socket, error) {
	var fit []*socket
	l.mu.RLock()
	for _, s := range l.sockets {
		if s.reaches(dst.Addr()) {
			fit = append(fit, s)
		}
	}
	l.mu.RUnlock()
	if len(fit) == 0 {
		return nil, ErrNoListener
	}
	if len(fit) > 1 {
		if ip, err := routeTo(dst); err == nil {
			for _, s := range fit {
				if s.local.Addr() == ip {
					return s, nil
				}
			}
		}
	}
	for _, s := range fit {
		if s.local.Addr().Is4() == dst.Addr().Is4() {
			return s, nil
		}
	}
	return fit[0], nil
}

// Find is the flow to a peer that we hear from: on streams the live connection
// from that address, or ErrFlowGone; on UDP as Out.
func (l *Layer) Find(t Transport, remote netip.AddrPort) (Flow, error) {
	if !t.Reliable() {
		return l.Out(t, remote)
	}
	l.mu.RLock()
	defer l.mu.RUnlock()
	if c, ok := l.byPeer[peer{t, unmap(remote)}]; ok {
		return c.flow, nil
	}
	return Flow{}, ErrFlowGone
}

// routeTo asks the kernel which of our addresses a packet to dst leaves from.
// Connecting a UDP socket sends nothing.
func routeTo(dst netip.AddrPort) (netip.Addr, error) {
	c, err := (&net.Dialer{}).DialContext(context.Background(), "udp", dst.String())
	if err != nil {
		return netip.Addr{}, err
	}
	defer func() { _ = c.Close() }()
	u, ok := c.LocalAddr().(*net.UDPAddr)
	if !ok {
		return netip.Addr{}, errors.New("flow: no UDP address")
	}
	return u.AddrPort().Addr().Unmap(), nil
}

// addrPort reads a net.Addr; the zero value if it is no IP address and port.
func addrPort(a net.Addr) netip.AddrPort {
	switch a := a.(type) {
	case *net.UDPAddr:
		return unmap(a.AddrPort())
	case *net.TCPAddr:
		return unmap(a.AddrPort())
	}
	if a == nil {
		return netip.AddrPort{}
	}
	ap, err := netip.ParseAddrPort(a.String())
	if err != nil {
		return netip.AddrPort{}
	}
	return unmap(ap)
}

func unmap(ap netip.AddrPort) netip.AddrPort {
	return netip.AddrPortFrom(ap.Addr().Unmap().WithZone(""), ap.Port())
}

func splitName(name string) (host string, port string) {
	if h, p, err := net.SplitHostPort(name); err == nil {
		return h, p
	}
	return strings.Trim(name, "[]"), ""
}
