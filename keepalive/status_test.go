// SPDX-FileCopyrightText: 2026 The sipnat authors
// SPDX-License-Identifier: MIT

package keepalive_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sipnat/sipnat/flow"
	"github.com/sipnat/sipnat/keepalive"
)

// reply answers s d after it was sent.
func reply(l *lab, s sent, d time.Duration) {
	sleep(time.Until(s.at.Add(d)))
	l.net.in <- datagram{bytes: answer(s.bytes, 200), from: from(s.flow.Remote.String())}
	synctest.Wait()
}

func TestRTT(t *testing.T) {
	run(t, keepalive.Config{}, func(t *testing.T, l *lab) {
		l.Add("alice", peer(1))
		s, ok := l.Status("alice")
		require.True(t, ok)
		require.Equal(t, keepalive.Status{ID: "alice", Flow: peer(1)}, s)
		reply(l, ping(t, l), 80*time.Millisecond)
		s, _ = l.Status("alice")
		require.Equal(t, 80*time.Millisecond, s.Last)
		require.Equal(t, 80*time.Millisecond, s.RTT)
		reply(l, ping(t, l), 160*time.Millisecond)
		s, _ = l.Status("alice")
		require.Equal(t, 160*time.Millisecond, s.Last)
		require.Equal(t, 90*time.Millisecond, s.RTT, "RFC 6298: an eighth of the new one")

		l.Add("dialog", peer(1))
		d, _ := l.Status("dialog")
		require.Equal(t, s.RTT, d.RTT, "of the flow")
		l.Remove("alice")
		d, _ = l.Status("dialog")
		require.Equal(t, s.RTT, d.RTT, "whoever else is on it")

		late := ping(t, l)
		retry := ping(t, l)
		reply(l, late, 100*time.Millisecond)
		d, _ = l.Status("dialog")
		require.Equal(t, s.Last, d.Last, "a late reply measures nothing")
		require.Zero(t, d.Misses)
		require.NotEqual(t, late.bytes, retry.bytes)

		l.Add("dialog", peer(2))
		d, _ = l.Status("dialog")
		require.Zero(t, d.RTT, "of another flow")
		ping(t, l)
		ping(t, l)
		d, _ = l.Status("dialog")
		require.Equal(t, 1, d.Misses)
		_, ok = l.Status("nobody")
		require.False(t, ok)
	})
}

// TestAll: the loop's body may use the pinger, and end the loop.
func TestAll(t *testing.T) {
	p := keepalive.New(&void{}, keepalive.Config{})
	for range p.All() {
		require.Fail(t, "nobody is there")
	}
	const n = 3000
	want := map[string]flow.Flow{}
	for i := range n {
		f := peer(i)
		p.Add(f.String(), f)
		want[f.String()] = f
	}
	got := map[string]flow.Flow{}
	for s := range p.All() {
		got[s.ID] = s.Flow
		p.Remove(s.ID)
	}
	require.Equal(t, want, got)
	require.Zero(t, p.Stats().Bindings)
	p.Add("alice", peer(1))
	p.Add("bob", peer(2))
	seen := 0
	for range p.All() {
		seen++
		break
	}
	require.Equal(t, 1, seen)
}

// batches is a BatchSender that cannot send to some.
type batches struct {
	network
	sizes []int
	bad   func(flow.Flow) bool
}

func (b *batches) WriteBatch(messages [][]byte, flows []flow.Flow) (int, error) {
	b.sizes = append(b.sizes, len(messages))
	for i, m := range messages {
		if flows[i].Transport != flow.UDP {
			panic("not UDP")
		}
		if b.bad(flows[i]) {
			return i, errors.New("network is unreachable")
		}
		if i == 40 {
			return i, nil // fewer than all, without a reason
		}
		_ = b.Write(m, flows[i])
	}
	return len(messages), nil
}

// TestBatch: those behind one that cannot be sent are sent, and it is no miss.
func TestBatch(t *testing.T) {
	b := &batches{bad: func(f flow.Flow) bool { return f == peer(7) || f == peer(199) }}
	p := keepalive.New(b, keepalive.Config{Interval: time.Second, Tick: time.Second, Misses: 1})
	tick := p.Ticker()
	const n = 200
	for i := range n {
		p.Add(peer(i).String(), peer(i))
	}
	p.Add("stream", stream(flow.TCP))
	tick()
	require.Contains(t, b.sizes, 64)
	for _, size := range b.sizes {
		require.LessOrEqual(t, size, 64)
	}
	s := p.Stats()
	require.Equal(t, uint64(n+1), s.Sent+s.Failed)
	require.GreaterOrEqual(t, s.Failed, uint64(2))
	require.Len(t, b.take(), int(s.Sent))
	for range 6 {
		tick()
	}
	require.Equal(t, uint64(n-2), p.Stats().Dead, "who was pinged and did not answer")
}

// TestStop: when Run has returned, nothing is sent and nobody dies, though a
// tick was in progress.
func TestStop(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := &network{}
		p := keepalive.New(n, keepalive.Config{Interval: time.Second, Tick: time.Second, Misses: 1})
		for i := range 1000 {
			p.Add(peer(i).String(), peer(i))
		}
		ctx, cancel := context.WithCancel(t.Context())
		n.set(nil, func(flow.Flow) error { cancel(); return nil })
		require.ErrorIs(t, p.Run(ctx), context.Canceled)
		require.Len(t, n.take(), 64, "the batch that was begun")
		time.Sleep(time.Minute)
		require.Empty(t, n.take())

		n.set(nil, nil)
		ctx, cancel = context.WithCancel(t.Context())
		var wg sync.WaitGroup
		wg.Go(func() { _ = p.Run(ctx) })
		sleep(1500 * time.Millisecond)
		require.Len(t, n.take(), 1000-64, "the rest of the tick, and each once")
		require.Equal(t, uint64(64), p.Stats().Dead)
		cancel()
		wg.Wait()
	})
}

// TestDeadIsNotToldOfWhoCameBack: between the end of a binding and the call the
// phone may have registered again.
func TestDeadIsNotToldOfWhoCameBack(t *testing.T) {
	b := &network{}
	p := keepalive.New(b, keepalive.Config{Interval: time.Second, Tick: time.Second})
	var dead []string
	p.Dead = func(id string) { dead = append(dead, id) }
	b.fail = func(f flow.Flow) error {
		if f.Transport == flow.UDP {
			p.Add("a", peer(5)) // registers while the batch is being sent
			return nil
		}
		return flow.ErrFlowGone
	}
	for _, id := range []string{"a", "b"} {
		f := stream(flow.TCP)
		f.Conn = uint64(len(id) + int(id[0]))
		p.Add(id, f)
	}
	p.Add("last", peer(1))
	p.Ticker()()
	require.Equal(t, []string{"b"}, dead)
	require.Equal(t, 2, p.Stats().Bindings)
}
