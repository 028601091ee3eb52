// SPDX-FileCopyrightText: 2026 The sipnat authors
// SPDX-License-Identifier: MIT

package relay

import (
	"net/netip"
	"slices"
	"time"
)

// What an offer or answer that does not fit is refused with.
const (
	reasonNoMatch   = "Invalid dialogue association"
	reasonMoreMedia = "answer has more media lines than the offer"
	reasonNoMedia   = "nothing to relay in the offer"
	reasonNoPorts   = "Ran out of ports"
)

// muxRules are the rtcp-mux options of an offer and its answer.
type muxRules struct {
	offer, demux, accept, reject bool
}

func (r muxRules) with(words map[string]bool) muxRules {
	r.offer = r.offer || words["offer"] || words["require"]
	r.demux = r.demux || words["demux"]
	r.accept = r.accept || words["accept"] || words["demux"]
	r.reject = r.reject || words["reject"]
	return r
}

// offered is whether the answerer is offered rtcp-mux.
func (r muxRules) offered(byOfferer bool) bool { return r.offer || byOfferer && !r.demux }

// offer takes an offer in and returns the SDP for the answerer. A reason other
// than "" refuses it; nothing has changed then.
func (c *call) offer(e *engine, o *options) (sdp, reason string) {
	offer, reason := parseDescription(o.sdp)
	if reason == "" {
		reason = e.check(&offer, o)
	}
	if reason != "" {
		return "", reason
	}
	d := c.forOffer(o)
	fresh := d == nil
	if fresh {
		if !slices.ContainsFunc(offer.media, func(m media) bool { return m.active() }) {
			return "", reasonNoMedia
		}
		d = &dialog{branch: o.branch, created: time.Now()}
	} else if o.toTag != "" && d.bound() && !d.between(o.fromTag, o.toTag) {
		return "", reasonNoMatch
	}
	side := d.side(o.fromTag)
	if side < 0 {
		side = 1 + d.side(o.toTag) // 0 in a new dialog, else beside party 0
	}
	if reason := d.open(e, &offer, o, side); reason != "" {
		return "", reason
	}
	if fresh {
		c.dialogs = append(c.dialogs, d)
	}
	d.offerer, d.offer, d.answered, d.answer = side, offer, false, ""
	d.rules = muxRules{}.with(o.mux)
	d.join(side, o.fromTag, news{options: o, sdp: &offer})
	if o.toTag != "" {
		d.name(1-side, o.toTag)
	}

	w := rewriterFor(o, d.faces[1-side])
	for i, m := range offer.media {
		at := placement{mux: m.mux}
		if s := d.streams[i]; m.active() && s != nil {
			s.kind, s.proto = m.kind, m.proto
			s.dtls.Store(m.dtls())
			at = placement{port: s.ports[1-side][rtp].local, mux: d.rules.offered(m.mux)}
		}
		w.places = append(w.places, at)
	}
	return w.rewrite(&offer), ""
}

// open gives each active line of an offer its ports.
func (d *dialog) open(e *engine, offer *description, o *options, side int) (reason string) {
	was := d.agreed
	if !d.live {
		was = d.faces
	}
	faces, reason := e.face(offer, o, was, side)
	if reason == "" {
		reason = checkOptions(offer, o, faces[1-side])
	}
	if reason != "" {
		return reason
	}
	streams, reason := e.grow(d, offer.media, faces)
	if reason != "" {
		return reason
	}
	d.offered(streams)
	d.faces = faces
	return ""
}

// accept takes an answer in and returns the SDP for the offerer.
func (c *call) accept(e *engine, o *options) (sdp, reason string) {
	answer, reason := parseDescription(o.sdp)
	if reason != "" {
		return "", reason
	}
	d := c.forAnswer(o)
	if d == nil {
		return "", reasonNoMatch
	}
	if reason := d.fits(e, &answer, o); reason != "" {
		return "", reason
	}
	side := 1 - d.offerer
	rules := d.rules.with(o.mux)
	w := rewriterFor(o, d.faces[d.offerer])
	for i, m := range answer.media {
		at := placement{mux: m.mux}
		if s := d.streams[i]; m.active() && s != nil {
			offered := d.offer.media[i].mux
			at.port = s.ports[d.offerer][rtp].local
			at.mux = offered && !rules.reject && (rules.accept || m.mux && d.rules.offered(offered))
		}
		w.places = append(w.places, at)
	}

	// The same answer again is a retransmission, or the 200 after the 183: it
	// must not open what is locked.
	another := d.parties[side].tag != "" && d.parties[side].tag != o.toTag
	if !d.answered || another || d.answer != o.sdp || d.parties[side].from != o.signal() {
		d.bind(news{options: o, sdp: &answer, another: another}, w.places)
	}
	return w.rewrite(&answer), ""
}

