// SPDX-FileCopyrightText: 2026 The sipnat authors
// SPDX-License-Identifier: MIT

package flow

import (
	"net/netip"
	"sync"
)

// census counts the streams that are open, those in the middle of a handshake
// too, by where they come from.
type census struct {
	mu     sync.Mutex
	all    int
	origin map[netip.Prefix]int
}

// origin is who may have so many streams: an IPv4 address, or the /64 that an
// IPv6 host takes its addresses from as it likes.
func origin(remote netip.Addr) netip.Prefix {
	bits := remote.BitLen()
	if remote.Is6() {
		bits = 64
	}
	p, _ := remote.Prefix(bits) // never fails: bits fit, and there is no zone
	return p
}

// enter counts a stream from there; false if there are too many. A negative
// limit is none.
func (c *census) enter(from netip.Prefix, all, each int) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if all >= 0 && c.all >= all || each >= 0 && c.origin[from] >= each {
		return false
	}
	if c.origin == nil {
		c.origin = map[netip.Prefix]int{}
	}
	c.all++
	c.origin[from]++
	return true
}

// leave undoes one enter.
func (c *census) leave(from netip.Prefix) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.all--
	if c.origin[from]--; c.origin[from] == 0 {
		delete(c.origin, from)
	}
}

func (l *Layer) maxStreams() int { return limit(l.MaxStreams, 65536) }

func (l *Layer) maxStreamsPerSource() int { return limit(l.MaxStreamsPerSource, 1024) }

func limit(n, otherwise int) int {
	if n == 0 {
		return otherwise
	}
	return n
}
