// SPDX-FileCopyrightText: 2026 The sipnat authors
// SPDX-License-Identifier: MIT

package rtpengine_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sipnat/sipnat/rtpengine"
)

const ms = time.Millisecond

func TestPing(t *testing.T) {
	bubble(t, rtpengine.Config{}, prompt(pong), func(t *testing.T, e *engine, c *rtpengine.Client) {
		require.NoError(t, c.Ping(t.Context()))
		require.Len(t, e.sent(), 1)
		require.Equal(t, dict{"command": "ping"}, e.sent()[0].dict)
	})
}

func TestRetransmission(t *testing.T) {
	for _, tc := range []struct {
		name string
		cfg  rtpengine.Config
		// answered is which copy gets a reply, and how much later; 0 for none.
		answered int
		late     time.Duration
		sent     []time.Duration
		end      time.Duration
		err      error
	}{
		{name: "first copy", answered: 1, sent: []time.Duration{0}, end: 0},
		{name: "two lost", answered: 3, late: 5 * ms, sent: []time.Duration{0, 250 * ms, 750 * ms}, end: 755 * ms},
		{name: "slow reply to the first copy", answered: 1, late: 800 * ms, sent: []time.Duration{0, 250 * ms, 750 * ms}, end: 800 * ms},
		{name: "all lost: under 4 s", sent: []time.Duration{0, 250 * ms, 750 * ms, 1750 * ms}, end: 3750 * ms, err: rtpengine.ErrTimeout},
		{name: "last copy, last moment", answered: 4, late: 1999 * ms, sent: []time.Duration{0, 250 * ms, 750 * ms, 1750 * ms}, end: 3749 * ms},
		{
			name: "other times", cfg: rtpengine.Config{Timeout: time.Second, Retry: 400 * ms},
			sent: []time.Duration{0, 400 * ms}, end: time.Second, err: rtpengine.ErrTimeout,
		},
		{name: "no retransmission", cfg: rtpengine.Config{Retry: -1}, sent: []time.Duration{0}, end: 3750 * ms, err: rtpengine.ErrTimeout},
		{
			name: "never beyond the engine's memory of cookies", cfg: rtpengine.Config{Timeout: time.Hour, Retry: 10 * time.Second},
			sent: []time.Duration{0, 10 * time.Second}, end: 25 * time.Second, err: rtpengine.ErrTimeout,
		},
	} {
		t.Run(tc.name, func(t *testing.T) {
			on := func(e *engine, r request) {
				if r.copy == tc.answered {
					e.send(tc.late, r.cookie+" "+pong)
				}
			}
			bubble(t, tc.cfg, on, func(t *testing.T, e *engine, c *rtpengine.Client) {
				require.ErrorIs(t, c.Ping(t.Context()), tc.err)
				require.Equal(t, tc.end, time.Since(e.start))
				var at []time.Duration
				for _, r := range e.sent() {
					at = append(at, r.at)
					require.Equal(t, e.sent()[0].raw, r.raw, "copies are equal, cookie included")
				}
				require.Equal(t, tc.sent, at)
			})
		})
	}
}

func TestCookiesDiffer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		seen := map[string]bool{}
		for range 3 {
			e, c := newEngine(t, rtpengine.Config{}, prompt(pong))
			for range 40 {
				require.NoError(t, c.Ping(t.Context()))
			}
			prefix := ""
			for _, r := range e.sent() {
				require.False(t, seen[r.cookie], "cookie used twice")
				seen[r.cookie] = true
				prefix, _, _ = strings.Cut(r.cookie, "-")
			}
			// The cache of the engine is global: 64 bits keep processes apart.
			require.GreaterOrEqual(t, len(prefix), 16)
			require.False(t, seen[prefix], "prefix of another client")
			seen[prefix] = true
		}
	})
}

