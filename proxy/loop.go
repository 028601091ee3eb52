// SPDX-FileCopyrightText: 2026 The sipnat authors
// SPDX-License-Identifier: MIT

package proxy

import (
	"crypto/rand"
	"fmt"
	"hash/fnv"
	"io"
	"strings"

	"github.com/emiago/sipgo/sip"

	"github.com/sipnat/sipnat/flow"
)

// loopCookie condenses what decides where a request goes: a request that comes
// back to us with the same one loops, with another it spirals (RFC 3261 section
// 16.6 step 8, RFC 5393 section 4.2). The address that it came from is part of
// it, since targets may be chosen by it (to a trunk, from a trunk); a loop is
// found one round later for it.
func loopCookie(req *sip.Request, in flow.Flow) string {
	h := fnv.New64a()
	part := func(s string) { _, _ = io.WriteString(h, s+"\x00") }
	part(req.Recipient.String())
	part(in.Remote.Addr().String())
	part(tagOf(req.From().Params))
	part(tagOf(req.To().Params))
	part(req.CallID().Value())
	part(fmt.Sprint(req.CSeq().SeqNo))
	for _, name := range []string{"Route", "Proxy-Require", "Proxy-Authorization"} {
		for _, hdr := range req.GetHeaders(name) {
			part(hdr.Value())
		}
		part("")
	}
	return fmt.Sprintf("%016x", h.Sum64())
}

func tagOf(params sip.HeaderParams) string {
	tag, _ := params.Get("tag")
	return tag
}

// newBranchID is a branch parameter: unique, and it carries the cookie.
func newBranchID(cookie string) string {
	return sip.RFC3261BranchMagicCookie + rand.Text() + "." + cookie
}

// looped reports whether a Via of ours carries the same cookie.
func (f *Forwarder) looped(req *sip.Request, cookie string) bool {
	for _, h := range req.GetHeaders("Via") {
		v, ok := h.(*sip.ViaHeader)
		if !ok {
			continue
		}
		branch, _ := v.Params.Get("branch")
		if strings.HasSuffix(branch, "."+cookie) && f.layer().IsSelf(v.Host, v.Port) {
			return true
		}
	}
	return false
}
