// SPDX-FileCopyrightText: 2026 The sipnat authors
// SPDX-License-Identifier: MIT

package rtpengine

import (
	"bytes"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"net"
	"strconv"
	"sync"
	"sync/atomic"
)

// Client sends commands to one engine. It is safe for concurrent use and meant
// to be shared: the engine does best with one client and its window.
//
// A command ends by its context, by [ErrClosed] or, after Config.Timeout, by
// [ErrTimeout]; ended early it may still be executed. What the engine refuses is
// an [*Error], what should not be sent a [*ParamError], and what does not fit a
// datagram (65507 bytes), with no Config.Alternative, matches syscall.EMSGSIZE. ICMP errors are hints only: a
// command is given up before its time when three copies were refused in a row
// and nothing else was heard from the engine, which takes 1.75 s.
type Client struct {
	commands

	cfg         Config
	link        link
	alternative link   // nil for none
	prefix      string // of every cookie
	serial      atomic.Uint64
	window      *window
	queue       callQueue

	closed    chan struct{}
	closeOnce sync.Once
	linkOnce  sync.Once
	linkErr   error

	refusals atomic.Uint64 // times that nobody listened there
	replies  atomic.Uint64 // messages read

	mu      sync.Mutex
	pending map[uint64]*slot // by serial; nil when closed
}

// New returns a client on a connection that keeps message boundaries: a
// connected UDP socket, or a simulated one. The client owns conn.
func New(conn net.Conn, cfg Config) *Client {
	c := newClient(cfg)
	if cfg.Alternative != "" {
		var err error
		if c.alternative, err = c.dial(cfg.Alternative); err != nil {
			c.alternative = brokenLink{err}
		}
	}
	c.link = newDatagramLink(c, conn)
	return c
}

// newClient returns a client without a link.
func newClient(cfg Config) *Client {
	// The engine's cache of replies knows a cookie, not who sent it: those of two
	// processes, containers or hosts must never meet. 80 random bits see to that.
	var random [10]byte
	_, _ = rand.Read(random[:]) // never fails
	c := &Client{
		cfg:     cfg,
		prefix:  hex.EncodeToString(random[:]) + "-",
		window:  newWindow(cfg.window()),
		closed:  make(chan struct{}),
		pending: map[uint64]*slot{},
	}
	c.commands = commands{c.Do}
	return c
}

// Close ends the client. Commands under way return [ErrClosed]. It may be
// called again, and waits until the client's goroutines are gone.
func (c *Client) Close() error {
	c.shutdown()
	c.linkOnce.Do(func() {
		c.linkErr = c.link.close()
		if c.alternative != nil {
			c.linkErr = errors.Join(c.linkErr, c.alternative.close())
		}
	})
	return c.linkErr
}

// shutdown ends all commands.
func (c *Client) shutdown() {
	c.closeOnce.Do(func() {
		c.mu.Lock()
		c.pending = nil
		c.mu.Unlock()
		close(c.closed)
	})
}

// register has the reply to the command with that serial delivered to s. It
// reports whether the client is open.
func (c *Client) register(serial uint64, s *slot) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.pending == nil {
		return false
	}
	c.pending[serial] = s
	return true
}

// take returns where the reply to the command with that serial goes and ends
// the wait for it. It returns nil if nobody waits, or no more.
func (c *Client) take(serial uint64) *slot {
	c.mu.Lock()
	defer c.mu.Unlock()
	s := c.pending[serial]
	delete(c.pending, serial)
	return s
}

// giveUp ends the wait of a command without a reply. If the reader has just
// taken the slot, its reply is waited out, lest the next command gets it.
func (c *Client) giveUp(serial uint64, s *slot) {
	s.timer.Stop()
	if c.take(serial) != nil {
		return
	}
	select {
	case <-s.reply:
	case <-c.closed:
	}
}

// deliver hands a reply to whom it belongs. Late and repeated replies, and what
// is no reply at all, belong to nobody.
func (c *Client) deliver(msg []byte) {
	c.replies.Add(1)
	space := bytes.IndexByte(msg, ' ')
	if space < 0 {
		return
	}
	serial, ok := c.serialOf(msg[:space])
	if !ok {
		return
	}
	if s := c.take(serial); s != nil {
		// It was taken from the map: this is the only send, and there is room.
		s.reply <- bytes.Clone(msg[space+1:])
	}
}

func (c *Client) appendCookie(b []byte, serial uint64) []byte {
	b = append(b, c.prefix...)
	b = strconv.AppendUint(b, serial, 16)
	return append(b, ' ')
}

func (c *Client) serialOf(cookie []byte) (serial uint64, ok bool) {
	if len(cookie) <= len(c.prefix) || string(cookie[:len(c.prefix)]) != c.prefix {
		return 0, false
	}
	digits := cookie[len(c.prefix):]
	if len(digits) > 16 {
		return 0, false
	}
	for _, d := range digits {
		switch {
		case '0' <= d && d <= '9':
			serial = serial<<4 | uint64(d-'0')
		case 'a' <= d && d <= 'f':
			serial = serial<<4 | uint64(d-'a'+10)
		default:
			return 0, false
		}
	}
	return serial, true
}
