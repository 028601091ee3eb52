// SPDX-FileCopyrightText: 2026 The sipnat authors
// SPDX-License-Identifier: MIT

package flow

import (
	"bytes"
	"encoding/binary"
	"net"
	"sync"
)

// frames keeps frames whole: those of sipgo's own connection, those of its
// stand-in, and our pings. sipgo writes a frame as its header and then its
// payload, under a lock that it does not share.
type frames struct {
	mu       sync.Mutex
	idle     *sync.Cond // signalled when a frame is complete
	writer   net.Conn   // whose frame is under way
	upgraded bool       // the HTTP response has been written
	pending  uint64     // bytes of the current frame's payload that are still to come
}

// wrote notes what sipgo has written. The caller holds mu.
func (f *frames) wrote(b []byte) {
	if !f.upgraded {
		f.upgraded = bytes.HasSuffix(b, []byte("\r\n\r\n"))
		return
	}
	for len(b) > 0 {
		if f.pending == 0 {
			header, payload := frameHeader(b)
			f.pending, b = payload, b[min(header, len(b)):]
			continue
		}
		n := min(f.pending, uint64(len(b)))
		f.pending -= n
		b = b[n:]
	}
	if f.pending == 0 {
		f.idle.Broadcast()
	}
}

// frameHeader is the size of an unmasked frame's header and of its payload
// (RFC 6455 section 5.2).
func frameHeader(b []byte) (header int, payload uint64) {
	if len(b) < 2 {
		return len(b), 0
	}
	switch n := b[1] & 0x7f; {
	case n == 126 && len(b) >= 4:
		return 4, uint64(binary.BigEndian.Uint16(b[2:]))
	case n == 127 && len(b) >= 10:
		return 10, binary.BigEndian.Uint64(b[2:])
	default:
		return 2, uint64(n)
	}
}

// emptyPing is the only ping whose answer sipgo bears: one with a payload makes
// the phone send a pong that sipgo takes for a protocol error.
var emptyPing = [...]byte{0x89, 0x00}

// ping writes an empty ping frame between two frames.
func (c *conn) ping() error {
	_, err := c.writeFrame(nil, emptyPing[:])
	return err
}

// writeFrame writes a part of a frame of writer's, or a whole one.
func (c *conn) writeFrame(writer net.Conn, b []byte) (int, error) {
	f := &c.frames
	f.mu.Lock()
	defer f.mu.Unlock()
	for f.pending > 0 && f.writer != writer {
		if c.ended.Load() {
			return 0, ErrFlowGone
		}
		f.idle.Wait()
	}
	f.writer = writer
	n, err := c.rawWrite(b)
	f.wrote(b[:n])
	return n, err
}

// second is conn for the stand-in: another writer.
type second struct{ *conn }

func (s *second) Write(b []byte) (int, error) { return s.writeFrame(s, b) }
