// SPDX-FileCopyrightText: 2026 The sipnat authors
// SPDX-License-Identifier: MIT

package main

import (
	"fmt"
	"net/netip"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sipnat/sipnat/internal/leak"
)

// TestMain is also the relay's process, as main is.
func TestMain(m *testing.M) {
	if len(os.Args) == 3 && os.Args[1] == "-serve" {
		if err := serveRelay(os.Args[2], os.Stdin); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	leak.Main(m)
}

// Every packet of a small load arrives, at a relay in a process of its own.
func TestNothingIsLost(t *testing.T) {
	e, err := startEngine(t.Context(), "relay", netip.MustParseAddr("127.0.0.1"), 20000, 20999)
	require.NoError(t, err)
	defer e.stop()
	r, err := load{calls: 25, talk: 400 * time.Millisecond}.put(t.Context(), e)
	require.NoError(t, err)
	require.Equal(t, int64(25*2*20), r.sent)
	require.Equal(t, r.sent, r.received)

	stats, err := e.Statistics(t.Context())
	require.NoError(t, err)
	require.Equal(t, r.sent, stats.RelayedPackets)
	require.Equal(t, int64(25), stats.Managed)
	require.Zero(t, stats.Sessions)
	require.Zero(t, stats.OneWay+stats.ZeroWay)
}

func TestRunPrintsEachRoundAndTheSum(t *testing.T) {
	var out strings.Builder
	err := run(t.Context(), config{load: load{calls: 2, talk: 40 * time.Millisecond}, rounds: 2, engines: []string{"relay"}}, &out)
	require.NoError(t, err)
	lines := strings.Split(strings.TrimSpace(out.String()), "\n")
	require.Len(t, lines, 4)
	require.Equal(t, []string{"relay", "all", "16", "0"}, strings.Fields(lines[3])[:4])
}

func TestUnknownEngine(t *testing.T) {
	_, err := startEngine(t.Context(), "elephant", netip.MustParseAddr("127.0.0.1"), 20000, 20999)
	require.EqualError(t, err, "no such engine: elephant")
}

func TestQuantile(t *testing.T) {
	var h histogram
	for i := range 100 {
		h.note(time.Duration(i) * step)
	}
	require.Equal(t, 50*step, h.quantile(0.5))
	require.Equal(t, 99*step, h.quantile(0.99))
	h.note(time.Hour)
	require.Equal(t, int64(1), h[len(h)-1])
}
