// SPDX-FileCopyrightText: 2026 The sipnat authors
// SPDX-License-Identifier: MIT

package keepalive_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"net/netip"
	"strconv"
	"testing"
	"time"

	"github.com/emiago/sipgo/sip"
	"github.com/stretchr/testify/require"

	"github.com/sipnat/sipnat/flow"
	"github.com/sipnat/sipnat/keepalive"
)

// TestADay: exactly one ping per interval for 24 hours.
func TestADay(t *testing.T) {
	run(t, keepalive.Config{Tick: time.Second}, func(t *testing.T, l *lab) {
		l.net.set(answering, nil)
		l.Add("alice", peer(1))
		sleep(24 * time.Hour)
		pings := l.net.take()
		require.Len(t, pings, 24*3600/25)
		for i := range pings[1:] {
			require.Equal(t, 25*time.Second, pings[i+1].at.Sub(pings[i].at))
		}
		require.Empty(t, l.deaths())
		require.Equal(t, keepalive.Stats{Sent: 3456, Answered: 3456, Bindings: 1}, l.Stats())
	})
}

// TestNoBunching: however many bindings come at once, their pings are spread
// over the interval as chance spreads them, from the first round on, and stay
// so when all of them register again at once.
func TestNoBunching(t *testing.T) {
	const n = 20_000
	run(t, keepalive.Config{}, func(t *testing.T, l *lab) {
		l.net.set(answering, nil)
		add := func() {
			for i := range n {
				l.Add(strconv.Itoa(i), peer(i))
			}
		}
		add()
		for round := range 3 {
			sleep(25 * time.Second)
			pings := l.net.take()
			require.Len(t, pings, n, "each once")
			perTick := map[time.Time]int{}
			for _, s := range pings {
				perTick[s.at]++
			}
			require.Len(t, perTick, 250, "every tick has some")
			mean := float64(n) / 250
			for _, got := range perTick {
				require.InDelta(t, mean, got, 6*math.Sqrt(mean), "round %d", round)
			}
			add()
		}
	})
}

func TestMissesAreDeathOnce(t *testing.T) {
	run(t, keepalive.Config{}, func(t *testing.T, l *lab) {
		l.net.set(func(s sent) int {
			if s.flow == peer(2) {
				return 200
			}
			return 0
		}, nil)
		l.Add("gone", peer(1))
		l.Add("well", peer(2))
		sleep(10 * time.Minute)
		require.Equal(t, []string{"gone"}, l.deaths())
		var at []time.Time
		for _, s := range l.net.take() {
			if s.flow == peer(1) {
				at = append(at, s.at)
			}
		}
		require.Len(t, at, 3, "and none after its death")
		require.Equal(t, 4*time.Second, at[1].Sub(at[0]), "quick retry")
		require.Equal(t, 4*time.Second, at[2].Sub(at[1]), "quick retry")
		s := l.Stats()
		require.Equal(t, uint64(3), s.Missed)
		require.Equal(t, uint64(1), s.Dead)
		require.Equal(t, 1, s.Bindings)
	})
}

// TestOneReplyClearsTheMisses, whatever its code, and the binding goes back to
// its own phase.
func TestOneReplyClearsTheMisses(t *testing.T) {
	for _, status := range []int{200, 404, 408, 480, 486, 500, 603} {
		t.Run(strconv.Itoa(status), func(t *testing.T) {
			run(t, keepalive.Config{}, func(t *testing.T, l *lab) {
				count := 0
				l.net.set(func(sent) int {
					count++
					if count%3 == 0 {
						return status
					}
					return 0
				}, nil)
				l.Add("alice", peer(1))
				sleep(time.Hour)
				require.Empty(t, l.deaths())
				pings := l.net.take()
				for i := 3; i < len(pings); i += 3 {
					require.Equal(t, 25*time.Second, pings[i].at.Sub(pings[i-3].at))
				}
			})
		})
	}
}

func TestProvisionalRepliesAreNoLife(t *testing.T) {
	run(t, keepalive.Config{}, func(t *testing.T, l *lab) {
		l.net.set(func(sent) int { return 100 }, nil)
		l.Add("alice", peer(1))
		sleep(time.Minute)
		require.Equal(t, []string{"alice"}, l.deaths())
	})
}

