// SPDX-FileCopyrightText: 2026 The sipnat authors
// SPDX-License-Identifier: MIT

package proxy

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/emiago/sipgo/sip"

	"github.com/sipnat/sipnat/flow"
	"github.com/sipnat/sipnat/internal/flowtoken"
	"github.com/sipnat/sipnat/internal/txval"
)

// branch is one target of an exchange. Its goroutine reads the client
// transaction until that is final: sipgo hands responses over on an unbuffered
// channel, under the transaction's lock.
type branch struct {
	x      *exchange
	target flow.Target
	req    *sip.Request
	leg    flow.Leg
	ctx    context.Context // ends when the branch is to be cancelled
	stop   context.CancelFunc

	proceeding bool // a provisional response has come
	stopping   bool // to be cancelled, or cancelled already
	expired    bool // by Timer C
	cancelTx   sip.ClientTransaction

	mu    sync.Mutex
	ended map[string]bool // To tags of the dialogs that lost ended
}

func newBranch(x *exchange, t flow.Target) *branch {
	b := &branch{x: x, target: t, req: x.req.Clone()}
	b.ctx, b.stop = context.WithCancel(context.Background())
	return b
}

// run forwards and emits responses, the last of them final.
func (b *branch) run() {
	defer b.stop()
	tx, err := b.start()
	if err != nil {
		b.failed(err)
		return
	}
	b.watch(tx)
	if b.cancelTx != nil {
		drain(b.cancelTx)
	}
}

func (b *branch) start() (sip.ClientTransaction, error) {
	ctx, cancel := context.WithTimeout(b.ctx, connectTimeout)
	defer cancel()
	var err error
	if b.leg, err = b.x.f.dress(ctx, b.req, b.x.admitted, b.target); err != nil {
		return nil, err
	}
	if b.ctx.Err() != nil {
		return nil, &wayError{b.ctx.Err()}
	}
	tx, err := b.x.f.layer().Do(ctx, b.req, b.leg.Out.Flow)
	if err != nil {
		return nil, &wayError{err}
	}
	if out := b.leg.Out.Flow; out.Transport.Reliable() && out.Conn == 0 {
		if opened, err := b.x.f.layer().Find(out.Transport, out.Remote); err == nil {
			b.leg.Out.Flow = opened
		}
	}
	if b.req.IsInvite() {
		tx.OnRetransmission(b.again)
	}
	return tx, nil
}

// watch reads responses until a final one, or until there will be none.
func (b *branch) watch(tx sip.ClientTransaction) {
	timer := time.NewTimer(b.x.f.timerC())
	defer timer.Stop()
	expired, stop := timer.C, b.ctx.Done()
	if !b.req.IsInvite() {
		expired, stop = nil, nil // Timer F of the transaction bounds it
	}
	for {
		select {
		case res := <-tx.Responses():
			if !res.IsProvisional() {
				b.received(res)
				return
			}
			b.provisional(res, timer)
		case <-tx.Done():
			b.failed(&wayError{tx.Err()})
			return
		case <-stop:
			stop = nil
			b.cancel(timer)
		case <-expired:
			if !b.stopping && b.proceeding {
				b.expired = true
				b.cancel(timer)
				continue
			}
			// Timer C without any response, or nothing came of the CANCEL (RFC 3261
			// sections 16.8 and 9.1).
			b.expired = b.expired || !b.stopping
			tx.Terminate()
			b.failed(&wayError{sip.ErrTransactionTimeout})
			return
		case res := <-responses(b.cancelTx):
			if !res.IsProvisional() {
				b.cancelTx = nil
			}
		}
	}
}

// responses is the channel of a transaction that there may not be.
func responses(tx sip.ClientTransaction) <-chan *sip.Response {
	if tx == nil {
		return nil
	}
	return tx.Responses()
}

func (b *branch) provisional(res *sip.Response, timer *time.Timer) {
	first := !b.proceeding
	b.proceeding = true
	if b.stopping {
		if first {
			b.cancel(timer)
		}
		return
	}
	if res.StatusCode == sip.StatusTrying {
		return
	}
	if b.req.IsInvite() {
		timer.Reset(b.x.f.timerC())
	}
	if err := b.popVia(res); err != nil {
		b.x.f.dropped(res, err)
		return
	}
	b.reply(res)
	b.x.events <- event{branch: b, res: res}
}

// received takes the final response from the network.
func (b *branch) received(res *sip.Response) {
	if err := b.popVia(res); err != nil {
		b.x.f.dropped(res, err)
		b.finish(errBadGateway, false)
		return
	}
	switch {
	case res.IsSuccess() && b.req.IsInvite():
		d := b.dialog(res)
		if b.x.given.Load() {
			b.finish(errTerminated, false)
			b.x.running.Go(func() { b.hangUp(d) })
			return
		}
		b.reply(res)
		b.x.events <- event{branch: b, res: res, dialog: d}
	case b.expired && res.StatusCode == sip.StatusRequestTerminated:
		b.finish(errExpired, false)
	default:
		b.reply(res)
		b.x.events <- event{branch: b, res: res}
	}
}

var (
	errBadGateway = &flow.Refusal{Code: sip.StatusBadGateway, Reason: "Bad Gateway"}
	errTerminated = &flow.Refusal{Code: sip.StatusRequestTerminated, Reason: "Request Terminated"}
	errExpired    = &flow.Refusal{Code: sip.StatusRequestTimeout, Reason: "Request Timeout"}
	errFlowFailed = &flow.Refusal{Code: 430, Reason: "Flow Failed"} // RFC 5626 section 11.6
	errWay        = &flow.Refusal{Code: sip.StatusServiceUnavailable, Reason: "Service Unavailable"}
)

// failed ends the branch without a response from the network.
func (b *branch) failed(err error) {
	b.x.f.logger().Debug("proxy: branch failed", "branch", b.leg.Branch, "error", err)
	var way *wayError
	var status interface{ SIPStatus() (int, string) }
	policy := !errors.As(err, &way)
	switch {
	case b.expired:
		err = errExpired
	case b.stopping || b.ctx.Err() != nil:
		err = errTerminated
	case errors.Is(err, sip.ErrTransactionTimeout):
		err = errExpired
	case errors.Is(err, flow.ErrFlowGone) && b.outbound():
		err = errFlowFailed
	case !policy && !errors.As(err, &status):
		err = errWay
	}
	b.finish(err, policy)
}

// outbound reports whether the target is a flow of RFC 5626, as a Route of ours
// with ob told.
func (b *branch) outbound() bool {
	_, ok := txval.Value[flowtoken.Outbound](b.x.tx)
	return ok && b.target.Peer.Flow.IsValid()
}

// finish makes the final response that the branch did not get. Policy says that
// a hook asked for it.
func (b *branch) finish(err error, policy bool) {
	code, reason := flow.Status(err)
	res := sip.NewResponseFromRequest(b.x.req, code, reason, nil)
	b.callHooks(res, b.leg)
	b.x.events <- event{branch: b, res: res, policy: policy}
}

// again takes a 2xx to an INVITE that is repeated, or that comes from another
// phone behind a proxy that forked. sipgo calls it from a goroutine of its own,
// for 64*T1 from the first 2xx on, the handler being back or not.
func (b *branch) again(res *sip.Response) {
	if !res.IsSuccess() || b.popVia(res) != nil {
		return
	}
	if b.x.given.Load() || b.isLost() {
		b.hangUp(b.dialog(res))
		return
	}
	if !b.x.answered.Load() {
		return // the first one is on its way; this one will come again
	}
	b.reply(res)
	_ = b.x.send(res)
}
