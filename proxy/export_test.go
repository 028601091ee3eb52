// SPDX-FileCopyrightText: 2026 The sipnat authors
// SPDX-License-Identifier: MIT

package proxy

import (
	"time"

	"github.com/emiago/sipgo/sip"
)

// WithFake makes f send through l instead of a flow.Layer.
func WithFake(f *Forwarder, l layer) *Forwarder {
	f.fake = l
	return f
}

// MemoryKeeps reports whether a failed INVITE is still known after a time.
func MemoryKeeps(invite *sip.Request, after time.Duration) bool {
	var m memory
	m.add(invite)
	time.Sleep(after)
	return m.has(invite)
}
