// SPDX-FileCopyrightText: 2026 The sipnat authors
// SPDX-License-Identifier: MIT

package keepalive_test

import (
	"net/netip"
	"strconv"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sipnat/sipnat/flow"
	"github.com/sipnat/sipnat/keepalive"
)

// perSecond counts pings by the second that they were sent in.
func perSecond(pings []sent, of func(sent) bool) map[time.Time]int {
	n := map[time.Time]int{}
	for _, s := range pings {
		if of(s) {
			n[s.at.Truncate(time.Second)]++
		}
	}
	return n
}

func all(sent) bool { return true }

func TestRate(t *testing.T) {
	const n = 500 // 20 in a second
	run(t, keepalive.Config{Rate: 10}, func(t *testing.T, l *lab) {
		l.net.set(answering, nil)
		for i := range n {
			l.Add(strconv.Itoa(i), peer(i))
		}
		sleep(200 * time.Second)
		pings := l.net.take()
		require.InDelta(t, 10*200, len(pings), 20, "all that may be sent is")
		for at, got := range perSecond(pings, all) {
			require.LessOrEqual(t, got, 11, "%v", at)
		}
		each := map[flow.Flow]int{}
		for _, s := range pings {
			each[s.flow]++
		}
		require.Len(t, each, n, "nobody starves")
		for _, got := range each {
			require.InDelta(t, 4, got, 1)
		}
		require.NotZero(t, l.Stats().Delayed)
		require.Zero(t, l.Stats().Missed)
	})
}

// TestRatePerAddress: many phones behind one NAT do not burst through it, and
// others do not wait for them.
func TestRatePerAddress(t *testing.T) {
	const n = 250 // 10 in a second
	behind := func(addr string) func(i int) flow.Flow {
		return func(i int) flow.Flow {
			f := peer(0)
			a := netip.MustParseAddr(addr).As16()
			a[15] += byte(i * int(a[0]) / 0x20) // within a /64, not with IPv4
			f.Remote = netip.AddrPortFrom(netip.AddrFrom16(a).Unmap(), uint16(1024+i))
			return f
		}
	}
	for _, big := range []string{"198.51.100.1", "2001:db8::"} {
		t.Run(big, func(t *testing.T) {
			run(t, keepalive.Config{RatePerAddress: 4}, func(t *testing.T, l *lab) {
				l.net.set(answering, nil)
				for i := range n {
					l.Add("big"+strconv.Itoa(i), behind(big)(i))
					l.Add("small"+strconv.Itoa(i), peer(i))
				}
				sleep(250 * time.Second)
				pings := l.net.take()
				small := func(s sent) bool { return s.flow.Remote.Port() == 40000 }
				for at, got := range perSecond(pings, func(s sent) bool { return !small(s) }) {
					require.LessOrEqual(t, got, 5, "%v", at)
				}
				var ours int
				for _, got := range perSecond(pings, small) {
					ours += got
				}
				require.Equal(t, 10*n, ours)
				require.InDelta(t, 4*250, len(pings)-ours, 10)
			})
		})
	}
}

// TestRateOfRetries: an outage of all phones at once does not make three times
// the pings that are allowed.
func TestRateOfRetries(t *testing.T) {
	run(t, keepalive.Config{Rate: 30, Misses: 5}, func(t *testing.T, l *lab) {
		for i := range 500 {
			l.Add(strconv.Itoa(i), peer(i))
		}
		sleep(200 * time.Second)
		for _, got := range perSecond(l.net.take(), all) {
			require.LessOrEqual(t, got, 33)
		}
		require.Len(t, l.deaths(), 500)
	})
}

// TestOwns: a binding of another node is left alone, until it is ours.
func TestOwns(t *testing.T) {
	run(t, keepalive.Config{Misses: 1}, func(t *testing.T, l *lab) {
		var takenOver atomic.Bool
		l.Owns = func(id string, f flow.Flow) bool {
			require.Equal(t, id == "theirs", f == peer(2))
			return id == "ours" || takenOver.Load()
		}
		l.net.set(answering, nil)
		l.Add("ours", peer(1))
		l.Add("theirs", peer(2))
		sleep(100 * time.Second)
		require.Len(t, l.net.take(), 4)
		require.Equal(t, uint64(4), l.Stats().Foreign)
		takenOver.Store(true)
		sleep(100 * time.Second)
		require.Len(t, l.net.take(), 8)
		require.Empty(t, l.deaths())
		require.Zero(t, l.Stats().Missed)
	})
}

func TestPause(t *testing.T) {
	run(t, keepalive.Config{Misses: 1}, func(t *testing.T, l *lab) {
		l.Add("alice", peer(1))
		ping(t, l) // and no answer
		l.Pause()
		sleep(time.Hour)
		require.Empty(t, l.net.take())
		require.Empty(t, l.deaths())
		l.net.set(answering, nil)
		l.Resume()
		sleep(100 * time.Second)
		require.Len(t, l.net.take(), 4)
	})
}

func TestAddWith(t *testing.T) {
	run(t, keepalive.Config{Interval: 20 * time.Second}, func(t *testing.T, l *lab) {
		l.net.set(answering, nil)
		l.Add("default", peer(1))
		l.AddWith("crlf", peer(2), keepalive.Ping{Kind: keepalive.CRLF})
		l.AddWith("often", peer(3), keepalive.Ping{Interval: 5 * time.Second})
		l.AddWith("seldom", peer(4), keepalive.Ping{Interval: 5 * time.Minute, Kind: keepalive.Zeros})
		l.AddWith("never", peer(5), keepalive.Ping{Kind: keepalive.None})
		count := func() map[string]int {
			n := map[string]int{}
			sleep(10 * time.Minute)
			for _, s := range l.net.take() {
				what := string(s.bytes)
				if len(what) > 4 {
					what = what[:7]
				}
				n[s.flow.Remote.Addr().String()+" "+what]++
			}
			return n
		}
		require.Equal(t, map[string]int{
			"203.0.0.1 OPTIONS": 30, "203.0.0.2 \r\n\r\n": 30,
			"203.0.0.3 OPTIONS": 120, "203.0.0.4 \x00\x00\x00\x00": 2,
		}, count())
		l.AddWith("often", peer(3), keepalive.Ping{Interval: 10 * time.Second, Kind: keepalive.CRLF})
		l.AddWith("crlf", peer(2), keepalive.Ping{Kind: keepalive.None})
		l.Add("seldom", peer(4))
		require.Equal(t, map[string]int{
			"203.0.0.1 OPTIONS": 30, "203.0.0.3 \r\n\r\n": 60, "203.0.0.4 OPTIONS": 30,
		}, count())
	})
}

// TestNoneByDefault: what no ping was asked for gets none.
func TestNoneByDefault(t *testing.T) {
	run(t, keepalive.Config{Kind: keepalive.None}, func(t *testing.T, l *lab) {
		l.Add("alice", peer(1))
		l.AddWith("bob", peer(2), keepalive.Ping{Kind: keepalive.CRLF})
		sleep(50 * time.Second)
		require.Equal(t, 1, l.Stats().Bindings)
		require.Len(t, l.net.take(), 2)
	})
}
