// SPDX-FileCopyrightText: 2026 The sipnat authors
// SPDX-License-Identifier: MIT

package rtpengine

import (
	"maps"
	"slices"

	"github.com/sipnat/sipnat/internal/bencode"
)

// The typed commands build their dictionaries without a map. Keys stand in no
// order, which the engine does not mind; command comes first, since there the
// first of two counts.

// appendOffer appends the dictionary of an offer or an answer.
func (p *Params) appendOffer(b []byte, command string) []byte {
	b = append(b, 'd')
	b = appendPair(b, "command", command)
	b = p.appendCall(b)
	b = appendPair(b, "via-branch", p.ViaBranch)
	w := &p.Flags.wire
	b = append(b, w.keys...)
	b = appendFlagList(b, w.flags, "")
	switch {
	case p.ReceivedFrom.IsValid():
		b = bencode.AppendString(b, "received-from")
		b = appendReceived(b, p.ReceivedFrom)
	case w.received != "":
		b = bencode.AppendString(b, "received-from")
		b = append(b, w.received...)
	}
	if command == "offer" {
		// Tells the limits of the engine apart.
		b = append(b, "8:supportsl10:load limite"...)
	}
	b = bencode.AppendString(b, "sdp")
	b = bencode.AppendString(b, p.SDP)
	return append(b, 'e')
}

// appendDelete appends the dictionary of a delete. A to-tag counts for newer
// engines only with the flag of that name, for older ones always: they go
// together.
func (p *Params) appendDelete(b []byte) []byte {
	b = append(b, 'd')
	b = appendPair(b, "command", "delete")
	b = p.appendCall(b)
	b = appendPair(b, "via-branch", p.ViaBranch)
	b = append(b, p.Flags.wire.deleteKeys...)
	toTag := ""
	if p.ToTag != "" {
		toTag = "6:to-tag"
	}
	b = appendFlagList(b, p.Flags.wire.deleteFlags, toTag)
	return append(b, 'e')
}

func (p *Params) appendQuery(b []byte) []byte {
	b = append(b, 'd')
	b = appendPair(b, "command", "query")
	b = p.appendCall(b)
	return append(b, 'e')
}

func (p *Params) appendCall(b []byte) []byte {
	b = appendPair(b, "call-id", p.CallID)
	b = appendPair(b, "from-tag", p.FromTag)
	return appendPair(b, "to-tag", p.ToTag)
}

func appendPair(b []byte, key, value string) []byte {
	if value == "" {
		return b
	}
	b = bencode.AppendString(b, key)
	return bencode.AppendString(b, value)
}

func appendFlagList(b []byte, flags, more string) []byte {
	if flags == "" && more == "" {
		return b
	}
	b = append(b, "5:flagsl"...)
	b = append(b, flags...)
	b = append(b, more...)
	return append(b, 'e')
}

// size is about what the dictionary of p takes.
func (p *Params) size() int {
	const overhead = 320
	return overhead + len(p.CallID) + len(p.FromTag) + len(p.ToTag) + len(p.ViaBranch) + len(p.SDP) +
		len(p.Flags.wire.keys) + len(p.Flags.wire.flags)
}

// appendDict appends d with command, whatever d has under that key.
func appendDict(b []byte, command string, d Dict) ([]byte, error) {
	b = append(b, 'd')
	b = appendPair(b, "command", command)
	for _, k := range slices.Sorted(maps.Keys(d)) {
		if k == "command" {
			continue
		}
		b = bencode.AppendString(b, k)
		var err error
		if b, err = bencode.Append(b, d[k]); err != nil {
			return nil, &ParamError{command, k, "cannot be sent: " + err.Error()}
		}
	}
	return append(b, 'e'), nil
}
