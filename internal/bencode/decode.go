// SPDX-FileCopyrightText: 2026 The sipnat authors
// SPDX-License-Identifier: MIT

package bencode

import (
	"errors"
	"strconv"
)

// MaxDepth is how deep lists and dictionaries may nest: a reply to query has 8
// levels. The daemon itself dies of 30 000.
const MaxDepth = 32

// MaxSize is the largest input that is read, 1 MiB: far above a datagram, with
// room for long lists over other transports.
const MaxSize = 1 << 20

// What Decode and its pieces report, matchable with errors.Is.
var (
	// ErrSyntax is input that is not bencode, or is cut short.
	ErrSyntax = errors.New("bencode: bad syntax")
	// ErrTrailing is one good value with more bytes behind it.
	ErrTrailing = errors.New("bencode: bytes after the value")
	// ErrLimit is input that is too large or nests too deep.
	ErrLimit = errors.New("bencode: too large or too deep")

	errDepth = ErrLimit
)

// Decode reads the one value that b consists of: a string, an int64, a []any or
// a map[string]any. Bytes after it are [ErrTrailing]; [DecodePrefix] is for
// those who take them. Nothing of the result points into b.
func Decode(b []byte) (any, error) {
	v, rest, err := DecodePrefix(b)
	if err != nil {
		return nil, err
	}
	if len(rest) > 0 {
		return nil, ErrTrailing
	}
	return v, nil
}

// DecodePrefix reads the first value of b and returns the bytes behind it.
func DecodePrefix(b []byte) (v any, rest []byte, err error) {
	if len(b) > MaxSize {
		return nil, b, ErrLimit
	}
	// One check and one copy up front: all strings of the result share it.
	rest, err = Skip(b)
	if err != nil {
		return nil, b, err
	}
	v, _ = decode(string(b[:len(b)-len(rest)]))
	return v, rest, nil
}

// String reads the string at the start of b. Both results point into b.
func String(b []byte) (s, rest []byte, err error) {
	// MaxSize has seven digits: more are not looked at.
	n, i := 0, 0
	for ; i < len(b) && i < 8 && '0' <= b[i] && b[i] <= '9'; i++ {
		n = n*10 + int(b[i]-'0')
	}
	switch {
	case i == 0 || i == len(b) || b[i] != ':' || (b[0] == '0' && i > 1):
		return nil, b, ErrSyntax
	case n > len(b)-i-1:
		return nil, b, ErrSyntax
	}
	b = b[i+1:]
	return b[:n:n], b[n:], nil
}

// Skip checks the value at the start of b and returns what follows it.
func Skip(b []byte) (rest []byte, err error) { return skip(b, 0) }

func skip(b []byte, depth int) ([]byte, error) {
	if len(b) == 0 {
		return b, ErrSyntax
	}
	switch b[0] {
	case 'i':
		_, rest, err := Int(b)
		return rest, err
	case 'l', 'd':
		return skipMany(b, depth)
	default:
		_, rest, err := String(b)
		return rest, err
	}
}

func skipMany(b []byte, depth int) (rest []byte, err error) {
	if depth >= MaxDepth {
		return b, errDepth
	}
	dict := b[0] == 'd'
	rest = b[1:]
	for {
		if len(rest) == 0 {
			return b, ErrSyntax
		}
		if rest[0] == 'e' {
			return rest[1:], nil
		}
		if dict {
			if _, rest, err = String(rest); err != nil {
				return b, err
			}
		}
		if rest, err = skip(rest, depth+1); err != nil {
			return b, err
		}
	}
}

// Int reads the integer at the start of b: no plus sign, no leading zeros, no
// negative zero, and it fits an int64.
func Int(b []byte) (n int64, rest []byte, err error) {
	// "i-9223372036854775808e" is the longest.
	end := 1
	for end < len(b) && end < 22 && b[end] != 'e' {
		end++
	}
	if len(b) < 3 || b[0] != 'i' || end >= len(b) || b[end] != 'e' {
		return 0, b, ErrSyntax
	}
	digits := b[1:end]
	if len(digits) > 0 && digits[0] == '-' {
		digits = digits[1:]
		if len(digits) > 0 && digits[0] == '0' {
			return 0, b, ErrSyntax
		}
	}
	if len(digits) == 0 || digits[0] < '0' || digits[0] > '9' || (digits[0] == '0' && len(digits) > 1) {
		return 0, b, ErrSyntax
	}
	n, err = strconv.ParseInt(string(b[1:end]), 10, 64)
	if err != nil {
		return 0, b, ErrSyntax
	}
	return n, b[end+1:], nil
}

// decode builds the value of s, which Skip has checked.
func decode(s string) (v any, rest string) {
	switch s[0] {
	case 'i':
		end := 1
		for s[end] != 'e' {
			end++
		}
		n, _ := strconv.ParseInt(s[1:end], 10, 64)
		return n, s[end+1:]
	case 'l':
		list := []any{}
		for s = s[1:]; s[0] != 'e'; {
			v, s = decode(s)
			list = append(list, v)
		}
		return list, s[1:]
	case 'd':
		dict := map[string]any{}
		for s = s[1:]; s[0] != 'e'; {
			var key string
			key, s = decodeString(s)
			dict[key], s = decode(s)
		}
		return dict, s[1:]
	default:
		return decodeString(s)
	}
}

func decodeString(s string) (str, rest string) {
	n, i := 0, 0
	for ; s[i] != ':'; i++ {
		n = n*10 + int(s[i]-'0')
	}
	return s[i+1 : i+1+n], s[i+1+n:]
}
