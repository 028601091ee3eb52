// SPDX-FileCopyrightText: 2026 The sipnat authors
// SPDX-License-Identifier: MIT

package nat

import (
	"net/netip"
	"strings"

	"github.com/emiago/sipgo/sip"

	"github.com/sipnat/sipnat/flow"
)

// replyTests are those that a reply can be put to. Its first Via is our own, so
// that nat_uac_test's 2, 4 and 16 say nothing about its sender.
const replyTests = TestAll &^ (TestVia | TestDestination)

// DetectReply judges a reply on its own terms: f is the path that it took, and
// f.Remote is held against its Contact and SDP, never against its Via, which is
// ours. (Kamailio's nat_uac_test("18") in a reply route compares with our own
// Via and is true for nearly every reply.)
//
// TestReceived fires if a Contact holds another IP address than f.Remote, or a
// name under .invalid (RFC 7118 section 5); other names may stand for the
// source. TestPort compares the port of such a Contact. TestVia and
// TestDestination never fire, the rest is as in Detect. Contacts speak about
// the sender in provisional and 2xx replies only, and not in a reply to
// REGISTER, which lists everybody's bindings.
//
// All these tests are run; NATed is decided by TestReceived and TestPort, as by
// the zero Detector. A nil reply gets the zero Verdict.
//
// A reply passed another proxy on its way to us (Proxied) if its topmost
// Record-Route is neither f.Local nor named by a Via of the reply: what stands
// above our own was put there by a proxy beyond us, and the Vias of a reply are
// our own and those before us. A wildcard f.Local matches every address with its
// port. An edge whose own Via has been taken off already,
// and that is known by another name than f.Local, says so by Detector.Self.
func DetectReply(res *sip.Response, f flow.Flow) Verdict {
	var d Detector
	return d.judgeReply(res, f, replyTests)
}

func (d *Detector) judgeReply(res *sip.Response, f flow.Flow, asked Test) Verdict {
	var j judgement
	if res == nil {
		return j.verdict
	}
	j.open(f, asked&replyTests, d.Private)
	j.verdict.Proxied = d.beyond(res, f)
	own := contactIsOwn(res)
	for _, h := range res.Headers() {
		if contact, ok := h.(*sip.ContactHeader); ok && own {
			j.judgeContact(contact)
			j.judgeReplyContact(contact)
		}
	}
	if j.asked&(TestSDP|TestSDPSource) != 0 {
		j.judgeMedia(res)
	}
	j.close()
	j.verdict.NATed = j.verdict.NATed && j.verdict.fired&d.tests() != 0
	return j.verdict
}

// contactIsOwn reports whether the Contacts of a reply are its sender's.
func contactIsOwn(res *sip.Response) bool {
	cseq := res.CSeq()
	return res.StatusCode < 300 && (cseq == nil || cseq.MethodName != sip.REGISTER)
}

func (j *judgement) judgeReplyContact(contact *sip.ContactHeader) {
	uri := &contact.Address
	if !isSIP(uri) || !j.src.IsValid() {
		return
	}
	addr := parseHost(uri.Host)
	if !addr.IsValid() && !isInvalidName(uri.Host) {
		return
	}
	port := portOr(uri.Port, uriTransport(uri).DefaultPort())
	if addr != j.src.Addr() {
		j.fire(TestReceived, claim{field: fieldContact, host: uri.Host})
	}
	if port != int32(j.src.Port()) {
		j.fire(TestPort, claim{field: fieldContact, host: uri.Host, port: port})
	}
}

// isInvalidName reports whether host is under the top-level domain that cannot
// exist (RFC 2606), which WebSocket clients name themselves by.
func isInvalidName(host string) bool {
	const tld = ".invalid"
	host = strings.TrimSuffix(host, ".")
	return len(host) > len(tld) && strings.EqualFold(host[len(host)-len(tld):], tld)
}

// beyond reports whether a proxy between us and the sender of res put itself
// into the route.
func (d *Detector) beyond(res *sip.Response, f flow.Flow) bool {
	var top *sip.Uri
	for _, h := range res.Headers() {
		if rr, ok := h.(*sip.RecordRouteHeader); ok {
			top = &rr.Address
			break
		}
	}
	if top == nil {
		return false
	}
	if d.Self != nil && d.Self(top.Host, top.Port) {
		return false
	}
	port := portOr(top.Port, uriTransport(top).DefaultPort())
	if isLocal(f.Local, parseHost(top.Host), port) {
		return false
	}
	for _, h := range res.Headers() {
		if via, ok := h.(*sip.ViaHeader); ok && sameHost(via.Host, top.Host) &&
			port == portOr(via.Port, transportOf(via.Transport).DefaultPort()) {
			return false
		}
	}
	return true
}

// isLocal reports whether addr and port are those of local, which may be a
// wildcard.
func isLocal(local netip.AddrPort, addr netip.Addr, port int32) bool {
	return addr.IsValid() && port == int32(local.Port()) &&
		(addr == local.Addr().Unmap() || local.Addr().IsUnspecified())
}

// sameHost compares hosts as addresses if they are some, else as names.
func sameHost(a, b string) bool {
	if x, y := parseHost(a), parseHost(b); x.IsValid() || y.IsValid() {
		return x == y
	}
	return strings.EqualFold(a, b)
}
