// SPDX-FileCopyrightText: 2026 The sipnat authors
// SPDX-License-Identifier: MIT

package keepalive_test

import (
	"context"
	"math"
	"math/rand/v2"
	"strconv"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sipnat/sipnat/flow"
	"github.com/sipnat/sipnat/keepalive"
)

// tally is a Sender that counts the pings of each tick.
type tally struct {
	mu    sync.Mutex
	since time.Time
	ticks map[int]int
}

const tick = 100 * time.Millisecond

func (c *tally) Write([]byte, flow.Flow) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.ticks[int(time.Since(c.since)/tick)]++
	return nil
}

func (c *tally) Name(flow.Flow) (host string, port int) { return "", 0 }

func (c *tally) reset() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.since, c.ticks = time.Now(), map[int]int{}
}

// variation is the coefficient of variation of the pings per tick since the last
// reset, d ago, and their number.
func (c *tally) variation(d time.Duration) (cv float64, total int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	n := int(d / tick)
	for _, got := range c.ticks {
		total += got
	}
	mean, squares := float64(total)/float64(n), 0.0
	for i := range n + 1 {
		if i == 0 && c.ticks[0] == 0 {
			continue // the tick that the reset was in
		}
		squares += (float64(c.ticks[i]) - mean) * (float64(c.ticks[i]) - mean)
	}
	return math.Sqrt(squares/float64(n)) / mean, total
}

// smooth is how even the pings are to be: the coefficient of variation of their
// number per 100 ms. Chance alone gives 0.05 with 10^5 bindings at 25 s.
const smooth = 0.15

// TestSmoothness: 10^5 bindings never bunch up, whatever happens to them.
func TestSmoothness(t *testing.T) {
	const n = 100_000
	interval := 25 * time.Second
	synctest.Test(t, func(t *testing.T) {
		c := &tally{}
		var p *keepalive.Pinger
		var stop func()
		start := func() {
			ctx, cancel := context.WithCancel(t.Context())
			var wg sync.WaitGroup
			wg.Go(func() { require.ErrorIs(t, p.Run(ctx), context.Canceled) })
			stop = func() { cancel(); wg.Wait() }
		}
		addAll := func(ids, flows int) {
			for i := range n {
				p.Add(strconv.Itoa(ids+i), peer(flows+i))
			}
		}
		check := func(what string, want int) {
			c.reset()
			sleep(interval)
			cv, total := c.variation(interval)
			t.Logf("%s: %d pings, coefficient of variation %.3f", what, total, cv)
			require.LessOrEqual(t, cv, smooth, what)
			require.Equal(t, want, total, what)
		}
		p = keepalive.New(c, keepalive.Config{Kind: keepalive.CRLF})
		start()
		addAll(0, 0)
		check("10^5 added at once", n)
		check("a round later", n)
		addAll(0, 0)
		check("all of them added again", n)
		addAll(0, n)
		check("all of them moved to other flows", n)
		for _, i := range rand.New(rand.NewPCG(1, 2)).Perm(n)[:n/2] {
			p.Remove(strconv.Itoa(i))
		}
		check("half of them gone, at random", n/2)
		addAll(0, n)
		check("and come back", n)
		stop()
		time.Sleep(time.Hour)
		start()
		check("stopped and run again", n)
		stop()
		p = keepalive.New(c, keepalive.Config{Kind: keepalive.CRLF})
		addAll(0, 0)
		start()
		check("another process, with the bindings of a store", n)
		stop()
	})
}

// TestSmoothForADay has 10^5 bindings pinged for 24 hours, while phones come, go
// and move. With an interval of 30 minutes there are only 5.6 pings in 100 ms,
// which chance alone would spread with a variation of 0.42.
func TestSmoothForADay(t *testing.T) {
	const n, interval = 100_000, 30 * time.Minute
	synctest.Test(t, func(t *testing.T) {
		c := &tally{}
		p := keepalive.New(c, keepalive.Config{Kind: keepalive.CRLF, Interval: interval})
		for i := range n {
			p.Add(strconv.Itoa(i), peer(i))
		}
		ctx, cancel := context.WithCancel(t.Context())
		var wg sync.WaitGroup
		wg.Go(func() { require.ErrorIs(t, p.Run(ctx), context.Canceled) })
		for hour := range 24 {
			for i := range n / 20 {
				p.Add(strconv.Itoa(20*i), peer(n+hour))     // by and by on few flows
				p.Add(strconv.Itoa(20*i), peer(20*i))       // and back
				p.Remove(strconv.Itoa(20*i + 1))            // gone
				p.Add(strconv.Itoa(20*i+1), peer(20*i+1))   // and back
				p.Add(strconv.Itoa(20*i+2), peer(20*i+2+n)) // moved
				p.Add(strconv.Itoa(20*i+2), peer(20*i+2))
			}
			c.reset()
			sleep(time.Hour)
			cv, total := c.variation(time.Hour)
			require.LessOrEqual(t, cv, smooth, "hour %d", hour)
			require.Equal(t, 2*n, total)
			if hour == 23 {
				t.Logf("last hour: coefficient of variation %.3f", cv)
			}
		}
		cancel()
		wg.Wait()
	})
}
