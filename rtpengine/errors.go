// SPDX-FileCopyrightText: 2026 The sipnat authors
// SPDX-License-Identifier: MIT

package rtpengine

import (
	"errors"
	"strings"
)

// What can go wrong besides a refusal by the engine ([Error]), a command that
// was not fit to be sent ([ParamError]) and a flag string that makes no sense
// ([FlagError]). Match with errors.Is.
var (
	// ErrTimeout: no reply came from the engine. It may have executed the command
	// nevertheless: after an offer, send a delete. An engine whose host
	// said "port unreachable" is the same error and also matches
	// syscall.ECONNREFUSED.
	ErrTimeout = errors.New("rtpengine: no reply from the engine")
	// ErrClosed: the client was closed.
	ErrClosed = errors.New("rtpengine: client closed")
	// ErrNoSDP: the engine said ok to an offer or an answer but sent no SDP back,
	// as it does for an empty SDP and with the flag fragment.
	ErrNoSDP = errors.New("rtpengine: reply without sdp")
	// ErrNoEngine: none of a [Set] takes the call now.
	ErrNoEngine = errors.New("rtpengine: no engine available")
	// ErrBadReply: what the engine sent could not be read.
	ErrBadReply = errors.New("rtpengine: unreadable reply")

	// ErrUnknownCall is an [Error] that says that the engine knows no such call.
	ErrUnknownCall = errors.New("rtpengine: unknown call-id")
	// ErrLoadLimit is an [Error] that says that the engine takes no more calls:
	// one of its limits is reached, or it has no ports left.
	ErrLoadLimit = errors.New("rtpengine: load limit reached")
)

// Error is a refusal by rtpengine: it understood the command and said no. The
// text is all that the protocol offers to tell refusals apart; errors.Is
// matches [ErrUnknownCall], [ErrLoadLimit] and, for a command that the engine is
// too old for, errors.ErrUnsupported by it.
type Error struct {
	Command string // "offer", "answer", ...
	Reason  string // the daemon's error-reason, verbatim
}

// Error returns the command and the daemon's reason.
func (e *Error) Error() string { return "rtpengine: " + e.Command + ": " + e.Reason }

// Is reports whether the reason is one of those that target stands for.
func (e *Error) Is(target error) bool {
	switch target {
	case errors.ErrUnsupported:
		return e.Reason == "Unrecognized command"
	case ErrUnknownCall:
		// "Unknown call-id" for offer, answer and query, "Unknown call-ID" else.
		return strings.EqualFold(e.Reason, "unknown call-id")
	case ErrLoadLimit:
		switch strings.ToLower(e.Reason) {
		case "load limit", "parallel session limit reached", "cpu usage limit exceeded",
			"load limit exceeded", "bandwidth limit exceeded", "ran out of ports":
			return true
		}
	}
	return false
}

// ParamError is a command that was not sent, because the engine would have
// refused it or, worse, taken it for something else.
type ParamError struct {
	Command string // "offer", "answer", ...
	Param   string // the key in question: "call-id", "to-tag", ...
	Reason  string // what is the matter with it
}

// Error names command and key.
func (e *ParamError) Error() string {
	return "rtpengine: " + e.Command + ": " + e.Param + " " + e.Reason
}

// failure says which command an error belongs to.
type failure struct {
	command string
	err     error
}

func (e *failure) Error() string {
	return "rtpengine: " + e.command + ": " + strings.TrimPrefix(e.err.Error(), "rtpengine: ")
}

func (e *failure) Unwrap() error { return e.err }
