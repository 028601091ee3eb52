// SPDX-FileCopyrightText: 2026 The sipnat authors
// SPDX-License-Identifier: MIT

package flow

import (
	"net/netip"
	"strconv"

	"github.com/emiago/sipgo/sip"

	"github.com/sipnat/sipnat/internal/txval"
)

// Of is the path that a request took. Local is the address that it was sent to,
// which sipgo's own connection can name wrong when one peer talks to several of
// our listeners. On a transaction that no Layer serves it is what sipgo tells:
// transport and source, and Local if the transaction has a connection.
func Of(req *sip.Request, tx sip.ServerTransaction) Flow {
	t, _ := ParseTransport(req.Transport())
	f := Flow{Transport: t}
	if remote, err := netip.ParseAddrPort(req.Source()); err == nil {
		f.Remote = unmap(remote)
	}
	switch c := txval.Connection(tx).(type) {
	case nil:
	case *way:
		f = c.flow
	case *sip.UDPConnection:
		g, ok := c.PacketConn.(*gate)
		if !ok {
			f.Local = addrPort(c.LocalAddr())
			break
		}
		f.Local = g.socket.localOf(req)
	default:
		f.Local = addrPort(c.LocalAddr())
		if mine := connOf(c); mine != nil {
			f = mine.flow
		}
	}
	return f
}

// localOf is the address that req was sent to: what the tag says, else the
// socket's own.
func (s *socket) localOf(req *sip.Request) netip.AddrPort {
	if at, ok := s.layer.tagged(req); ok {
		return at
	}
	return s.local
}

// tagged is the address of ours that the tag of req's Via names.
func (l *Layer) tagged(req *sip.Request) (netip.AddrPort, bool) {
	v := req.Via()
	if v == nil {
		return netip.AddrPort{}, false
	}
	text, ok := v.Params.Get(tag)
	if !ok {
		return netip.AddrPort{}, false
	}
	i, err := strconv.Atoi(text)
	if err != nil {
		return netip.AddrPort{}, false
	}
	at, ok := l.localAt(i)
	return at.addr, ok
}

// connOf finds our connection inside sipgo's; nil if we did not accept it.
func connOf(c sip.Connection) *conn {
	switch c := c.(type) {
	case *sip.TCPConnection:
		mine, _ := c.Conn.(*conn)
		return mine
	case *sip.WSConnection:
		if s, ok := c.Conn.(*second); ok {
			return s.conn
		}
		mine, _ := c.Conn.(*conn)
		return mine
	}
	return nil
}