func TestWithoutLimitNobodyDies(t *testing.T) {
	for _, timeout := range []time.Duration{0, time.Hour} {
		t.Run(timeout.String(), func(t *testing.T) {
			run(t, keepalive.Config{Misses: -1, Timeout: timeout}, func(t *testing.T, l *lab) {
				l.Add("alice", peer(1))
				sleep(250 * time.Second)
				require.Empty(t, l.deaths())
				pings := l.net.take()
				require.Len(t, pings, 10, "without quick retries")
				for i := range pings[1:] {
					require.Equal(t, 25*time.Second, pings[i+1].at.Sub(pings[i].at))
				}
			})
		})
	}
}

// TestPingsWithoutAnAnswerKillNobody pins the fault of Kamailio's
// keepalive_timeout, which deletes contacts that only get zeros.
func TestPingsWithoutAnAnswerKillNobody(t *testing.T) {
	for _, c := range []struct {
		name string
		kind keepalive.Kind
		flow flow.Flow
		want string
	}{
		{"crlf", keepalive.CRLF, peer(1), "\r\n\r\n"},
		{"zeros", keepalive.Zeros, peer(1), "\x00\x00\x00\x00"},
		{"tcp", keepalive.Options, stream(flow.TCP), "\r\n\r\n"},
		{"tls", keepalive.Zeros, stream(flow.TLS), "\r\n\r\n"},
		{"ws", keepalive.CRLF, stream(flow.WS), ""},
		{"wss", keepalive.Options, stream(flow.WSS), ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			run(t, keepalive.Config{Kind: c.kind}, func(t *testing.T, l *lab) {
				l.Add("alice", c.flow)
				sleep(250 * time.Second)
				require.Empty(t, l.deaths())
				pings := l.net.take()
				require.Len(t, pings, 10)
				for _, s := range pings {
					require.Equal(t, c.want, string(s.bytes))
					require.Equal(t, c.flow, s.flow)
				}
			})
		})
	}
}

func TestFailedWrites(t *testing.T) {
	for _, c := range []struct {
		name string
		flow flow.Flow
		err  error
		want []string
	}{
		{"stream gone: dead", stream(flow.TCP), fmt.Errorf("wrapped: %w", flow.ErrFlowGone), []string{"alice"}},
		{"websocket gone: dead", stream(flow.WS), flow.ErrFlowGone, []string{"alice"}},
		{"stream blocked: not the phone's fault", stream(flow.TCP), errors.New("timeout"), []string{}},
		{"our network is down: no miss", peer(1), errors.New("network is unreachable"), []string{}},
		{"another node's listener: no miss", peer(1), flow.ErrFlowGone, []string{}},
	} {
		t.Run(c.name, func(t *testing.T) {
			run(t, keepalive.Config{}, func(t *testing.T, l *lab) {
				l.net.set(answering, func(flow.Flow) error { return c.err })
				l.Add("alice", c.flow)
				sleep(10 * time.Minute)
				require.Equal(t, c.want, l.deaths())
				s := l.Stats()
				require.Zero(t, s.Missed)
				require.NotZero(t, s.Failed)
				require.Equal(t, 1-len(c.want), s.Bindings)
			})
		})
	}
}

func TestAddAgainMovesThePings(t *testing.T) {
	run(t, keepalive.Config{}, func(t *testing.T, l *lab) {
		l.net.set(answering, nil)
		l.Add("alice", peer(1))
		sleep(50 * time.Second)
		first := l.net.take()
		require.Len(t, first, 2)
		l.Add("alice", peer(2))
		sleep(50 * time.Second)
		second := l.net.take()
		require.Len(t, second, 2)
		for _, s := range second {
			require.Equal(t, peer(2), s.flow)
		}
		require.Equal(t, 25*time.Second, second[0].at.Sub(first[1].at), "its phase stays")
		require.Equal(t, 1, l.Stats().Bindings)
	})
}

// TestAddAgainIsLife: a phone that registers is there, even if it leaves
// OPTIONS unanswered.
func TestAddAgainIsLife(t *testing.T) {
	run(t, keepalive.Config{}, func(t *testing.T, l *lab) {
		for range 100 {
			l.Add("alice", peer(1))
			sleep(6 * time.Second)
		}
		require.Empty(t, l.deaths())
	})
}

func TestRemoveStops(t *testing.T) {
	run(t, keepalive.Config{Misses: 100}, func(t *testing.T, l *lab) {
		l.Add("alice", peer(1))
		l.Add("bob", peer(2))
		l.Add("carol", peer(3))
		sleep(26 * time.Second) // all of them wait for a reply
		l.net.take()
		l.Remove("alice")
		l.Remove("nobody")
		l.Add("bob", flow.Flow{}) // not a flow: not pinged any more
		l.Add("dave", flow.Flow{})
		sleep(time.Minute)
		pings := l.net.take()
		require.NotEmpty(t, pings)
		for _, s := range pings {
			require.Equal(t, peer(3), s.flow)
		}
		require.Empty(t, l.deaths())
		require.Equal(t, 1, l.Stats().Bindings)
	})
}

