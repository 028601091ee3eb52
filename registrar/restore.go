// SPDX-FileCopyrightText: 2026 The sipnat authors
// SPDX-License-Identifier: MIT

package registrar

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
)

// life is one use of a Registrar, from its first call on.
type life struct {
	once   sync.Once
	number uint64
}

// boot is the number of this life, never zero.
func (l *life) boot() uint64 {
	l.once.Do(func() {
		for l.number == 0 {
			l.number = rand.Uint64()
		}
	})
	return l.number
}

// foreign reports whether the flow of b is another node's.
func (r *Registrar) foreign(b Binding) bool { return b.Node != r.Node && b.direct().IsValid() }

// dead reports whether b is of this node and led to by a connection of an
// earlier boot. The serials of connections start anew with each boot, so that
// an old one may well name somebody else's by now.
func (r *Registrar) dead(b Binding) bool {
	f := b.direct()
	return b.Node == r.Node && f.IsValid() && f.Transport.Reliable() && b.Boot != r.life.boot()
}

func (r *Registrar) unreachable(b Binding) bool {
	return r.dead(b) || r.Elsewhere == nil && r.foreign(b)
}

// errNoScan says that a store cannot be read through.
var errNoScan = errors.New("registrar: the store is no Scanner")

// Restore takes up what an earlier process has left in the store, which must be
// a Scanner: OnBind is called for each binding of this Node that a flow leads
// to, which expires from then on as if it had been made here, and what a
// connection of that process led to is removed. Call it once the listeners are
// there; REGISTERs may come meanwhile. It does not call OnUnbind for what it
// removes, since nobody was told of it. What has been done stays when an error,
// of the store or of ctx, ends it; it may be called again.
func (r *Registrar) Restore(ctx context.Context) error {
	scanner, ok := r.store().(Scanner)
	if !ok {
		return errNoScan
	}
	for b, err := range scanner.All(ctx) {
		if err != nil {
			return fmt.Errorf("registrar: restoring: %w", err)
		}
		switch {
		case r.dead(b):
			// Any update leaves the dead out.
			_, err = r.update(ctx, b.AOR, func(cur []Binding) ([]Binding, error) { return cur, nil })
		case b.Node == r.Node:
			err = r.adopt(ctx, b.AOR, b.ID)
		}
		if err != nil {
			return fmt.Errorf("registrar: restoring %q: %w", b.AOR, err)
		}
	}
	return nil
}

// adopt notes a binding that the store has and the ledger may not. It is held
// before the store is asked, so that whoever ends it meanwhile says so here.
func (r *Registrar) adopt(ctx context.Context, aor, id string) error {
	r.ledger.hold(id)
	defer func() {
		r.ledger.release([]string{id})
		r.ledger.arm(r.sweep)
	}()
	list, err := r.store().Lookup(ctx, aor)
	if err != nil {
		return err
	}
	for _, b := range list {
		if b.ID == id && b.Node == r.Node {
			r.ledger.settle(b)
			r.ledger.tell(id, r.OnBind, r.OnUnbind)
		}
	}
	return nil
}
