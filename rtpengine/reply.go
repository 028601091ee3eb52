// SPDX-FileCopyrightText: 2026 The sipnat authors
// SPDX-License-Identifier: MIT

package rtpengine

import (
	"fmt"

	"github.com/sipnat/sipnat/internal/bencode"
)

// maxReason bounds what of an engine's words gets into an error.
const maxReason = 512

// reply holds the parts of a reply that decide what became of a command.
type reply struct {
	payload                      []byte
	result, reason, message, sdp []byte
}

// parseReply walks over the dictionary once and copies nothing. Bytes behind
// it are ignored, as the engine does with ours.
func parseReply(b []byte) (r reply, err error) {
	r.payload = b
	if len(b) == 0 || b[0] != 'd' {
		return r, bencode.ErrSyntax
	}
	// The same judgement as dict's, before any of it is believed.
	if _, err := bencode.Skip(b); err != nil {
		return r, err
	}
	b = b[1:]
	for {
		if b[0] == 'e' {
			return r, nil
		}
		var key []byte
		if key, b, err = bencode.String(b); err != nil {
			return r, err
		}
		var to *[]byte
		switch string(key) {
		case "result":
			to = &r.result
		case "error-reason":
			to = &r.reason
		case "message":
			to = &r.message
		case "sdp":
			to = &r.sdp
		}
		if to == nil {
			b, err = bencode.Skip(b)
		} else {
			*to, b, err = bencode.String(b)
		}
		if err != nil {
			return r, err
		}
	}
}

// judge reads a payload and returns an error if the engine did not do the
// command.
func judge(command string, payload []byte) (reply, error) {
	r, err := parseReply(payload)
	if err != nil {
		return r, &failure{command, fmt.Errorf("%w: %w", ErrBadReply, err)}
	}
	switch string(r.result) {
	case "ok", "pong":
		return r, nil
	case "":
		return r, &failure{command, fmt.Errorf("%w: no result", ErrBadReply)}
	case "error":
		return r, refusal(command, r.reason, "error")
	default:
		// "load limit", with the kind of limit as message.
		return r, refusal(command, r.message, string(r.result[:min(len(r.result), maxReason)]))
	}
}

func refusal(command string, reason []byte, otherwise string) error {
	if len(reason) == 0 {
		reason = []byte(otherwise)
	}
	return &Error{Command: command, Reason: string(reason[:min(len(reason), maxReason)])}
}

// dict decodes the whole reply.
func (r reply) dict(command string) (Dict, error) {
	v, _, err := bencode.DecodePrefix(r.payload)
	if err != nil {
		return nil, &failure{command, fmt.Errorf("%w: %w", ErrBadReply, err)}
	}
	return v.(Dict), nil // parseReply saw that it is one
}
