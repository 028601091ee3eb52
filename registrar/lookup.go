// SPDX-FileCopyrightText: 2026 The sipnat authors
// SPDX-License-Identifier: MIT

package registrar

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/emiago/sipgo/sip"

	"github.com/sipnat/sipnat/flow"
)

// Locate finds where to send a request for one of our users, by its
// Request-URI (RFC 3261 section 16.5; Kamailio's lookup). It never returns an
// empty list without an error: ErrForeign if the host is none of Domains,
// ErrNotFound or, for a user that Known knows, ErrUnregistered if nobody is
// registered there, else what the store failed with.
// It does not change req.
func (r *Registrar) Locate(req *sip.Request) ([]flow.Target, error) {
	key, err := r.Address(req.Recipient)
	if err != nil {
		return nil, err
	}
	ctx, cancel := r.context()
	defer cancel()
	targets, err := r.lookup(ctx, key)
	if err == nil && len(targets) == 0 {
		err = ErrNotFound
		if r.Known != nil && r.Known(key) {
			err = ErrUnregistered
		}
	}
	return targets, err
}

// Lookup is what aor's live bindings make to send to: highest Q first, among
// equals the one that was refreshed last; none is not an error. aor is written
// as an AOR hook may write it.
//
// A phone that named itself (RFC 5626 instance) has one target, its newest
// flow. The URI is what the phone registered, without the headers that a
// Request-URI may not have. With a Path the target has that as its Route, and
// no flow: where the first hop is reached is for the sender to find out.
func (r *Registrar) Lookup(ctx context.Context, aor string) ([]flow.Target, error) {
	key, err := r.resolve(aor)
	if err != nil {
		return nil, err
	}
	return r.lookup(ctx, key)
}

func (r *Registrar) lookup(ctx context.Context, key string) ([]flow.Target, error) {
	list, err := r.store().Lookup(ctx, key)
	if err != nil {
		return nil, fmt.Errorf("registrar: looking up %q: %w", key, err)
	}
	list = slices.DeleteFunc(list, r.unreachable)
	slices.SortStableFunc(list, func(a, b Binding) int { return b.Updated.Compare(a.Updated) })
	targets := make([]flow.Target, 0, len(list))
	for i := range list {
		b := &list[i]
		if b.InstanceID != "" && slices.ContainsFunc(list[:i], func(newer Binding) bool {
			return strings.EqualFold(newer.InstanceID, b.InstanceID)
		}) {
			continue
		}
		if t, ok := r.target(b); ok {
			targets = append(targets, t)
		}
	}
	slices.SortStableFunc(targets, func(a, b flow.Target) int { return cmp.Compare(b.Q, a.Q) })
	return targets, nil
}

// target is false for a binding that Elsewhere leaves out.
func (r *Registrar) target(b *Binding) (flow.Target, bool) {
	if r.foreign(*b) {
		t, err := r.Elsewhere(*b)
		return t, err == nil
	}
	return target(b)
}

// target is false for a binding that this package would not have stored.
func target(b *Binding) (flow.Target, bool) {
	uri, ok := parseURI(b.Contact)
	if !ok {
		return flow.Target{}, false
	}
	uri.Headers = nil // RFC 3261 section 19.1.1
	t := flow.Target{URI: uri, Peer: flow.Peer{Flow: b.direct(), NAT: b.NAT}, Q: b.Q, ID: b.ID}
	for _, hop := range b.Path {
		u, ok := parseURI(hop)
		if !ok {
			return flow.Target{}, false
		}
		t.Route = append(t.Route, u)
	}
	return t, true
}
