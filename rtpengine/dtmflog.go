// SPDX-FileCopyrightText: 2026 The sipnat authors
// SPDX-License-Identifier: MIT

package rtpengine

import (
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"time"
)

// DTMF is a digit that an engine saw in the media of a call. It says so as the
// key comes up, for calls with the flag detect-DTMF or a blocked DTMF too, to
// the address of its option --dtmf-log-dest.
type DTMF struct {
	CallID string
	// SourceTag is the party that pressed the key, Tags all that it may be.
	SourceTag string
	Tags      []string
	Source    netip.Addr
	// Time is in whole seconds: two equal digits may look the same in all fields.
	Time time.Time
	// Digit is one of 0-9 * # A-D, Event its number in RFC 4733.
	Digit    byte
	Event    int
	Duration time.Duration
	Volume   int // in -dBm0
}

// ParseDTMF reads one datagram of the log. The engine does not escape strings:
// a call-id with a quotation mark in it is an error, [ErrBadReply].
func ParseDTMF(datagram []byte) (DTMF, error) {
	var raw struct {
		CallID    string     `json:"callid"`
		SourceTag string     `json:"source_tag"`
		Tags      []string   `json:"tags"`
		Type      string     `json:"type"`
		Timestamp int64      `json:"timestamp"`
		SourceIP  netip.Addr `json:"source_ip"`
		Event     int        `json:"event"`
		Duration  int32      `json:"duration"`
		Volume    int        `json:"volume"`
	}
	if err := json.Unmarshal(datagram, &raw); err != nil {
		return DTMF{}, fmt.Errorf("%w: DTMF log: %w", ErrBadReply, err)
	}
	const digits = "0123456789*#ABCD"
	if raw.Type != "DTMF" || raw.Event < 0 || raw.Event >= len(digits) || raw.Duration < 0 {
		return DTMF{}, fmt.Errorf("%w: DTMF log: no DTMF event", ErrBadReply)
	}
	return DTMF{
		CallID: raw.CallID, SourceTag: raw.SourceTag, Tags: raw.Tags, Source: raw.SourceIP.Unmap(),
		Time:  time.Unix(raw.Timestamp, 0),
		Digit: digits[raw.Event], Event: raw.Event, Duration: time.Duration(raw.Duration) * time.Millisecond, Volume: raw.Volume,
	}, nil
}

// ServeDTMF calls on for each digit that engines log to pc, one after the
// other, until pc is closed: then it returns nil. What is no DTMF event is
// dropped. The log has no authentication.
func ServeDTMF(pc net.PacketConn, on func(DTMF)) error {
	buf := make([]byte, 64<<10)
	for {
		n, _, err := pc.ReadFrom(buf)
		switch {
		case errors.Is(err, net.ErrClosed):
			return nil
		case err != nil:
			return fmt.Errorf("rtpengine: DTMF log: %w", err)
		}
		if d, err := ParseDTMF(buf[:n]); err == nil {
			on(d)
		}
	}
}
