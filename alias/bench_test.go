// SPDX-FileCopyrightText: 2026 The sipnat authors
// SPDX-License-Identifier: MIT

package alias_test

import (
	"runtime/debug"
	"slices"
	"testing"

	"github.com/emiago/sipgo/sip"
	"github.com/stretchr/testify/require"
)

// needPool skips under the race detector, where sync.Pool drops at random.
func needPool(t *testing.T) {
	t.Helper()
	info, ok := debug.ReadBuildInfo()
	if ok && slices.Contains(info.Settings, debug.BuildSetting{Key: "-race", Value: "true"}) {
		t.Skip("needs a sync.Pool that keeps: the race detector's does not")
	}
}

func TestSigningAllocatesNothing(t *testing.T) {
	needPool(t)
	s := newSigner(t, key)
	b := make([]byte, 0, 256)
	require.Zero(t, testing.AllocsPerRun(1000, func() { b = s.SignTo(b[:0], "alice", phone) }))
}

func TestResolveAllocates(t *testing.T) {
	needPool(t)
	s := newSigner(t, key)
	req := toURI(t, contactOf(t, s, "<sip:alice@10.0.0.1:5060;transport=udp>"))
	params := req.Recipient.UriParams
	require.LessOrEqual(t, testing.AllocsPerRun(1000, func() {
		req.Recipient.UriParams = params
		_, _ = s.Resolve(req)
	}), 2.0)
}

func BenchmarkSign(b *testing.B) {
	s := newSigner(b, key)
	for _, name := range []string{"v4 udp", "v6 udp"} {
		f := flows()[name]
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			buf := make([]byte, 0, 256)
			for b.Loop() {
				buf = s.SignTo(buf[:0], "alice", f)
			}
		})
	}
}

func BenchmarkAdd(b *testing.B) {
	s := newSigner(b, key)
	req := invite(b, "<sip:alice@10.0.0.1:5060;transport=udp>")
	b.ReportAllocs()
	for b.Loop() {
		_ = s.Add(req, phone)
	}
}

func BenchmarkResolve(b *testing.B) {
	s := newSigner(b, key)
	good := toURI(b, contactOf(b, s, "<sip:alice@10.0.0.1:5060;transport=udp>"))
	bad := toURI(b, contactOf(b, newSigner(b, other), "<sip:alice@10.0.0.1:5060;transport=udp>"))
	for name, req := range map[string]*sip.Request{"good": good, "bad": bad} {
		b.Run(name, func(b *testing.B) {
			params := req.Recipient.UriParams
			b.ReportAllocs()
			for b.Loop() {
				req.Recipient.UriParams = params
				_, _ = s.Resolve(req)
			}
		})
	}
}

func BenchmarkVouch(b *testing.B) {
	s := newSigner(b, key)
	req := invite(b, "<sip:alice@192.0.2.7:5060;transport=udp>")
	b.Run("sign", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			_ = s.Vouch(req)
		}
	})
	uri := req.Contact().Address
	b.Run("verify", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			_ = s.Vouched(&uri)
		}
	})
}
