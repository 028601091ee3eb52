// SPDX-FileCopyrightText: 2026 The sipnat authors
// SPDX-License-Identifier: MIT

package integration_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"sync/atomic"
	"testing"
	"time"

	"github.com/emiago/sipgo"
	"github.com/stretchr/testify/require"

	"github.com/sipnat/sipnat"
	"github.com/sipnat/sipnat/flow"
	"github.com/sipnat/sipnat/keepalive"
	"github.com/sipnat/sipnat/nat"
	"github.com/sipnat/sipnat/registrar"
	"github.com/sipnat/sipnat/rport"
)

// How the registrar of the keepalive tests pings.
const (
	pingInterval = 6 * time.Second
	pingTimeout  = 2 * time.Second
	pingMisses   = 2
	// deadWithin is when the last phone is known to have gone: its next ping, and
	// as many timeouts as it may miss.
	deadWithin = pingInterval + pingMisses*pingTimeout
)

// pinging is a registrar in this process, on the edge host, that pings whom it
// knows, except behind NAT B, and forgets who is dead.
type pinging struct {
	layer    *flow.Layer
	location *registrar.Registrar
	pinger   *keepalive.Pinger
	dead     atomic.Int32
}

// newPinging starts one, on UDP and TCP.
func newPinging(t *testing.T, l *lab) *pinging {
	t.Helper()
	ua, err := sipgo.NewUA()
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, ua.Close()) })
	srv, err := sipgo.NewServer(ua)
	require.NoError(t, err)
	detector := &nat.Detector{}
	p := &pinging{layer: &flow.Layer{}}
	p.pinger = keepalive.New(p.layer, keepalive.Config{Interval: pingInterval, Timeout: pingTimeout, Misses: pingMisses})
	p.location = &registrar.Registrar{
		AOR: registrar.Unauthenticated, NAT: detector.Behind,
		OnBind: func(id string, f flow.Flow) {
			if f.Remote.Addr() != netip.MustParseAddr(natBIP) {
				p.pinger.Add(id, f)
			}
		},
		OnUnbind: p.pinger.Remove,
	}
	p.pinger.Dead = func(id string) {
		p.dead.Add(1)
		p.location.Drop(id)
	}
	sipnat.Handle(srv, nil, detector.Middleware, p.location.Middleware)
	pc, ln := l.edge.listenUDP(t, edgeIP+":5060"), l.edge.listenTCP(t, edgeIP+":5060")
	ctx, cancel := context.WithCancel(context.Background())
	served := make(chan error, 3)
	go func() { served <- p.layer.ServeUDP(srv, pc, p.pinger.PacketConn, rport.Always) }()
	go func() {
		if err := p.layer.ServeTCP(srv, ln); errors.Is(err, net.ErrClosed) {
			served <- nil
		} else {
			served <- err
		}
	}()
	go func() {
		_ = p.pinger.Run(ctx)
		served <- nil
	}()
	t.Cleanup(func() {
		cancel()
		require.NoError(t, pc.Close())
		_ = ln.Close()
		for range cap(served) {
			require.NoError(t, <-served)
		}
	})
	return p
}

// bound is whether that user has a binding.
func (p *pinging) bound(t testing.TB, user string) bool {
	t.Helper()
	targets, err := p.location.Lookup(t.Context(), user)
	require.NoError(t, err)
	return len(targets) > 0
}

// reach sends the MESSAGE of a number to phones, each on the flow of its binding,
// until all of them have it: again each second, as RFC 3261 section 17.1.2 does.
func (p *pinging) reach(t testing.TB, phones []*pinged, number int32) {
	t.Helper()
	var last time.Time
	eventually(t, answerWithin, "a MESSAGE at each phone", func() bool {
		if time.Since(last) > time.Second {
			p.message(t, phones, number)
			last = time.Now()
		}
		return reached(phones, number) == len(phones)
	})
}

func (p *pinging) message(t testing.TB, phones []*pinged, number int32) {
	t.Helper()
	for _, u := range phones {
		if u.message.Load() == number {
			continue
		}
		targets, err := p.location.Lookup(t.Context(), u.user)
		require.NoError(t, err)
		for _, target := range targets {
			_ = p.layer.Write(fmt.Appendf(nil, "MESSAGE sip:%d SIP/2.0\r\nContent-Length: 0\r\n\r\n", number), target.Peer.Flow)
		}
	}
}
