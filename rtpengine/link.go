// SPDX-FileCopyrightText: 2026 The sipnat authors
// SPDX-License-Identifier: MIT

package rtpengine

import (
	"context"
	"errors"
	"io"
	"net"
	"syscall"
	"time"
)

// link is the way to an engine. What comes back is given to Client.deliver.
type link interface {
	// send puts a copy of a request on its way and does not wait. The channel, if
	// there is one, says that this copy was lost: until then another one is of no
	// use. ctx ends with the command.
	send(ctx context.Context, request []byte) (lost <-chan error, err error)
	// reset is called after a command in whose time nothing was heard.
	reset()
	// close is called once, and waits for the link's goroutines.
	close() error
}

// datagramLink is a socket that keeps message boundaries and loses messages.
type datagramLink struct {
	c    *Client
	conn net.Conn
	done chan struct{}
}

func newDatagramLink(c *Client, conn net.Conn) *datagramLink {
	l := &datagramLink{c: c, conn: conn, done: make(chan struct{})}
	go l.read()
	return l
}

// send sends one datagram. An ICMP error for an earlier datagram is reported in
// place of sending this one: then it is sent again.
func (l *datagramLink) send(_ context.Context, b []byte) (<-chan error, error) {
	_, err := l.conn.Write(b)
	if refused(err) {
		l.c.refusals.Add(1)
		_, err = l.conn.Write(b)
	}
	return nil, err
}

func (l *datagramLink) reset() {}

func (l *datagramLink) close() error {
	err := l.conn.Close()
	<-l.done
	return err
}

// read delivers replies until the connection is closed.
func (l *datagramLink) read() {
	defer close(l.done)
	buf := make([]byte, 64<<10)
	failures := 0
	for {
		n, err := l.conn.Read(buf)
		if err == nil {
			failures = 0
			l.c.deliver(buf[:n])
			continue
		}
		if errors.Is(err, net.ErrClosed) || errors.Is(err, io.EOF) || errors.Is(err, io.ErrClosedPipe) {
			l.c.shutdown()
			return
		}
		if refused(err) {
			l.c.refusals.Add(1)
		}
		// An ICMP error is read once per datagram sent. A socket that does nothing
		// but fail must not take a core.
		if failures++; failures > 2*l.c.cfg.window() && !l.pause() {
			return
		}
	}
}

// pause waits before the next read of a failing socket, and reports whether
// there is one.
func (l *datagramLink) pause() bool {
	select {
	case <-l.c.closed:
		return false
	case <-time.After(20 * time.Millisecond):
		return true
	}
}

// refused reports whether err says that nobody listens there: an ICMP port
// unreachable or a TCP reset, ECONNREFUSED, on Windows ECONNRESET.
func refused(err error) bool {
	return errors.Is(err, syscall.ECONNREFUSED) || errors.Is(err, syscall.ECONNRESET)
}

// brokenLink is what became of an address that makes no sense.
type brokenLink struct{ err error }

func (l brokenLink) send(context.Context, []byte) (<-chan error, error) { return nil, l.err }
func (l brokenLink) reset()                                             {}
func (l brokenLink) close() error                                       { return nil }
