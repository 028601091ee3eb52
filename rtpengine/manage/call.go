// SPDX-FileCopyrightText: 2026 The sipnat authors
// SPDX-License-Identifier: MIT

package manage

import (
	"container/list"
	"slices"
	"time"

	"github.com/emiago/sipgo/sip"
)

// Bounds on what peers can make us remember about one call.
const (
	maxBranches  = 256
	maxDialogs   = 64
	maxExchanges = 6  // per dialog: the 200 of the last but one may still be repeated
	maxSteps     = 16 // per exchange: different SDPs in 18x and 2xx
)

// call is what the tag of one caller makes of a Call-ID: the branches of its
// INVITE, and the dialogs that came of them. All of it, and of what it leads to,
// is guarded by Manager.mu.
type call struct {
	id, caller string
	next       *call         // another caller on the same Call-ID
	turn       chan struct{} // holds a token while a command of the call runs

	heard time.Time     // the last signalling, or the end
	place *list.Element // in Manager.live or Manager.ended; nil when forgotten
	over  bool          // hung up; kept for what is repeated

	branches map[string]*branch
	dialogs  map[string]*dialog // by the other party's tag
	last     *dialog            // whose answer the engine had last
	jobs     int                // in the background
}

// verdict is whether media is relayed.
type verdict uint8

const (
	undecided verdict = iota
	direct
	relayed
)

// branch is one copy of a dialog-creating INVITE, or, for a dialog that we were
// not there to see begin, what stands for it.
type branch struct {
	id     string
	cseq   uint32
	invite *exchange
	media  verdict // of all dialogs that come of the branch
	named  bool    // the engine knows the branch by id
	opened bool    // the engine has, or may have, a session for it
}

// dialog is one of the two parties' view of the call, named by the callee's tag.
type dialog struct {
	tag       string
	origin    *branch
	confirmed bool
	adopted   bool // not seen to begin, and no 2xx seen since
	over      bool // BYE seen
	exchanges []*exchange
	good      *agreement // what the engine last brought about
}

// agreement is an offer with its answer, as the engine got them.
type agreement struct{ offer, answer *step }

// exchange is the negotiation that one request began: an INVITE, an UPDATE or a
// PRACK.
type exchange struct {
	method  sip.RequestMethod
	cseq    uint32
	sender  string // tag of who sent the request
	initial bool   // of a dialog-creating INVITE
	final   bool   // a 2xx was seen
	unread  bool   // its offer could not be read: nor are the answers

	steps         []*step
	offer, answer *step // accepted by the engine; nil until then
}

// open reports whether an offer waits for its answer.
func (x *exchange) open() bool { return x.offer != nil && x.answer == nil }

// find is the step that already carried this SDP in this role, done or on its way.
func (x *exchange) find(k kind, sdp string) *step {
	for _, s := range x.steps {
		if s.kind == k && string(s.params.SDP) == sdp {
			return s
		}
	}
	return nil
}

func (x *exchange) add(s *step) {
	if len(x.steps) >= maxSteps {
		x.steps = slices.Delete(x.steps, 0, 1)
	}
	x.steps = append(x.steps, s)
}

func (x *exchange) drop(s *step) {
	x.steps = slices.DeleteFunc(x.steps, func(have *step) bool { return have == s })
}

// exchange finds the negotiation that a request began.
func (d *dialog) exchange(method sip.RequestMethod, cseq uint32, sender string) *exchange {
	for _, x := range d.exchanges {
		if x.method == method && x.cseq == cseq && x.sender == sender {
			return x
		}
	}
	return nil
}

func (d *dialog) begin(x *exchange) *exchange {
	if have := d.exchange(x.method, x.cseq, x.sender); have != nil {
		return have
	}
	if len(d.exchanges) >= maxExchanges {
		d.exchanges = slices.Delete(d.exchanges, 0, 1)
	}
	d.exchanges = append(d.exchanges, x)
	return x
}

func (d *dialog) drop(x *exchange) {
	d.exchanges = slices.DeleteFunc(d.exchanges, func(have *exchange) bool { return have == x })
}

// waiting reports whether an offer is being negotiated.
func (d *dialog) waiting() bool {
	return slices.ContainsFunc(d.exchanges, (*exchange).open)
}

// alive reports whether the call has a dialog besides d, or a branch that may
// still bring one.
func (c *call) alive(d *dialog) bool {
	for _, b := range c.branches {
		if !b.invite.final {
			return true
		}
	}
	for _, other := range c.dialogs {
		if other != d && other.confirmed && !other.over {
			return true
		}
	}
	return false
}

// opened reports whether the engine has, or may have, anything of the call.
func (c *call) opened() bool {
	for _, b := range c.branches {
		if b.opened {
			return true
		}
	}
	for _, d := range c.dialogs {
		if d.origin.opened {
			return true
		}
	}
	return false
}

// only is the branch of a call that has but one.
func (c *call) only() *branch {
	if len(c.branches) != 1 {
		return nil
	}
	for _, b := range c.branches {
		return b
	}
	return nil
}
