// SPDX-FileCopyrightText: 2026 The sipnat authors
// SPDX-License-Identifier: MIT

package flow

import (
	"bytes"
	"context"
	"errors"
	"net"
	"sync"
)

// upgrading is the listener of WS and WSS. sipgo reads the upgrade's HTTP
// request in its accept loop, where one client that says nothing keeps out all
// others: it is handed a connection when the request is there.
type upgrading struct {
	*listener
	begin sync.Once
	ready chan *conn
	ctx   context.Context // of the listener's life
	end   context.CancelCauseFunc
}

func newUpgrading(ln *listener) *upgrading {
	u := &upgrading{listener: ln, ready: make(chan *conn)}
	u.ctx, u.end = context.WithCancelCause(context.Background())
	return u
}

// Accept is the next connection whose HTTP request is complete.
func (u *upgrading) Accept() (net.Conn, error) {
	u.begin.Do(func() { go u.accept() })
	select {
	case c := <-u.ready:
		return u.admit(c), nil
	case <-u.ctx.Done():
		return nil, context.Cause(u.ctx)
	}
}

func (u *upgrading) accept() {
	for {
		c, err := u.next()
		if err != nil {
			u.end(err)
			return
		}
		go u.await(c)
	}
}

func (u *upgrading) await(c *conn) {
	stop := context.AfterFunc(u.ctx, func() { _ = c.Conn.Close() })
	defer stop()
	if err := c.readHead(); err != nil {
		c.drop()
		return
	}
	select {
	case u.ready <- c:
	case <-u.ctx.Done():
		c.drop()
	}
}

// maxHead is the size up to which sipgo reads the HTTP request.
const maxHead = 4096

var errHead = errors.New("flow: HTTP request too long")

// readHead reads the HTTP request ahead, before the handshake's deadline.
func (c *conn) readHead() error {
	buf := make([]byte, maxHead)
	for n := 0; n < len(buf); {
		more, err := c.Conn.Read(buf[n:])
		n += more
		if bytes.Contains(buf[:n], []byte("\r\n\r\n")) {
			c.head = buf[:n]
			c.mayBeSilent()
			return nil
		}
		if err != nil {
			return err
		}
	}
	return errHead
}
