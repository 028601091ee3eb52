// SPDX-FileCopyrightText: 2026 The sipnat authors
// SPDX-License-Identifier: MIT

package nat

import (
	"errors"
	"fmt"
)

// Error is a message that could not be repaired. It was left as it was.
type Error struct {
	Field  string // what is wrong: "Contact", "SDP", "multipart", "Content-Length"
	Reason string
}

func (e *Error) Error() string { return fmt.Sprintf("nat: malformed %s: %s", e.Field, e.Reason) }

// SIPStatus says how a request with this fault is to be answered.
func (e *Error) SIPStatus() (code int, reason string) { return 400, "Bad " + e.Field }

// ErrAddress says that a mutator was given no address to write: an invalid
// flow, or the unspecified address.
var ErrAddress = errors.New("nat: no address to write")
