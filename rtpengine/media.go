// SPDX-FileCopyrightText: 2026 The sipnat authors
// SPDX-License-Identifier: MIT

package rtpengine

import (
	"context"
	"net/netip"
	"time"
)

// commands are those that a [Client] and a [Set] have in common, made from Do.
type commands struct {
	do func(ctx context.Context, command string, d Dict) (Dict, error)
}

// Party says whom a command is about: a whole call, or one party of it by tag,
// label or address, the first of those that is set.
type Party struct {
	CallID  string
	FromTag string
	Label   string // as given by the flag label=
	Address netip.Addr
}

// dict returns the keys of a party. Newer engines heed a tag only with the flag
// directional where a command has two sides; 10.5 does without and logs it.
func (p Party) dict(directional bool) Dict {
	d := Dict{"call-id": p.CallID}
	switch {
	case p.FromTag != "":
		d["from-tag"] = p.FromTag
	case p.Label != "":
		d["label"] = p.Label
	case p.Address.IsValid():
		_, ip := received(p.Address)
		d["address"] = ip.String()
	default:
		d["flags"] = []string{"all"}
		return d
	}
	if directional {
		d["flags"] = []string{"directional"}
	}
	return d
}

// toParty sends a command about a party, with further keys.
func (c *commands) toParty(ctx context.Context, command string, p Party, directional bool, more Dict) (Dict, error) {
	if p.CallID == "" {
		return nil, &ParamError{command, "call-id", "is missing"}
	}
	d := p.dict(directional)
	for k, v := range more {
		d[k] = v
	}
	return c.do(ctx, command, d)
}

// BlockMedia has the engine drop what a party sends: block_media.
func (c *commands) BlockMedia(ctx context.Context, p Party) error {
	_, err := c.toParty(ctx, "block media", p, true, nil)
	return err
}

// UnblockMedia ends BlockMedia: unblock_media.
func (c *commands) UnblockMedia(ctx context.Context, p Party) error {
	_, err := c.toParty(ctx, "unblock media", p, true, nil)
	return err
}

// SilenceMedia has the engine replace the audio of a party by silence:
// silence_media.
func (c *commands) SilenceMedia(ctx context.Context, p Party) error {
	_, err := c.toParty(ctx, "silence media", p, true, nil)
	return err
}

// UnsilenceMedia ends SilenceMedia: unsilence_media.
func (c *commands) UnsilenceMedia(ctx context.Context, p Party) error {
	_, err := c.toParty(ctx, "unsilence media", p, true, nil)
	return err
}

// StartForwarding sends a copy of a party's media to the TCP port that the
// engine was configured with: start_forwarding. Metadata may be empty.
func (c *commands) StartForwarding(ctx context.Context, p Party, metadata string) error {
	_, err := c.toParty(ctx, "start forwarding", p, true, text(Dict{}, "metadata", metadata))
	return err
}

// StopForwarding ends StartForwarding: stop_forwarding.
func (c *commands) StopForwarding(ctx context.Context, p Party) error {
	_, err := c.toParty(ctx, "stop forwarding", p, true, nil)
	return err
}

// Media is what PlayMedia plays: the one of File, Blob and DBID that is set.
type Media struct {
	File string // path at the engine
	Blob []byte // the contents of a file
	DBID int64  // row of the engine's database
	// Repeat is how often it is played, Duration how long at most; zero is once,
	// and to its end. Start skips what is before. Only newer engines know the
	// latter two.
	Repeat          int
	Duration, Start time.Duration
}

func (m Media) dict() (Dict, error) {
	d := text(Dict{}, "file", m.File)
	sources := len(d)
	if len(m.Blob) > 0 {
		d["blob"] = m.Blob
		sources++
	}
	if m.DBID != 0 {
		d["db-id"] = m.DBID
		sources++
	}
	if sources != 1 {
		return nil, &ParamError{"play media", "file", "is missing: one of file, blob and db-id is needed"}
	}
	number(d, "repeat-times", int64(m.Repeat))
	number(d, "repeat-duration", m.Duration.Milliseconds())
	number(d, "start-pos", m.Start.Milliseconds())
	return d, nil
}

// PlayMedia plays a file to a party, or to all, and returns how long it is, zero
// if the engine does not say: play_media. It needs an engine built with
// transcoding.
func (c *commands) PlayMedia(ctx context.Context, p Party, m Media) (time.Duration, error) {
	d, err := m.dict()
	if err != nil {
		return 0, err
	}
	reply, err := c.toParty(ctx, "play media", p, false, d)
	if err != nil {
		return 0, err
	}
	n, _ := reply["duration"].(int64)
	return time.Duration(n) * time.Millisecond, nil
}

// StopMedia ends PlayMedia: stop_media. That nothing is played is an [*Error].
func (c *commands) StopMedia(ctx context.Context, p Party) error {
	_, err := c.toParty(ctx, "stop media", p, false, nil)
	return err
}

// text sets a key if there is something to be set.
func text(d Dict, key, value string) Dict {
	if value != "" {
		d[key] = value
	}
	return d
}

func number(d Dict, key string, value int64) {
	if value != 0 {
		d[key] = value
	}
}