func TestForeignReplies(t *testing.T) {
	var last string
	on := func(e *engine, r request) {
		prefix, serial, _ := strings.Cut(r.cookie, "-")
		for _, junk := range []string{
			"", " ", "x", pong, " " + pong, "cookie " + pong, prefix + " " + pong, prefix + "- " + pong,
			prefix + "-" + serial + "0 " + pong, prefix + "-" + strings.ToUpper(serial+"a") + " " + pong,
			prefix + "-00000000000000001" + serial + " " + pong, r.cookie, r.cookie + "\n" + pong,
			"0" + r.cookie + " " + pong, last + " " + pong,
		} {
			e.send(0, junk)
		}
		e.send(ms, r.cookie+" "+pong)
		e.send(ms, r.cookie+" "+pong) // twice
		e.send(900*ms, r.cookie+" "+pong)
		last = r.cookie
	}
	bubble(t, rtpengine.Config{}, on, func(t *testing.T, e *engine, c *rtpengine.Client) {
		for range 3 {
			start := time.Now()
			require.NoError(t, c.Ping(t.Context()))
			require.Equal(t, ms, time.Since(start), "none of the junk counted")
		}
		time.Sleep(time.Second)
		require.Len(t, e.sent(), 3)
	})
}

func TestLateReplyMeetsNobody(t *testing.T) {
	on := func(e *engine, r request) {
		if r.dict["command"] == "ping" {
			e.send(4*time.Second, r.cookie+" "+pong)
			return
		}
		e.send(time.Second, r.cookie+" d6:result2:ok5:callsl1:aee")
	}
	bubble(t, rtpengine.Config{}, on, func(t *testing.T, e *engine, c *rtpengine.Client) {
		require.ErrorIs(t, c.Ping(t.Context()), rtpengine.ErrTimeout)
		got, err := c.Do(t.Context(), "list", nil)
		require.NoError(t, err)
		require.Equal(t, dict{"result": "ok", "calls": list{"a"}}, got)
	})
}

func TestRepliesOutOfOrder(t *testing.T) {
	on := func(e *engine, r request) {
		n, _ := r.dict["n"].(int64)
		e.send(time.Duration(100-n)*ms, fmt.Sprintf("%s d1:ni%de6:result2:oke", r.cookie, n))
	}
	bubble(t, rtpengine.Config{}, on, func(t *testing.T, e *engine, c *rtpengine.Client) {
		var wg sync.WaitGroup
		var replies [50]dict
		var errs [50]error
		for i := range replies {
			wg.Go(func() { replies[i], errs[i] = c.Do(t.Context(), "x", dict{"n": i}) })
		}
		wg.Wait()
		for i, got := range replies {
			require.NoError(t, errs[i])
			require.EqualValues(t, i, got["n"])
		}
		require.Equal(t, 100*ms, time.Since(e.start), "all were in flight together")
	})
}

func TestRefused(t *testing.T) {
	refuse := func(e *engine, _ request) { e.send(0, syscall.ECONNREFUSED) }
	t.Run("every copy: given up early", func(t *testing.T) {
		bubble(t, rtpengine.Config{}, refuse, func(t *testing.T, e *engine, c *rtpengine.Client) {
			err := c.Ping(t.Context())
			require.ErrorIs(t, err, rtpengine.ErrTimeout)
			require.ErrorIs(t, err, syscall.ECONNREFUSED)
			require.EqualError(t, err, "rtpengine: ping: no reply from the engine: connection refused")
			require.Equal(t, 1750*ms, time.Since(e.start))
		})
	})
	t.Run("a restart is waited for", func(t *testing.T) {
		on := func(e *engine, r request) {
			if r.copy < 3 {
				refuse(e, r)
				return
			}
			e.send(0, r.cookie+" "+pong)
		}
		bubble(t, rtpengine.Config{}, on, func(t *testing.T, e *engine, c *rtpengine.Client) {
			require.NoError(t, c.Ping(t.Context()))
			require.Equal(t, 750*ms, time.Since(e.start))
		})
	})
	t.Run("one copy lost, not refused: full time", func(t *testing.T) {
		on := func(e *engine, r request) {
			if r.copy != 2 {
				refuse(e, r)
			}
		}
		bubble(t, rtpengine.Config{}, on, func(t *testing.T, e *engine, c *rtpengine.Client) {
			require.ErrorIs(t, c.Ping(t.Context()), rtpengine.ErrTimeout)
			require.Equal(t, 3750*ms, time.Since(e.start))
		})
	})
	t.Run("an error in place of sending: sent again at once", func(t *testing.T) {
		bubble(t, rtpengine.Config{}, prompt(pong), func(t *testing.T, e *engine, c *rtpengine.Client) {
			e.failWrites = []error{syscall.ECONNREFUSED}
			require.NoError(t, c.Ping(t.Context()))
			require.Zero(t, time.Since(e.start))
		})
	})
}

