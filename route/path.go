// SPDX-FileCopyrightText: 2026 The sipnat authors
// SPDX-License-Identifier: MIT

package route

import (
	"errors"
	"strings"

	"github.com/emiago/sipgo/sip"

	"github.com/sipnat/sipnat/flow"
	"github.com/sipnat/sipnat/internal/flowtoken"
)

// AddPath puts us between a registrar and the phone that registers (RFC 3327,
// RFC 5626 section 5.1; Kamailio's add_path with a flow token): a Path on top of
// req, a REGISTER that came on in and leaves on out, whose user part is a signed
// token of in. A request that comes back along it goes to that very flow. The
// Path bears the name of the outgoing side, which is the one that the registrar can
// reach, and ob if the phone itself is the previous hop.
//
// The token is bound to the user part of the Contact, if all Contacts have the
// same; if they have none, or several, to nothing.
//
// It also adds "Supported: path", which says of the phone what is true of us:
// hardly a phone has it, and registrars answer 420 without (Kamailio's do).
//
// Errors, with req unchanged: ErrFlow.
func (r *Router) AddPath(req *sip.Request, in, out flow.Flow) error {
	if !in.IsValid() || !flowtoken.Carries(in) {
		return ErrFlow
	}
	u := r.uri("sip", out)
	u.User = r.secrets().flows.Sign(in, pathClaim(contactUser(req)))
	if len(req.GetHeaders("via")) == 1 {
		u.UriParams.Add("ob", "")
	}
	// sipgo has no type for it: it prints URIs as they are.
	req.PrependHeader(sip.NewHeader("Path", "<"+u.String()+">"))
	if !supports(req, "path") {
		req.AppendHeader(sip.NewHeader("Supported", "path"))
	}
	return nil
}

// pathFlow is the flow that the user part of a Route of ours names, for a
// request to target. A user part that is no token of ours names none.
func (r *Router) pathFlow(own, target *sip.Uri) (flow.Flow, error) {
	if own.User == "" {
		return flow.Flow{}, nil
	}
	ring := r.secrets().flows
	f, err := ring.Open(own.User, pathClaim(target.User))
	if errors.Is(err, flowtoken.ErrForged) && target.User != "" {
		f, err = ring.Open(own.User, pathClaim(""))
	}
	if errors.Is(err, flowtoken.ErrForged) {
		return flow.Flow{}, ErrTampered
	}
	return f, nil
}

// pathClaim is what the token of a Path is good for.
func pathClaim(user string) flowtoken.Claim {
	return flowtoken.Claim{Use: "path token ", User: user}
}

// contactUser is the user part that all Contacts of req have; empty if there is
// no such thing.
func contactUser(req *sip.Request) string {
	user, found := "", false
	for _, h := range req.GetHeaders("contact") {
		c, ok := h.(*sip.ContactHeader)
		if !ok || c.Address.Wildcard || found && c.Address.User != user {
			return ""
		}
		user, found = c.Address.User, true
	}
	return user
}

// supports reports whether req lists an option tag. sipgo does not know the
// compact form.
func supports(req *sip.Request, option string) bool {
	for _, name := range []string{"supported", "k"} {
		for _, h := range req.GetHeaders(name) {
			for tag := range strings.SplitSeq(h.Value(), ",") {
				if strings.EqualFold(strings.TrimSpace(tag), option) {
					return true
				}
			}
		}
	}
	return false
}
