// SPDX-FileCopyrightText: 2026 The sipnat authors
// SPDX-License-Identifier: MIT

package relay

import (
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/sipnat/sipnat/rtpengine"
)

// options is a command's dictionary, read.
type options struct {
	callID, fromTag, toTag, branch, sdp string

	from      netip.Addr // received-from
	sipSource bool
	strict    bool
	fixed     bool

	replace  map[string]bool
	noRTCP   bool
	fullRTCP bool
	mux      map[string]bool
	media    netip.Addr // media-address
	family   string     // "ip4", "ip6" or ""

	direction []string // received side first
	proto     string   // transport-protocol
	plain     string   // the option that wants no SRTP: "SDES=off" or "DTLS=off"

	fatal bool
	delay time.Duration
	limit int
}

// unsupported is the reason for what the relay cannot do. Option values are the
// peer's: no more than a glimpse of them comes back.
func unsupported(what string, value any) string {
	if value != nil {
		text := fmt.Sprint(value)
		what += "=" + text[:min(len(text), 64)]
	}
	return what[:min(len(what), 128)] + " not supported by this relay"
}

// readOptions reads a dictionary. What the relay does not know or cannot honour
// is the reason for a refusal, "" if there is none.
func readOptions(d rtpengine.Dict) (o options, reason string) {
	o = options{replace: map[string]bool{}, mux: map[string]bool{}, limit: 32}
	for _, key := range slices.Sorted(maps.Keys(d)) {
		if reason = o.set(key, d[key]); reason != "" {
			return o, reason
		}
	}
	return o, ""
}

// set reads one key. Keys are taken with hyphens, spaces or underscores and in
// any case.
func (o *options) set(key string, v any) string {
	name := canonical(key)
	switch name {
	case "call-id", "from-tag", "to-tag", "via-branch", "sdp":
		return o.setText(name, v)
	case "delete-delay", "limit":
		return o.setNumber(name, v)
	case "flags", "replace", "direction", "rtcp-mux", "received-from", "sdes":
		list, ok := stringList(v)
		if !ok {
			return unsupported(key, v)
		}
		return o.setList(name, list)
	case "command", "supports", "sip-message-type", "sip-code":
		return ""
	}
	text, ok := asText(v)
	if !ok {
		return unsupported(key, v)
	}
	return o.setWord(name, key, text)
}

func (o *options) setText(name string, v any) string {
	text, ok := asText(v)
	if !ok {
		return name + " is not a string"
	}
	switch name {
	case "call-id":
		o.callID = text
	case "from-tag":
		o.fromTag = text
	case "to-tag":
		o.toTag = text
	case "via-branch":
		o.branch = text
	case "sdp":
		o.sdp = text
	}
	return ""
}

func (o *options) setNumber(name string, v any) string {
	var n int64
	switch v := v.(type) {
	case int64:
		n = v
	case int:
		n = int64(v)
	case string:
		var err error
		if n, err = strconv.ParseInt(v, 10, 32); err != nil {
			n = -1
		}
	default:
		n = -1
	}
	switch bad := n < 0 || n > 1<<31-1; {
	case bad && name == "limit":
		return "invalid limit, must be >= 0" // the daemon's words
	case bad:
		return name + " is not a number of use"
	case name == "limit":
		o.limit = int(n)
		return ""
	}
	o.delay = time.Duration(n) * time.Second
	return ""
}

func (o *options) setList(name string, list []string) string {
	switch name {
	case "received-from":
		return o.setReceived(list)
	case "direction":
		o.direction = list
		return ""
	}
	for _, word := range list {
		ok := false
		switch name {
		case "flags":
			ok = o.setFlag(canonical(word))
		case "replace":
			ok = o.setReplace(canonical(word))
		case "rtcp-mux":
			w := canonical(word)
			ok = slices.Contains([]string{"offer", "require", "demux", "accept", "reject"}, w)
			o.mux[w] = true
		case "sdes":
			ok = slices.Contains([]string{"off", "no", "disable"}, canonical(word))
			o.plain = "SDES=off"
		}
		if !ok {
			return unsupported(name, word)
		}
	}
	return ""
}

// setReceived reads [family, address].
func (o *options) setReceived(list []string) string {
	if len(list) == 0 {
		return ""
	}
	addr, err := netip.ParseAddr(list[len(list)-1])
	if err != nil || len(list) > 2 {
		return "received-from is not an address"
	}
	o.from = addr.Unmap().WithZone("")
	return ""
}

func (o *options) setFlag(word string) bool {
	if what, ok := strings.CutPrefix(word, "replace-"); ok {
		return o.setReplace(what)
	}
	switch word {
	case "sip-source-address":
		o.sipSource = true
	case "trust-address":
		o.sipSource = false
	case "strict-source":
		o.strict = true
	case "asymmetric", "endpoint-learning-off":
		o.fixed = true
	case "no-rtcp-attribute":
		o.noRTCP = true
	case "full-rtcp-attribute":
		o.fullRTCP = true
	case "fatal":
		o.fatal = true
	case "endpoint-learning-heuristic", "symmetric", "port-latching", "original-sendrecv", "passthrough",
		"reject-ice", "no-jitter-buffer":
		// What the relay does anyway.
	case "debug", "no-redis-update", "all", "directional", "to-tag", "fast", "discard-recording":
		// About logs, stores and selections that the relay does not have.
	default:
		return false
	}
	return true
}

func (o *options) setReplace(word string) bool {
	switch word {
	case "origin", "username", "session-name", "session-connection", "zero-address":
	case "origin-full":
		o.replace["origin"], o.replace["username"] = true, true
	default:
		return false
	}
	o.replace[word] = true
	return true
}

// setWord reads the keys whose value is one word.
func (o *options) setWord(name, key, text string) string {
	word := canonical(text)
	ok := false
	switch name {
	case "ice":
		ok = slices.Contains([]string{"remove", "default", "optional"}, word)
	case "ice-lite", "record-call", "generate-rtcp":
		ok = word == "off" || word == "no"
	case "passthrough":
		ok = word == "on" || word == "off"
	case "dtls":
		ok = word == "off" || word == "no" || word == "disable"
		o.plain = "DTLS=off"
	case "endpoint-learning":
		ok = word == "heuristic" || word == "off"
		o.fixed = o.fixed || word == "off"
	case "transport-protocol":
		ok = true
		if word != "accept" {
			o.proto = text
		}
	case "address-family":
		ok = word == "ip4" || word == "ip6"
		o.family = word
	case "media-address":
		var err error
		o.media, err = netip.ParseAddr(text)
		ok = err == nil
	}
	if !ok {
		return unsupported(key, text)
	}
	return ""
}

// canonical is the spelling in which words are compared.
func canonical(s string) string {
	return strings.Map(func(r rune) rune {
		if r == ' ' || r == '_' {
			return '-'
		}
		return r
	}, strings.ToLower(s))
}

func asText(v any) (string, bool) {
	switch v := v.(type) {
	case string:
		return v, true
	case []byte:
		return string(v), true
	case []any:
		if len(v) == 1 {
			return asText(v[0])
		}
	}
	return "", false
}

func stringList(v any) (list []string, ok bool) {
	switch v := v.(type) {
	case []string:
		return v, true
	case []any:
		for _, e := range v {
			s, ok := asText(e)
			if !ok {
				return nil, false
			}
			list = append(list, s)
		}
		return list, true
	}
	s, ok := asText(v)
	return []string{s}, ok
}