func TestWriteErrors(t *testing.T) {
	t.Run("passing: tried again", func(t *testing.T) {
		bubble(t, rtpengine.Config{}, prompt(pong), func(t *testing.T, e *engine, c *rtpengine.Client) {
			e.failWrites = []error{syscall.ENOBUFS}
			require.NoError(t, c.Ping(t.Context()))
			require.Equal(t, 250*ms, time.Since(e.start))
		})
	})
	t.Run("lasting: named", func(t *testing.T) {
		bubble(t, rtpengine.Config{}, prompt(pong), func(t *testing.T, e *engine, c *rtpengine.Client) {
			e.failWrites = []error{syscall.ENETUNREACH, syscall.ENETUNREACH, syscall.ENETUNREACH, syscall.ENETUNREACH}
			err := c.Ping(t.Context())
			require.ErrorIs(t, err, rtpengine.ErrTimeout)
			require.ErrorIs(t, err, syscall.ENETUNREACH)
		})
	})
	t.Run("too large for the path: at once", func(t *testing.T) {
		bubble(t, rtpengine.Config{}, prompt(pong), func(t *testing.T, e *engine, c *rtpengine.Client) {
			e.failWrites = []error{syscall.EMSGSIZE}
			require.ErrorIs(t, c.Ping(t.Context()), syscall.EMSGSIZE)
			require.Zero(t, time.Since(e.start))
		})
	})
	t.Run("too large for a datagram: never sent", func(t *testing.T) {
		bubble(t, rtpengine.Config{}, prompt(pong), func(t *testing.T, e *engine, c *rtpengine.Client) {
			_, err := c.Do(t.Context(), "x", dict{"blob": make([]byte, 65507)})
			require.ErrorIs(t, err, syscall.EMSGSIZE)
			require.Empty(t, e.sent())
		})
	})
}

func TestFailingSocketTakesNoCore(t *testing.T) {
	bubble(t, rtpengine.Config{}, silent, func(t *testing.T, e *engine, c *rtpengine.Client) {
		for range 1000 {
			e.in <- error(syscall.ENETDOWN)
		}
		time.Sleep(time.Second)
		e.mu.Lock()
		defer e.mu.Unlock()
		require.Less(t, e.reads, 300)
	})
}

func TestClose(t *testing.T) {
	t.Run("ends what is under way, waiting or in flight", func(t *testing.T) {
		bubble(t, rtpengine.Config{Window: 2}, silent, func(t *testing.T, e *engine, c *rtpengine.Client) {
			errs := make(chan error, 5)
			for i := range 5 {
				go func() {
					_, err := c.Do(t.Context(), "x", dict{"call-id": fmt.Sprint(i % 3)})
					errs <- err
				}()
			}
			synctest.Wait()
			require.NoError(t, c.Close())
			for range 5 {
				require.ErrorIs(t, <-errs, rtpengine.ErrClosed)
			}
			require.Zero(t, time.Since(e.start))
		})
	})
	t.Run("is final and may be repeated", func(t *testing.T) {
		bubble(t, rtpengine.Config{}, prompt(pong), func(t *testing.T, e *engine, c *rtpengine.Client) {
			require.NoError(t, c.Close())
			require.NoError(t, c.Close())
			require.ErrorIs(t, c.Ping(t.Context()), rtpengine.ErrClosed)
			require.EqualError(t, c.Ping(t.Context()), "rtpengine: ping: client closed")
			require.Empty(t, e.sent())
		})
	})
	t.Run("of the socket by others", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			e := &engine{t: t, in: make(chan any, 1), closed: make(chan struct{}), on: silent, start: time.Now()}
			e.in <- error(syscall.ENOTCONN)
			c := rtpengine.New(&eofConn{e}, rtpengine.Config{})
			require.ErrorIs(t, c.Ping(context.Background()), rtpengine.ErrClosed)
			require.NoError(t, c.Close())
		})
	})
}
