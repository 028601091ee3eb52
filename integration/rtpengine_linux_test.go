// SPDX-FileCopyrightText: 2026 The sipnat authors
// SPDX-License-Identifier: MIT

package integration_test

import (
	"bytes"
	"net"
	"net/netip"
	"testing"
	"time"
)

// engineNG is where the lab's rtpengine listens, on the edge host.
const engineNG = "127.0.0.1:2223"

// rtpengine starts the daemon on the edge host and waits for its pong.
func (l *lab) rtpengine(t testing.TB) {
	t.Helper()
	need(t, "rtpengine")
	p := l.edge.start(t, "rtpengine", "rtpengine", "--config-file=none", "--table=-1",
		"--interface="+edgeIP, "--listen-ng="+engineNG, "--port-min=30000", "--port-max=32000",
		"--num-threads=2", "--foreground", "--log-stderr", "--log-level=5")
	c := l.edge.listenUDP(t, "127.0.0.1:0")
	p.ready(t, "pong", func() bool {
		return bytes.Contains(ask(c, engineNG, "1 d7:command4:pinge"), []byte("pong"))
	})
}

// ask sends a datagram and returns what comes back soon, if anything.
func ask(c *net.UDPConn, to, datagram string) []byte {
	if _, err := c.WriteToUDPAddrPort([]byte(datagram), netip.MustParseAddrPort(to)); err != nil {
		return nil
	}
	if err := c.SetReadDeadline(time.Now().Add(5 * poll)); err != nil {
		return nil
	}
	b := make([]byte, 4096)
	n, _, err := c.ReadFromUDPAddrPort(b)
	if err != nil {
		return nil
	}
	return b[:n]
}
