// SPDX-FileCopyrightText: 2026 The sipnat authors
// SPDX-License-Identifier: MIT

package keepalive

import (
	"net"
	"net/netip"

	"github.com/pion/stun/v3"
)

// stun takes STUN, and answers binding requests (RFC 8489) with the address that
// they came from: without authentication, as RFC 5626 section 8 has it, and
// without any memory of the client. The answer is 12 bytes longer than the
// shortest request, 24 with IPv6.
func (c *inbound) stun(packet []byte, from net.Addr) bool {
	if !stun.IsMessage(packet) {
		return false
	}
	addr := addrPort(from)
	if answer := bindingAnswer(packet, addr); answer != nil {
		c.pinger.count.stun.Add(1)
		c.pinger.fed(addr)
		_, _ = c.WriteTo(answer, from) // the client asks again
	}
	return true
}

// bindingAnswer is the answer to a binding request; nil for all else.
func bindingAnswer(packet []byte, from netip.AddrPort) []byte {
	req := stun.Message{Raw: packet}
	if !from.IsValid() || req.Decode() != nil || req.Type != stun.BindingRequest {
		return nil
	}
	var res stun.Message
	var err error
	if unknown := notUnderstood(req.Attributes); len(unknown) > 0 {
		err = res.Build(&req, stun.BindingError, stun.CodeUnknownAttribute, unknown)
	} else {
		err = res.Build(&req, stun.BindingSuccess, &stun.XORMappedAddress{IP: from.Addr().AsSlice(), Port: int(from.Port())})
	}
	if err != nil {
		return nil
	}
	return res.Raw
}

// notUnderstood is what a request asks for that has to be understood to answer
// it (RFC 8489 section 6.3.1): changed addresses, ICE checks. Credentials are
// not asked for, and not looked at.
func notUnderstood(attributes stun.Attributes) stun.UnknownAttributes {
	var unknown stun.UnknownAttributes
	for _, a := range attributes {
		switch a.Type {
		case stun.AttrUsername, stun.AttrMessageIntegrity, stun.AttrMessageIntegritySHA256, stun.AttrRealm,
			stun.AttrNonce, stun.AttrUserhash, stun.AttrPasswordAlgorithm:
			continue
		}
		if a.Type.Required() && len(unknown) < maxUnknown {
			unknown = append(unknown, a.Type)
		}
	}
	return unknown
}

// maxUnknown attributes are named, so that no answer is long.
const maxUnknown = 8
