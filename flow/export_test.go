// SPDX-FileCopyrightText: 2026 The sipnat authors
// SPDX-License-Identifier: MIT

package flow

import "net/netip"

// Origin is whom a stream is counted for.
func Origin(a netip.Addr) netip.Prefix { return origin(a) }

// Compact is a message as it goes out when it is too large.
func Compact(msg []byte) []byte { return appendCompact(nil, msg) }
