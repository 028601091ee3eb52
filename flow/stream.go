// SPDX-FileCopyrightText: 2026 The sipnat authors
// SPDX-License-Identifier: MIT

package flow

import (
	"net"
	"slices"
	"sync"
	"time"

	"github.com/emiago/sipgo"
	"github.com/emiago/sipgo/sip"
)

// ServeTCP accepts SIP over TCP from ln until ln is closed; it takes the place
// of sipgo.Server.ServeTCP. Streams are counted, given a serial and closed on
// time, never rewritten.
func (l *Layer) ServeTCP(srv *sipgo.Server, ln net.Listener) error {
	return l.serve(srv, ln, TCP, srv.ServeTCP)
}

// ServeTLS is ServeTCP for the listener that tls.NewListener returned.
func (l *Layer) ServeTLS(srv *sipgo.Server, ln net.Listener) error {
	return l.serve(srv, ln, TLS, srv.ServeTLS)
}

// ServeWS accepts SIP over WebSocket (RFC 7118).
func (l *Layer) ServeWS(srv *sipgo.Server, ln net.Listener) error {
	return l.serve(srv, ln, WS, srv.ServeWS)
}

// ServeWSS is ServeWS for the listener that tls.NewListener returned.
func (l *Layer) ServeWSS(srv *sipgo.Server, ln net.Listener) error {
	return l.serve(srv, ln, WSS, srv.ServeWSS)
}

func (l *Layer) serve(srv *sipgo.Server, ln net.Listener, t Transport, serve func(net.Listener) error) error {
	l.start()
	wrapped := &listener{Listener: ln, layer: l, srv: srv, transport: t}
	l.mu.Lock()
	l.streams = append(l.streams, wrapped)
	l.mu.Unlock()
	defer l.removeListener(wrapped)
	if t == WS || t == WSS {
		return serve(newUpgrading(wrapped))
	}
	return serve(wrapped)
}

func (l *Layer) removeListener(ln *listener) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.streams = slices.DeleteFunc(l.streams, func(other *listener) bool { return other == ln })
}

// listener gives every connection that it accepts a flow.
type listener struct {
	net.Listener
	layer     *Layer
	srv       *sipgo.Server
	transport Transport
}

// Accept waits for the next connection.
func (ln *listener) Accept() (net.Conn, error) {
	c, err := ln.next()
	if err != nil {
		return nil, err
	}
	return ln.admit(c), nil
}

// next is the next connection that there is room for. sipgo gives a listener up
// for any fault, of which that no more files may be opened passes.
func (ln *listener) next() (*conn, error) {
	l := ln.layer
	for failures := 0; ; {
		nc, err := ln.Listener.Accept()
		if err != nil {
			if gone(err) {
				return nil, err
			}
			failures++
			l.stats.readErrors.Add(1)
			time.Sleep(min(time.Duration(failures)*time.Millisecond, time.Second))
			continue
		}
		failures = 0
		if !l.census.enter(origin(addrPort(nc.RemoteAddr()).Addr()), l.maxStreams(), l.maxStreamsPerSource()) {
			l.stats.refused.Add(1)
			_ = nc.Close()
			continue
		}
		return ln.wrap(nc), nil
	}
}

func (ln *listener) wrap(nc net.Conn) *conn {
	c := &conn{Conn: nc, listener: ln, flow: Flow{
		Transport: ln.transport,
		Local:     addrPort(nc.LocalAddr()),
		Remote:    addrPort(nc.RemoteAddr()),
		Conn:      ln.layer.serial.Add(1),
	}}
	c.frames.idle = sync.NewCond(&c.frames.mu)
	if !c.webSocket() {
		c.guard = sip.NewParser().NewSIPStream()
	}
	_ = nc.SetReadDeadline(time.Now().Add(ln.layer.handshakeTimeout()))
	return c
}

// admit enters c into the tables. sipgo enters it into its own afterwards.
func (ln *listener) admit(c *conn) *conn {
	l := ln.layer
	l.graves.Lock()
	defer l.graves.Unlock()
	l.mu.Lock()
	defer l.mu.Unlock()
	l.live[c.flow.Conn] = c
	l.byPeer[c.peer()] = c
	return c
}

func or(d, otherwise time.Duration) time.Duration {
	if d > 0 {
		return d
	}
	return otherwise
}
