// SPDX-FileCopyrightText: 2026 The sipnat authors
// SPDX-License-Identifier: MIT

// Package txval carries facts from one middleware to the next on the server
// transaction, which is SIP's ResponseWriter: sipgo has no request context, a
// header would leak onto the wire, and a map would leak memory.
package txval

import "github.com/emiago/sipgo/sip"

type valueTx[T any] struct {
	sip.ServerTransaction
	value T
}

// Unwrap returns the transaction below.
func (v valueTx[T]) Unwrap() sip.ServerTransaction { return v.ServerTransaction }

// Connection passes through sipgo's accessor, which is not part of the
// interface; nil if the transaction below has none.
func (v valueTx[T]) Connection() sip.Connection { return Connection(v.ServerTransaction) }

// With returns tx carrying v. A later value of the same type hides an earlier.
func With[T any](tx sip.ServerTransaction, v T) sip.ServerTransaction {
	return valueTx[T]{tx, v}
}

// Value finds the value of type T that was set last.
func Value[T any](tx sip.ServerTransaction) (T, bool) {
	for tx != nil {
		if v, ok := tx.(valueTx[T]); ok {
			return v.value, true
		}
		u, ok := tx.(interface{ Unwrap() sip.ServerTransaction })
		if !ok {
			break
		}
		tx = u.Unwrap()
	}
	var none T
	return none, false
}

// Connection is the connection that tx answers on; nil if tx does not tell.
func Connection(tx sip.ServerTransaction) sip.Connection {
	if c, ok := tx.(interface{ Connection() sip.Connection }); ok {
		return c.Connection()
	}
	return nil
}
