// SPDX-FileCopyrightText: 2026 The sipnat authors
// SPDX-License-Identifier: MIT

package relay

import (
	"slices"
	"time"
)

// call is all that goes by one Call-ID. Who holds its turn may touch it: one
// command of a call runs at a time, as in its order it makes sense.
type call struct {
	id      string
	created time.Time
	turn    chan struct{} // of capacity 1: full while somebody has it

	dialogs []*dialog
	gone    bool // no longer in the relay
	end     ending
}

// dialog is two parties and the streams between them. Each fork of an offer is
// one.
type dialog struct {
	branch    string // via-branch of the offer that opened it
	created   time.Time
	signalled time.Time // by the last offer or answer
	expires   time.Time // by delete-delay; zero: not deleted

	parties [2]member
	faces   [2]*iface // of the last offer, towards the parties
	agreed  [2]*iface // of the last answer
	streams []*stream // by media line; nil: one that has no ports
	before  []*stream // what they replace as soon as they are answered; nil: nothing

	offerer  int         // the party of the last offer
	offer    description // its SDP
	rules    muxRules
	answered bool   // the last offer is
	live     bool   // an answer was seen
	answer   string // the last answer's SDP, to know it again
}

// member is a party of a dialog; an empty tag is one that did not answer yet.
type member struct {
	tag     string
	created time.Time
	modes   []string // the directions of its media lines
	from    signal
}

// side is which party tag is, or -1.
func (d *dialog) side(tag string) int {
	switch tag {
	case "":
		return -1
	case d.parties[0].tag:
		return 0
	case d.parties[1].tag:
		return 1
	}
	return -1
}

// bound reports whether both parties are known.
func (d *dialog) bound() bool { return d.parties[0].tag != "" && d.parties[1].tag != "" }

// between reports whether the dialog has exactly these two parties.
func (d *dialog) between(a, b string) bool {
	i := d.side(a)
	return i >= 0 && b != "" && d.parties[1-i].tag == b
}

// last returns the youngest dialog that fits.
func (c *call) last(fits func(*dialog) bool) *dialog {
	for _, d := range slices.Backward(c.dialogs) {
		if fits(d) {
			return d
		}
	}
	return nil
}

// forOffer finds the dialog that an offer renews: by branch, by both tags, or,
// without them, as the one that the offerer has not named a branch for. Nil
// means that it opens one.
func (c *call) forOffer(o *options) *dialog {
	if o.branch != "" {
		if d := c.last(func(d *dialog) bool {
			return d.branch == o.branch && d.side(o.fromTag) >= 0 && (o.toTag == "" || !d.bound() || d.side(o.toTag) >= 0)
		}); d != nil {
			return d
		}
	}
	if o.toTag != "" {
		if d := c.last(func(d *dialog) bool { return d.between(o.fromTag, o.toTag) }); d != nil {
			return d
		}
		// The offerer learned the other's tag from an answer that we did not see.
		if len(c.dialogs) == 1 && !c.dialogs[0].bound() && c.dialogs[0].side(o.fromTag)+c.dialogs[0].side(o.toTag) == -1 {
			return c.dialogs[0]
		}
		return nil
	}
	if o.branch != "" {
		return nil
	}
	return c.last(func(d *dialog) bool { return d.branch == "" && d.side(o.fromTag) >= 0 })
}

// forAnswer finds the dialog whose offer an answer belongs to: by branch, by
// both tags, then the youngest that waits for an answerer, then one without a
// branch. Its answerer may change: forks that share an offer share its ports,
// and the last one to answer has them.
func (c *call) forAnswer(o *options) *dialog {
	offered := func(d *dialog) bool { return d.side(o.fromTag) == d.offerer }
	for _, fits := range []func(*dialog) bool{
		func(d *dialog) bool { return o.branch != "" && d.branch == o.branch },
		func(d *dialog) bool { return d.between(o.fromTag, o.toTag) },
		func(d *dialog) bool { return !d.bound() },
		func(d *dialog) bool { return d.branch == "" },
	} {
		if d := c.last(func(d *dialog) bool { return offered(d) && fits(d) }); d != nil {
			return d
		}
	}
	return nil
}

// forDelete finds what a delete is about: everything without from-tag; else
// what the tags and the branch name. A branch that nobody knows is that of a
// BYE: then the tags decide, and without a to-tag only if there is no choice.
func (c *call) forDelete(o *options) []*dialog {
	if o.fromTag == "" {
		return c.dialogs
	}
	var named, branched []*dialog
	for _, d := range c.dialogs {
		i := d.side(o.fromTag)
		if i < 0 || o.toTag != "" && d.parties[1-i].tag != "" && d.parties[1-i].tag != o.toTag {
			continue
		}
		named = append(named, d)
		if o.branch != "" && d.branch == o.branch {
			branched = append(branched, d)
		}
	}
	switch {
	case o.branch == "" || len(named) == 0:
		return named
	case len(branched) > 0:
		return branched
	}
	named = slices.DeleteFunc(named, func(d *dialog) bool { return !d.bound() })
	if o.toTag == "" && (len(named) > 1 || len(c.dialogs) > 1) {
		return nil
	}
	return named
}

// remove takes dialogs out of the call and closes their ports.
func (c *call) remove(gone []*dialog) {
	gone = slices.Clone(gone)
	c.dialogs = slices.DeleteFunc(c.dialogs, func(d *dialog) bool { return slices.Contains(gone, d) })
	for _, d := range gone {
		closeStreams(d.streams)
		closeStreams(d.before)
	}
}

func closeStreams(streams []*stream) {
	for _, s := range streams {
		if s != nil {
			s.close()
		}
	}
}

// quiet reports whether the dialog need not have media now: it was not
// answered, or somebody is on hold.
func (d *dialog) quiet() bool {
	if !d.live {
		return true
	}
	for _, m := range d.parties {
		for _, mode := range m.modes {
			if mode == "sendrecv" {
				return false
			}
		}
	}
	return true
}

// lastSign is when the dialog was last signalled or had a packet.
func (d *dialog) lastSign() time.Time {
	at := d.signalled
	for _, streams := range [][]*stream{d.streams, d.before} {
		for _, s := range streams {
			if s == nil {
				continue
			}
			if t := time.Unix(0, s.lastPacket()); t.After(at) {
				at = t
			}
		}
	}
	return at
}
