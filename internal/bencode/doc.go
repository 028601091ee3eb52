// SPDX-FileCopyrightText: 2026 The sipnat authors
// SPDX-License-Identifier: MIT

// Package bencode writes and reads the bencode of rtpengine's ng protocol:
// strings, integers, lists and dictionaries.
//
// [Append] and [Decode] handle whole values of the types
//
//	string, []byte                     (read: string)
//	int, int32, int64, uint16 ... 64   (read: int64)
//	[]any, []string, []map[string]any  (read: []any)
//	map[string]any
//
// while [AppendString], [AppendInt], [String] and [Skip] are the pieces from
// which hot paths build and read known dictionaries without a map.
//
// Reading is for hostile input: a length is checked against the bytes that are
// there before anything is allocated, nesting deeper than [MaxDepth] and input
// larger than [MaxSize] are errors, nothing panics. Keys of a dictionary may
// come in any order, as rtpengine's replies do; of two equal keys the last
// wins. Strings are 8-bit clean.
package bencode
