// SPDX-FileCopyrightText: 2026 The sipnat authors
// SPDX-License-Identifier: MIT

package keepalive_test

import (
	"fmt"
	"math/rand/v2"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sipnat/sipnat/flow"
	"github.com/sipnat/sipnat/keepalive"
)

// TestOnePingPerFlow: a registration, a dialog and a subscription hold one flow,
// as in nat_traversal, and it is pinged until the last one is gone.
func TestOnePingPerFlow(t *testing.T) {
	run(t, keepalive.Config{}, func(t *testing.T, l *lab) {
		l.net.set(answering, nil)
		ids := []string{"binding", "dialog", "subscription"}
		for _, id := range ids {
			l.Add(id, peer(1))
		}
		require.Equal(t, 3, l.Stats().Bindings)
		for range ids {
			sleep(100 * time.Second)
			require.Len(t, l.net.take(), 4)
		}
		for i, id := range ids {
			l.Remove(id)
			var last time.Time
			sleep(100 * time.Second)
			pings := l.net.take()
			if i == 2 {
				require.Empty(t, pings)
				break
			}
			require.InDelta(t, 4, len(pings), 1)
			for _, s := range pings {
				if !last.IsZero() {
					require.LessOrEqual(t, s.at.Sub(last), 25*time.Second)
				}
				last = s.at
			}
		}
	})
}

func TestTheShortestIntervalLeads(t *testing.T) {
	run(t, keepalive.Config{}, func(t *testing.T, l *lab) {
		l.net.set(answering, nil)
		count := func() int {
			sleep(25 * time.Second) // what was due before
			l.net.take()
			sleep(250 * time.Second)
			return len(l.net.take())
		}
		l.Add("phone", peer(1))
		require.Equal(t, 10, count())
		l.AddWith("dialog", peer(1), keepalive.Ping{Interval: 5 * time.Second})
		l.AddWith("slow", peer(1), keepalive.Ping{Interval: time.Hour})
		l.AddWith("middle", peer(1), keepalive.Ping{Interval: 10 * time.Second})
		require.Equal(t, 50, count())
		l.Remove("phone")
		require.Equal(t, 50, count())
		l.Remove("dialog")
		require.Equal(t, 25, count(), "the next shortest takes over")
		l.AddWith("middle", peer(2), keepalive.Ping{Interval: 10 * time.Second})
		require.Equal(t, 25, count(), "it moves away, and slow is left")
		l.Add("slow", peer(1))
		require.Equal(t, 35, count())
	})
}

// TestAllOfAFlowDieTogether, and each is told.
func TestAllOfAFlowDieTogether(t *testing.T) {
	for name, f := range map[string]flow.Flow{"udp": peer(1), "tcp": stream(flow.TCP)} {
		t.Run(name, func(t *testing.T) {
			run(t, keepalive.Config{}, func(t *testing.T, l *lab) {
				l.net.set(func(s sent) int {
					if s.flow == peer(2) {
						return 200
					}
					return 0
				}, func(f flow.Flow) error {
					if f.Transport == flow.TCP {
						return flow.ErrFlowGone
					}
					return nil
				})
				l.Add("a", f)
				l.Add("b", f)
				l.AddWith("c", f, keepalive.Ping{Interval: 20 * time.Second})
				l.Add("other", peer(2))
				l.Remove("a")
				sleep(time.Minute)
				require.ElementsMatch(t, []string{"b", "c"}, l.deaths())
				require.Equal(t, 1, l.Stats().Bindings)
			})
		})
	}
}

// TestRepliesToAFormerLeader: they count for who leads now: it is the same flow.
func TestRepliesToAFormerLeader(t *testing.T) {
	run(t, keepalive.Config{Misses: 1}, func(t *testing.T, l *lab) {
		l.Add("alice", peer(1))
		s := ping(t, l)
		l.AddWith("dialog", peer(1), keepalive.Ping{Interval: 20 * time.Second})
		l.net.in <- datagram{bytes: answer(s.bytes, 200), from: from("203.0.0.1:40000")}
		sleep(time.Second)
		require.Equal(t, uint64(1), l.Stats().Answered)
	})
}

// TestAnyHistory: whatever was added, moved and removed before, each flow with a
// binding is pinged once in an interval, and no other.
func TestAnyHistory(t *testing.T) {
	for seed := range uint64(20) {
		run(t, keepalive.Config{Interval: 10 * time.Second}, func(t *testing.T, l *lab) {
			rng := rand.New(rand.NewPCG(seed, 1))
			l.net.set(answering, nil)
			where := map[string]int{}
			for range 3000 {
				id, at := strconv.Itoa(rng.IntN(120)), rng.IntN(40)
				switch rng.IntN(5) {
				case 0:
					l.Remove(id)
					delete(where, id)
				case 1:
					how := keepalive.Ping{Interval: time.Duration(1+rng.IntN(30)) * time.Second}
					l.AddWith(id, peer(at), how)
					where[id] = at
				default:
					l.Add(id, peer(at))
					where[id] = at
				}
				if rng.IntN(10) == 0 {
					sleep(time.Duration(rng.IntN(5000)) * time.Millisecond)
				}
			}
			flows := map[flow.Flow]int{}
			for id, at := range where {
				l.Add(id, peer(at)) // all at the same interval now
				flows[peer(at)] = 1
			}
			sleep(10 * time.Second)
			l.net.take()
			sleep(10 * time.Second)
			got := map[flow.Flow]int{}
			for _, s := range l.net.take() {
				got[s.flow]++
			}
			require.Equal(t, flows, got)
			seen := map[string]int{}
			for s := range l.All() {
				require.Equal(t, peer(where[s.ID]), s.Flow)
				seen[s.ID]++
			}
			require.Len(t, seen, len(where))
			require.Equal(t, len(where), l.Stats().Bindings)
			for id := range where {
				l.Remove(id)
			}
			sleep(time.Minute)
			require.Empty(t, l.net.take(), fmt.Sprint("seed ", seed))
			require.Empty(t, l.deaths())
		})
	}
}
