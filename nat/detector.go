// SPDX-FileCopyrightText: 2026 The sipnat authors
// SPDX-License-Identifier: MIT

package nat

import (
	"net/netip"

	"github.com/emiago/sipgo"
	"github.com/emiago/sipgo/sip"

	"github.com/sipnat/sipnat/flow"
	"github.com/sipnat/sipnat/internal/txval"
)

// Detector is detection with a policy. The zero value is ready; it is safe for
// concurrent use as long as nobody changes it.
type Detector struct {
	// Tests decide whether a sender is behind NAT. Zero means TestReceived and
	// TestPort, nat_uac_test("18"): what the sender writes is not what the
	// network shows. These two hold on every topology, tests for private
	// addresses only where no phone is reached without NAT in a private network.
	Tests Test
	// Private are further address ranges to be taken for private.
	Private []netip.Prefix
	// Self reports whether host and port (0 if none was written) are one of our
	// own names; flow.Layer.IsSelf is made for it. It is asked about the
	// topmost Record-Route of a reply (see DetectReply), and needed only where
	// we are advertised by another name than the address that we listen on. Nil
	// means that we are known by our own addresses.
	Self func(host string, port int) bool
}

func (d *Detector) tests() Test {
	if d.Tests != 0 {
		return d.Tests
	}
	return TestReceived | TestPort
}

// Detect is the package's Detect with the detector's tests and ranges.
func (d *Detector) Detect(req *sip.Request) Verdict {
	var j judgement
	j.request(req, requestPath(req), d.tests(), d.Private)
	return j.verdict
}

// DetectReply is the package's DetectReply with the detector's ranges, its
// names, and its tests as far as a reply can be put to them.
func (d *Detector) DetectReply(res *sip.Response, f flow.Flow) Verdict {
	return d.judgeReply(res, f, d.tests())
}

// Behind reports whether the sender of msg, a request or a reply that came by
// f, is behind NAT: by the Detector's tests, or because a Contact names a
// private address while the rest of the message names the public source
// (ALGContact): an ALG mended half of it, or somebody wants requests sent to a
// network of ours. It is false for a message that passed another proxy, and
// for a nil one. It has the shape of the hooks that ask this question, such as
// registrar.Registrar.NAT and proxy.Forwarder.NAT.
func (d *Detector) Behind(msg sip.Message, f flow.Flow) bool {
	var j judgement
	switch m := msg.(type) {
	case *sip.Request:
		j.request(m, f, d.tests(), d.Private)
	case *sip.Response:
		j.verdict = d.DetectReply(m, f)
	}
	return j.verdict.NATed || j.verdict.ALG&ALGContact != 0
}

// Middleware judges each request and hands the Verdict on to the handlers
// behind it, which get it by VerdictOf. It neither changes nor answers requests.
func (d *Detector) Middleware(next sipgo.RequestHandler) sipgo.RequestHandler {
	return func(req *sip.Request, tx sip.ServerTransaction) {
		next(req, txval.With(tx, d.Detect(req)))
	}
}

// VerdictOf is the verdict that Detector.Middleware reached on the request of
// tx; false if no such middleware is in front.
func VerdictOf(tx sip.ServerTransaction) (Verdict, bool) {
	return txval.Value[Verdict](tx)
}
