// SPDX-FileCopyrightText: 2026 The sipnat authors
// SPDX-License-Identifier: MIT

package proxy

import (
	"errors"
	"sync"
	"sync/atomic"

	"github.com/emiago/sipgo/sip"

	"github.com/sipnat/sipnat/flow"
)

// exchange is one request and all its branches: RFC 3261's response context.
// Everything goes upstream from the handler's goroutine, but for repeated 2xx:
// sipgo's server transaction keeps the last response that it was given and
// repeats it, so that a provisional one after a final one would take its place.
type exchange struct {
	*admitted
	f    *Forwarder
	back string // where responses go

	events   chan event
	running  sync.WaitGroup
	branches []*branch

	answered  atomic.Bool // a 2xx went upstream
	over      bool        // no further group is to be tried
	given     atomic.Bool // the caller gave up; sipgo has answered 487
	givenOnce sync.Once
	giveUp    chan struct{} // closed when given is set
}

// event is a response of a branch, after the hooks.
type event struct {
	branch *branch
	res    *sip.Response
	policy bool // made here because a hook said so
	dialog *dialog
}

var errGivenUp = errors.New("proxy: the caller has given up")

func newExchange(f *Forwarder, a *admitted) *exchange {
	return &exchange{
		f:        f,
		admitted: a,
		events:   make(chan event),
		giveUp:   make(chan struct{}),
	}
}

// run tries one group after the other and returns when all branches are done.
func (x *exchange) run(groups [][]flow.Target) {
	trying := sip.NewResponseFromRequest(x.req, sip.StatusTrying, "Trying", nil)
	// Where sipgo sends its own responses: to the source, or as RFC 3261 section
	// 18.2.2 says. A forwarded response has no destination of its own, and sipgo
	// would look for one in its Via.
	x.back = trying.Destination()
	if x.req.IsInvite() {
		if !x.tx.OnCancel(func(*sip.Request) { x.abandon() }) {
			x.f.spent.add(x.req)
			return // cancelled already; sipgo has answered
		}
		_ = x.send(trying)
	}
	defer x.running.Wait()
	var finals []event
	for _, g := range groups {
		finals = append(finals, x.try(g)...)
		if x.over || x.given.Load() {
			break
		}
	}
	if !x.answered.Load() && !x.given.Load() {
		x.fail(best(finals))
	}
}

// abandon notes that the caller has gone. It runs under a lock of the server
// transaction, so it must not use it.
func (x *exchange) abandon() {
	x.givenOnce.Do(func() {
		x.f.spent.add(x.req)
		x.given.Store(true)
		close(x.giveUp)
	})
}

// try forwards to all targets of a group and returns the failures.
func (x *exchange) try(group []flow.Target) []event {
	var finals []event
	started := make([]*branch, 0, len(group))
	for _, t := range group {
		// Cloned here: sipgo's accessors cache, so clones must not be made at once.
		started = append(started, newBranch(x, t))
	}
	x.branches = started
	for _, b := range started {
		x.running.Go(b.run)
	}
	giveUp, done := x.giveUp, x.tx.Done()
	for pending := len(started); pending > 0; {
		select {
		case e := <-x.events:
			if e.res.IsProvisional() {
				x.progress(e)
				continue
			}
			pending--
			if failure := x.final(e); failure {
				finals = append(finals, e)
			}
		case <-giveUp:
			giveUp = nil
			x.stopAll(nil)
		case <-done:
			done = nil
			if x.req.IsInvite() && !x.answered.Load() {
				x.abandon()
			}
			x.stopAll(nil)
		}
	}
	return finals
}

func (x *exchange) progress(e event) {
	if !x.answered.Load() && !x.given.Load() {
		_ = x.send(e.res)
	}
}

// final takes the final response of a branch; true if it is a failure, which
// waits for the other branches' (RFC 3261 section 16.7 step 5).
func (x *exchange) final(e event) bool {
	switch {
	case e.res.IsSuccess():
		x.success(e)
		return false
	case e.res.IsGlobalError():
		x.over = true
		x.stopAll(e.branch)
	}
	return true
}

// success passes a 2xx on: each one to an INVITE, the first one else.
func (x *exchange) success(e event) {
	x.over = true
	if !x.req.IsInvite() {
		if !x.answered.Swap(true) {
			_ = x.send(e.res)
		}
		return
	}
	err := errGivenUp
	if !x.given.Load() {
		before := x.answered.Swap(true) // at once: the phone may repeat it at once
		if err = x.send(e.res); err != nil {
			x.answered.Store(before)
		}
	}
	if err != nil {
		x.running.Go(func() { e.branch.lost(e.dialog) })
	}
	x.stopAll(e.branch)
}

// stopAll cancels the branches but one. Only an INVITE can be cancelled.
func (x *exchange) stopAll(but *branch) {
	if !x.req.IsInvite() {
		return
	}
	for _, b := range x.branches {
		if b != but {
			b.stop()
		}
	}
}

// fail sends the best failure. A 408 to anything but an INVITE comes too late
// for everybody and must not be sent (RFC 4320 section 4.2).
func (x *exchange) fail(res *sip.Response) {
	if res == nil || !x.req.IsInvite() && res.StatusCode == sip.StatusRequestTimeout {
		return
	}
	if x.req.IsInvite() {
		x.f.spent.add(x.req)
	}
	_ = x.send(res)
}

// send sends a response upstream. The transaction keeps res.
func (x *exchange) send(res *sip.Response) error {
	res.SetDestination(x.back)
	res.SetTransport(x.req.Transport())
	err := x.tx.Respond(res)
	if err != nil {
		x.f.logger().Debug("proxy: response not sent", "code", res.StatusCode, "error", err)
	}
	return err
}
