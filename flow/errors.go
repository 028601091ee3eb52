// SPDX-FileCopyrightText: 2026 The sipnat authors
// SPDX-License-Identifier: MIT

package flow

import "errors"

// Refusal is an error that says how the request that met it is to be answered.
// Other packages' refusals need not be of this type: whatever error has a
// SIPStatus method answers with it (see Status).
type Refusal struct {
	Code   int
	Reason string // the reason phrase, and the text of the error
}

func (e *Refusal) Error() string { return "flow: " + e.Reason }

// SIPStatus is the code and the reason phrase of the answer.
func (e *Refusal) SIPStatus() (code int, reason string) { return e.Code, e.Reason }

// ErrFlowGone says that the connection of a flow has ended, or that its
// listener is not ours. Nothing was sent.
var ErrFlowGone error = &Refusal{Code: 480, Reason: "Temporarily Unavailable"}

// Status is how a request that met err is answered: by the SIPStatus of the
// error or of one that it wraps, else 500.
func Status(err error) (code int, reason string) {
	var s interface{ SIPStatus() (int, string) }
	if errors.As(err, &s) {
		return s.SIPStatus()
	}
	return 500, "Server Internal Error"
}
