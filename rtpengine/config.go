// SPDX-FileCopyrightText: 2026 The sipnat authors
// SPDX-License-Identifier: MIT

package rtpengine

import (
	"context"
	"crypto/tls"
	"net"
	"time"
)

const (
	defaultTimeout = 3750 * time.Millisecond // 250 + 500 + 1000 + 2000
	defaultRetry   = 250 * time.Millisecond
	// The engine forgets the reply to a cookie after 30 s and would execute a
	// later copy of the command a second time.
	maxTimeout = 25 * time.Second
	// From 4 commands in flight on, more buy no throughput; from some 150 on,
	// the engine's default receive buffer overflows.
	defaultWindow = 64
)

// Config tunes a [Client]. The zero value is fit for production.
type Config struct {
	// Timeout is how long a command waits for its reply, from its first copy on.
	// Before that it may wait as long for its turn. Zero means 3.75 s, more than
	// 25 s means 25 s.
	Timeout time.Duration
	// Retry is the time after which a command is sent again with the same
	// cookie; it doubles with each copy. Zero means 250 ms, negative never.
	Retry time.Duration
	// Window is how many commands may be in flight. Zero means 64. Fewer are
	// while replies stay away.
	Window int
	// Alternative is another address of the same engine, "ws://..." or
	// "http://...", for what UDP cannot carry: requests of more than 65 kB, and
	// the replies to list, query and statistics, which the engine silently drops
	// if they are too large. It is connected to when it is needed.
	Alternative string
	// DialContext connects to the engine. Nil means the operating system.
	DialContext func(ctx context.Context, network, addr string) (net.Conn, error)
	// TLS is for wss:// and https://. Nil means the system's certificates.
	TLS *tls.Config
}

func (c Config) timeout() time.Duration {
	if c.Timeout > 0 {
		return min(c.Timeout, maxTimeout)
	}
	return defaultTimeout
}

func (c Config) retry() time.Duration {
	switch {
	case c.Retry > 0:
		return c.Retry
	case c.Retry < 0:
		return maxTimeout
	default:
		return defaultRetry
	}
}

func (c Config) window() int {
	if c.Window > 0 {
		return c.Window
	}
	return defaultWindow
}
