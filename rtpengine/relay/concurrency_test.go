// SPDX-FileCopyrightText: 2026 The sipnat authors
// SPDX-License-Identifier: MIT

package relay_test

import (
	"context"
	"net"
	"net/netip"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sipnat/sipnat/rtpengine"
	"github.com/sipnat/sipnat/rtpengine/relay"
)

// Commands for few calls from many goroutines, with packets in between: what
// they answer is a matter of luck, but it is an answer, and nothing is left.
func TestManyAtOnce(t *testing.T) {
	inLab(t, relay.Config{Timeout: 2 * time.Second}, func(t *testing.T, l *lab) {
		b := l.net.peer(t, addrB)
		var wg sync.WaitGroup
		for i := range 8 {
			wg.Go(func() {
				p := rtpengine.Params{CallID: strconv.Itoa(i % 3), FromTag: "A", SDP: audio(addrA)}
				q := p
				q.ToTag, q.SDP = "B", audio(addrB)
				for range 30 {
					if sdp, err := l.Offer(t.Context(), p); err == nil {
						_, _ = b.WriteToUDPAddrPort(rtpPacket(2, "x"), ports(t, sdp)[0])
					}
					for _, do := range []func() error{
						func() error { _, err := l.Answer(t.Context(), q); return err },
						func() error { _, err := l.Query(t.Context(), p); return err },
						func() error { return l.Delete(t.Context(), q) },
					} {
						if err := do(); err != nil {
							require.ErrorAs(t, err, new(*rtpengine.Error))
						}
					}
				}
			})
		}
		wg.Wait()
		time.Sleep(2 * time.Hour) // what was left unanswered times out
		require.Equal(t, 1, l.net.count())
	})
}

func TestCloseWhileBusy(t *testing.T) {
	inLab(t, relay.Config{}, func(t *testing.T, l *lab) {
		var wg sync.WaitGroup
		for i := range 4 {
			wg.Go(func() {
				for j := range 50 {
					_, err := l.Offer(t.Context(), rtpengine.Params{CallID: strconv.Itoa(i*100 + j), FromTag: "A", SDP: audio(addrA)})
					if err != nil {
						require.ErrorIs(t, err, relay.ErrClosed)
					}
				}
			})
		}
		require.NoError(t, l.Close())
		wg.Wait()
		require.Zero(t, l.net.count())
	})
}

// A command waits for the one before it of the same call, and no longer than its
// context.
func TestCommandsOfOneCallTakeTurns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newMemNet()
		var slow atomic.Bool
		r, err := relay.New(relay.Config{Address: netip.MustParseAddr(relayIP), Listen: func(network, address string) (net.PacketConn, error) {
			if slow.Load() {
				time.Sleep(time.Second)
			}
			return n.listen(network, address)
		}})
		require.NoError(t, err)
		defer r.Close()
		slow.Store(true)
		p := rtpengine.Params{CallID: "c", FromTag: "A", SDP: audio(addrA)}
		first := make(chan []byte, 1)
		go func() {
			sdp, _ := r.Offer(t.Context(), p)
			first <- sdp
		}()
		synctest.Wait()
		ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
		defer cancel()
		_, err = r.Offer(ctx, p)
		require.ErrorIs(t, err, context.DeadlineExceeded)
		start := time.Now()
		p.CallID = "other"
		slow.Store(false)
		_, err = r.Offer(t.Context(), p)
		require.NoError(t, err)
		require.Zero(t, time.Since(start), "other calls do not wait")
		p.CallID = "c"
		second, err := r.Offer(t.Context(), p)
		require.NoError(t, err)
		require.Equal(t, string(<-first), string(second))
	})
}

// A flood of different cookies pushes old ones out.
func TestCookiesAreBounded(t *testing.T) {
	var c relay.CookieCache
	big := make([]byte, 60000)
	for i := range 1000 {
		c.Reply(strconv.Itoa(i), big)
		require.LessOrEqual(t, c.Bytes(), 2*16<<20)
	}
	require.Equal(t, "kept", string(c.Reply("last", []byte("kept"))))
	require.Equal(t, "kept", string(c.Reply("last", []byte("new"))))
	require.Equal(t, "new", string(c.Reply("0", []byte("new"))))
}

func TestCookieLifetime(t *testing.T) {
	inLab(t, relay.Config{}, func(t *testing.T, l *lab) {
		pc, err := l.net.open(netip.MustParseAddrPort("192.0.2.1:2223"))
		require.NoError(t, err)
		go func() { _ = l.ServeNG(pc) }()
		client := l.net.peer(t, "192.0.2.2:1")
		calls := func() []any {
			reply, err := l.Do(t.Context(), "list", nil)
			require.NoError(t, err)
			return reply["calls"].([]any)
		}
		offer := func(id string) {
			d := rtpengine.Params{CallID: id, FromTag: "A", SDP: audio(addrA)}.Dict()
			client.send(pc.at, request(t, "cookie", "offer", d))
			synctest.Wait()
			require.Len(t, client.got(), 1)
		}
		offer("1")
		time.Sleep(29 * time.Second)
		offer("2")
		require.Equal(t, []any{"1"}, calls(), "remembered")
		time.Sleep(32 * time.Second)
		offer("3")
		require.Len(t, calls(), 2, "forgotten and run")
	})
}
