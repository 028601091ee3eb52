// SPDX-FileCopyrightText: 2026 The sipnat authors
// SPDX-License-Identifier: MIT

package keepalive

import (
	"hash/maphash"
	"net/netip"
	"time"

	"github.com/emiago/sipgo/sip"

	"github.com/sipnat/sipnat/flow"
)

// Ping is how one binding is pinged. The zero value is: as Config says.
type Ping struct {
	// Kind is what the flow is pinged with if it is UDP. None: not at all.
	Kind Kind
	// Interval between two pings. Zero means Config.Interval.
	Interval time.Duration
	// Route is the Path that the binding was registered with (RFC 3327): the flow
	// leads to its first hop, and the phone is behind its last. Such a binding is
	// pinged with an OPTIONS whatever Kind says, and what a proxy may have
	// answered for it, 408, 430, 480 or 5xx, is no sign of life. On a stream
	// nothing is read of the replies, so that they are no sign of death either.
	Route []sip.Uri
	// URI is the Request-URI of pings along Route: the phone's Contact.
	URI sip.Uri
}

// Add has the flow f of the binding id pinged from now on, at the binding's own
// phase: the first time within an interval. An id that is there already goes
// on; having been added again is a sign of life, and a new flow takes the pings
// over. A flow that is not valid is not pinged.
//
// A dialog or a subscription holds a flow in the same way, under an id of its
// own, until it is removed. Ids of one flow share its pings: each is sent once,
// at the shortest of their intervals, and Dead is told all of them.
func (p *Pinger) Add(id string, f flow.Flow) { p.AddWith(id, f, Ping{}) }

// AddWith is Add for a binding that is pinged otherwise than Config says. A Ping
// that cannot be sent, since a URI has control characters, is as Kind None.
func (p *Pinger) AddWith(id string, f flow.Flow, how Ping) {
	rt, sendable := newRoute(how)
	p.mu.Lock()
	defer p.mu.Unlock()
	i := p.find(id)
	want := record{
		addr: f.Remote.Addr().As16(), port: f.Remote.Port(), conn: f.Conn,
		kind: how.Kind, interval: p.config.ticks(positive(how.Interval, p.config.interval()), false),
	}
	if want.kind == Default {
		want.kind = p.config.kind()
	}
	var known bool
	want.path, known = p.paths.of(f)
	if !f.IsValid() || f.Remote == f.Local || want.kind == None || !sendable || !known {
		if i != none {
			p.drop(i)
		}
		return
	}
	isNew := i == none
	if isNew {
		i = p.table.add()
		p.table.at(i).id = id
		p.byID.insert(i)
	}
	moved := isNew || !p.table.at(i).sameFlow(&want) || p.routes[i] != rt
	if moved || p.table.at(i).interval != want.interval {
		p.move(i, &want, rt, moved, isNew)
	}
	p.table.at(i).kind = want.kind
	p.alive(i)
}

// Remove stops the pings of a binding. One that is not there is no error.
func (p *Pinger) Remove(id string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if i := p.find(id); i != none {
		p.drop(i)
	}
}

// move gives a binding another flow, route or interval.
func (p *Pinger) move(i int32, want *record, rt route, moved, isNew bool) {
	e := p.table.at(i)
	if !isNew {
		p.leave(i)
	}
	e.addr, e.port, e.conn, e.path, e.interval = want.addr, want.port, want.conn, want.path, want.interval
	if moved {
		// Replies to pings on the old flow say nothing, and its times neither.
		e.heard, e.smooth, e.last = e.sent, 0, 0
		e.flags &^= selfFed | routed
		delete(p.routes, i)
		if rt.valid() {
			e.flags |= routed
			p.routes[i] = rt
		}
	}
	p.join(i)
}

// alive takes the misses of a flow away and puts it at its next regular ping.
func (p *Pinger) alive(i int32) {
	i = p.leader(i)
	e := p.table.at(i)
	e.misses = 0
	e.flags &^= waiting | reserved
	p.wheel.regular(i)
}

func (p *Pinger) drop(i int32) {
	p.leave(i)
	p.byID.remove(i)
	delete(p.routes, i)
	p.table.remove(i)
}

func (p *Pinger) find(id string) int32 {
	i := p.byID.first(p.hashID(id))
	for i != none && p.table.at(i).id != id {
		i = p.table.at(i).nextID
	}
	return i
}

func (p *Pinger) hashID(id string) uint64 { return maphash.String(p.seed, id) }

func (p *Pinger) hashPeer(addr [16]byte, port uint16) uint64 {
	return maphash.Bytes(p.seed, append(addr[:], byte(port>>8), byte(port)))
}

// sameFlow reports whether two records are of one flow.
func (e *record) sameFlow(o *record) bool {
	return e.addr == o.addr && e.port == o.port && e.path == o.path && e.conn == o.conn
}

// path is what many flows have in common.
type path struct {
	transport flow.Transport
	local     netip.AddrPort
	v4        bool
	zone      string
}

// paths numbers paths. There are as many as we have addresses, times the links
// of link-local peers: none is ever forgotten.
type paths struct {
	list  []path
	index map[path]uint16
}

// of is the number of the path of f. It reports false for a path too many.
func (s *paths) of(f flow.Flow) (uint16, bool) {
	k := path{f.Transport, f.Local, f.Remote.Addr().Is4(), f.Remote.Addr().Zone()}
	n, ok := s.index[k]
	if !ok && f.IsValid() && len(s.list) < 1<<16 {
		n, ok = uint16(len(s.list)), true
		s.list = append(s.list, k)
		s.index[k] = n
	}
	return n, ok
}

// flow is the flow of a record.
func (p *Pinger) flow(e *record) flow.Flow {
	k := &p.paths.list[e.path]
	addr := netip.AddrFrom16(e.addr)
	if k.v4 {
		addr = addr.Unmap()
	} else if k.zone != "" {
		addr = addr.WithZone(k.zone)
	}
	return flow.Flow{
		Transport: k.transport, Local: k.local,
		Remote: netip.AddrPortFrom(addr, e.port), Conn: e.conn,
	}
}
