// SPDX-FileCopyrightText: 2026 The sipnat authors
// SPDX-License-Identifier: MIT

package keepalive

import "time"

// Kind is what a flow is pinged with. Streams are pinged with a double CRLF
// (RFC 5626 section 4.4.1) whatever it says, WebSockets with an empty ping frame.
type Kind uint8

const (
	// Default is what Config says, and there Options.
	Default Kind = iota
	// Options is an OPTIONS request. It is the default because it makes the
	// phone send: what comes in alone need not refresh a NAT's mapping
	// (RFC 4787 REQ-6). The only kind that can tell a phone that has gone.
	Options
	// CRLF is a double CRLF, which nothing answers.
	CRLF
	// Zeros is four zero bytes, as of Kamailio's natping, which nothing answers.
	Zeros
	// None is no ping at all: adding a binding with it is removing it.
	None
)

// String is the name of the kind, for logs.
func (k Kind) String() string {
	switch k {
	case Default:
		return "default"
	case Options:
		return "options"
	case CRLF:
		return "crlf"
	case Zeros:
		return "zeros"
	case None:
		return "none"
	}
	return "unknown"
}

// Config says how to ping. The zero value is OPTIONS every 25 seconds.
type Config struct {
	// Interval between two pings of one binding. Zero means 25 s: NATs that drop
	// a mapping after 30 s of silence are common, though RFC 4787 REQ-5 asks for
	// 2 minutes, and RFC 5626 section 4.4.2 tells clients 24 to 29 s.
	Interval time.Duration
	// Tick is the step of the wheel: how exact the interval is and how evenly
	// the pings are spread. Zero means 100 ms. Wake-ups are what a pinger costs:
	// measured, a tick of 20 ms doubles the price of a ping.
	Tick time.Duration
	// Kind is what UDP flows are pinged with. The zero value is Options.
	Kind Kind
	// Method is sent in place of OPTIONS; NOTIFY gets "Event: keep-alive", as
	// from Kamailio's nat_traversal. Empty: OPTIONS.
	Method string
	// Timeout is how long an OPTIONS may stay unanswered; then it is a miss, and
	// the next one is sent at once instead of after Interval. Zero means 4 s,
	// RFC 3261's T2. It is never longer than the binding's interval.
	Timeout time.Duration
	// Misses in a row make a binding dead. Zero means 3; negative, that no
	// binding dies of missing replies (for phones that do not answer OPTIONS),
	// and that there is no quick retry. The most is 65535.
	Misses int
	// Rate is how many pings may be sent in a second, RatePerAddress to one NAT:
	// one IPv4 address, or one IPv6 network of 64 bits. Pings above it wait for
	// their turn; none is left out. Zero means no limit. A rate that is less than
	// bindings divided by Interval makes the interval longer.
	Rate, RatePerAddress int
	// HoldBack leaves the pinging to phones that do it themselves: what they send
	// on UDP, a CRLF, zeros or a STUN request, puts the next ping off until an
	// interval after it. Off by default, because whoever can forge the source
	// address of a phone can stop its pings so, and with them what would find
	// out. To have phones ping, see FlowTimer.
	HoldBack bool
	// Pong answers the double CRLF of a live binding on UDP with a CRLF, which
	// RFC 5626 has on streams only, but some phones wait for. Off by default.
	Pong bool
}

func (c Config) interval() time.Duration { return positive(c.Interval, 25*time.Second) }

func (c Config) tick() time.Duration {
	return min(positive(c.Tick, 100*time.Millisecond), c.interval())
}

// ticks is d in ticks, rounded down, or up if it is no whole number and up is
// set; at least one.
func (c Config) ticks(d time.Duration, up bool) uint32 {
	if up {
		d += c.tick() - 1
	}
	return uint32(max(1, min(d/c.tick(), 1<<30)))
}

func (c Config) timeout() uint32 {
	return c.ticks(positive(c.Timeout, 4*time.Second), true)
}

func (c Config) misses() int {
	if c.Misses == 0 {
		return 3
	}
	return min(c.Misses, 1<<16-1)
}

func (c Config) kind() Kind {
	if c.Kind == Default {
		return Options
	}
	return c.Kind
}

func positive(d, zero time.Duration) time.Duration {
	if d > 0 {
		return d
	}
	return zero
}
