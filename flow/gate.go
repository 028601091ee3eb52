// SPDX-FileCopyrightText: 2026 The sipnat authors
// SPDX-License-Identifier: MIT

package flow

import (
	"net"

	"github.com/emiago/sipgo/sip"

	"github.com/sipnat/sipnat/internal/via"
)

// gate is the top of the stack, right under sipgo: nothing passes that sipgo
// would remember the source of, or write a log line about, for nothing.
type gate struct {
	net.PacketConn
	socket   *socket
	parser   *sip.Parser
	seen     int
	recycled bool
}

// sourcesPerLook is how many packets pass between two looks at the size of
// sipgo's table.
const sourcesPerLook = 1024

// ReadFrom is the next datagram that sipgo can parse.
func (g *gate) ReadFrom(b []byte) (int, net.Addr, error) {
	l := g.socket.layer
	for {
		if g.full() {
			// ServeUDP returns, its table of sources goes, and it is called again.
			g.recycled = true
			return 0, nil, net.ErrClosed
		}
		n, from, err := g.PacketConn.ReadFrom(b)
		if err != nil {
			return n, from, err
		}
		g.seen++
		if classify(b[:n]) != sipMessage {
			l.stats.keepalives.Add(1)
			continue
		}
		if _, err := g.parser.ParseSIP(b[:n]); err != nil {
			l.stats.malformed.Add(1)
			if via.IsResponse(b[:n]) {
				continue
			}
			if res := badRequest(b[:n]); res != nil {
				_, _ = g.WriteTo(res, from)
			}
			continue
		}
		return n, from, nil
	}
}

func (g *gate) full() bool {
	if g.seen < sourcesPerLook {
		return false
	}
	g.seen = 0
	pool := g.socket.srv.TransportLayer().Pool("udp")
	return pool != nil && pool.Size() > g.socket.layer.maxSources()
}
