// SPDX-FileCopyrightText: 2026 The sipnat authors
// SPDX-License-Identifier: MIT

package keepalive

import "time"

// Kind is what a UDP flow is pinged with. Streams are pinged with a double CRLF
// (RFC 5626 section 4.4.1), WebSockets with an empty ping frame.
type Kind uint8

const (
	// Options is an OPTIONS request. It is the default because it makes the
	// phone send: what comes in alone need not refresh a NAT's mapping
	// (RFC 4787 REQ-6). The only kind that can tell a phone that has gone.
	Options Kind = iota
	// CRLF is a double CRLF, which nothing answers.
	CRLF
	// Zeros is four zero bytes, as of Kamailio's natping, which nothing answers.
	Zeros
)

// String is the name of the kind, for logs.
func (k Kind) String() string {
	switch k {
	case Options:
		return "options"
	case CRLF:
		return "crlf"
	case Zeros:
		return "zeros"
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
	// Timeout is how long an OPTIONS may stay unanswered; then it is a miss, and
	// the next one is sent at once instead of after Interval. Zero means 4 s,
	// RFC 3261's T2. It is never longer than Interval.
	Timeout time.Duration
	// Misses in a row make a binding dead. Zero means 3; negative, that no
	// binding dies of missing replies (for phones that do not answer OPTIONS),
	// and that there is no quick retry.
	Misses int
}

func (c Config) interval() time.Duration { return positive(c.Interval, 25*time.Second) }

func (c Config) tick() time.Duration {
	return min(positive(c.Tick, 100*time.Millisecond), c.interval())
}

func (c Config) timeout() time.Duration { return positive(c.Timeout, 4*time.Second) }

func (c Config) misses() int {
	if c.Misses == 0 {
		return 3
	}
	return c.Misses
}

func positive(d, zero time.Duration) time.Duration {
	if d > 0 {
		return d
	}
	return zero
}
