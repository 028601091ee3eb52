// SPDX-FileCopyrightText: 2026 The sipnat authors
// SPDX-License-Identifier: MIT

package rtpengine

import (
	"cmp"
	"maps"
	"net/netip"
	"slices"
	"time"
)

// Call is what an engine knows of a call. Times are in seconds, as the engine
// gives them; what a reply lacks is the zero value.
type Call struct {
	Created    time.Time
	LastSignal time.Time // the last offer or answer
	Tags       []Tag     // by age
	RTP, RTCP  Counters
	Raw        Dict // the whole reply
}

// Tag is one party of a call, or one branch of one.
type Tag struct {
	Tag, Label, ViaBranch string
	Created               time.Time
	// Subscriptions are the tags whose media it gets, Subscribers those who get
	// its own.
	Subscriptions, Subscribers []string
	Medias                     []QueriedMedia
}

// QueriedMedia is one media line, m= of an SDP.
type QueriedMedia struct {
	Index    int    // from 1 on
	Type     string // "audio", ...
	Protocol string // "RTP/AVP", ...
	Codec    string // what arrives, once it does
	Flags    []string
	Streams  []Stream // RTP, and RTCP unless it shares the port
}

// Stream is one port of the engine's.
type Stream struct {
	Local      netip.AddrPort // of the engine
	Endpoint   netip.AddrPort // where the party sends from, as far as learned
	Advertised netip.AddrPort // what its SDP said
	Crypto     string         // the SRTP suite, "" for none
	SSRC       uint32
	LastPacket time.Time
	Flags      []string // "RTP", "RTCP", "confirmed" ...
	Counters
}

// Counters are packets that came in.
type Counters struct {
	Packets, Bytes, Errors int64
}

// ReadCall reads the reply to a query, of a [Client], a [Set] or a relay. It
// takes any dictionary: what is missing or not what it should be is left out.
func ReadCall(reply Dict) Call {
	c := Call{Created: unix(reply["created"]), LastSignal: unix(reply["last signal"]), Raw: reply}
	for _, v := range dictAt(reply, "tags") {
		if d, ok := v.(Dict); ok {
			c.Tags = append(c.Tags, readTag(d))
		}
	}
	slices.SortFunc(c.Tags, func(a, b Tag) int {
		return cmp.Or(a.Created.Compare(b.Created), cmp.Compare(a.Tag, b.Tag), cmp.Compare(a.ViaBranch, b.ViaBranch))
	})
	totals := dictAt(reply, "totals")
	c.RTP, c.RTCP = readCounters(dictAt(totals, "RTP")), readCounters(dictAt(totals, "RTCP"))
	return c
}

func readTag(d Dict) Tag {
	t := Tag{
		Created:       unix(d["created"]),
		Subscriptions: tagsOf(d["subscriptions"]),
		Subscribers:   tagsOf(d["subscribers"]),
	}
	t.Tag, _ = d["tag"].(string)
	t.Label, _ = d["label"].(string)
	t.ViaBranch, _ = d["via-branch"].(string)
	for _, m := range dictsOf(d["medias"]) {
		media := QueriedMedia{Index: int(integer(m["index"])), Flags: stringsOf(m["flags"])}
		media.Type, _ = m["type"].(string)
		media.Protocol, _ = m["protocol"].(string)
		media.Codec, _ = m["codec"].(string)
		for _, s := range dictsOf(m["streams"]) {
			media.Streams = append(media.Streams, readStream(s))
		}
		t.Medias = append(t.Medias, media)
	}
	return t
}

func readStream(d Dict) Stream {
	s := Stream{
		Local:      addrPort(d["local address"], d["local port"]),
		Endpoint:   readEndpoint(dictAt(d, "endpoint")),
		Advertised: readEndpoint(dictAt(d, "advertised endpoint")),
		LastPacket: unix(d["last packet"]),
		SSRC:       uint32(integer(d["SSRC"])),
		Flags:      stringsOf(d["flags"]),
		Counters:   readCounters(dictAt(d, "stats")),
	}
	s.Crypto, _ = d["crypto suite"].(string)
	return s
}

func readCounters(d Dict) Counters {
	return Counters{Packets: integer(d["packets"]), Bytes: integer(d["bytes"]), Errors: integer(d["errors"])}
}

func readEndpoint(d Dict) netip.AddrPort { return addrPort(d["address"], d["port"]) }

// addrPort returns the zero AddrPort for what is none.
func addrPort(address, port any) netip.AddrPort {
	s, _ := address.(string)
	a, err := netip.ParseAddr(s)
	n := integer(port)
	if err != nil || n < 0 || n > 65535 {
		return netip.AddrPort{}
	}
	return netip.AddrPortFrom(a.Unmap(), uint16(n))
}

// unix returns the zero time for what is none.
func unix(v any) time.Time {
	n := integer(v)
	if n <= 0 {
		return time.Time{}
	}
	return time.Unix(n, 0)
}

func dictsOf(v any) []Dict {
	list, _ := v.([]any)
	var out []Dict
	for _, e := range list {
		if d, ok := e.(Dict); ok {
			out = append(out, d)
		}
	}
	return out
}

// tagsOf reads a list of {tag, type}; older engines give a dictionary by tag.
func tagsOf(v any) []string {
	if d, ok := v.(Dict); ok {
		return slices.Sorted(maps.Keys(d))
	}
	var out []string
	for _, d := range dictsOf(v) {
		if tag, ok := d["tag"].(string); ok {
			out = append(out, tag)
		}
	}
	return out
}