// TestDeadMayAddAgain: Dead is called without a lock, and may be nil.
func TestDeadMayAddAgain(t *testing.T) {
	run(t, keepalive.Config{Misses: 1}, func(t *testing.T, l *lab) {
		l.Add("alice", peer(1))
		sleep(time.Minute)
		require.Equal(t, []string{"alice"}, l.deaths())
		l.Add("alice", peer(1))
		sleep(time.Minute)
		require.Equal(t, []string{"alice", "alice"}, l.deaths())
	})
	run(t, keepalive.Config{Misses: 1}, func(t *testing.T, l *lab) {
		l.Dead = nil
		l.Add("alice", peer(1))
		sleep(time.Minute)
		require.Zero(t, l.Stats().Bindings)
	})
}

func TestRunTwice(t *testing.T) {
	run(t, keepalive.Config{}, func(t *testing.T, l *lab) {
		sleep(time.Second)
		require.ErrorIs(t, l.Run(context.Background()), keepalive.ErrRunning)
	})
}

func TestTickLongerThanInterval(t *testing.T) {
	run(t, keepalive.Config{Interval: time.Second, Tick: time.Hour, Timeout: time.Hour}, func(t *testing.T, l *lab) {
		l.net.set(answering, nil)
		l.Add("alice", peer(1))
		sleep(10 * time.Second)
		require.Len(t, l.net.take(), 10)
	})
}

// TestAStallIsNotMadeUpForInOneBurst holds Run up, as a slow Dead does.
func TestAStallIsNotMadeUpForInOneBurst(t *testing.T) {
	const n = 5000
	run(t, keepalive.Config{Kind: keepalive.CRLF}, func(t *testing.T, l *lab) {
		for i := range n {
			l.Add(strconv.Itoa(i), peer(i))
		}
		stalled := false
		l.net.set(nil, func(flow.Flow) error {
			if !stalled {
				stalled = true
				time.Sleep(10 * time.Second)
			}
			return nil
		})
		sleep(100 * time.Second)
		perTick := map[time.Time]int{}
		pings := l.net.take()
		require.InDelta(t, 4*n, len(pings), n/100)
		for _, s := range pings {
			perTick[s.at]++
		}
		for _, got := range perTick {
			require.LessOrEqual(t, got, 4*n/250*2)
		}
	})
}

func TestOptionsIsARequest(t *testing.T) {
	v6 := peer(1)
	v6.Remote = netip.MustParseAddrPort("[2001:db8::9]:40112")
	for _, f := range []flow.Flow{peer(1), v6} {
		t.Run(f.Remote.String(), func(t *testing.T) {
			run(t, keepalive.Config{}, func(t *testing.T, l *lab) {
				l.net.set(answering, nil)
				l.Add("alice", f)
				sleep(50 * time.Second)
				pings := l.net.take()
				require.Len(t, pings, 2)
				var seen []*sip.Request
				for _, s := range pings {
					msg, err := sip.ParseMessage(s.bytes)
					require.NoError(t, err)
					seen = append(seen, msg.(*sip.Request))
				}
				req := seen[0]
				require.Equal(t, sip.OPTIONS, req.Method)
				require.Equal(t, "sip:"+f.Remote.String(), req.Recipient.String())
				require.Equal(t, "<sip:"+f.Remote.String()+">", req.To().Value())
				require.Equal(t, "sip:edge.example.com:5060", req.From().Address.String())
				require.True(t, req.From().Params.Has("tag"))
				require.Equal(t, "edge.example.com", req.Via().Host)
				require.Equal(t, 5060, req.Via().Port)
				require.True(t, req.Via().Params.Has("rport"))
				require.Equal(t, "OPTIONS", string(req.CSeq().MethodName))
				require.Equal(t, sip.MaxForwardsHeader(70), *req.MaxForwards())
				require.Equal(t, sip.ContentLengthHeader(0), *req.ContentLength())
				require.Nil(t, req.Contact())
				require.NotEqual(t, seen[1].Via().Params, req.Via().Params, "a branch of its own")
				require.NotEqual(t, seen[1].CallID(), req.CallID())
			})
		})
	}
}
