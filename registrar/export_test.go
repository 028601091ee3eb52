// SPDX-FileCopyrightText: 2026 The sipnat authors
// SPDX-License-Identifier: MIT

package registrar

// Tracked counts what the ledger still knows; zero when all bindings have
// ended.
func (r *Registrar) Tracked() int {
	r.ledger.mu.Lock()
	defer r.ledger.mu.Unlock()
	return len(r.ledger.entries) + len(r.ledger.due) + len(r.ledger.conns)
}

// Records counts the addresses that the store keeps, expired ones too.
func (m *Memory) Records() int {
	n := 0
	for i := range m.shards {
		n += len(m.shards[i].records())
	}
	return n
}
