// SPDX-FileCopyrightText: 2026 The sipnat authors
// SPDX-License-Identifier: MIT

package bencode

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
)

// Append appends v to b: keys of dictionaries sorted by bytes, as bencode has
// it. A type that bencode cannot say (nil, bool and float among them), and
// nesting deeper than [MaxDepth], which is also what a map holding itself has,
// are errors; b is then returned as it was.
func Append(b []byte, v any) ([]byte, error) {
	out, err := appendValue(b, v, 0)
	if err != nil {
		return b, err
	}
	return out, nil
}

// AppendString appends one string.
func AppendString[S ~string | ~[]byte](b []byte, s S) []byte {
	b = strconv.AppendInt(b, int64(len(s)), 10)
	b = append(b, ':')
	return append(b, s...)
}

// AppendInt appends one integer.
func AppendInt(b []byte, n int64) []byte {
	b = append(b, 'i')
	b = strconv.AppendInt(b, n, 10)
	return append(b, 'e')
}

func appendValue(b []byte, v any, depth int) ([]byte, error) {
	switch v := v.(type) {
	case string:
		return AppendString(b, v), nil
	case []byte:
		return AppendString(b, v), nil
	case int:
		return AppendInt(b, int64(v)), nil
	case int64:
		return AppendInt(b, v), nil
	case int32:
		return AppendInt(b, int64(v)), nil
	case uint16:
		return AppendInt(b, int64(v)), nil
	case uint32:
		return AppendInt(b, int64(v)), nil
	case uint64:
		b = append(b, 'i')
		b = strconv.AppendUint(b, v, 10)
		return append(b, 'e'), nil
	case []string:
		return appendList(b, v, depth, func(b []byte, s string) ([]byte, error) { return AppendString(b, s), nil })
	case []any:
		return appendList(b, v, depth, func(b []byte, e any) ([]byte, error) { return appendValue(b, e, depth+1) })
	case []map[string]any:
		return appendList(b, v, depth, func(b []byte, e map[string]any) ([]byte, error) { return appendDict(b, e, depth+1) })
	case map[string]any:
		return appendDict(b, v, depth)
	default:
		return b, fmt.Errorf("bencode: cannot encode a %T", v)
	}
}

func appendList[E any](b []byte, list []E, depth int, one func([]byte, E) ([]byte, error)) ([]byte, error) {
	if depth >= MaxDepth {
		return b, errDepth
	}
	b = append(b, 'l')
	for i, e := range list {
		var err error
		if b, err = one(b, e); err != nil {
			return b, fmt.Errorf("[%d]: %w", i, err)
		}
	}
	return append(b, 'e'), nil
}

func appendDict(b []byte, d map[string]any, depth int) ([]byte, error) {
	if depth >= MaxDepth {
		return b, errDepth
	}
	b = append(b, 'd')
	for _, k := range slices.Sorted(maps.Keys(d)) {
		b = AppendString(b, k)
		var err error
		if b, err = appendValue(b, d[k], depth+1); err != nil {
			return b, fmt.Errorf("%q: %w", k, err)
		}
	}
	return append(b, 'e'), nil
}
