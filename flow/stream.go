// SPDX-FileCopyrightText: 2026 The sipnat authors
// SPDX-License-Identifier: MIT

package flow

import (
	"net"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/emiago/sipgo"
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
	nc, err := ln.Listener.Accept()
	if err != nil {
		return nil, err
	}
	l := ln.layer
	c := &conn{Conn: nc, listener: ln, flow: Flow{
		Transport: ln.transport,
		Local:     addrPort(nc.LocalAddr()),
		Remote:    addrPort(nc.RemoteAddr()),
		Conn:      l.serial.Add(1),
	}}
	c.frames.idle = sync.NewCond(&c.frames.mu)
	_ = nc.SetReadDeadline(time.Now().Add(or(l.HandshakeTimeout, 10*time.Second)))
	l.mu.Lock()
	defer l.mu.Unlock()
	l.live[c.flow.Conn] = c
	l.byPeer[peer{ln.transport, c.flow.Remote}] = c
	return c, nil
}

// conn is a live connection.
type conn struct {
	net.Conn
	listener *listener
	flow     Flow
	frames   frames // on WS and WSS
	spoke    sync.Once
	closed   sync.Once
	ended    atomic.Bool
}

// Read lifts the handshake's deadline once the peer has said anything.
func (c *conn) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	if n > 0 {
		c.spoke.Do(func() { _ = c.SetReadDeadline(time.Time{}) })
	}
	return n, err
}

// Write is bounded in time: a peer that does not read must block nobody.
func (c *conn) Write(b []byte) (int, error) {
	if c.flow.Transport != WS && c.flow.Transport != WSS {
		return c.rawWrite(b)
	}
	c.frames.mu.Lock()
	defer c.frames.mu.Unlock()
	n, err := c.rawWrite(b)
	c.frames.wrote(b[:n])
	return n, err
}

func (c *conn) rawWrite(b []byte) (int, error) {
	_ = c.SetWriteDeadline(time.Now().Add(or(c.listener.layer.WriteTimeout, 10*time.Second)))
	return c.Conn.Write(b)
}

// Close ends the flow. The hooks run once.
func (c *conn) Close() error {
	err := c.Conn.Close()
	c.closed.Do(func() {
		l := c.listener.layer
		l.mu.Lock()
		delete(l.live, c.flow.Conn)
		if at := (peer{c.flow.Transport, c.flow.Remote}); l.byPeer[at] == c {
			delete(l.byPeer, at)
		}
		hooks := l.onClose
		l.mu.Unlock()
		c.ended.Store(true)
		c.frames.idle.Broadcast()
		for _, fn := range hooks {
			fn(c.flow)
		}
	})
	return err
}

func or(d, otherwise time.Duration) time.Duration {
	if d > 0 {
		return d
	}
	return otherwise
}
