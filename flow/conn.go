// SPDX-FileCopyrightText: 2026 The sipnat authors
// SPDX-License-Identifier: MIT

package flow

import (
	"bytes"
	"errors"
	"net"
	"net/netip"
	"os"
	"sync/atomic"
	"time"

	"github.com/emiago/sipgo/sip"
)

// conn is a live connection.
type conn struct {
	net.Conn
	listener *listener
	flow     Flow
	head     []byte            // read ahead, on WS and WSS
	guard    *sip.ParserStream // on TCP and TLS
	frames   frames            // on WS and WSS
	standIn  sip.Connection    // on WS and WSS; set by the reader with graves held
	within   bool              // of a message; of the reader
	handing  atomic.Bool       // see hand
	ended    atomic.Bool
}

func (c *conn) peer() peer { return peer{c.flow.Transport, c.flow.Remote} }

func (c *conn) origin() netip.Prefix { return origin(c.flow.Remote.Addr()) }

func (c *conn) webSocket() bool { return c.flow.Transport == WS || c.flow.Transport == WSS }

// Read sets the deadline of the next one: a message that has begun must end, and
// the peer must say something once in a while. Whatever ends the stream is
// net.ErrClosed: sipgo writes a log line about all else.
func (c *conn) Read(b []byte) (int, error) {
	if len(c.head) > 0 {
		n := copy(b, c.head)
		c.head = c.head[n:]
		return n, nil
	}
	if c.webSocket() && c.standIn == nil {
		c.stand()
	}
	n, err := c.Conn.Read(b)
	if n > 0 {
		if c.sound(b[:n]) {
			return n, nil
		}
		c.listener.layer.stats.malformed.Add(1)
		err = net.ErrClosed
	}
	if err == nil {
		return 0, nil
	}
	if errors.Is(err, os.ErrDeadlineExceeded) {
		c.listener.layer.stats.silent.Add(1)
	}
	c.end()
	return 0, net.ErrClosed
}

// sound reports whether sipgo can go on behind b, which it would write a log
// line about and then drop the connection by itself: too early for the requests
// in hand (see bury). What it takes for a keepalive it does not parse.
func (c *conn) sound(b []byte) bool {
	if c.guard == nil || len(bytes.Trim(b, "\x00")) == 0 {
		c.mayBeSilent()
		return true
	}
	within, rest := c.within, !blank(b)
	err := c.guard.ParseSIPStream(b, func(sip.Message) {
		within, rest = false, !blank(c.guard.Buffer().Bytes())
	})
	partial := errors.Is(err, sip.ErrParseSipPartial)
	within = partial && (within || rest)
	switch {
	case !within:
		c.mayBeSilent()
	case !c.within:
		_ = c.SetReadDeadline(time.Now().Add(c.listener.layer.handshakeTimeout()))
	}
	c.within = within
	return err == nil || partial
}

// blank reports whether b begins no message: there may be CRLFs between two.
func blank(b []byte) bool { return len(bytes.Trim(b, "\r\n\x00")) == 0 }

// mayBeSilent gives the peer until IdleTimeout to say something.
func (c *conn) mayBeSilent() {
	var until time.Time
	if d := c.listener.layer.IdleTimeout; d >= 0 {
		until = time.Now().Add(or(d, 2*time.Hour))
	}
	_ = c.SetReadDeadline(until)
}

// Write is bounded in time: a peer that does not read must block nobody.
func (c *conn) Write(b []byte) (int, error) {
	if !c.webSocket() {
		return c.rawWrite(b)
	}
	return c.writeFrame(c, b)
}

// rawWrite ends the stream when it fails: the peer cannot tell where the next
// message begins.
func (c *conn) rawWrite(b []byte) (int, error) {
	_ = c.SetWriteDeadline(time.Now().Add(or(c.listener.layer.WriteTimeout, 10*time.Second)))
	n, err := c.Conn.Write(b)
	if err != nil {
		_ = c.Conn.Close() // the reader finds out
	}
	return n, err
}

// drop ends a stream that nobody has seen yet.
func (c *conn) drop() {
	_ = c.Conn.Close()
	if !c.ended.Swap(true) {
		c.listener.layer.census.leave(c.origin())
	}
}

// Close ends the flow. sipgo calls it with its table locked, which the hooks may
// need, and writes a log line if it was closed before.
func (c *conn) Close() error {
	err := c.Conn.Close()
	if c.leave() {
		go c.bury()
	}
	if errors.Is(err, net.ErrClosed) {
		return nil
	}
	return err
}

// end is Close for the reader.
func (c *conn) end() {
	_ = c.Conn.Close()
	if c.leave() {
		c.bury()
	}
}

// leave takes c out of our tables; true for who was the first to do so, who has
// to bury it.
func (c *conn) leave() bool {
	if c.ended.Swap(true) {
		return false
	}
	l := c.listener.layer
	l.census.leave(c.origin())
	l.mu.Lock()
	delete(l.live, c.flow.Conn)
	if l.byPeer[c.peer()] == c {
		delete(l.byPeer, c.peer())
	}
	l.mu.Unlock()
	c.frames.mu.Lock() // else a ping may just be about to wait
	defer c.frames.mu.Unlock()
	c.frames.idle.Broadcast()
	return true
}
