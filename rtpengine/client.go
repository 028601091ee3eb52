// SPDX-FileCopyrightText: 2026 The sipnat authors
// SPDX-License-Identifier: MIT

package rtpengine

import (
	"bytes"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// Client sends commands to one engine. It is safe for concurrent use and meant
// to be shared: the engine does best with one client and its window.
//
// A command ends by its context, by [ErrClosed] or, after Config.Timeout, by
// [ErrTimeout]; ended early it may still be executed. What the engine refuses is
// an [*Error], what should not be sent a [*ParamError], and what does not fit a
// datagram (65507 bytes) matches syscall.EMSGSIZE. ICMP errors are hints only: a
// command is given up before its time when three copies were refused in a row
// and nothing else was heard from the engine, which takes 1.75 s.
type Client struct {
	conn   net.Conn
	cfg    Config
	prefix string // of every cookie
	serial atomic.Uint64
	window chan *slot // those that are free
	queue  callQueue

	closed    chan struct{}
	closeOnce sync.Once
	readDone  chan struct{}

	refusals atomic.Uint64 // "port unreachable" from the engine's host
	replies  atomic.Uint64 // datagrams read

	mu      sync.Mutex
	pending map[uint64]*slot // by serial; nil when closed
}

// slot is a place in the window, used by one command after another: a timer
// and a channel per command cost as much as all the rest.
type slot struct {
	reply chan []byte // of 1
	timer *time.Timer // stopped
}

// Dial returns a client for the engine at addr, written "udp:HOST:PORT" as in
// Kamailio's rtpengine_sock. Nothing is sent: [Client.Ping] tells whether the
// engine is there.
func Dial(addr string) (*Client, error) {
	scheme, hostport, _ := strings.Cut(addr, ":")
	if scheme != "udp" {
		return nil, fmt.Errorf("rtpengine: address %q: must be udp:HOST:PORT, other transports are not supported", addr)
	}
	conn, err := net.Dial("udp", hostport)
	if err != nil {
		return nil, fmt.Errorf("rtpengine: address %q: %w", addr, err)
	}
	return New(conn, Config{}), nil
}

// New returns a client on a connection that keeps message boundaries: a
// connected UDP socket, or a simulated one. The client owns conn.
func New(conn net.Conn, cfg Config) *Client {
	// The engine's cache of replies knows a cookie, not who sent it: those of two
	// processes, containers or hosts must never meet. 80 random bits see to that.
	var random [10]byte
	_, _ = rand.Read(random[:]) // never fails
	c := &Client{
		conn:     conn,
		cfg:      cfg,
		prefix:   hex.EncodeToString(random[:]) + "-",
		window:   make(chan *slot, cfg.window()),
		closed:   make(chan struct{}),
		readDone: make(chan struct{}),
		pending:  map[uint64]*slot{},
	}
	for range cap(c.window) {
		s := &slot{reply: make(chan []byte, 1), timer: time.NewTimer(time.Hour)}
		s.timer.Stop()
		c.window <- s
	}
	go c.read()
	return c
}

// Close ends the client. Commands under way return [ErrClosed]. It may be
// called again, and waits until the client's goroutine is gone.
func (c *Client) Close() error {
	err := c.shutdown()
	<-c.readDone
	return err
}

func (c *Client) shutdown() error {
	var err error
	c.closeOnce.Do(func() {
		c.mu.Lock()
		c.pending = nil
		c.mu.Unlock()
		close(c.closed)
		err = c.conn.Close()
	})
	return err
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

// read delivers replies until the connection is closed.
func (c *Client) read() {
	defer close(c.readDone)
	buf := make([]byte, 64<<10)
	failures := 0
	for {
		n, err := c.conn.Read(buf)
		if err == nil {
			failures = 0
			c.replies.Add(1)
			c.deliver(buf[:n])
			continue
		}
		if errors.Is(err, net.ErrClosed) || errors.Is(err, io.EOF) || errors.Is(err, io.ErrClosedPipe) {
			_ = c.shutdown() // the conn is closed already
			return
		}
		if refused(err) {
			c.refusals.Add(1)
		}
		// An ICMP error is read once per datagram sent. A socket that does nothing
		// but fail must not take a core.
		if failures++; failures > 2*c.cfg.window() && !c.pause() {
			return
		}
	}
}

// pause waits before the next read of a failing socket, and reports whether
// there is one.
func (c *Client) pause() bool {
	select {
	case <-c.closed:
		return false
	case <-time.After(20 * time.Millisecond):
		return true
	}
}

// deliver hands a reply to whom it belongs. Late and repeated replies, and what
// is no reply at all, belong to nobody.
func (c *Client) deliver(msg []byte) {
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

// write sends one datagram. An ICMP error for an earlier datagram is reported
// in place of sending this one: then it is sent again.
func (c *Client) write(b []byte) error {
	_, err := c.conn.Write(b)
	if refused(err) {
		c.refusals.Add(1)
		_, err = c.conn.Write(b)
	}
	return err
}

// refused reports whether err is an ICMP port unreachable: ECONNREFUSED, on
// Windows ECONNRESET.
func refused(err error) bool {
	return errors.Is(err, syscall.ECONNREFUSED) || errors.Is(err, syscall.ECONNRESET)
}
