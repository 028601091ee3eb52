// SPDX-FileCopyrightText: 2026 The sipnat authors
// SPDX-License-Identifier: MIT

package relay

import (
	"slices"
	"strings"
)

// engine is what the calls of a relay share.
type engine struct {
	ifaces []*iface
	ledger *ledger
}

// check returns why an offer cannot be relayed. Media lines of a kind that the
// relay does not know are refused one by one, all of them together here.
func (e *engine) check(offer *description, o *options) (reason string) {
	usable, foreign := 0, ""
	for i := range offer.media {
		switch m := &offer.media[i]; {
		case m.active():
			usable++
			if o.proto != "" && !strings.EqualFold(o.proto, m.proto) {
				return unsupported("transport-protocol", o.proto+" for "+m.proto)
			}
		case m.port != 0 && foreign == "":
			foreign = "m=" + m.kind + " " + m.proto
		}
	}
	if usable == 0 && foreign != "" {
		return unsupported(foreign, nil)
	}
	return ""
}

// checkOptions returns which option does not go with an SDP or with the
// interface towards who is to read it.
func checkOptions(sdp *description, o *options, to *iface) (reason string) {
	if o.family != "" && o.family != to.family() {
		return unsupported("address-family", o.family)
	}
	if o.media.IsValid() && o.media.Unmap().Is4() != to.public.Is4() {
		return unsupported("media-address", o.media)
	}
	for i := range sdp.media {
		if m := &sdp.media[i]; o.plain != "" && m.active() && m.secure() {
			return unsupported(o.plain+" with "+m.proto, nil)
		}
	}
	return ""
}

// grow returns streams with one for each active media line, that of the dialog if
// it faces the same interfaces. The dialog is not changed; if ports run out what
// was opened is closed again.
func (e *engine) grow(d *dialog, lines []media, faces [2]*iface) (grown []*stream, reason string) {
	grown = make([]*stream, max(len(d.streams), len(lines)))
	copy(grown, d.streams)
	var opened []*stream
	for i := range lines {
		if !lines[i].active() {
			continue
		}
		if grown[i] = d.facing(i, faces); grown[i] != nil {
			continue
		}
		s, err := openStream(e.ledger, faces)
		if err != nil {
			closeStreams(opened)
			return nil, reasonNoPorts
		}
		grown[i] = s
		opened = append(opened, s)
	}
	return grown, ""
}

// facing returns a stream of a media line that faces the interfaces already.
func (d *dialog) facing(i int, faces [2]*iface) *stream {
	for _, streams := range [][]*stream{d.streams, d.before} {
		if i < len(streams) && streams[i] != nil && streams[i].faces == faces {
			return streams[i]
		}
	}
	return nil
}

// offered takes over the streams of an offer. Those that they replace go on
// until an answer comes, if media flows by them: the offer may be refused.
func (d *dialog) offered(grown []*stream) {
	before := make([]*stream, len(grown))
	for _, streams := range [][]*stream{d.streams, d.before} {
		for i, s := range streams {
			switch {
			case s == nil || slices.Contains(grown, s):
			case s.live:
				before[i] = s
			default:
				s.close()
			}
		}
	}
	d.streams, d.before = grown, before
}

func rewriterFor(o *options, to *iface) rewriter {
	w := rewriter{
		addr: to.public, origin: o.replace["origin"], username: o.replace["username"],
		name: o.replace["session-name"], zero: o.replace["zero-address"],
		noRTCP: o.noRTCP, fullRTCP: o.fullRTCP,
	}
	if o.media.IsValid() {
		w.addr = o.media.Unmap().WithZone("")
	}
	return w
}
