// SPDX-FileCopyrightText: 2026 The sipnat authors
// SPDX-License-Identifier: MIT

package flow

import (
	"context"
	"fmt"
	"net/netip"
	"strconv"

	"github.com/emiago/sipgo"
	"github.com/emiago/sipgo/sip"
)

// Do sends req on f and returns its client transaction. The topmost Via must be
// our own (see Via). A UDP message leaves from the listener of the flow, whether
// sipgo has heard of the peer or not; a stream message leaves on the flow's very
// connection, or Do returns ErrFlowGone and sends nothing: an address behind NAT
// is never dialled. Only a flow that Out made, with Conn 0, may open a
// connection. ctx bounds that and nothing else.
func (l *Layer) Do(ctx context.Context, req *sip.Request, f Flow) (sip.ClientTransaction, error) {
	srv, err := l.aim(req, f)
	if err != nil {
		return nil, err
	}
	if f.Conn != 0 {
		// sipgo looks for a live connection first, and dials with ctx.
		cancelled, cancel := context.WithCancel(ctx)
		cancel()
		ctx = cancelled
	}
	tx, err := srv.TransactionLayer().NewClientTransaction(ctx, req)
	if err != nil {
		if f.Conn != 0 {
			return nil, ErrFlowGone
		}
		return nil, fmt.Errorf("flow: %w", err)
	}
	// The connection is chosen now and nothing is sent yet: the only moment to
	// see that it is the flow's, and not a newer one from the same address.
	if !ours(tx.Connection(), f) {
		tx.Terminate()
		return nil, ErrFlowGone
	}
	if err := tx.Init(); err != nil {
		tx.Terminate()
		return nil, fmt.Errorf("flow: %w", err)
	}
	return tx, nil
}

// Send sends req on f without a transaction: the ACK of a 2xx. The same rules
// as for Do hold.
func (l *Layer) Send(req *sip.Request, f Flow) error {
	srv, err := l.aim(req, f)
	if err != nil {
		return err
	}
	if f.Transport.Reliable() && f.Conn == 0 {
		if err := srv.TransportLayer().WriteMsg(req); err != nil {
			return fmt.Errorf("flow: %w", err)
		}
		return nil
	}
	if f.Transport == UDP {
		req.Via().Params.Remove(tag)
		s, ok := l.socketFor(f.Local)
		if !ok {
			return ErrFlowGone
		}
		return s.send([]byte(req.String()), f.Local.Addr(), f.Remote)
	}
	c, err := srv.TransportLayer().GetConnection(f.Transport.String(), f.Remote.String())
	if err != nil {
		return ErrFlowGone
	}
	defer func() { _, _ = c.TryClose() }()
	if !ours(c, f) {
		return ErrFlowGone
	}
	return c.WriteMsg(req)
}

// Write sends bytes that are no SIP message on f: a keepalive. On WS and WSS b is
// ignored and an empty ping frame sent (RFC 6455 section 5.5.2). It waits for no
// peer: a stream gets b in the background, and if it has not taken what was
// written before, Write returns ErrBusy.
func (l *Layer) Write(b []byte, f Flow) error {
	if f.Transport == UDP {
		s, ok := l.socketFor(f.Local)
		if !ok {
			return ErrFlowGone
		}
		_, err := s.writeFrom(b, f.Local.Addr(), f.Remote)
		return err
	}
	l.mu.RLock()
	c, ok := l.live[f.Conn]
	l.mu.RUnlock()
	if !ok || c.flow != f {
		return ErrFlowGone
	}
	return c.hand(b)
}

// aim pins transport, destination and local socket on req, and returns the
// server whose transactions it belongs to.
func (l *Layer) aim(req *sip.Request, f Flow) (*sipgo.Server, error) {
	if !f.IsValid() {
		return nil, ErrFlowGone
	}
	if req.Via() == nil {
		return nil, fmt.Errorf("flow: %s without a Via", req.Method)
	}
	req.SetTransport(f.Transport.Upper())
	req.SetDestination(f.Remote.String())
	req.Laddr = sip.Addr{}
	req.Via().Params.Remove(tag)
	if f.Transport == UDP {
		return l.aimUDP(req, f)
	}
	return l.aimStream(f)
}

func (l *Layer) aimStream(f Flow) (*sipgo.Server, error) {
	l.mu.RLock()
	c, ok := l.live[f.Conn]
	srv, err := l.anyServer(f.Transport)
	l.mu.RUnlock()
	switch {
	case ok && c.flow == f:
		return c.listener.srv, nil
	case f.Conn != 0:
		return nil, ErrFlowGone
	case err != nil:
		return nil, err
	}
	// What was there is gone, and may be opened anew.
	l.exhume(srv.TransportLayer().Pool(f.Transport.String()), f.Remote.String())
	return srv, nil
}

func (l *Layer) aimUDP(req *sip.Request, f Flow) (*sipgo.Server, error) {
	s, ok := l.socketFor(f.Local)
	if !ok {
		return nil, ErrFlowGone
	}
	own := addrPort(s.LocalAddr())
	req.Laddr = sip.Addr{IP: own.Addr().AsSlice(), Port: int(own.Port())}
	if l.manyLocals(s) {
		if i, ok := l.localIndex(s, f.Local); ok {
			req.Via().Params.Add(tag, strconv.Itoa(i))
		}
	}
	return s.srv, nil
}

// dial is the flow to a stream peer that has not connected to us: named after
// our listener of that transport, if there is one.
func (l *Layer) dial(t Transport, dst netip.AddrPort) (Flow, error) {
	f := Flow{Transport: t, Remote: dst}
	l.mu.RLock()
	_, err := l.anyServer(t)
	if addr := l.listenerAddr(f); addr != nil {
		f.Local = addrPort(addr)
	}
	l.mu.RUnlock()
	if err != nil {
		return Flow{}, err
	}
	if !f.Local.IsValid() || f.Local.Addr().IsUnspecified() {
		if ip, err := routeTo(dst); err == nil {
			f.Local = netip.AddrPortFrom(ip, f.Local.Port())
		}
	}
	return f, nil
}

func (l *Layer) anyServer(t Transport) (*sipgo.Server, error) {
	for _, ln := range l.streams {
		if ln.transport == t {
			return ln.srv, nil
		}
	}
	for _, s := range l.sockets {
		return s.srv, nil
	}
	for _, ln := range l.streams {
		return ln.srv, nil
	}
	return nil, ErrNoListener
}

// ours reports whether the connection that sipgo chose is the one of f.
func ours(c sip.Connection, f Flow) bool {
	if f.Transport == UDP {
		u, ok := c.(*sip.UDPConnection)
		if !ok {
			return false
		}
		_, ok = u.PacketConn.(*gate)
		return ok
	}
	if f.Conn == 0 {
		return true
	}
	mine := connOf(c)
	return mine != nil && mine.flow == f
}
