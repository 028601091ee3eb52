// SPDX-FileCopyrightText: 2026 The sipnat authors
// SPDX-License-Identifier: MIT

// Package dialog tells requests inside a dialog from others.
package dialog

import "github.com/emiago/sipgo/sip"

// Inside reports whether req has a To tag, with or without a value: what says
// so is not believed, only held to the rules for dialogs (RFC 3261 section 12.2).
func Inside(req *sip.Request) bool {
	to := req.To()
	return to != nil && to.Params.Has("tag")
}
