// SPDX-FileCopyrightText: 2026 The sipnat authors
// SPDX-License-Identifier: MIT

package registrar

import (
	"encoding/binary"
	"math"
	"net/netip"
	"strings"
	"sync"
	"time"
	"unique"

	"github.com/sipnat/sipnat/flow"
)

// record is a Binding in 96 bytes, plus one string with all of its text. What
// refreshes change stands beside the string and is changed in place.
type record struct {
	next    *record
	text    string // see pack
	agent   unique.Handle[string]
	place   *place
	expires int64 // from Memory.epoch, as is updated; noTime: the zero time
	updated int64
	conn    uint64
	remote  [16]byte
	cseq    uint32
	changes uint32 // of the chain; counted in its first record
	port    uint16
	q       int16
	bits    uint8
}

// bits of a record.
const (
	bitNAT    = 1 << iota
	bitRemote // there is an address
	bitRemote4
	bitPath // the text has one
	bitEnd  // the address is the end of the ID
	bitText = bitPath | bitEnd
)

// place is what thousands of bindings have in common: our side of their flows.
// It is never changed.
type place struct {
	transport flow.Transport
	local     netip.AddrPort
	node      string
	boot      uint64
}

func placeOf(b *Binding) place {
	return place{b.Flow.Transport, b.Flow.Local, b.Node, b.Boot}
}

func (p *place) is(b *Binding) bool { return *p == placeOf(b) }

// places has one place of each kind. There are as many as we have addresses and
// nodes and have had boots: none is given up.
type places struct {
	mu  sync.RWMutex
	all map[place]*place
}

func (p *places) of(b *Binding) *place {
	want := placeOf(b)
	p.mu.RLock()
	have := p.all[want]
	p.mu.RUnlock()
	if have != nil {
		return have
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if have = p.all[want]; have != nil {
		return have
	}
	if p.all == nil {
		p.all = make(map[place]*place)
	}
	kept := want
	kept.node = strings.Clone(want.node)
	p.all[kept] = &kept
	return &kept
}

// offset is a time as records have it. Times of this process keep their
// monotonic reading that way.
func (m *Memory) offset(t time.Time) int64 {
	if t.IsZero() {
		return noTime
	}
	return int64(t.Sub(m.epoch))
}

func (m *Memory) time(offset int64) time.Time {
	if offset == noTime {
		return time.Time{}
	}
	return m.epoch.Add(time.Duration(offset))
}

// pack makes the record of b, with the text of one of old if it is the same.
// The text is the ID, the address (empty with bitEnd), Contact,
// Call-ID, instance, reg-id, and the hops of the Path.
func (m *Memory) pack(aor string, b *Binding, old []record) *record {
	r := &record{
		agent: unique.Make(b.UserAgent), place: m.places.of(b),
		expires: m.offset(b.Expires), updated: m.offset(b.Updated),
		cseq: b.CSeq, q: int16(max(math.MinInt16, min(b.Q, math.MaxInt16))),
	}
	r.setFlow(b)
	own := aor
	if end, ok := aorOf(b.ID); ok && end == aor {
		own = ""
		r.bits |= bitEnd
	}
	size := 6*binary.MaxVarintLen32 + len(b.ID) + len(own) + len(b.Contact) + len(b.CallID) + len(b.InstanceID)
	for _, hop := range b.Path {
		size += binary.MaxVarintLen32 + len(hop)
	}
	var room [512]byte
	text := room[:0]
	if size > len(room) {
		text = make([]byte, 0, size)
	}
	for _, s := range [...]string{b.ID, own, b.Contact, b.CallID, b.InstanceID} {
		text = appendString(text, s)
	}
	text = binary.AppendUvarint(text, uint64(b.RegID))
	if len(b.Path) > 0 {
		r.bits |= bitPath
		for _, hop := range b.Path {
			text = appendString(text, hop)
		}
	}
	for i := range old {
		if old[i].text == string(text) {
			r.text = old[i].text
			return r
		}
	}
	r.text = string(text)
	return r
}

func (r *record) setFlow(b *Binding) {
	r.conn, r.port = b.Flow.Conn, b.Flow.Remote.Port()
	r.bits &= bitText
	if b.NAT {
		r.bits |= bitNAT
	}
	if ip := b.Flow.Remote.Addr(); ip.IsValid() {
		r.remote = ip.As16()
		r.bits |= bitRemote
		if ip.Is4() {
			r.bits |= bitRemote4
		}
	}
}

func (r *record) from() netip.AddrPort {
	if r.bits&bitRemote == 0 {
		return netip.AddrPort{}
	}
	ip := netip.AddrFrom16(r.remote)
	if r.bits&bitRemote4 != 0 {
		ip = ip.Unmap()
	}
	return netip.AddrPortFrom(ip, r.port)
}

// unpack is the inverse of pack. The strings of b are parts of the text.
func (m *Memory) unpack(r *record, b *Binding) {
	c := cursor{s: r.text}
	b.ID, b.AOR = c.text(), c.text()
	if r.bits&bitEnd != 0 {
		b.AOR, _ = aorOf(b.ID)
	}
	b.Contact, b.CallID, b.InstanceID = c.text(), c.text(), c.text()
	b.RegID = uint32(c.uint(math.MaxUint32))
	if r.bits&bitPath != 0 {
		for c.s != "" {
			b.Path = append(b.Path, c.text())
		}
	}
	b.Q, b.CSeq, b.NAT, b.UserAgent = int(r.q), r.cseq, r.bits&bitNAT != 0, r.agent.Value()
	b.Expires, b.Updated = m.time(r.expires), m.time(r.updated)
	b.Flow = flow.Flow{Transport: r.place.transport, Local: r.place.local, Remote: r.from(), Conn: r.conn}
	b.Node, b.Boot = r.place.node, r.place.boot
}

func (r *record) id() string {
	c := cursor{s: r.text}
	return c.text()
}

func (r *record) aor() string {
	c := cursor{s: r.text}
	id, aor := c.text(), c.text()
	if r.bits&bitEnd != 0 {
		aor, _ = aorOf(id)
	}
	return aor
}

// refreshes reports whether b differs from the binding of r in nothing but what
// a refresh changes, and is the later one.
func (r *record) refreshes(b *Binding) bool {
	if r.bits&bitPath != 0 || len(b.Path) > 0 || r.cseq >= b.CSeq || int(r.q) != b.Q || r.place.node != b.Node || r.agent.Value() != b.UserAgent {
		return false
	}
	c := cursor{s: r.text}
	c.text()
	c.text()
	contact, callID, instance, regID := c.text(), c.text(), c.text(), c.uint(math.MaxUint32)
	return contact == b.Contact && callID == b.CallID && instance == b.InstanceID && regID == uint64(b.RegID)
}
