// SPDX-FileCopyrightText: 2026 The sipnat authors
// SPDX-License-Identifier: MIT

package keepalive

// Of the bindings on one flow one is pinged, the leader; the others follow it.
// Along a Path each is for itself: the flow leads to a proxy, and many phones
// are behind it.

// leader is the binding that is pinged for i, which may be itself.
func (p *Pinger) leader(i int32) int32 {
	if e := p.table.at(i); e.is(follower) {
		return e.group
	}
	return i
}

// join puts a binding, which is alone, with the others on its flow. The shortest
// interval leads.
func (p *Pinger) join(i int32) {
	e := p.table.at(i)
	if e.is(routed) {
		p.wheel.regular(i)
		return
	}
	l := p.byPeer.first(p.hashPeer(e.addr, e.port))
	for l != none && !p.table.at(l).sameFlow(e) {
		l = p.table.at(l).nextPeer
	}
	switch {
	case l == none:
		p.byPeer.insert(i)
		p.wheel.regular(i)
	case e.interval < p.table.at(l).interval:
		p.succeed(i, l)
		p.follow(l, i)
	default:
		p.follow(i, l)
	}
}

// leave takes a binding away from the others on its flow.
func (p *Pinger) leave(i int32) {
	e := p.table.at(i)
	switch {
	case e.is(follower):
		p.unfollow(i)
		return
	case e.is(routed):
	case e.group == none:
		p.byPeer.remove(i)
	default:
		heir := e.group
		for f := e.group; f != none; f = p.table.at(f).link.next {
			if p.table.at(f).interval < p.table.at(heir).interval {
				heir = f
			}
		}
		p.unfollow(heir)
		p.succeed(heir, i)
	}
	e.flags &^= waiting | reserved
	p.wheel.unlink(i)
}

// succeed makes i, which is alone, the leader of the followers of old, who is
// alone then. It is pinged no later than old would have been.
func (p *Pinger) succeed(i, old int32) {
	e, o := p.table.at(i), p.table.at(old)
	p.byPeer.remove(old)
	p.byPeer.insert(i)
	e.group, o.group = o.group, none
	for f := e.group; f != none; f = p.table.at(f).link.next {
		p.table.at(f).group = i
	}
	e.misses, e.smooth, e.last = o.misses, o.smooth, o.last
	e.fed, e.flags = o.fed, e.flags|o.flags&selfFed
	p.wheel.regular(i)
	now := uint32(p.wheel.now)
	if left := int32(o.due - now); left < int32(e.due-now) {
		p.wheel.after(i, uint32(max(1, left)))
	}
	o.flags &^= waiting | reserved
	p.wheel.unlink(old)
}

// follow makes i, which is alone, a follower of l. Followers are chained by the
// links that they do not need in the wheel.
func (p *Pinger) follow(i, l int32) {
	e, lead := p.table.at(i), p.table.at(l)
	e.flags |= follower
	e.group = l
	e.link = links{next: lead.group, prev: none}
	if lead.group != none {
		p.table.at(lead.group).link.prev = i
	}
	lead.group = i
}

func (p *Pinger) unfollow(i int32) {
	e := p.table.at(i)
	if e.link.prev != none {
		p.table.at(e.link.prev).link.next = e.link.next
	} else {
		p.table.at(e.group).group = e.link.next
	}
	if e.link.next != none {
		p.table.at(e.link.next).link.prev = e.link.prev
	}
	e.flags &^= follower
	e.group, e.link = none, links{i, i}
}
