// SPDX-FileCopyrightText: 2026 The sipnat authors
// SPDX-License-Identifier: MIT

package keepalive

import "net"

// Ticker serves the slots of the wheel by hand, for the allocation test and the
// benchmarks.
func (p *Pinger) Ticker() func() {
	var r round
	return func() { p.tick(&r) }
}

// Consume is what ReadFrom asks.
func (p *Pinger) Consume(packet []byte, from net.Addr) bool { return p.consume(packet, addrPort(from)) }
