// SPDX-FileCopyrightText: 2026 The sipnat authors
// SPDX-License-Identifier: MIT

package bencode_test

import (
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/sipnat/sipnat/internal/bencode"
)

// What is no bencode costs nothing; what is, a bounded multiple of its size: the
// worst are dictionaries with one short key each.
func TestDecodeAllocatesLittle(t *testing.T) {
	const size = 64 << 10
	fill := func(unit string) string { return strings.Repeat(unit, (size-16)/len(unit)) }
	for _, tc := range []struct {
		name  string
		in    string
		times uint64 // of the input, at most
	}{
		{"a length from hell", "999999999:x", 0},
		{"lengths from hell", "l" + fill("999999999:"), 0},
		{"deep", fill("l"), 0},
		{"cut short at the end", "l" + fill("1:x"), 0},
		{"one string", "65000:" + strings.Repeat("x", 65000), 2},
		{"short strings", "l" + fill("1:x") + "e", 40},
		{"integers", "l" + fill("i1e") + "e", 40},
		{"empty lists", "l" + fill("le") + "e", 60},
		{"empty dictionaries", "l" + fill("de") + "e", 80},
		{"small dictionaries", "l" + fill("d0:lee") + "e", 80},
	} {
		t.Run(tc.name, func(t *testing.T) {
			in := []byte(tc.in)
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			_, err := bencode.Decode(in)
			runtime.ReadMemStats(&after)
			got := after.TotalAlloc - before.TotalAlloc
			t.Logf("%.1f times the input", float64(got)/float64(len(in)))
			if tc.times == 0 {
				require.Error(t, err)
				require.Less(t, got, uint64(4<<10))
				return
			}
			require.NoError(t, err)
			require.LessOrEqual(t, got, tc.times*uint64(len(in)))
		})
	}
}
