// SPDX-FileCopyrightText: 2026 The sipnat authors
// SPDX-License-Identifier: MIT

package registrar

import (
	"slices"
	"strings"
	"time"
)

// edit is the change that g makes to the bindings of its address: all of it,
// or an error. cur holds live bindings only.
func (g *registration) edit(cur []Binding) ([]Binding, error) {
	now := time.Now()
	if g.star {
		return g.clear(cur)
	}
	if slices.ContainsFunc(cur, g.stale) {
		return nil, errOutOfOrder
	}
	claimed, gone := g.claims(cur), make([]bool, len(cur))
	next, had := cur, len(cur)
	for i, c := range g.contacts {
		at, life := claimed[i], g.lifetime(c.expires)
		if at == twice || at == none && life == 0 {
			continue
		}
		if at == none {
			next = append(next, g.binding(c, newID(g.aor), now, life))
			continue
		}
		old := cur[at]
		if old.CallID == g.callID && old.CSeq == g.cseq {
			if life == 0 {
				return nil, errOutOfOrder // a repeat would not have found it
			}
			continue
		}
		if life == 0 {
			gone[at] = true
			continue
		}
		b := g.binding(c, old.ID, now, life)
		if !b.Updated.After(old.Updated) {
			b.Updated = old.Updated.Add(1)
		}
		next[at] = b
	}
	kept := next[:0]
	for i, b := range next {
		if i >= had || !gone[i] {
			kept = append(kept, b)
		}
	}
	if len(kept) > had && len(kept) > g.limit {
		return nil, errTooMany
	}
	return kept, nil
}

// clear is "Contact: *" (RFC 3261 section 10.3 step 6).
func (g *registration) clear(cur []Binding) ([]Binding, error) {
	for _, b := range cur {
		if b.CallID == g.callID && b.CSeq >= g.cseq {
			return nil, errOutOfOrder
		}
	}
	return nil, nil
}

func (g *registration) binding(c contact, id string, now time.Time, life time.Duration) Binding {
	return Binding{
		ID: id, AOR: g.aor, Contact: c.uri, Q: c.q,
		Expires: now.Add(life), Updated: now,
		CallID: g.callID, CSeq: g.cseq,
		Flow: g.flow, NAT: g.nat, Path: g.path,
		InstanceID: c.instance, RegID: c.regID, UserAgent: g.userAgent,
		Node: g.node, Boot: g.boot,
	}
}

// stale reports whether b was made by a later REGISTER of the same phone than
// g, and is one that g would change. The CSeq is compared whatever identifies
// the phone: an instance is no reason to let an old REGISTER bring back an old
// address.
func (g *registration) stale(b Binding) bool {
	return b.CallID == g.callID && b.CSeq > g.cseq && slices.ContainsFunc(g.contacts, func(c contact) bool {
		return !contradicts(c, b) && (g.same(c, b) || userOf(c.uri) == userOf(b.Contact))
	})
}

// What claims says of a contact that claims no binding: there is none for it,
// or the same contact came before in this REGISTER.
const (
	none  = -1
	twice = -2
)

// claims finds for each contact the binding that it replaces. A binding is
// replaced by one contact only, and the certain claims of all contacts come
// before the uncertain ones of any: a phone that gives up one address and
// registers another in one REGISTER means two bindings.
func (g *registration) claims(cur []Binding) []int {
	claimed, taken := make([]int, len(g.contacts)), make([]bool, len(cur))
	for i, c := range g.contacts {
		claimed[i] = none
		if slices.ContainsFunc(g.contacts[:i], func(d contact) bool {
			return equalURI(c.uri, d.uri) && c.instance == d.instance && c.regID == d.regID
		}) {
			claimed[i] = twice
		}
	}
	for _, rule := range []func(contact, Binding) bool{g.same, g.sameDevice, g.moved} {
		for i, c := range g.contacts {
			for j, b := range cur {
				if claimed[i] == none && !taken[j] && !contradicts(c, b) && rule(c, b) {
					claimed[i], taken[j] = j, true
				}
			}
		}
	}
	return claimed
}

// contradicts reports whether c and b name different phones, or different
// flows of one phone (RFC 5626): then nothing else makes them the same.
func contradicts(c contact, b Binding) bool {
	if c.instance == "" || b.InstanceID == "" {
		return false
	}
	return !strings.EqualFold(c.instance, b.InstanceID) || c.regID != 0 && b.RegID != 0 && c.regID != b.RegID
}

func sameInstance(c contact, b Binding) bool {
	return c.instance != "" && strings.EqualFold(c.instance, b.InstanceID)
}

// same is certain: the flow of the phone that it named itself, or its contact
// from where it was, or by the same Call-ID. An equal contact alone says
// little: any number of homes have a 192.168.0.2.
func (g *registration) same(c contact, b Binding) bool {
	if sameInstance(c, b) && c.regID != 0 && c.regID == b.RegID {
		return true
	}
	return (b.CallID == g.callID || g.sameSource(b)) && equalURI(c.uri, b.Contact)
}

// sameDevice is a phone that names itself and came with another contact. Over
// another transport or IP family it keeps both bindings: phones with two
// stacks register twice.
func (g *registration) sameDevice(c contact, b Binding) bool {
	return sameInstance(c, b) && g.flow.Transport == b.Flow.Transport &&
		g.flow.Remote.Addr().Is4() == b.Flow.Remote.Addr().Is4()
}

// moved is a phone whose contact changed with its address, as the NAT's mapping
// does for phones that write what they learn of it: the same user of the same
// phone, since phones keep their Call-ID (RFC 3261 section 10.2).
func (g *registration) moved(c contact, b Binding) bool {
	return b.CallID == g.callID && b.CSeq < g.cseq && userOf(c.uri) == userOf(b.Contact)
}

// sameSource reports whether g came from where b came from: the IP address, or,
// through proxies, the Path, which is one address for all phones behind them
// unless the proxies put a token of the phone's flow in it.
func (g *registration) sameSource(b Binding) bool {
	if len(g.path) > 0 || len(b.Path) > 0 {
		return slices.Equal(g.path, b.Path)
	}
	return g.flow.Remote.IsValid() && g.flow.Remote.Addr() == b.Flow.Remote.Addr()
}
