// SPDX-FileCopyrightText: 2026 The sipnat authors
// SPDX-License-Identifier: MIT

package alias

import (
	"errors"
	"fmt"

	"github.com/emiago/sipgo/sip"

	"github.com/sipnat/sipnat/flow"
	"github.com/sipnat/sipnat/internal/flowtoken"
)

// errBare is the ErrForged of a token that names no flow: it may vouch for its
// URI.
var errBare = fmt.Errorf("%w for a flow", ErrForged)

// Vouch signs every Contact of msg without a flow, in place of the aliases that
// are there: requests of the dialog may follow it to where it says. What Add
// leaves alone it leaves alone, and it has the same errors but ErrFlow.
func (s *Signer) Vouch(msg sip.Message) error { return s.vouch(msg, false) }

// vouch leaves, with keep, a Contact that has an alias already as it is.
func (s *Signer) vouch(msg sip.Message, keep bool) error {
	if s.ring == nil {
		return ErrKey
	}
	return contacts(msg, func(contact *sip.ContactHeader) {
		uri := &contact.Address
		if keep && (find(s, uri.UriParams) >= 0 || find(s, contact.Params) >= 0) {
			return
		}
		contact.Params = without(s, contact.Params)
		token := s.ring.Sign(flow.Flow{}, uriClaim(uri))
		uri.UriParams = with(s, uri.UriParams, sip.HeaderKV{K: Param, V: token})
	})
}

// Vouched reports whether uri bears what Vouch wrote, and still leads to the same
// place and user.
func (s *Signer) Vouched(uri *sip.Uri) bool {
	i := find(s, uri.UriParams)
	if i < 0 || s.ring == nil {
		return false
	}
	_, err := s.ring.Open(uri.UriParams[i].V, uriClaim(uri))
	return err == nil
}

// uriClaim is what a token without a flow is good for.
func uriClaim(uri *sip.Uri) flowtoken.Claim {
	return flowtoken.Claim{Use: "sna uri ", Bare: true, Place: flowtoken.Place(uri), User: uri.User}
}

// lead is where the alias of req's Request-URI leads; the alias is taken off.
func (s *Signer) lead(req *sip.Request) (flow.Target, error) {
	t, err := lead(s, req)
	if errors.Is(err, errBare) && s.Vouched(&req.Recipient) {
		strip(s, req)
		return flow.Target{URI: *req.Recipient.Clone()}, nil
	}
	return t, err
}
