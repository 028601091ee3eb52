// SPDX-FileCopyrightText: 2026 The sipnat authors
// SPDX-License-Identifier: MIT

package proxy

import (
	"context"
	"slices"

	"github.com/emiago/sipgo/sip"
)

// dialog is what is needed of a 2xx to send requests in the dialog that it
// opened, as it stood before the hooks.
type dialog struct {
	target sip.Uri
	route  []sip.Header // beyond us only
	to     sip.Header
	tag    string
}

// dialog reads the caller's side of the dialog (RFC 3261 section 12.1.2), cut
// down to the part that begins at us: the Record-Routes that the request did not
// have when it left.
func (b *branch) dialog(res *sip.Response) *dialog {
	d := &dialog{target: b.req.Recipient, to: sip.HeaderClone(b.req.To())}
	if c := res.Contact(); c != nil && c.Address.Host != "" {
		d.target = c.Address
	}
	d.target = *d.target.Clone()
	if to := res.To(); to != nil {
		d.to, d.tag = sip.HeaderClone(to), tagOf(to.Params)
	}
	recorded := res.GetHeaders("Record-Route")
	for _, h := range slices.Backward(recorded[:b.recordedBeyond(res)]) {
		if rr, ok := h.(*sip.RecordRouteHeader); ok {
			d.route = append(d.route, &sip.RouteHeader{Address: *rr.Address.Clone()})
		}
	}
	return d
}

// lost ends the dialog of a 2xx that the hooks have seen but the caller will
// not.
func (b *branch) lost(d *dialog) {
	b.callHooks(sip.NewResponseFromRequest(b.x.req, errTerminated.Code, errTerminated.Reason, nil), b.leg)
	b.hangUp(d)
}

// maxEnded bounds how many dialogs of one branch are ended by BYE.
const maxEnded = 64

// hangUp acknowledges a 2xx and, the first time, ends its dialog.
func (b *branch) hangUp(d *dialog) {
	b.mu.Lock()
	known := b.ended[d.tag] || len(b.ended) >= maxEnded
	if !known {
		if b.ended == nil {
			b.ended = make(map[string]bool)
		}
		b.ended[d.tag] = true
	}
	b.mu.Unlock()

	layer, out := b.x.f.layer(), b.leg.Out.Flow
	if err := layer.Send(b.within(d, sip.ACK, 0), out); err != nil {
		b.x.f.logger().Debug("proxy: ACK not sent", "branch", b.leg.Branch, "error", err)
	}
	if known {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), connectTimeout)
	defer cancel()
	tx, err := layer.Do(ctx, b.within(d, sip.BYE, 1), out)
	if err != nil {
		b.x.f.logger().Debug("proxy: BYE not sent", "branch", b.leg.Branch, "error", err)
		return
	}
	drain(tx)
}

// isLost reports whether a dialog of this branch was ended by hangUp.
func (b *branch) isLost() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return len(b.ended) > 0
}

// within is a request in the dialog, in the caller's name.
func (b *branch) within(d *dialog, method sip.RequestMethod, after uint32) *sip.Request {
	req := sip.NewRequest(method, d.target)
	req.AppendHeader(b.x.f.layer().Via(b.leg.Out.Flow, newBranchID(b.x.cookie)))
	for _, h := range d.route {
		req.AppendHeader(sip.HeaderClone(h))
	}
	swapStrict(req)
	hops := sip.MaxForwardsHeader(defaultHops)
	req.AppendHeader(&hops)
	req.AppendHeader(sip.HeaderClone(b.req.From()))
	req.AppendHeader(sip.HeaderClone(d.to))
	req.AppendHeader(sip.HeaderClone(b.req.CallID()))
	req.AppendHeader(&sip.CSeqHeader{SeqNo: b.req.CSeq().SeqNo + after, MethodName: method})
	req.SetBody(nil)
	return req
}
