// SPDX-FileCopyrightText: 2026 The sipnat authors
// SPDX-License-Identifier: MIT

package keepalive

import (
	"strconv"
	"strings"
	"time"

	"github.com/emiago/sipgo"
	"github.com/emiago/sipgo/sip"

	"github.com/sipnat/sipnat/internal/txval"
)

// FlowTimer makes handler middleware, to stand in front of the registrar, that
// advises phones to ping us: a Flow-Timer of d on the 200 of a REGISTER that
// supports outbound (RFC 5626 sections 4.4.1 and 5.4). Such a phone pings each
// 80 to 100 % of d, with a double CRLF on streams and STUN on UDP; with
// Config.HoldBack and an Interval that is longer than d, it is not pinged then.
// Less than a second is no advice: everything passes as it is.
func FlowTimer(d time.Duration) func(sipgo.RequestHandler) sipgo.RequestHandler {
	return func(next sipgo.RequestHandler) sipgo.RequestHandler {
		return func(req *sip.Request, tx sip.ServerTransaction) {
			if d >= time.Second && req.Method == sip.REGISTER && supportsOutbound(req) {
				tx = adviser{tx, strconv.Itoa(int(d / time.Second))}
			}
			next(req, tx)
		}
	}
}

// adviser is a transaction whose 200 has the advice.
type adviser struct {
	sip.ServerTransaction
	seconds string
}

// Respond sends res, with the advice if it is a success without one.
func (a adviser) Respond(res *sip.Response) error {
	if res.StatusCode/100 == 2 && res.GetHeader("Flow-Timer") == nil {
		res.AppendHeader(sip.NewHeader("Flow-Timer", a.seconds))
	}
	return a.ServerTransaction.Respond(res)
}

// Unwrap returns the transaction below.
func (a adviser) Unwrap() sip.ServerTransaction { return a.ServerTransaction }

// Connection passes through sipgo's accessor.
func (a adviser) Connection() sip.Connection { return txval.Connection(a.ServerTransaction) }

func supportsOutbound(req *sip.Request) bool {
	for _, name := range []string{"Supported", "k"} {
		for _, h := range req.GetHeaders(name) {
			for _, option := range strings.Split(h.Value(), ",") {
				if strings.EqualFold(strings.TrimSpace(option), "outbound") {
					return true
				}
			}
		}
	}
	return false
}
