// SPDX-FileCopyrightText: 2026 The sipnat authors
// SPDX-License-Identifier: MIT

package nat_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/sipnat/sipnat/nat"
)

// hotPaths are those that every request of a phone takes.
var hotPaths = []struct {
	name   string
	source string
	lines  string
	tests  nat.Test
}{
	{"tests=18", public, nattedLines, nat.TestReceived | nat.TestPort},
	{"tests=all-without-SDP", public, nattedLines, nat.TestAll &^ (nat.TestSDP | nat.TestSDPSource)},
	{"tests=18/ipv6", "[2001:db8::9]:40112", strings.ReplaceAll(nattedLines, "10.0.0.5", "[2001:db8::1]"), nat.TestReceived | nat.TestPort},
	{"tests=18/name", public, strings.ReplaceAll(nattedLines, "10.0.0.5", "phone.example.com"), nat.TestReceived | nat.TestPort},
	{"tests=18/clean", public, strings.ReplaceAll(nattedLines, "10.0.0.5:5060", public), nat.TestReceived | nat.TestPort},
	{"tests=all/no body", public, nattedLines, nat.TestAll},
}

// sink keeps the compiler from dropping what is measured.
var sink nat.Verdict

func TestDetectDoesNotAllocate(t *testing.T) {
	for _, tt := range hotPaths {
		t.Run(tt.name, func(t *testing.T) {
			req := request(t, tt.source, "UDP", tt.lines)
			d := nat.Detector{Tests: tt.tests}
			require.Zero(t, testing.AllocsPerRun(200, func() { sink = nat.Detect(req, tt.tests) }))
			require.Zero(t, testing.AllocsPerRun(200, func() { sink = d.Detect(req) }))
			require.Zero(t, testing.AllocsPerRun(200, func() { d.Behind(req, branch) }))
		})
	}
	t.Run("reply", func(t *testing.T) {
		res := reply(t, ownVia+"Contact: <sip:b@10.0.0.7>\nRecord-Route: <sip:192.0.2.1;lr>")
		var d nat.Detector
		require.Zero(t, testing.AllocsPerRun(200, func() { sink = d.DetectReply(res, branch) }))
	})
	for _, addr := range []string{"10.0.0.1", "64:ff9b::10.0.0.1"} {
		a := seen
		require.NoError(t, a.UnmarshalText([]byte(addr)))
		require.Zero(t, testing.AllocsPerRun(200, func() { nat.IsPrivate(a) }))
	}
}

func BenchmarkDetect(b *testing.B) {
	for _, tt := range hotPaths {
		b.Run(tt.name, func(b *testing.B) {
			req := request(b, tt.source, "UDP", tt.lines)
			b.ReportAllocs()
			for b.Loop() {
				sink = nat.Detect(req, tt.tests)
			}
		})
	}
	b.Run("tests=all/SDP", func(b *testing.B) {
		req := fixture(b, "alg-none-plain-nat")
		b.ReportAllocs()
		for b.Loop() {
			sink = nat.Detect(req, nat.TestAll)
		}
	})
}

func BenchmarkFixSDP(b *testing.B) {
	req := fixture(b, "alg-none-plain-nat")
	original := req.Body()
	b.ReportAllocs()
	for b.Loop() {
		req.SetBody(original)
		if _, err := nat.FixSDP(req, co, seen); err != nil {
			b.Fatal(err)
		}
	}
}
