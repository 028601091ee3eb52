// SPDX-FileCopyrightText: 2026 The sipnat authors
// SPDX-License-Identifier: MIT

package proxy

import (
	"errors"
	"strconv"
	"strings"

	"github.com/emiago/sipgo/sip"

	"github.com/sipnat/sipnat/flow"
)

// admitted is a request that may be forwarded, with what was found out about
// it. The request itself is never edited: sipgo reads a received INVITE from
// other goroutines.
type admitted struct {
	req    *sip.Request
	tx     sip.ServerTransaction
	in     flow.Peer
	hops   uint32 // Max-Forwards for the next hop
	cookie string
}

// defaultHops is the Max-Forwards of a request without (RFC 3261 section 16.6
// step 3).
const defaultHops = 70

var (
	errIncomplete = &flow.Refusal{Code: sip.StatusBadRequest, Reason: "Bad Request: header missing"}
	errHopsSyntax = &flow.Refusal{Code: sip.StatusBadRequest, Reason: "Bad Request: Max-Forwards"}
	errTooMany    = &flow.Refusal{Code: sip.StatusTooManyHops, Reason: "Too Many Hops"}
	errLoop       = &flow.Refusal{Code: sip.StatusLoopDetected, Reason: "Loop Detected"}
	errNoCall     = &flow.Refusal{Code: sip.StatusCallTransactionDoesNotExists, Reason: "Call/Transaction Does Not Exist"}
	errSpentACK   = errors.New("proxy: the ACK is for a failure that was answered from here")
)

// extensionError names the option tags of a Proxy-Require that nobody here
// supports.
type extensionError struct{ tags []string }

func (e *extensionError) Error() string {
	return "proxy: unsupported Proxy-Require: " + strings.Join(e.tags, ", ")
}

// SIPStatus makes it a 420.
func (e *extensionError) SIPStatus() (code int, reason string) {
	return sip.StatusBadExtension, "Bad Extension"
}

// admit validates a request as RFC 3261 section 16.3 says.
func (f *Forwarder) admit(req *sip.Request, tx sip.ServerTransaction) (*admitted, error) {
	if req.IsCancel() {
		return nil, errNoCall
	}
	if req.Via() == nil || req.From() == nil || req.To() == nil || req.CallID() == nil || req.CSeq() == nil {
		return nil, errIncomplete
	}
	if req.IsAck() && f.spent.has(req) {
		return nil, errSpentACK
	}
	hops, err := hopsLeft(req)
	if err != nil {
		return nil, err
	}
	if tags := proxyRequire(req); len(tags) > 0 && !req.IsAck() {
		return nil, &extensionError{tags}
	}
	in := flow.Of(req, tx)
	a := &admitted{req: req, tx: tx, in: flow.Peer{Flow: in, NAT: f.behind(req, in)}, hops: hops, cookie: loopCookie(req, in)}
	if f.looped(req, a.cookie) {
		return nil, errLoop
	}
	return a, nil
}

// hopsLeft is the Max-Forwards that the request leaves with. sipgo's own helper
// refuses 1 and lets 0 wrap around.
func hopsLeft(req *sip.Request) (uint32, error) {
	least, found := uint64(0), false
	for _, h := range req.GetHeaders("Max-Forwards") {
		n, err := strconv.ParseUint(strings.TrimSpace(h.Value()), 10, 32)
		if err != nil {
			return 0, errHopsSyntax
		}
		if !found || n < least {
			least, found = n, true
		}
	}
	switch {
	case !found:
		return defaultHops, nil
	case least == 0:
		return 0, errTooMany
	}
	return uint32(least - 1), nil
}

// setHops gives req, a clone, a Max-Forwards of its own in the place of the
// one that it shares with the request that it was cloned from.
func setHops(req *sip.Request, hops uint32) {
	mf := sip.MaxForwardsHeader(hops)
	found := false
	for i, h := range req.Headers() {
		if strings.EqualFold(h.Name(), mf.Name()) {
			req.Headers()[i] = &mf
			found = true
		}
	}
	if found {
		req.ReplaceHeader(&mf) // for the accessor
		return
	}
	req.AppendHeader(&mf)
}

// proxyRequire lists the option tags that the request demands of us.
func proxyRequire(req *sip.Request) []string {
	var tags []string
	for _, h := range req.GetHeaders("Proxy-Require") {
		for tag := range strings.SplitSeq(h.Value(), ",") {
			if tag = strings.TrimSpace(tag); tag != "" {
				tags = append(tags, tag)
			}
		}
	}
	return tags
}

// refuse answers req by what err says; an ACK is dropped.
func (f *Forwarder) refuse(req *sip.Request, tx sip.ServerTransaction, err error) {
	if req.IsAck() {
		f.dropped(req, err)
		return
	}
	code, reason := flow.Status(err)
	res := sip.NewResponseFromRequest(req, code, reason, nil)
	var ext *extensionError
	if errors.As(err, &ext) {
		res.AppendHeader(sip.NewHeader("Unsupported", strings.Join(ext.tags, ", ")))
	}
	if req.IsInvite() {
		f.spent.add(req)
	}
	f.logger().Debug("proxy: refused", "method", req.Method, "code", code, "error", err)
	if err := tx.Respond(res); err != nil {
		f.logger().Debug("proxy: refusal not sent", "error", err)
	}
}
