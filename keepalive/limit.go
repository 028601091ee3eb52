// SPDX-FileCopyrightText: 2026 The sipnat authors
// SPDX-License-Identifier: MIT

package keepalive

import (
	"net/netip"
	"time"
)

// limits are the token buckets, as virtual schedules (GCRA, ITU-T I.371): of
// each bucket they keep when its next token is there. They are Run's goroutine's.
type limits struct {
	tick       time.Duration
	all, each  time.Duration // between two tokens; 0 for no limit
	next       time.Duration
	perAddress map[netip.Addr]time.Duration
	swept      time.Duration
}

func newLimits(c Config) limits {
	l := limits{tick: c.tick()}
	if c.Rate > 0 {
		l.all = time.Second / time.Duration(c.Rate)
	}
	if c.RatePerAddress > 0 {
		l.each = time.Second / time.Duration(c.RatePerAddress)
		l.perAddress = make(map[netip.Addr]time.Duration)
	}
	return l
}

func (l *limits) active() bool { return l.all > 0 || l.each > 0 }

// take is how many ticks a ping to addr has to wait; its tokens are taken.
func (l *limits) take(addr netip.Addr, tick uint64) uint32 {
	now := time.Duration(tick) * l.tick
	var wait time.Duration
	if l.all > 0 {
		l.next, wait = l.bucket(l.next, l.all, now)
	}
	if l.each > 0 {
		network := networkOf(addr)
		next, own := l.bucket(l.perAddress[network], l.each, now)
		l.perAddress[network] = next
		wait = max(wait, own)
	}
	return uint32((wait + l.tick - 1) / l.tick)
}

// bucket takes a token that is there at next: what is due within the tick that
// begins is due.
func (l *limits) bucket(next, step, now time.Duration) (after, wait time.Duration) {
	wait = max(0, next-now-max(0, l.tick-step))
	return max(next, now) + step, wait
}

// sweep forgets the buckets that are full again, once in a while.
func (l *limits) sweep(tick uint64, every time.Duration) {
	now := time.Duration(tick) * l.tick
	if l.each == 0 || now-l.swept < every {
		return
	}
	l.swept = now
	for a, next := range l.perAddress {
		if next <= now {
			delete(l.perAddress, a)
		}
	}
}

// networkOf is what one NAT has: an IPv4 address, an IPv6 network of 64 bits.
func networkOf(a netip.Addr) netip.Addr {
	if a.Is4() {
		return a
	}
	p, _ := a.WithZone("").Prefix(64) // 64 fits
	return p.Addr()
}
