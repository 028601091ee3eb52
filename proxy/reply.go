// SPDX-FileCopyrightText: 2026 The sipnat authors
// SPDX-License-Identifier: MIT

package proxy

import (
	"errors"

	"github.com/emiago/sipgo/sip"

	"github.com/sipnat/sipnat/flow"
)

var errForeignVia = errors.New("proxy: the response's top Via is not ours, or the only one")

// popVia takes our own Via off. A response without another one is for nobody
// beyond us (RFC 3261 section 16.7 step 3).
func (b *branch) popVia(res *sip.Response) error {
	top := res.Via()
	if top == nil || len(res.GetHeaders("Via")) < 2 {
		return errForeignVia
	}
	if branch, _ := top.Params.Get("branch"); branch != b.leg.Branch {
		return errForeignVia
	}
	res.RemoveHeader("Via")
	return nil
}

// reply calls the hooks with a response from the network.
func (b *branch) reply(res *sip.Response) {
	leg := b.leg
	leg.Out.NAT = leg.Out.NAT || b.nextHopAnswers(res) && b.x.f.behind(res, leg.Out.Flow)
	b.callHooks(res, leg)
}

// nextHopAnswers reports whether res speaks for whoever we sent to, and not for
// somebody behind another proxy: one that a Route named, or one that put itself
// into the dialog. That may have been ourselves, where a request passes us twice.
func (b *branch) nextHopAnswers(res *sip.Response) bool {
	return b.req.Route() == nil && b.recordedBeyond(res) == 0
}

// recordedBeyond is how many of the Record-Routes of res, the top ones, the
// request did not have when it left.
func (b *branch) recordedBeyond(res *sip.Response) int {
	return max(0, len(res.GetHeaders("Record-Route"))-len(b.req.GetHeaders("Record-Route")))
}

func (b *branch) callHooks(res *sip.Response, leg flow.Leg) {
	for _, hook := range b.x.f.Reply {
		if err := hook(res, leg); err != nil {
			b.x.f.hookFailed(leg, err)
		}
	}
}
