// SPDX-FileCopyrightText: 2026 The sipnat authors
// SPDX-License-Identifier: MIT

package rtpengine_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sipnat/sipnat/rtpengine"
)

// An engine whose socket holds no more than so many datagrams loses the rest: the
// window finds out, and opens again when the engine can take more.
func TestWindowBacksOff(t *testing.T) {
	room, held, lost, most := 30, 0, 0, 0
	on := func(e *engine, r request) {
		// Writes come one at a time: the client is the only writer, and the clock
		// stands still between two of them.
		e.mu.Lock()
		defer e.mu.Unlock()
		if held >= room {
			lost++
			return
		}
		held++
		most = max(most, held)
		time.AfterFunc(10*ms, func() {
			e.mu.Lock()
			held--
			e.mu.Unlock()
			e.in <- []byte(r.cookie + " " + ok)
		})
	}
	bubble(t, rtpengine.Config{}, on, func(t *testing.T, e *engine, c *rtpengine.Client) {
		burst := func(n int) {
			errs := make(chan error, n)
			for i := range n {
				go func() {
					_, err := c.Do(t.Context(), "x", dict{"call-id": fmt.Sprint(i)})
					errs <- err
				}()
			}
			for range n {
				require.NoError(t, <-errs)
			}
		}
		burst(100)
		require.Equal(t, 30, most)
		first := lost
		require.Greater(t, first, 30, "64 at once are too many")
		lost = 0
		burst(100)
		require.Less(t, lost, first/2, "it has learned")

		room = 64
		burst(5000)
		require.Greater(t, most, 40, "and opens again")
	})
}
