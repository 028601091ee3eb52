// SPDX-FileCopyrightText: 2026 The sipnat authors
// SPDX-License-Identifier: MIT

package nat

// ParseHost is tested against netip.ParseAddr, which it must agree with.
var ParseHost = parseHost
