// SPDX-FileCopyrightText: 2026 The sipnat authors
// SPDX-License-Identifier: MIT

package rtpengine

import (
	"net/netip"
	"strconv"
	"strings"
)

// flagParser collects words; what several words say together is resolved at
// the end.
type flagParser struct {
	set       flagSet
	transport transport
	// OpenSIPS names the two interfaces, in any order.
	in, out string
}

func parseFlagSet(s string) (flagSet, error) {
	var p flagParser
	for _, word := range strings.Fields(s) {
		if err := p.word(word); err != nil {
			return nil, err
		}
	}
	return p.finish()
}

func (p *flagParser) word(word string) error {
	lower := asciiLower(word)
	name, value, _ := strings.Cut(lower, "=")
	if reason, ok := notHere[name]; ok {
		return &FlagError{Flag: word, Reason: reason}
	}
	if t, ok := transportWords[lower]; ok {
		return p.addTransport(word, t)
	}
	switch name {
	case "in-iface", "out-iface":
		// The value as it was typed.
		return p.addInterface(word, name == "in-iface", word[len(word)-len(value):])
	}
	if s, ok := synonyms[lower]; ok {
		word, lower = s, asciiLower(s)
	}
	for _, s := range prefixSynonyms {
		if strings.HasPrefix(lower, s[0]) {
			word = s[1] + word[len(s[0]):]
			lower = asciiLower(word)
			break
		}
	}
	i, v, ok := findOption(word, lower)
	if !ok {
		return &FlagError{Flag: word, Reason: "is unknown", Nearest: nearestFlag(lower)}
	}
	canonical, ok := flagTable[i].canonical(v)
	if !ok {
		return &FlagError{Flag: word, Reason: "has a bad value", Nearest: flagTable[i].nearest(v)}
	}
	if flagTable[i].key == transportKey && canonical != transportAccept {
		return p.addTransport(word, transportWords[asciiLower(canonical)])
	}
	return p.add(flagWord{i, canonical})
}

// findOption returns the option of a word and the value in it. Whole words go
// before prefixes: generate-RTCP is a flag, generate-RTCP=on a key.
func findOption(word, lower string) (i int, value string, ok bool) {
	for i := range flagTable {
		if flagTable[i].prefix != "" {
			continue
		}
		if _, ok := flagTable[i].canonical(word); ok {
			return i, word, true
		}
	}
	best := -1
	for i := range flagTable {
		p := asciiLower(flagTable[i].prefix)
		if p == "" || (best >= 0 && len(p) <= len(flagTable[best].prefix)) {
			continue
		}
		if strings.HasPrefix(lower, p) || (p[len(p)-1] == '-' && strings.HasPrefix(lower, p[:len(p)-1]+"=")) {
			best = i
		}
	}
	if best < 0 {
		return 0, "", false
	}
	return best, word[len(flagTable[best].prefix):], true
}

func (p *flagParser) add(w flagWord) error {
	word := w.String()
	o := &flagTable[w.option]
	if other, clash := p.set.excludes(word); clash {
		return &FlagError{Flag: word, Reason: "contradicts " + other}
	}
	n := 0
	for _, have := range p.set {
		if have.option != w.option {
			continue
		}
		n++
		switch o.kind {
		case optionText, optionInt, optionFrom:
			if have != w {
				return &FlagError{Flag: word, Reason: "contradicts " + have.String()}
			}
		}
	}
	if o.kind == optionPair && n == 2 {
		return &FlagError{Flag: word, Reason: "is the third one, there must be two"}
	}
	p.set = p.set.add(w)
	return nil
}

func (p *flagParser) addInterface(word string, in bool, name string) error {
	to := &p.out
	if in {
		to = &p.in
	}
	switch {
	case name == "":
		return &FlagError{Flag: word, Reason: "has a bad value"}
	case *to != "" && *to != name:
		return &FlagError{Flag: word, Reason: "contradicts " + *to}
	}
	*to = name
	return nil
}

func (p *flagParser) finish() (flagSet, error) {
	direction, protocol := optionOf(directionKey), optionOf(transportKey)
	if p.in != "" {
		if err := p.add(flagWord{direction, p.in}); err != nil {
			return nil, err
		}
	}
	if p.out != "" {
		if err := p.add(flagWord{direction, p.out}); err != nil {
			return nil, err
		}
	}
	n := 0
	for _, w := range p.set {
		if w.option == direction {
			n++
		}
	}
	if n == 1 {
		return nil, &FlagError{Flag: "direction", Reason: "must be given twice: the side of the sender, then the other"}
	}
	if name := p.transport.name(); name != "" {
		if err := p.add(flagWord{protocol, name}); err != nil {
			return nil, err
		}
	}
	return p.set, nil
}

func optionOf(key string) int {
	for i := range flagTable {
		if flagTable[i].key == key {
			return i
		}
	}
	return -1
}

// canonical returns the value in the spelling that the daemon takes.
func (o *option) canonical(v string) (string, bool) {
	for _, known := range o.values {
		if strings.EqualFold(known, v) {
			return known, true
		}
	}
	if o.check == nil {
		return "", false
	}
	return o.check(v)
}

func anyWord(v string) (string, bool) { return v, v != "" }

func ipAddress(v string) (string, bool) {
	a, err := netip.ParseAddr(v)
	if err != nil || a.Zone() != "" {
		return "", false
	}
	return a.Unmap().String(), true
}

func intBetween(low, high int64) func(string) (string, bool) {
	return func(v string) (string, bool) {
		n, err := strconv.ParseInt(v, 10, 64)
		if err != nil || n < low || n > high {
			return "", false
		}
		return strconv.FormatInt(n, 10), true
	}
}

// asciiLower keeps the length of s, which strings.ToLower does not: values are
// cut out of the word as it was typed.
func asciiLower(s string) string {
	b := []byte(s)
	for i, c := range b {
		if 'A' <= c && c <= 'Z' {
			b[i] = c + 'a' - 'A'
		}
	}
	return string(b)
}
