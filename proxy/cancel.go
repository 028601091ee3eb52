// SPDX-FileCopyrightText: 2026 The sipnat authors
// SPDX-License-Identifier: MIT

package proxy

import (
	"context"
	"time"

	"github.com/emiago/sipgo/sip"
)

// cancel ends a ringing branch: at once if a provisional response has come, else
// as soon as one does (RFC 3261 section 9.1). It then has 64*T1 to say so.
func (b *branch) cancel(timer *time.Timer) {
	b.stopping = true
	timer.Reset(sip.Timer_B)
	if !b.proceeding {
		return
	}
	ctx, done := context.WithTimeout(context.Background(), connectTimeout)
	defer done()
	tx, err := b.x.f.layer().Do(ctx, newCancel(b.req), b.leg.Out.Flow)
	if err != nil {
		b.x.f.logger().Debug("proxy: CANCEL not sent", "branch", b.leg.Branch, "error", err)
		return
	}
	b.cancelTx = tx
}

// newCancel is the CANCEL of an INVITE that was sent. sipgo's own is private.
func newCancel(invite *sip.Request) *sip.Request {
	req := sip.NewRequest(sip.CANCEL, *invite.Recipient.Clone())
	req.AppendHeader(invite.Via().Clone())
	sip.CopyHeaders("Route", invite, req)
	hops := sip.MaxForwardsHeader(defaultHops)
	req.AppendHeader(&hops)
	req.AppendHeader(sip.HeaderClone(invite.From()))
	req.AppendHeader(sip.HeaderClone(invite.To()))
	req.AppendHeader(sip.HeaderClone(invite.CallID()))
	req.AppendHeader(&sip.CSeqHeader{SeqNo: invite.CSeq().SeqNo, MethodName: sip.CANCEL})
	req.SetBody(nil)
	return req
}

// drain reads a transaction to its final response or its end.
func drain(tx sip.ClientTransaction) {
	for {
		select {
		case res := <-tx.Responses():
			if !res.IsProvisional() {
				return
			}
		case <-tx.Done():
			return
		}
	}
}
