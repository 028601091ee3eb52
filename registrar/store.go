// SPDX-FileCopyrightText: 2026 The sipnat authors
// SPDX-License-Identifier: MIT

package registrar

import (
	"context"
	"iter"
)

// Store holds bindings. Implementations are safe for concurrent use, and pass
// storetest.Run. A binding is gone from the instant that its Expires names, and
// neither method shows it any more.
type Store interface {
	// Update atomically replaces the bindings of aor by what edit returns: all
	// or nothing (RFC 3261 section 10.3). edit gets the live ones, in the
	// order in which they were stored, in a slice that it may change; what it
	// returns is the store's from then on, to read only. No bindings means
	// that aor is forgotten. edit may run more than once and must not block;
	// no lock is held while it runs. Its error, and that of ctx, leave the
	// bindings as they were and come back, wrapped or not.
	Update(ctx context.Context, aor string, edit func([]Binding) ([]Binding, error)) error
	// Lookup returns the live bindings of aor in the order in which they were
	// stored; none is not an error. The slice is the caller's.
	Lookup(ctx context.Context, aor string) ([]Binding, error)
}

// Refresher is a Store that has a short way for the commonest change of all.
type Refresher interface {
	// Refresh replaces the bindings of b.AOR by b if there is exactly one, which
	// is live, was made with a lower CSeq and differs from b in nothing else but
	// ID, Flow, NAT, Expires, Updated and Boot, and if neither has a Path. It
	// then sets b.ID to the ID that stays, and b.Updated to later than it was
	// if need be, and returns true. Else it changes nothing and returns false:
	// Update must do it. b is not kept.
	Refresh(ctx context.Context, b *Binding) (bool, error)
}

// Scanner is a Store that can be read through.
type Scanner interface {
	// All yields every live binding, those of one aor together. What changes
	// meanwhile may be seen or not. No lock is held during a yield, so the
	// store may be used from there. An error ends it.
	All(ctx context.Context) iter.Seq2[Binding, error]
}
