// SPDX-FileCopyrightText: 2026 The sipnat authors
// SPDX-License-Identifier: MIT

package rtpengine

import (
	"context"
	"strings"
	"time"
)

// DTMFBlock says what becomes of DTMF that is blocked. The zero value drops the
// event packets. The modes are drop, silence, tone, random, zero, DTMF and off.
type DTMFBlock struct {
	Mode string // DTMF-security
	// Trigger and TriggerEnd are sequences of digits after which TriggerMode and
	// TriggerEndMode take the place of Mode.
	Trigger, TriggerEnd         string
	TriggerMode, TriggerEndMode string // DTMF-security-trigger, DTMF-security-trigger-end
	// Digit, of the mode DTMF, and Frequency in Hz, of the mode tone, are what is
	// put in place. Volume is in dBov, from 0 down to -63.
	Digit             string
	Frequency, Volume int
	// Delay holds the media back, so that the beginning of a tone is caught too;
	// EventDelay the digits, until it is known that they are no trigger.
	Delay, EventDelay time.Duration
}

func (b DTMFBlock) dict() Dict {
	d := Dict{}
	text(d, "DTMF-security", b.Mode)
	text(d, "trigger", b.Trigger)
	text(d, "trigger-end", b.TriggerEnd)
	text(d, "DTMF-security-trigger", b.TriggerMode)
	text(d, "DTMF-security-trigger-end", b.TriggerEndMode)
	text(d, "digit", b.Digit)
	number(d, "frequency", int64(b.Frequency))
	number(d, "volume", int64(b.Volume))
	number(d, "delay-buffer", b.Delay.Milliseconds())
	number(d, "DTMF-delay", b.EventDelay.Milliseconds())
	return d
}

// BlockDTMF keeps the DTMF of a party from the others: block_dtmf.
func (c *commands) BlockDTMF(ctx context.Context, p Party, b DTMFBlock) error {
	_, err := c.toParty(ctx, "block DTMF", p, true, b.dict())
	return err
}

// UnblockDTMF ends BlockDTMF: unblock_dtmf.
func (c *commands) UnblockDTMF(ctx context.Context, p Party) error {
	_, err := c.toParty(ctx, "unblock DTMF", p, true, nil)
	return err
}

// Digit is what PlayDTMF plays.
type Digit struct {
	// Code is one of 0-9 * # A-D.
	Code byte
	// Duration is 250 ms when zero, and between 100 ms and 5 s; Pause, the least
	// time before the next digit, 100 ms when zero.
	Duration, Pause time.Duration
	// Volume is in dBov, from -1 down to -63. Zero means -8.
	Volume int
}

// PlayDTMF has the engine send a digit as if the party had: play_dtmf. The party's
// offer and answer must have had the flag inject-DTMF, and its media must have
// arrived: else it is an [*Error].
func (c *commands) PlayDTMF(ctx context.Context, p Party, digit Digit) error {
	if strings.IndexByte("0123456789*#ABCD", digit.Code) < 0 {
		return &ParamError{"play DTMF", "code", "must be one of 0-9, *, #, A-D"}
	}
	d := Dict{"code": string(digit.Code)}
	number(d, "duration", digit.Duration.Milliseconds())
	number(d, "pause", digit.Pause.Milliseconds())
	number(d, "volume", int64(digit.Volume))
	_, err := c.toParty(ctx, "play DTMF", p, false, d)
	return err
}
