// SPDX-FileCopyrightText: 2026 The sipnat authors
// SPDX-License-Identifier: MIT

package flow

import (
	"net"
	"runtime"
	"sync"

	"golang.org/x/net/ipv4"
	"golang.org/x/net/ipv6"
)

// batchWriter is sendmmsg, by the socket's address family.
type batchWriter interface {
	WriteBatch(messages []ipv4.Message, flags int) (int, error)
}

// newBatchWriter is nil where one system call sends one datagram anyhow.
func newBatchWriter(s *socket) batchWriter {
	switch {
	case s.udp == nil || runtime.GOOS != "linux":
		return nil
	case s.local.Addr().Is4() || s.v4only:
		return ipv4.NewPacketConn(s.udp)
	}
	return ipv6.NewPacketConn(s.udp)
}

// WriteBatch sends messages[i] on flows[i], all of which are UDP, in order, many
// in one system call where the system can, and returns how many it has sent. If
// that is not all, err says why the next one could not be sent. It keeps no
// argument. It is Write for pings: the messages are none that carry our Via's tag.
func (l *Layer) WriteBatch(messages [][]byte, flows []Flow) (n int, err error) {
	for n < len(messages) {
		s, ok := l.socketFor(flows[n].Local)
		if !ok || flows[n].Transport != UDP {
			return n, ErrFlowGone
		}
		end := n + 1
		for end < len(messages) && flows[end].Transport == UDP && flows[end].Local == flows[n].Local {
			end++
		}
		sent, err := s.writeBatch(messages[n:end], flows[n:end])
		n += sent
		if err != nil {
			return n, err
		}
	}
	return n, nil
}

// writeBatch sends messages whose flows have one Local, an address of s.
func (s *socket) writeBatch(messages [][]byte, flows []Flow) (n int, err error) {
	src := flows[0].Local.Addr()
	if s.batch == nil || len(messages) == 1 {
		for i, b := range messages {
			if _, err := s.writeFrom(b, src, flows[i].Remote); err != nil {
				return i, err
			}
		}
		return len(messages), nil
	}
	b := batches.Get().(*batch)
	defer batches.Put(b)
	b.fill(s, messages, flows)
	defer b.clear()
	for n < len(messages) {
		sent, err := s.batch.WriteBatch(b.messages[n:len(messages)], 0)
		if err != nil {
			return n + max(sent, 0), err
		}
		n += sent
	}
	return n, nil
}

// batch is the room for one system call, kept for the next.
type batch struct {
	messages []ipv4.Message
	addrs    []net.UDPAddr
}

var batches = sync.Pool{New: func() any { return new(batch) }}

func (b *batch) fill(s *socket, messages [][]byte, flows []Flow) {
	for len(b.messages) < len(messages) {
		b.messages = append(b.messages, ipv4.Message{Buffers: make([][]byte, 1)})
	}
	if len(b.addrs) < len(messages) {
		b.addrs = make([]net.UDPAddr, len(b.messages))
	}
	oob := s.sourceOOB(flows[0].Local.Addr())
	for i, f := range flows {
		to := s.layer.host.zoned(f.Remote, f.Local.Addr())
		a := &b.addrs[i]
		a.IP, a.Port, a.Zone = append(a.IP[:0], to.Addr().AsSlice()...), int(to.Port()), to.Addr().Zone()
		b.messages[i].Buffers[0], b.messages[i].Addr, b.messages[i].OOB = messages[i], a, oob
	}
}

// clear lets go of the caller's messages.
func (b *batch) clear() {
	for i := range b.messages {
		b.messages[i].Buffers[0], b.messages[i].OOB = nil, nil
	}
}
