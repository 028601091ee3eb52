// SPDX-FileCopyrightText: 2026 The sipnat authors
// SPDX-License-Identifier: MIT

package flowtoken

// Outbound is carried on a server transaction (txval) whose request is to go to a
// flow of RFC 5626: when that is gone the answer is 430 (section 5.3.1), so that
// the registrar tries another flow of the phone.
type Outbound struct{}
