// SPDX-FileCopyrightText: 2026 The sipnat authors
// SPDX-License-Identifier: MIT

package main

import (
	"context"
	"encoding/binary"
	"net"
	"net/netip"
	"sync"
	"time"
)

const (
	frame  = 20 * time.Millisecond // between two packets of a phone
	length = 172                   // G.711 in 20 ms packets, with header
)

// phones are both sides of the calls.
type phones struct {
	serial  int64
	calls   int
	to      [][2]netip.AddrPort // where each side of a call sends to
	sockets []*socket           // of both sides of a call, call by call
	began   time.Time
	running sync.WaitGroup
}

// socket is a phone's; it counts what it hears. Its buffer holds some seconds of
// packets, so that a busy host loses none.
type socket struct {
	*net.UDPConn
	mu     sync.Mutex
	heard  int64
	delays histogram
}

func openPhones(calls int) (*phones, error) {
	p := &phones{serial: time.Now().UnixNano(), calls: calls, to: make([][2]netip.AddrPort, calls), began: time.Now()}
	for range 2 * calls {
		c, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
		if err != nil {
			p.close()
			return nil, err
		}
		s := &socket{UDPConn: c}
		p.sockets = append(p.sockets, s)
		p.running.Go(func() { p.listen(s) })
	}
	return p, nil
}

func (p *phones) socket(call, side int) *socket {
	return p.sockets[2*call+side]
}

func (p *phones) address(call, side int) netip.AddrPort {
	return p.socket(call, side).LocalAddr().(*net.UDPAddr).AddrPort()
}

func (p *phones) close() {
	for _, s := range p.sockets {
		_ = s.Close()
	}
	p.running.Wait()
}

// listen counts packets and how long they took; the time of sending is in them.
func (p *phones) listen(s *socket) {
	b := make([]byte, 2048)
	for {
		n, _, err := s.ReadFromUDPAddrPort(b)
		if err != nil {
			return
		}
		if n != length {
			continue
		}
		sent := time.Duration(binary.BigEndian.Uint64(b[12:]))
		s.mu.Lock()
		s.delays.note(time.Since(p.began) - sent)
		s.heard++
		s.mu.Unlock()
	}
}

// talk has all phones send for that long, spread evenly over a frame, and returns
// how many packets they sent.
func (p *phones) talk(ctx context.Context, d time.Duration) int64 {
	frames := int(d / frame)
	b := make([]byte, length)
	b[0] = 0x80
	total := 2 * p.calls
	began := time.Now()
	sent := int64(0)
	for n := range frames * total {
		round, phone := n/total, n%total
		due := began.Add(time.Duration(round)*frame + frame*time.Duration(phone)/time.Duration(total))
		if wait := time.Until(due); wait > 0 {
			if ctx.Err() != nil {
				return sent
			}
			time.Sleep(max(wait, time.Millisecond/2))
		}
		call, side := phone/2, phone%2
		binary.BigEndian.PutUint16(b[2:], uint16(round))
		binary.BigEndian.PutUint32(b[4:], uint32(round*160))
		binary.BigEndian.PutUint32(b[8:], uint32(phone+1))
		binary.BigEndian.PutUint64(b[12:], uint64(time.Since(p.began)))
		if _, err := p.socket(call, side).WriteToUDPAddrPort(b, p.to[call][side]); err == nil {
			sent++
		}
	}
	return sent
}

// drain waits for the last packets on their way.
func (p *phones) drain(sent int64) {
	for range 500 {
		if n, _ := p.heard(); n >= sent {
			return
		}
		time.Sleep(frame)
	}
}

func (p *phones) heard() (n int64, delays histogram) {
	for _, s := range p.sockets {
		s.mu.Lock()
		n += s.heard
		delays.add(&s.delays)
		s.mu.Unlock()
	}
	return n, delays
}

// histogram counts delays in steps of 100 µs; the last one is all beyond.
type histogram [1000]int64

const step = 100 * time.Microsecond

func (h *histogram) note(d time.Duration) { h[min(int(d/step), len(h)-1)]++ }

func (h *histogram) add(o *histogram) {
	for i := range o {
		h[i] += o[i]
	}
}

// quantile is the upper end of the step that it falls into.
func (h *histogram) quantile(q float64) time.Duration {
	all := int64(0)
	for i := range h {
		all += h[i]
	}
	left := int64(float64(all) * q)
	for i := range h {
		if left -= h[i]; left <= 0 {
			return time.Duration(i+1) * step
		}
	}
	return 0
}
