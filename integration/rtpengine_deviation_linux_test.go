// SPDX-FileCopyrightText: 2026 The sipnat authors
// SPDX-License-Identifier: MIT

package integration_test

import (
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/sipnat/sipnat/rtpengine"
)

// deviation is where we mean to send something else than Kamailio 5.6 does.
type deviation struct {
	reason string
	// apply makes of Kamailio's dictionary ours, and reports whether there was
	// something to do.
	apply func(d rtpengine.Dict) bool
	used  int
}

func deviations() []*deviation {
	return []*deviation{
		{reason: "OSRTP words go into the list OSRTP, which the daemons document; both take both", apply: func(d rtpengine.Dict) bool {
			return intoList(d, "OSRTP-", "OSRTP")
		}},
		{reason: "codec-accept- and codec-consume- go into the dictionary codec like all other codec words; both daemons take both", apply: func(d rtpengine.Dict) bool {
			codec, _ := d["codec"].(rtpengine.Dict)
			codec = maps.Clone(codec)
			if codec == nil {
				codec = rtpengine.Dict{}
			}
			accept, consume := intoList(d, "codec-accept-", "accept"), intoList(d, "codec-consume-", "consume")
			for _, key := range []string{"accept", "consume"} {
				if l, ok := d[key]; ok {
					codec[key] = l
					delete(d, key)
				}
			}
			if accept || consume {
				d["codec"] = codec
			}
			return accept || consume
		}},
		{reason: "pad-crypto is the old name of SDES-pad, and newer daemons do not know it", apply: func(d rtpengine.Dict) bool {
			return swapFlag(d, "pad-crypto", func() { d["SDES"] = []any{"pad"} })
		}},
		{reason: "record-call as a flag is unknown to newer daemons: record-call=on is known to all", apply: func(d rtpengine.Dict) bool {
			return swapFlag(d, "record-call", func() { d["record-call"] = "on" })
		}},
		{reason: "symmetric is known to no daemon and would only be logged", apply: func(d rtpengine.Dict) bool {
			return swapFlag(d, "symmetric", func() {})
		}},
		{reason: "10.5 ignores endpoint-learning as a key with a string: as a flag it works on all", apply: func(d rtpengine.Dict) bool {
			mode, ok := d["endpoint-learning"].(string)
			if ok {
				delete(d, "endpoint-learning")
				flags, _ := d["flags"].([]any)
				d["flags"] = append(slices.Clone(flags), "endpoint-learning-"+mode)
			}
			return ok
		}},
		{reason: "numbers are sent as integers; the daemons take strings of digits for them too", apply: func(d rtpengine.Dict) bool {
			used := false
			for _, key := range []string{"ptime", "ptime-reverse", "delay-buffer", "delete-delay"} {
				if s, ok := d[key].(string); ok {
					n, err := strconv.ParseInt(s, 10, 64)
					if err == nil {
						d[key], used = n, true
					}
				}
			}
			return used
		}},
		{reason: "delete-delay is sent once: Kamailio spells it with a hyphen and with a space", apply: func(d rtpengine.Dict) bool {
			_, twice := d["delete delay"]
			delete(d, "delete delay")
			return twice
		}},
		{reason: "delete-delay and fatal mean something to a delete only, and go with nothing else", apply: func(d rtpengine.Dict) bool {
			if d["command"] == "delete" {
				return false
			}
			_, delay := d["delete-delay"]
			delete(d, "delete-delay")
			return swapFlag(d, "fatal", func() {}) || delay
		}},
		{reason: "a delete carries nothing that only offers and answers heed", apply: func(d rtpengine.Dict) bool {
			if d["command"] != "delete" {
				return false
			}
			n := len(d)
			for _, key := range []string{"received-from", "supports", "replace", "ICE", "TOS"} {
				delete(d, key)
			}
			return swapFlag(d, "trust-address", func() {}) || len(d) < n
		}},
	}
}

// swapFlag takes a word out of the flags and does something in its place.
func swapFlag(d rtpengine.Dict, word string, instead func()) bool {
	flags, _ := d["flags"].([]any)
	i := slices.Index(flags, any(word))
	if i < 0 {
		return false
	}
	flags = slices.Delete(slices.Clone(flags), i, i+1)
	if d["flags"] = flags; len(flags) == 0 {
		delete(d, "flags")
	}
	instead()
	return true
}

// intoList moves the flags with a prefix into a list of their own.
func intoList(d rtpengine.Dict, prefix, key string) bool {
	flags, _ := d["flags"].([]any)
	used := false
	for _, f := range flags {
		word, _ := f.(string)
		rest, ok := strings.CutPrefix(word, prefix)
		if !ok {
			continue
		}
		used = swapFlag(d, word, func() {
			l, _ := d[key].([]any)
			d[key] = append(slices.Clone(l), rest)
		}) || used
	}
	return used
}
