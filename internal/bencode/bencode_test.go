// SPDX-FileCopyrightText: 2026 The sipnat authors
// SPDX-License-Identifier: MIT

package bencode_test

import (
	"math"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/sipnat/sipnat/internal/bencode"
)

type (
	dict = map[string]any
	list = []any
)

func TestAppend(t *testing.T) {
	for _, tc := range []struct {
		name string
		v    any
		want string
	}{
		{"string", "abc", "3:abc"},
		{"empty string", "", "0:"},
		{"8-bit string", "\x00\xff e", "4:\x00\xff e"},
		{"bytes", []byte("abc"), "3:abc"},
		{"nil bytes are an empty string", []byte(nil), "0:"},
		{"int", -7, "i-7e"},
		{"int32", int32(7), "i7e"},
		{"int64", int64(math.MinInt64), "i-9223372036854775808e"},
		{"uint16", uint16(65535), "i65535e"},
		{"uint32", uint32(7), "i7e"},
		{"uint64", uint64(math.MaxUint64), "i18446744073709551615e"},
		{"strings", []string{"b", "a"}, "l1:b1:ae"},
		{"nil list", []string(nil), "le"},
		{"mixed list", list{"a", 1, list{}}, "l1:ai1elee"},
		{"dictionaries", []dict{{"a": 1}, {}}, "ld1:ai1eedee"},
		{"keys are sorted by bytes", dict{"b": 1, "a": 2, "B": 3}, "d1:Bi3e1:ai2e1:bi1ee"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got, err := bencode.Append([]byte("x "), tc.v)
			require.NoError(t, err)
			require.Equal(t, "x "+tc.want, string(got))
		})
	}
}

func TestAppendRefuses(t *testing.T) {
	loop := dict{}
	loop["again"] = loop
	for _, tc := range []struct {
		name string
		v    any
	}{
		{"nil", nil},
		{"bool", true},
		{"float", 1.5},
		{"within a list", list{"a", nil}},
		{"within a dictionary", dict{"a": dict{"b": true}}},
		{"a map that holds itself", loop},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got, err := bencode.Append([]byte("x"), tc.v)
			require.Error(t, err)
			require.Equal(t, "x", string(got), "what was there stays")
		})
	}
}

func TestDecode(t *testing.T) {
	deep := strings.Repeat("l", bencode.MaxDepth) + strings.Repeat("e", bencode.MaxDepth)
	for _, tc := range []struct {
		name string
		in   string
		want any
	}{
		{"string", "3:abc", "abc"},
		{"empty string", "0:", ""},
		{"8-bit string", "2:\x00\xff", "\x00\xff"},
		{"int", "i-12e", int64(-12)},
		{"zero", "i0e", int64(0)},
		{"smallest int", "i-9223372036854775808e", int64(math.MinInt64)},
		{"list", "l1:ai1elee", list{"a", int64(1), list{}}},
		{"empty dictionary", "de", dict{}},
		{"rtpengine's replies are not sorted", "d3:sdp1:x6:result2:oke", dict{"sdp": "x", "result": "ok"}},
		{"of two equal keys the last wins", "d1:ai1e1:ai2ee", dict{"a": int64(2)}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got, err := bencode.Decode([]byte(tc.in))
			require.NoError(t, err)
			require.Equal(t, tc.want, got)
		})
	}
	_, err := bencode.Decode([]byte(deep))
	require.NoError(t, err, "as deep as allowed")
}

func TestDecodeRefuses(t *testing.T) {
	for _, tc := range []struct {
		name string
		in   string
		want error
	}{
		{"nothing", "", bencode.ErrSyntax},
		{"junk", "x", bencode.ErrSyntax},
		{"JSON", `{"result":"ok"}`, bencode.ErrSyntax},
		{"length without string", "3:", bencode.ErrSyntax},
		{"length without colon", "3", bencode.ErrSyntax},
		{"the length that costs zeebo 953 MB", "999999999:abc", bencode.ErrSyntax},
		{"length beyond an int", "99999999999999999999:abc", bencode.ErrSyntax},
		{"leading zero in a length", "03:abc", bencode.ErrSyntax},
		{"negative length", "-1:a", bencode.ErrSyntax},
		{"int without digits", "ie", bencode.ErrSyntax},
		{"int that is only a sign", "i-e", bencode.ErrSyntax},
		{"int with plus", "i+1e", bencode.ErrSyntax},
		{"int with leading zero", "i01e", bencode.ErrSyntax},
		{"negative zero", "i-0e", bencode.ErrSyntax},
		{"int beyond 64 bits", "i9223372036854775808e", bencode.ErrSyntax},
		{"int without end", "i12", bencode.ErrSyntax},
		{"underscore in an int", "i1_0e", bencode.ErrSyntax},
		{"list without end", "l1:a", bencode.ErrSyntax},
		{"dictionary without end", "d1:ai1e", bencode.ErrSyntax},
		{"key without value", "d1:ae", bencode.ErrSyntax},
		{"key that is no string", "di1e1:ae", bencode.ErrSyntax},
		{"bytes behind", "i1ei2e", bencode.ErrTrailing},
		{"too deep", strings.Repeat("l", bencode.MaxDepth+1) + strings.Repeat("e", bencode.MaxDepth+1), bencode.ErrLimit},
		{"what kills the daemon", strings.Repeat("l", 30000), bencode.ErrLimit},
		{"too large", strings.Repeat("x", bencode.MaxSize+1), bencode.ErrLimit},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got, err := bencode.Decode([]byte(tc.in))
			require.ErrorIs(t, err, tc.want)
			require.Nil(t, got)
		})
	}
}

func TestDecodePrefix(t *testing.T) {
	v, rest, err := bencode.DecodePrefix([]byte("d1:ai1ee\r\nnext"))
	require.NoError(t, err)
	require.Equal(t, dict{"a": int64(1)}, v)
	require.Equal(t, "\r\nnext", string(rest))
}

func TestDecodeCopies(t *testing.T) {
	in := []byte("l3:abce")
	v, err := bencode.Decode(in)
	require.NoError(t, err)
	copy(in, "xxxxxxx")
	require.Equal(t, list{"abc"}, v)
}

func TestPieces(t *testing.T) {
	b := bencode.AppendInt(bencode.AppendString(nil, "key"), -5)
	key, rest, err := bencode.String(b)
	require.NoError(t, err)
	require.Equal(t, "key", string(key))
	n, rest, err := bencode.Int(rest)
	require.NoError(t, err)
	require.EqualValues(t, -5, n)
	require.Empty(t, rest)

	rest, err = bencode.Skip([]byte("d1:al1:bee3:end"))
	require.NoError(t, err)
	require.Equal(t, "3:end", string(rest))
}

func TestStringCannotGrowIntoItsNeighbour(t *testing.T) {
	in := []byte("1:a1:b")
	s, _, err := bencode.String(in)
	require.NoError(t, err)
	_ = append(s, 'x')
	require.Equal(t, "1:a1:b", string(in))
}

func TestPiecesDoNotAllocate(t *testing.T) {
	reply := []byte("d3:sdp5:v=0\r\n4:tagsd1:ai1eee")
	require.Zero(t, testing.AllocsPerRun(100, func() {
		if _, err := bencode.Skip(reply); err != nil {
			t.Error(err)
		}
	}))
	buf := make([]byte, 0, 64)
	require.Zero(t, testing.AllocsPerRun(100, func() {
		buf = bencode.AppendInt(bencode.AppendString(buf[:0], "call-id"), 7)
	}))
}