// fits returns why an answer cannot belong to the dialog's offer.
func (d *dialog) fits(e *engine, answer *description, o *options) (reason string) {
	if len(answer.media) > len(d.offer.media) {
		return reasonMoreMedia
	}
	for i := range answer.media {
		m, offered := &answer.media[i], &d.offer.media[i]
		if !m.active() || !offered.active() {
			m.port = 0
			continue
		}
		if m.secure() != offered.secure() || m.dtls() != offered.dtls() {
			return unsupported(offered.proto+" to "+m.proto, nil)
		}
	}
	if _, reason := e.direct(o); reason != "" { // it says nothing here, but must be right
		return reason
	}
	return checkOptions(answer, o, d.faces[d.offerer])
}

// news is what an offer or an answer brings.
type news struct {
	options *options
	sdp     *description
	another bool // from another answerer than before
}

// bind makes the answerer a party and lets media flow.
func (d *dialog) bind(n news, places []placement) {
	side, answer := 1-d.offerer, n.sdp
	if n.another {
		d.parties[side] = member{}
	}
	for i, s := range d.streams {
		if s == nil {
			continue
		}
		taken := i < len(answer.media) && answer.media[i].port != 0
		s.off.Store(!taken)
		if taken {
			s.mux[side].Store(answer.media[i].mux && d.rules.offered(d.offer.media[i].mux))
			s.mux[d.offerer].Store(places[i].mux)
		}
	}
	d.join(side, n.options.toTag, n)
	for i, s := range d.streams {
		if s != nil && (i >= len(d.offer.media) || !d.offer.media[i].active()) {
			d.streams[i] = nil
			s.close()
			continue
		}
		if s != nil {
			s.goLive()
		}
	}
	d.streams = d.streams[:len(d.offer.media)]
	closeStreams(d.before)
	d.before, d.agreed = nil, d.faces
	d.answered, d.live, d.answer = true, true, n.options.sdp
}

// join takes over what an SDP says about its party.
func (d *dialog) join(side int, tag string, n news) {
	d.name(side, tag)
	d.signalled, d.expires = time.Now(), time.Time{}
	p := &d.parties[side]
	p.from, p.modes = n.options.signal(), nil
	for i := range n.sdp.media {
		m := &n.sdp.media[i]
		if !m.active() {
			continue
		}
		mode := m.mode
		if m.held() {
			mode = "inactive"
		}
		p.modes = append(p.modes, mode)
		if s := d.streams[i]; s != nil {
			at := partyOf(m, n.options, d.faces[side])
			at.another = n.another
			s.signal(side, at)
		}
	}
}

func (d *dialog) name(side int, tag string) {
	if p := &d.parties[side]; p.tag != tag {
		p.tag, p.created = tag, time.Now()
	}
}

// signal is what the options say about a party's source.
func (o *options) signal() signal {
	return signal{from: o.from, strict: o.strict, fixed: o.fixed}
}

// partyOf is what signalling says about a party of one media line that the
// relay faces by an interface.
func partyOf(m *media, o *options, by *iface) party {
	ip := m.addr
	if o.sipSource && o.from.IsValid() && !m.held() {
		ip = o.from
	}
	second := netip.AddrPortFrom(ip, m.port+1)
	if m.rtcp.Port() != 0 {
		second = netip.AddrPortFrom(ip, m.rtcp.Port())
		if m.rtcp.Addr().IsValid() && !o.sipSource {
			second = m.rtcp
		}
	}
	p := party{signal: o.signal(), held: m.held()}
	if at := netip.AddrPortFrom(ip, m.port); sendable(at, by.own()) {
		p.rtp = at
	}
	if sendable(second, by.own()) {
		p.rtcp = second
	}
	return p
}
