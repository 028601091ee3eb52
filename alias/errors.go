// SPDX-FileCopyrightText: 2026 The sipnat authors
// SPDX-License-Identifier: MIT

package alias

import "errors"

var (
	// ErrNone says that the Request-URI carries no alias of this kind.
	ErrNone = errors.New("alias: none in the request uri")
	// ErrForged says that the Request-URI carries our parameter, and that none
	// of our keys made it. A request that met it is answered 403.
	ErrForged error = &refusal{403, "Forbidden", "alias: not made by one of our keys"}
	// ErrUnsigned says that a request of a dialog wants to follow a Request-URI that
	// we never saw as a Contact. A request that met it is answered 403.
	ErrUnsigned error = &refusal{403, "Forbidden", "alias: the request uri of a dialog is not signed"}
	// ErrRefused says that the policy does not allow the destination that a
	// legacy alias names. A request that met it is answered 403.
	ErrRefused error = &refusal{403, "Forbidden", "alias: destination not allowed"}
	// ErrMalformed says that a legacy alias or a Contact header cannot be read.
	// A request that met it is answered 400.
	ErrMalformed error = &refusal{400, "Bad Request", "alias: malformed"}
	// ErrFlow says that a flow is invalid, or that an alias cannot carry it.
	ErrFlow = errors.New("alias: flow cannot be carried")
	// ErrKey says that there is no key to sign with, or an empty one.
	ErrKey = errors.New("alias: no key, or an empty one")
)

// refusal is an error that says how a request is to be answered (flow.Status).
type refusal struct {
	code   int
	reason string
	text   string
}

func (e *refusal) Error() string { return e.text }

// SIPStatus is the code and the reason phrase of the answer.
func (e *refusal) SIPStatus() (code int, reason string) { return e.code, e.reason }
