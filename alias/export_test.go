// SPDX-FileCopyrightText: 2026 The sipnat authors
// SPDX-License-Identifier: MIT

package alias

import "github.com/sipnat/sipnat/flow"

// ParseFlow is the parser behind the MAC.
var ParseFlow = parseFlow

// SignTo appends a token, for the allocation test and the benchmark.
func (s *Signer) SignTo(b []byte, user string, f flow.Flow) []byte {
	st := s.state()
	defer s.states.Put(st)
	return s.appendToken(b, st, user, f)
}
