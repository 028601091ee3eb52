// SPDX-FileCopyrightText: 2026 The sipnat authors
// SPDX-License-Identifier: MIT

package flow_test

import (
	"errors"
	"net"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sipnat/sipnat/flow"
)

// While sipgo's table of sources is started anew again and again, every request
// is answered from the listener, to where it came from. A request whose source
// is forgotten while it is in hand would be answered from a new socket, to what
// its Via says.
func TestNothingIsLostWhenSourcesAreForgotten(t *testing.T) {
	e := newEdge(t)
	e.flows = make(chan flow.Flow, 1<<16)
	e.layer.MaxSources = 5
	to := e.listenUDP(t, "127.0.0.1:0")
	victim := newPhone(t, "127.0.0.1:0")
	via := "SIP/2.0/UDP " + victim.addr().String() + ";rport"

	const phones, each = 50, 60
	var wg sync.WaitGroup
	for i := range phones {
		p := newPhone(t, "127.0.0.1:0")
		wg.Go(func() {
			buf := make([]byte, 2048)
			for k := range each {
				if _, err := p.WriteToUDPAddrPort([]byte(options(strconv.Itoa(i*each+k), via)), to); err != nil {
					t.Error(err)
					return
				}
				_ = p.SetReadDeadline(time.Now().Add(5 * time.Second))
				_, from, err := p.ReadFromUDPAddrPort(buf)
				if err != nil || from != to {
					t.Errorf("phone %d, request %d: from %v, %v", i, k, from, err)
					return
				}
			}
		})
	}
	wg.Wait()
	require.Greater(t, e.layer.Stats().Recycled, uint64(10))
	pool := e.srv.TransportLayer().Pool("udp")
	require.Eventually(t, func() bool { return pool.Size() < 20 }, 10*time.Second, 10*time.Millisecond, "forgotten in the end")
	require.NoError(t, victim.SetReadDeadline(time.Now()))
	_, _, err := victim.ReadFromUDPAddrPort(make([]byte, 2048))
	require.Error(t, err, "nothing goes where a Via says")
}

// brokenSocket fails for good with a fault that is not its closing.
type brokenSocket struct{ net.PacketConn }

var errBroken = errors.New("broken")

func (brokenSocket) ReadFrom([]byte) (int, net.Addr, error) { return 0, nil, errBroken }

func TestServeUDPTellsWhyItEnded(t *testing.T) {
	e := newEdge(t)
	p := newPhone(t, "127.0.0.1:0")
	require.ErrorIs(t, e.layer.ServeUDP(e.srv, brokenSocket{p.UDPConn}), errBroken)
}
