// SPDX-FileCopyrightText: 2026 The sipnat authors
// SPDX-License-Identifier: MIT

package flow_test

import (
	"testing"

	"github.com/emiago/sipgo/sip"

	"github.com/sipnat/sipnat/flow"
)

// A compacted message is never larger, stays as it is when compacted again, and
// says the same to sipgo.
func FuzzCompact(f *testing.F) {
	f.Add([]byte(options("1", "SIP/2.0/UDP h")))
	f.Add([]byte("SIP/2.0 200 OK\r\nVia : a\r\n b: c\r\nSupported:\r\n\r\nVia: x"))
	f.Fuzz(func(t *testing.T, in []byte) {
		out := flow.Compact(in)
		if len(out) > len(in) {
			t.Fatalf("%q is larger than %q", out, in)
		}
		if again := flow.Compact(out); string(again) != string(out) {
			t.Fatalf("%q, and again %q", out, again)
		}
		before, err := sip.ParseMessage(in)
		if err != nil {
			return
		}
		after, err := sip.ParseMessage(out)
		if err != nil {
			t.Fatalf("%q: %v", out, err)
		}
		if string(before.Body()) != string(after.Body()) || (before.Via() == nil) != (after.Via() == nil) || before.Via() != nil && before.Via().Value() != after.Via().Value() {
			t.Fatalf("%q says something else than %q", out, in)
		}
	})
}
