// SPDX-FileCopyrightText: 2026 The sipnat authors
// SPDX-License-Identifier: MIT

package manage

import (
	"errors"
	"strings"

	"github.com/sipnat/sipnat/rtpengine"
)

// What an [Error] may wrap besides the errors of the engine. Match with errors.Is.
var (
	// ErrTooMany: the manager watches as many calls as it may, or one call has
	// more early dialogs than a call can have. Answered 503.
	ErrTooMany = errors.New("too many calls")
	// ErrTooLarge: the SDP is longer than any that a phone writes. Answered 413.
	ErrTooLarge = errors.New("sdp too large")
	// ErrClosed: the manager was closed. Answered 503.
	ErrClosed = errors.New("manager closed")
)

// Error says that the media of a message could not be arranged. The message is
// as it was.
type Error struct {
	Op  string // "offer" or "answer"
	Err error  // the engine's error, or one of this package's
}

// Error names the operation and its cause.
func (e *Error) Error() string { return "manage: " + e.Op + ": " + e.Err.Error() }

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// SIPStatus is how the request that met the error is to be answered: 413 for an
// SDP too large, 488 for one that the engine could not read, 400 for tags that
// it cannot take, else 503.
func (e *Error) SIPStatus() (code int, reason string) {
	var refused *rtpengine.Error
	var unfit *rtpengine.ParamError
	switch {
	case errors.Is(e.Err, ErrTooLarge):
		return 413, "Request Entity Too Large"
	case errors.As(e.Err, &unfit):
		return 400, "Bad Request"
	case errors.As(e.Err, &refused) && unreadable(refused.Reason):
		return 488, "Not Acceptable Here"
	}
	return 503, "Service Unavailable"
}

// unreadable reports whether an engine's reason blames the SDP. The text is all
// that the ng protocol tells.
func unreadable(reason string) bool {
	switch strings.ToLower(reason) {
	case "failed to parse sdp", "incomplete sdp specification", "no sdp body in message":
		return true
	}
	return false
}
