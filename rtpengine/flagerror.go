// SPDX-FileCopyrightText: 2026 The sipnat authors
// SPDX-License-Identifier: MIT

package rtpengine

import (
	"strconv"
	"strings"
)

// FlagError is a word of a flag string that [ParseFlags] does not take.
type FlagError struct {
	Flag    string // the word
	Reason  string // what is the matter with it: "is unknown", "contradicts RTP/AVP" ...
	Nearest string // the known word that looks most like it, or ""
}

// Error names the word, the reason, and the word that may have been meant.
func (e *FlagError) Error() string {
	s := "rtpengine: flag " + strconv.Quote(e.Flag) + " " + e.Reason
	if e.Nearest != "" {
		s += ", did you mean " + strconv.Quote(e.Nearest) + "?"
	}
	return s
}

// nearestFlag returns the known word closest to an unknown one in lower case.
func nearestFlag(lower string) string {
	var n nearest
	for i := range flagTable {
		o := &flagTable[i]
		if strings.HasSuffix(o.prefix, "=") {
			n.offer(lower, o.prefix)
		}
		for _, v := range o.values {
			n.offer(lower, flagWord{i, v}.String())
		}
	}
	for word := range synonyms {
		n.offer(lower, word)
	}
	return n.word
}

// nearest returns the option's word with the value closest to v.
func (o *option) nearest(v string) string {
	var n nearest
	for _, known := range o.values {
		n.offer(asciiLower(v), known)
	}
	if o.key == "SDES" && !strings.Contains(v, ":") {
		for _, s := range sdesSuites {
			n.offer(asciiLower(v), "no-"+s)
			n.offer(asciiLower(v), "only-"+s)
		}
	}
	if n.word == "" {
		return ""
	}
	return o.prefix + n.word
}

// nearest keeps the best of the words that were offered.
type nearest struct {
	word     string
	distance int
}

func (n *nearest) offer(lower, known string) {
	d := editDistance(lower, asciiLower(known))
	// Two slips, or one letter in three; of a very short word little may differ.
	if d > min(max(2, len(known)/3), len(lower)/2) {
		return
	}
	if n.word == "" || d < n.distance || (d == n.distance && known < n.word) {
		n.word, n.distance = known, d
	}
}

// editDistance is Levenshtein's. A word far longer than any of ours is just far
// away.
func editDistance(a, b string) int {
	const long = 64
	if len(a) > long || len(b) > long {
		return long
	}
	var row [long + 1]int
	for j := range len(b) + 1 {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := diagonal
			if a[i] != b[j] {
				cost++
			}
			diagonal = row[j+1]
			row[j+1] = min(cost, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}
