// SPDX-FileCopyrightText: 2026 The sipnat authors
// SPDX-License-Identifier: MIT

package registrar

import (
	"context"
	"log/slog"
	"slices"
	"time"

	"github.com/sipnat/sipnat/flow"
)

// retry is how much later a binding that has expired is looked at again, when
// the store has failed, or shows it still.
const retry = 10 * time.Second

// Drop ends a binding, whatever the phone thinks: one that does not answer
// pings, for instance. It fits keepalive's Dead. An ID that names none any more
// is no error.
func (r *Registrar) Drop(id string) { r.end(id, func(Binding) bool { return true }) }

// Closed ends the bindings that a connection led to, which nothing can be sent
// on any more: phones behind NAT cannot be dialled. It fits flow.Layer.OnClose;
// flows without a connection are ignored.
func (r *Registrar) Closed(f flow.Flow) {
	if f.Conn == 0 {
		return
	}
	for _, id := range r.ledger.on(f.Conn) {
		r.end(id, func(b Binding) bool { return b.Flow.Conn == f.Conn })
	}
}

// sweep ends what has expired. The timer of the ledger calls it.
func (r *Registrar) sweep() {
	for more := true; more; {
		var ids []string
		ids, more = r.ledger.expired(time.Now())
		for _, id := range ids {
			r.end(id, func(Binding) bool { return false }) // the store does it
		}
	}
	r.ledger.rest()
	r.ledger.arm(r.sweep)
}

// end removes binding id if over agrees, and says so if it is not there (any
// more).
func (r *Registrar) end(id string, over func(Binding) bool) {
	aor, ok := aorOf(id)
	if !ok {
		return
	}
	ctx, cancel := r.context()
	defer cancel()
	left, err := r.update(ctx, aor, func(cur []Binding) ([]Binding, error) {
		return slices.DeleteFunc(cur, func(b Binding) bool { return b.ID == id && b.Node == r.Node && over(b) }), nil
	})
	if err != nil {
		r.logger().LogAttrs(ctx, slog.LevelWarn, "registrar: binding not removed", slog.String("aor", aor), slog.Any("err", err))
		r.ledger.again(id, time.Now().Add(retry))
		return
	}
	// One that has moved to another node is that one's to look after.
	if i := slices.IndexFunc(left, func(b Binding) bool { return b.ID == id && b.Node == r.Node }); i >= 0 {
		at := left[i].Expires
		if now := time.Now(); !at.After(now) {
			at = now.Add(retry) // a store with a clock of its own
		}
		r.ledger.again(id, at)
		return
	}
	r.ledger.bury(id)
	r.ledger.tell(id, r.OnBind, r.OnUnbind)
}

// refresh does what nearly every REGISTER wants, if it wants nothing else and
// the store can.
func (r *Registrar) refresh(ctx context.Context, g *registration) (Binding, bool, error) {
	store, ok := r.store().(Refresher)
	if !ok || len(g.contacts) != 1 {
		return Binding{}, false, nil
	}
	life := g.lifetime(g.contacts[0].expires)
	if life == 0 || len(g.path) > 0 {
		return Binding{}, false, nil
	}
	b := g.binding(g.contacts[0], "", time.Now(), life)
	if ok, err := store.Refresh(ctx, &b); !ok || err != nil {
		return Binding{}, false, err
	}
	if !r.ledger.renew(b) {
		return b, true, r.adopt(ctx, b.AOR, b.ID) // made by others
	}
	r.ledger.tell(b.ID, r.OnBind, r.OnUnbind)
	r.ledger.arm(r.sweep)
	return b, true, nil
}

// update is Store.Update, and then tells the hooks what has changed. It
// returns the bindings that there are now, to read only.
func (r *Registrar) update(ctx context.Context, aor string, edit func([]Binding) ([]Binding, error)) ([]Binding, error) {
	var held []string
	hold := func(list []Binding) {
		for i := range list {
			if !slices.Contains(held, list[i].ID) {
				held = append(held, list[i].ID)
				r.ledger.hold(list[i].ID)
			}
		}
	}
	type version struct {
		id string
		at time.Time
	}
	var before []version
	var after []Binding
	err := r.store().Update(ctx, aor, func(cur []Binding) (next []Binding, err error) {
		before = before[:0]
		for i := range cur {
			before = append(before, version{cur[i].ID, cur[i].Updated})
		}
		hold(cur)
		cur = slices.DeleteFunc(cur, r.dead)
		if next, err = edit(cur); err == nil {
			hold(next)
			after = next
		}
		return next, err
	})
	defer func() {
		r.ledger.release(held)
		r.ledger.arm(r.sweep)
	}()
	if err != nil {
		return nil, err
	}
	for _, b := range after {
		if !slices.Contains(before, version{b.ID, b.Updated}) {
			r.ledger.settle(b)
			r.ledger.tell(b.ID, r.OnBind, r.OnUnbind)
		}
	}
	for _, v := range before {
		if !slices.ContainsFunc(after, func(b Binding) bool { return b.ID == v.id }) {
			r.ledger.bury(v.id)
			r.ledger.tell(v.id, r.OnBind, r.OnUnbind)
		}
	}
	return after, nil
}
