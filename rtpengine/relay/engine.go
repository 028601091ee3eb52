// SPDX-FileCopyrightText: 2026 The sipnat authors
// SPDX-License-Identifier: MIT

package relay

import "strings"

// engine is what the calls of a relay share.
type engine struct {
	pool *pool
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
	return e.checkOptions(offer, o)
}

// checkOptions returns which option does not go with an SDP or with the relay.
func (e *engine) checkOptions(sdp *description, o *options) (reason string) {
	own := "ip6"
	if e.pool.public.Is4() {
		own = "ip4"
	}
	if o.family != "" && o.family != own {
		return unsupported("address-family", o.family)
	}
	if o.media.IsValid() && o.media.Unmap().Is4() != e.pool.public.Is4() {
		return unsupported("media-address", o.media)
	}
	for i := range sdp.media {
		if m := &sdp.media[i]; o.plain != "" && m.active() && m.secure() {
			return unsupported(o.plain+" with "+m.proto, nil)
		}
	}
	return ""
}

// grow returns streams with one for each active media line. The result is a
// copy; if ports run out what was opened is closed again.
func (e *engine) grow(streams []*stream, lines []media) (grown []*stream, reason string) {
	grown = make([]*stream, max(len(streams), len(lines)))
	copy(grown, streams)
	var opened []*stream
	for i := range lines {
		if grown[i] != nil || !lines[i].active() {
			continue
		}
		s, err := openStream(e.pool)
		if err != nil {
			closeStreams(opened)
			return nil, reasonNoPorts
		}
		grown[i] = s
		opened = append(opened, s)
	}
	return grown, ""
}

func (e *engine) rewriter(o *options) rewriter {
	w := rewriter{
		addr: e.pool.public, origin: o.replace["origin"], username: o.replace["username"],
		name: o.replace["session-name"], zero: o.replace["zero-address"],
		noRTCP: o.noRTCP, fullRTCP: o.fullRTCP,
	}
	if o.media.IsValid() {
		w.addr = o.media.Unmap().WithZone("")
	}
	return w
}
