// SPDX-FileCopyrightText: 2026 The sipnat authors
// SPDX-License-Identifier: MIT

package bencode_test

import (
	"testing"

	"github.com/stretchr/testify/require"
	zeebo "github.com/zeebo/bencode"

	"github.com/sipnat/sipnat/internal/bencode"
)

var seeds = []string{
	"", "0:", "i0e", "le", "de", "d3:sdp1:x6:result2:oke", "d1:ai1e1:ai2ee", "l1:ai1elee", "i-0e", "03:abc",
	"999999999:abc", "lllleeee", "d4:tagsd1:ad6:mediasld5:indexi1eeeeee", "i9223372036854775808e", "d1:ae", "i1ei2e",
}

// What we read, zeebo reads the same; what we write from it, both read back to
// the same value; and Skip and Decode agree.
func FuzzDecode(f *testing.F) {
	for _, s := range seeds {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		got, rest, err := bencode.DecodePrefix(in)
		skipped, skipErr := bencode.Skip(in)
		require.Equal(t, skipErr == nil, err == nil)
		if err != nil {
			require.Nil(t, got)
			return
		}
		require.Equal(t, skipped, rest)

		var oracle any
		require.NoError(t, zeebo.DecodeBytes(in[:len(in)-len(rest)], &oracle))
		require.Equal(t, filled(oracle), got)

		out, err := bencode.Append(nil, got)
		require.NoError(t, err)
		again, err := bencode.Decode(out)
		require.NoError(t, err)
		require.Equal(t, got, again)
		theirs, err := zeebo.EncodeBytes(got)
		require.NoError(t, err)
		require.Equal(t, string(theirs), string(out))
	})
}

// Any tree of values that we are given is written so that both read it.
func FuzzAppend(f *testing.F) {
	f.Add([]byte("l\x03abci\x07d\x01kl"))
	f.Add([]byte("dddd"))
	f.Fuzz(func(t *testing.T, program []byte) {
		if len(program) > 4096 {
			return
		}
		v := tree(&program, 0)
		out, err := bencode.Append(nil, v)
		require.NoError(t, err)
		got, err := bencode.Decode(out)
		require.NoError(t, err)
		require.Equal(t, v, got)
		var oracle any
		require.NoError(t, zeebo.DecodeBytes(out, &oracle))
		require.Equal(t, v, filled(oracle))
	})
}

// tree builds a value as the bytes say: the first decides the type, the next
// its size.
func tree(program *[]byte, depth int) any {
	next := func() byte {
		if len(*program) == 0 {
			return 0
		}
		b := (*program)[0]
		*program = (*program)[1:]
		return b
	}
	str := func() string {
		n := min(int(next()), len(*program))
		s := string((*program)[:n])
		*program = (*program)[n:]
		return s
	}
	switch kind := next() % 4; {
	case kind == 1:
		return int64(int8(next())) * 1_000_003
	case kind == 2 && depth < bencode.MaxDepth:
		l := list{}
		for range next() % 4 {
			l = append(l, tree(program, depth+1))
		}
		return l
	case kind == 3 && depth < bencode.MaxDepth:
		d := dict{}
		for range next() % 4 {
			k := str()
			d[k] = tree(program, depth+1)
		}
		return d
	default:
		return str()
	}
}

// filled makes of the nil lists that zeebo reads the empty ones that we do.
func filled(v any) any {
	switch v := v.(type) {
	case list:
		out := list{}
		for _, e := range v {
			out = append(out, filled(e))
		}
		return out
	case dict:
		for k, e := range v {
			v[k] = filled(e)
		}
	}
	return v
}
