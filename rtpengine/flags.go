// SPDX-FileCopyrightText: 2026 The sipnat authors
// SPDX-License-Identifier: MIT

package rtpengine

import (
	"strings"
)

// Flags are the options of an offer, an answer or a delete: checked, and ready
// to be sent. They come from [ParseFlags]; the zero value has none. Flags are
// immutable, comparable with == and fit for map keys.
type Flags struct {
	text string // the canonical flag string
	wire flagWire
}

// ParseFlags reads the flag string of Kamailio's and OpenSIPS' rtpengine
// modules, words separated by white space:
//
//	replace-origin ICE=remove RTP/AVP rtcp-mux-demux direction=int direction=ext
//
// The daemon ignores what it does not know, so that a typing error is a call
// without encryption or without audio: here it is a [FlagError], as are words
// that contradict each other and those that are not the user's to decide
// (to-tag, via-branch and the like). Upper and lower case are the same in names
// and in listed values. Words that no daemon has listened to for years
// (symmetric, round-robin-calls ...) are taken and not sent.
//
// What is sent are the forms that both rtpengine 10.5 and current ones
// understand. Some options exist only in newer daemons; an older one then logs
// a warning and does without.
func ParseFlags(s string) (Flags, error) {
	if len(s) > maxFlags {
		return Flags{}, errFlagsTooLong
	}
	set, err := parseFlagSet(s)
	if err != nil {
		return Flags{}, err
	}
	f := set.flags()
	if len(f.text) > maxFlags {
		return Flags{}, errFlagsTooLong
	}
	return f, nil
}

// maxFlags bounds a flag string: it has to fit a datagram, with the SDP.
const maxFlags = 16 << 10

var errFlagsTooLong = &FlagError{Flag: "...", Reason: "ends a string of more than 16 KiB"}

// MustParseFlags is [ParseFlags] for strings that are part of the program; it
// panics on an error.
func MustParseFlags(s string) Flags {
	f, err := ParseFlags(s)
	if err != nil {
		panic(err)
	}
	return f
}

// String returns the canonical flag string: ParseFlags(f.String()) == f.
func (f Flags) String() string { return f.text }

// With returns the options of f and other together, as for a profile and what
// one leg adds to it. Where they contradict each other, other wins: a single
// value replaces (ICE=, direction=, the transport), of two words that exclude
// each other the one of f goes, lists are joined. It costs two parses: keep the
// result.
func (f Flags) With(other Flags) Flags {
	switch {
	case f == Flags{} || f == other:
		return other
	case other == Flags{}:
		return f
	}
	// Canonical strings parse.
	base, _ := parseFlagSet(f.text)
	over, _ := parseFlagSet(other.text)
	return base.with(over).flags()
}

// flagSet is the parsed form: words in canonical order, no two equal. The order
// of codecs and of the two directions is the user's.
type flagSet []flagWord

// flagWord is a value of the option flagTable[option].
type flagWord struct {
	option int
	value  string
}

func (w flagWord) String() string {
	o := &flagTable[w.option]
	if o.key == transportKey && w.value != transportAccept {
		return w.value
	}
	return o.prefix + w.value
}

func (s flagSet) flags() Flags {
	words := make([]string, len(s))
	for i, w := range s {
		words[i] = w.String()
	}
	return Flags{text: strings.Join(words, " "), wire: s.wire()}
}

// has reports whether the set has a word of that canonical form.
func (s flagSet) has(word string) bool {
	for _, w := range s {
		if w.String() == word {
			return true
		}
	}
	return false
}

func (s flagSet) hasOption(key string) bool {
	for _, w := range s {
		if flagTable[w.option].key == key {
			return true
		}
	}
	return false
}

// with returns s without what over overrides, and over.
func (s flagSet) with(over flagSet) flagSet {
	replaced := map[int]bool{}
	for _, w := range over {
		if k := flagTable[w.option].kind; k == optionPair || k == optionText || k == optionInt || k == optionFrom {
			replaced[w.option] = true
		}
	}
	var out flagSet
	for _, w := range s {
		if replaced[w.option] {
			continue
		}
		if _, clash := over.excludes(w.String()); clash {
			continue
		}
		out = append(out, w)
	}
	for _, w := range over {
		out = out.add(w)
	}
	return out
}

// add inserts w where it belongs. Unordered values are sorted by their place in
// the option's list, so that equal sets print equally.
func (s flagSet) add(w flagWord) flagSet {
	o := &flagTable[w.option]
	at := len(s)
	for i, have := range s {
		if have == w && o.kind != optionPair {
			return s
		}
		if have.option > w.option || (have.option == w.option && o.sorted() && have.value > w.value) {
			at = i
			break
		}
	}
	out := append(s[:at:at], w)
	return append(out, s[at:]...)
}

// excludes returns the word of s that contradicts word.
func (s flagSet) excludes(word string) (string, bool) {
	for _, group := range exclusive {
		for _, a := range group {
			if a != word {
				continue
			}
			for _, b := range group {
				if b != word && s.has(b) {
					return b, true
				}
			}
		}
	}
	return "", false
}
