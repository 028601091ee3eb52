// SPDX-FileCopyrightText: 2026 The sipnat authors
// SPDX-License-Identifier: MIT

package flow

import (
	"github.com/emiago/sipgo/sip"

	"github.com/sipnat/sipnat/internal/txval"
)

// WithTarget returns tx carrying the place that its request may be sent to, for
// the forwarder. A later target replaces an earlier one.
func WithTarget(tx sip.ServerTransaction, t Target) sip.ServerTransaction {
	return txval.With(tx, t)
}

// TargetOf is the target that middleware in front has set.
func TargetOf(tx sip.ServerTransaction) (Target, bool) {
	return txval.Value[Target](tx)
}
