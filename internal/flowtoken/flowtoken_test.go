// SPDX-FileCopyrightText: 2026 The sipnat authors
// SPDX-License-Identifier: MIT

package flowtoken_test

import (
	"net/netip"
	"runtime/debug"
	"slices"
	"strings"
	"testing"

	"github.com/emiago/sipgo/sip"
	"github.com/stretchr/testify/require"

	"github.com/sipnat/sipnat/flow"
	"github.com/sipnat/sipnat/internal/flowtoken"
)

var (
	key   = []byte("0123456789abcdef0123456789abcdef")
	phone = flow.Flow{
		Transport: flow.TLS, Conn: 300,
		Local:  netip.MustParseAddrPort("192.0.2.1:5061"),
		Remote: netip.MustParseAddrPort("203.0.113.9:40112"),
	}
	zoned = flow.Flow{
		Transport: flow.UDP,
		Local:     netip.MustParseAddrPort("[fe80::1%eth0]:5060"),
		Remote:    netip.MustParseAddrPort("[fe80::2%eth0]:5062"),
	}
	alice = flowtoken.Claim{Use: "test ", User: "alice"}
	place = flowtoken.Claim{Use: "test uri ", Bare: true, Place: "there", User: "alice"}
)

func ring(t testing.TB, keys ...[]byte) *flowtoken.Ring {
	t.Helper()
	r, err := flowtoken.New(keys...)
	require.NoError(t, err)
	return r
}

func TestOpen(t *testing.T) {
	r := ring(t, key)
	for _, f := range []flow.Flow{phone, zoned, {Transport: flow.UDP, Remote: phone.Remote}} {
		got, err := r.Open(r.Sign(f, alice), alice)
		require.NoError(t, err)
		require.Equal(t, f, got)
	}
	got, err := r.Open(r.Sign(phone, place), place)
	require.NoError(t, err)
	require.Zero(t, got, "a bare token names no flow")
}

func TestOpenRefuses(t *testing.T) {
	r := ring(t, key)
	withFlow, bare := r.Sign(phone, alice), r.Sign(flow.Flow{}, place)
	other := func(c flowtoken.Claim, edit func(*flowtoken.Claim)) flowtoken.Claim {
		edit(&c)
		return c
	}
	for _, c := range []struct {
		name, token string
		claim       flowtoken.Claim
		want        error
	}{
		{"another user", withFlow, other(alice, func(c *flowtoken.Claim) { c.User = "bob" }), flowtoken.ErrForged},
		{"another use", withFlow, other(alice, func(c *flowtoken.Claim) { c.Use = "else " }), flowtoken.ErrForged},
		{"a flow for a place", withFlow, other(alice, func(c *flowtoken.Claim) { c.Bare = true }), flowtoken.ErrKind},
		{"a place for a flow", bare, other(place, func(c *flowtoken.Claim) { c.Bare = false }), flowtoken.ErrKind},
		{"another place", bare, other(place, func(c *flowtoken.Claim) { c.Place = "here" }), flowtoken.ErrForged},
		{"place and user shifted", bare, other(place, func(c *flowtoken.Claim) { c.Place, c.User = "therea", "lice" }), flowtoken.ErrForged},
		{"no user", bare, other(place, func(c *flowtoken.Claim) { c.User = "" }), flowtoken.ErrForged},
		{"another key's", ring(t, []byte("another")).Sign(phone, alice), alice, flowtoken.ErrForeign},
		{"empty", "", alice, flowtoken.ErrForeign},
		{"a name", "proxy", alice, flowtoken.ErrForeign},
		{"a name as long as a token", "a-very-long-name-that-is-base64url", alice, flowtoken.ErrForeign},
		{"padded", withFlow + "=", alice, flowtoken.ErrForeign},
		{"a line break", withFlow[:4] + "\r\n" + withFlow[4:], alice, flowtoken.ErrForeign},
		{"endless", strings.Repeat("E", 1<<20), alice, flowtoken.ErrForeign},
	} {
		t.Run(c.name, func(t *testing.T) {
			f, err := r.Open(c.token, c.claim)
			require.ErrorIs(t, err, c.want)
			require.Zero(t, f)
		})
	}
	t.Run("truncated", func(t *testing.T) {
		for n := range len(withFlow) {
			f, err := r.Open(withFlow[:n], alice)
			require.Error(t, err)
			require.Zero(t, f)
		}
	})
	t.Run("one bit", func(t *testing.T) {
		for i := range len(withFlow) * 8 {
			b := []byte(withFlow)
			b[i/8] ^= 1 << (i % 8)
			f, err := r.Open(string(b), alice)
			require.Error(t, err)
			require.Zero(t, f)
		}
	})
}

func TestKeys(t *testing.T) {
	_, err := flowtoken.New()
	require.ErrorIs(t, err, flowtoken.ErrKey)
	_, err = flowtoken.New(key, nil)
	require.ErrorIs(t, err, flowtoken.ErrKey)
	secret := slices.Clone(key)
	r := ring(t, []byte("new"), secret)
	clear(secret)
	got, err := r.Open(ring(t, key).Sign(phone, alice), alice)
	require.NoError(t, err, "the second key verifies, and was copied")
	require.Equal(t, phone, got)
	require.Equal(t, ring(t, []byte("new")).Sign(phone, alice), r.Sign(phone, alice), "the first one signs")
}

