// SPDX-FileCopyrightText: 2026 The sipnat authors
// SPDX-License-Identifier: MIT

package registrar

import (
	"errors"
	"strconv"
	"time"
)

// refusal is an error that says how the request that met it is to be answered.
type refusal struct {
	code          int
	reason        string
	header, value string // what the answer carries besides; empty: nothing
}

func (e *refusal) Error() string { return "registrar: " + e.reason }

// SIPStatus is the code and the reason phrase of the answer (see flow.Status).
func (e *refusal) SIPStatus() (code int, reason string) { return e.code, e.reason }

// tooBrief refuses less than least (RFC 3261 section 21.4.17).
func tooBrief(least time.Duration) error {
	return &refusal{423, "Interval Too Brief", "Min-Expires", strconv.Itoa(seconds(least))}
}

// badExtension refuses option tags (RFC 3261 section 21.4.15).
func badExtension(tags string) error { return &refusal{420, "Bad Extension", "Unsupported", tags} }

func bad(reason string) error { return &refusal{code: 400, reason: reason} }

// Unavailable is what a Store that others run returns while it cannot be
// reached. REGISTER is answered 503 then.
type Unavailable struct {
	// RetryAfter is when the phone may try again (RFC 3261 section 20.33), in
	// whole seconds. Zero leaves that open.
	RetryAfter time.Duration
	// Err is the cause.
	Err error
}

func (e *Unavailable) Error() string { return "registrar: store unavailable: " + e.Err.Error() }

// Unwrap is the cause.
func (e *Unavailable) Unwrap() error { return e.Err }

// SIPStatus is 503 (see flow.Status).
func (e *Unavailable) SIPStatus() (code int, reason string) {
	return 503, "Location Service Unavailable"
}

// ErrAnswered is what an AOR hook returns when it has answered the request
// itself, with a challenge for one.
var ErrAnswered = errors.New("registrar: answered by the hook")

// ErrForeign says that the host of an address is none of Registrar.Domains.
// Its status is 403 and not 404: the user may well exist, we just do not relay
// to where he lives.
var ErrForeign error = &refusal{code: 403, reason: "Domain Not Served"}

// ErrNotFound says that nobody is registered under an address. Its status is
// 404: without a directory of users, one who is offline cannot be told from
// one who does not exist.
var ErrNotFound error = &refusal{code: 404, reason: "Not Found"}

// ErrUnregistered says that a user exists (Registrar.Known) and has no binding:
// not registered, or the connection is gone. Its status is 480 (RFC 3261 section
// 16.5).
var ErrUnregistered error = &refusal{code: 480, reason: "Temporarily Unavailable"}

var (
	errNoHook     error = &refusal{code: 403, reason: "Registration Not Allowed"}
	errOutOfOrder error = &refusal{code: 500, reason: "CSeq Out Of Order"}
	errTooMany    error = &refusal{code: 403, reason: "Too Many Registered Contacts"}
)
