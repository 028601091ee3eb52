// SPDX-FileCopyrightText: 2026 The sipnat authors
// SPDX-License-Identifier: MIT

package flow

import (
	"cmp"
	"net"
	"sync"

	"github.com/emiago/sipgo"
)

// ServeUDP reads SIP from pc until pc is closed, and hands it to srv; it takes
// pc's place in sipgo.Server.ServeUDP. Packet middleware is stacked in the order
// given, the first one next to the socket. Datagrams that are not SIP are
// dropped and counted (STUN and CRLF reach the middleware first); a request that
// sipgo cannot parse is answered 400 where its Via allows. A *net.UDPConn that
// is bound to a wildcard address answers from the address that was asked.
//
// It returns nil when pc was closed, and the error of a socket that fails for
// good.
func (l *Layer) ServeUDP(srv *sipgo.Server, pc net.PacketConn, mw ...func(net.PacketConn) net.PacketConn) error {
	l.start()
	s := newSocket(l, srv, pc)
	defer l.removeSocket(s)
	var stack net.PacketConn = s
	for _, m := range mw {
		stack = m(stack)
	}
	var readers sync.WaitGroup
	defer readers.Wait()
	over := make(chan struct{})
	defer close(over)
	for {
		g := newGate(s, stack, over)
		ended := make(chan error, 1)
		readers.Go(func() { ended <- srv.ServeUDP(g) })
		select {
		case <-g.full:
			l.stats.recycled.Add(1)
		case err := <-ended:
			return cmp.Or(err, s.fault)
		}
	}
}