func TestCarries(t *testing.T) {
	require.True(t, flowtoken.Carries(zoned))
	long := zoned
	long.Remote = netip.AddrPortFrom(long.Remote.Addr().WithZone("a-zone-that-no-interface-has"), 5060)
	require.False(t, flowtoken.Carries(long))
	require.False(t, flowtoken.Carries(flow.Flow{Transport: 16, Remote: phone.Remote}))
}

func TestPlace(t *testing.T) {
	at := func(text string) string {
		var u sip.Uri
		require.NoError(t, sip.ParseUri(text, &u))
		return flowtoken.Place(&u)
	}
	for _, same := range [][2]string{
		{"sip:a@Example.com", "sip:b@example.COM"},
		{"sip:[2001:db8::1]:5060", "sip:[2001:DB8:0:0::1]:5060"},
		{"sip:h;transport=TCP;x=y", "sip:h;transport=tcp;lr"},
		{"sip:h;maddr=0:0:0:0:0:0:0:1", "sip:h;maddr=::1"},
	} {
		require.Equal(t, at(same[0]), at(same[1]), same)
	}
	all := []string{"sip:h", "sips:h", "sip:g", "sip:h:5060", "sip:h:5061", "sip:h;transport=tcp", "sip:h;transport=udp", "sip:h;maddr=g", "sip:h;transport=tcp;Transport=udp"}
	for i, a := range all {
		for _, b := range all[:i] {
			require.NotEqual(t, at(a), at(b), "%s, %s", a, b)
		}
	}
	require.Equal(t, at("sip:h"), flowtoken.Place(&sip.Uri{Host: "h"}))
}

func FuzzOpen(f *testing.F) {
	r := ring(f, key)
	for _, fl := range []flow.Flow{phone, zoned} {
		f.Add(r.Sign(fl, alice), "alice")
		f.Add(r.Sign(fl, place), "alice")
	}
	f.Fuzz(func(t *testing.T, token, user string) {
		for _, c := range []flowtoken.Claim{alice, place} {
			c.User = user
			got, err := r.Open(token, c)
			if err != nil {
				require.Zero(t, got)
				continue
			}
			require.NotEqual(t, c.Bare, got.IsValid())
			require.Equal(t, token, r.Sign(got, c), "what passes is what we write")
		}
	})
}

// FuzzParseFlow lets the fuzzer behind the MAC, where a key holder may write what
// he likes.
func FuzzParseFlow(f *testing.F) {
	f.Add([]byte{0x11, 0, 0x11, 203, 0, 113, 9, 0x9c, 0xb0, 192, 0, 2, 1, 0x13, 0xc4, 0})
	f.Add([]byte{0x11, 0, 0x33})
	f.Add([]byte("\x100\x110000000000000")) // no transport
	f.Fuzz(func(t *testing.T, body []byte) {
		got, ok := flowtoken.ParseFlow(body)
		if !ok {
			require.Zero(t, got)
			return
		}
		require.True(t, got.IsValid())
	})
}

// FuzzPlace: two URIs of one place have the same host and port, whatever stands in
// them.
func FuzzPlace(f *testing.F) {
	f.Add("h", 1, "tcp", "", "h", 1, "", "tcp")
	f.Add("h3:tcp", 0, "", "", "h", 0, "tcp", "")
	f.Fuzz(func(t *testing.T, host1 string, port1 int, transport1, maddr1, host2 string, port2 int, transport2, maddr2 string) {
		uri := func(host string, port int, transport, maddr string) *sip.Uri {
			return &sip.Uri{Host: host, Port: port, UriParams: sip.HeaderParams{{K: "transport", V: transport}, {K: "maddr", V: maddr}}}
		}
		a, b := uri(host1, port1, transport1, maddr1), uri(host2, port2, transport2, maddr2)
		if flowtoken.Place(a) != flowtoken.Place(b) {
			return
		}
		require.Equal(t, port1, port2)
		require.Equal(t, strings.ToLower(transport1), strings.ToLower(transport2))
		hosts := [2]string{strings.ToLower(host1), strings.ToLower(host2)}
		if _, err := netip.ParseAddr(strings.Trim(host1, "[]")); err != nil {
			require.Equal(t, hosts[0], hosts[1])
		}
	})
}

func TestAllocations(t *testing.T) {
	info, ok := debug.ReadBuildInfo()
	if ok && slices.Contains(info.Settings, debug.BuildSetting{Key: "-race", Value: "true"}) {
		t.Skip("needs a sync.Pool that keeps: the race detector's does not")
	}
	r := ring(t, key)
	b := make([]byte, 0, flowtoken.MaxSize)
	token := r.Sign(phone, alice)
	require.Zero(t, testing.AllocsPerRun(1000, func() { b = r.Append(b[:0], phone, alice) }))
	require.Zero(t, testing.AllocsPerRun(1000, func() { _, _ = r.Open(token, alice) }))
}

func BenchmarkAppend(b *testing.B) {
	r := ring(b, key)
	buf := make([]byte, 0, flowtoken.MaxSize)
	b.ReportAllocs()
	for b.Loop() {
		buf = r.Append(buf[:0], phone, alice)
	}
}

func BenchmarkOpen(b *testing.B) {
	r := ring(b, key)
	token := r.Sign(phone, alice)
	b.ReportAllocs()
	for b.Loop() {
		_, _ = r.Open(token, alice)
	}
}
