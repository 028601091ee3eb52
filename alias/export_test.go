// SPDX-FileCopyrightText: 2026 The sipnat authors
// SPDX-License-Identifier: MIT

package alias

import "github.com/sipnat/sipnat/flow"

// SignTo appends a token, for the allocation test and the benchmark.
func (s *Signer) SignTo(b []byte, user string, f flow.Flow) []byte {
	return s.ring.Append(b, f, flowClaim(user))
}
