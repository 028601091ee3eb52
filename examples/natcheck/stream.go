// SPDX-FileCopyrightText: 2026 The sipnat authors
// SPDX-License-Identifier: MIT

package main

import (
	"bytes"
	"net/netip"

	"github.com/emiago/sipgo/sip"
)

// Bounds of what is held of a capture, however long it is.
const (
	maxStreams = 1024
	maxMessage = 64 << 10
)

// direction is one half of a TCP connection.
type direction struct{ src, dst netip.AddrPort }

// streams puts TCP segments together to messages. Segments are taken in the
// order of the capture: what was captured before it was its turn is not waited
// for, and reading goes on at the next segment that begins with a message.
type streams struct {
	open map[direction]*stream
	gaps int // times that bytes were missed
}

// stream is the unread rest of one direction.
type stream struct {
	next   uint32 // the sequence number that comes next
	begun  bool   // next is known
	inside bool   // rest begins where a message does
	rest   []byte
}

// add takes a segment and hands complete messages to emit.
func (s *streams) add(p packet, emit func(message []byte)) {
	key := direction{p.src, p.dst}
	st := s.open[key]
	if st == nil {
		if len(s.open) >= maxStreams {
			s.forget()
		}
		st = &stream{}
		s.open[key] = st
	}
	switch {
	case p.syn:
		*st = stream{next: p.seq + 1, begun: true}
	case p.size > 0:
		if !st.take(p) {
			s.gaps++
		}
		if !st.messages(emit) {
			st.lose()
		}
	}
	if p.end {
		delete(s.open, key)
	}
}

// forget drops any one stream to make room.
func (s *streams) forget() {
	for key := range s.open {
		delete(s.open, key)
		return
	}
}

// take appends what is new in p. It reports false if bytes before or behind it
// are missing in the middle of a message.
func (s *stream) take(p packet) (whole bool) {
	if !s.begun {
		s.next, s.begun = p.seq, true
	}
	ahead := int(int32(p.seq - s.next))
	payload := p.payload
	switch whole = true; {
	case -ahead >= p.size: // seen before
		return true
	case ahead < 0:
		payload = payload[min(-ahead, len(payload)):]
	case ahead > 0:
		whole = !s.inside
		s.lose()
	}
	s.next = p.seq + uint32(p.size)
	if !s.inside {
		payload = bytes.TrimLeft(payload, "\r\n")
		s.inside = looksLikeSIP(payload)
	}
	if s.inside {
		s.rest = append(s.rest, payload...)
	}
	if p.cut() && s.inside {
		s.lose()
		return false
	}
	return whole
}

func (s *stream) lose() { s.rest, s.inside = s.rest[:0], false }

// messages cuts complete messages off. It reports false where it lost track.
func (s *stream) messages(emit func([]byte)) bool {
	for {
		s.rest = bytes.TrimLeft(s.rest, "\r\n") // keepalives
		end := bytes.Index(s.rest, []byte("\r\n\r\n"))
		if end < 0 {
			return len(s.rest) <= maxMessage
		}
		size := end + 4
		msg, _, err := sip.NewParser().ParseHeaders(s.rest[:size], true)
		if err == nil {
			if length := msg.ContentLength(); length != nil {
				size += max(int(*length), 0)
			}
		}
		if size > maxMessage {
			return false
		}
		if len(s.rest) < size {
			return true
		}
		emit(s.rest[:size])
		if err != nil {
			return false
		}
		s.rest = s.rest[size:]
	}
}

// looksLikeSIP reports whether b begins with the start line of a message.
func looksLikeSIP(b []byte) bool {
	line, _, ok := bytes.Cut(b, []byte("\r\n"))
	if !ok {
		return false
	}
	if bytes.HasPrefix(line, []byte("SIP/2.0 ")) {
		return true
	}
	return bytes.HasSuffix(line, []byte(" SIP/2.0")) && 'A' <= line[0] && line[0] <= 'Z'
}
