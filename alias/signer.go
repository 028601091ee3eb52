// SPDX-FileCopyrightText: 2026 The sipnat authors
// SPDX-License-Identifier: MIT

package alias

import (
	"crypto/rand"
	"errors"
	"strings"

	"github.com/emiago/sipgo"
	"github.com/emiago/sipgo/sip"

	"github.com/sipnat/sipnat/flow"
	"github.com/sipnat/sipnat/internal/flowtoken"
)

// Param is the URI parameter of a [Signer], on the wire ;sna=TOKEN.
const Param = "sna"

// Signer writes and reads the signed alias. Make one with [New] or [Ephemeral];
// the zero value has no key: it adds nothing and refuses everything. Safe for
// concurrent use.
//
// There are two tokens, each under an HMAC-SHA256 of 80 bits. That of a peer
// behind NAT binds its flow to the user part of its Contact. That of any other
// peer names no flow, and binds user part, host, port, transport and maddr of the
// Contact: the URI was a Contact that we passed on, and may be followed. Both are
// bearer tokens without expiry, since a dialog may last as long as it likes and
// refreshes its target only by a re-INVITE: whoever has seen one may send to that
// user on that flow, or to that URI, through us, until the key is rotated away.
// They are no secret from either party of the dialog.
//
// A flow that has ended is not found out here: sending on it is what fails
// (flow.ErrFlowGone).
type Signer struct {
	ring  *flowtoken.Ring // nil without a key
	count counters
}

// New returns a signer that signs with the first key and accepts tokens of all.
// To rotate, put the new key in front, and take the old one away when the
// longest dialog has ended. Keys should be 32 random bytes; no key or an empty
// one is [ErrKey].
func New(keys ...[]byte) (*Signer, error) {
	ring, err := flowtoken.New(keys...)
	if err != nil {
		return nil, ErrKey
	}
	return &Signer{ring: ring}, nil
}

// Ephemeral returns a signer with a random key of its own. A restart forgets
// the key: requests of dialogs that are alive then are refused with 403.
func Ephemeral() *Signer {
	secret := make([]byte, 32)
	_, _ = rand.Read(secret) // never fails (crypto/rand)
	s, _ := New(secret)      // fails only on an empty key
	return s
}

// Add puts f on every Contact of msg and takes the aliases off that it finds
// there, so that doing it twice is doing it once. The Contact * and URIs
// without parameters (tel) are left alone; without a Contact it does nothing.
// It edits the Contact headers of msg in place, which is safe on a received
// INVITE too; on error msg is unchanged. Errors: [ErrFlow], [ErrKey], and
// [ErrMalformed] for a Contact that was added as text (sip.NewHeader).
//
// It replaces Kamailio's add_contact_alias and set_contact_alias.
func (s *Signer) Add(msg sip.Message, f flow.Flow) error { return add(s, msg, f) }

// URI is uri with the alias of f: the Request-URI with which a B2BUA calls the
// phone at f, for flow.Requester to take off again. uri itself is not changed.
// Errors: [ErrFlow], [ErrKey], and [ErrMalformed] if uri is no SIP URI.
func (s *Signer) URI(uri sip.Uri, f flow.Flow) (sip.Uri, error) {
	if !f.IsValid() {
		return sip.Uri{}, ErrFlow
	}
	if err := s.check(f); err != nil {
		return sip.Uri{}, err
	}
	if !isSIP(&uri) {
		return sip.Uri{}, ErrMalformed
	}
	uri.UriParams = with(s, uri.UriParams, s.encode(&uri, f))
	return uri, nil
}

// Resolve reads the alias of the Request-URI, takes it off and returns its
// flow. [ErrNone]: there is none of ours that names a flow (a foreign alias= is
// left alone, and so is what [Signer.Vouch] wrote); [ErrForged]: there is one,
// and it is not of our making, for this user or at all. On error req is
// unchanged. It edits only req.Recipient.
//
// It replaces Kamailio's handle_ruri_alias.
func (s *Signer) Resolve(req *sip.Request) (flow.Flow, error) {
	f, err := resolve(s, req)
	if errors.Is(err, errBare) && s.Vouched(&req.Recipient) {
		err = ErrNone
	}
	return f, err
}

// Strip takes every alias off the Request-URI, good or bad.
func (s *Signer) Strip(req *sip.Request) { strip(s, req) }

// Branch is the hook of the forwarder for requests that it sends: the Contacts of
// INVITE, SUBSCRIBE, UPDATE, REFER and NOTIFY are signed, with the sender's flow
// if it is behind NAT ([Signer.Add]), else without one ([Signer.Vouch]). What
// another edge has signed stays, if the request came by way of a proxy. An alias
// that is left in the Request-URI is taken off, so that the phone never sees it,
// unless a Route shows that another proxy comes first.
func (s *Signer) Branch(req *sip.Request, leg flow.Leg) error {
	if !leg.In.NAT && targets(req.Method) {
		if err := s.vouch(req, len(req.GetHeaders("via")) > 1); err != nil {
			return err
		}
	}
	return branch(s, req, leg)
}

// Reply is the hook of the forwarder for responses: the same for the Contacts of
// 1xx (not 100) and 2xx replies to those methods, by who answers. One who is not
// behind NAT keeps what was signed already: a reply does not tell whether it
// passed another edge. The Contacts of a 3xx or 485 are other places, not the
// peer: they are left alone.
func (s *Signer) Reply(res *sip.Response, leg flow.Leg) error {
	if !leg.Out.NAT && replies(res) {
		return s.vouch(res, true)
	}
	return reply(s, res, leg)
}

// Middleware resolves the alias of each request and sets the target for the
// forwarder (flow.WithTarget): the flow that it names, with NAT true, or the
// Request-URI alone if it vouches for no more than that. It goes behind the
// router's middleware: a request that still has a Route passes untouched, and if
// a target with a flow is set already the alias is only taken off.
//
// A request without an alias passes, but for one inside a dialog whose target is
// where its own Request-URI says: the router sets that for every request under
// our Record-Route, whatever the sender has written there. Such a request is
// refused with [ErrUnsigned].
//
// A refused request is answered by flow.Status of the error and goes no further;
// an ACK is dropped instead (see [Signer.Stats]).
func (s *Signer) Middleware(next sipgo.RequestHandler) sipgo.RequestHandler {
	return middleware{codec: s, count: &s.count, lead: s.lead, signed: true}.wrap(next)
}

// Stats counts what Middleware did.
func (s *Signer) Stats() Stats { return s.count.stats() }

func (s *Signer) owns(name string) bool { return strings.EqualFold(name, Param) }

func (s *Signer) bare() bool { return true }

func (s *Signer) check(f flow.Flow) error {
	if s.ring == nil {
		return ErrKey
	}
	if !flowtoken.Carries(f) {
		return ErrFlow
	}
	return nil
}

// needed is always true: the flow names our listener too, which no URI does.
func (s *Signer) needed(*sip.Uri, flow.Flow) bool { return true }

func (s *Signer) encode(uri *sip.Uri, f flow.Flow) sip.HeaderKV {
	return sip.HeaderKV{K: Param, V: s.ring.Sign(f, flowClaim(uri.User))}
}

func (s *Signer) decode(uri *sip.Uri, value string) (flow.Flow, error) {
	if s.ring == nil {
		return flow.Flow{}, ErrForged
	}
	f, err := s.ring.Open(value, flowClaim(uri.User))
	switch {
	case errors.Is(err, flowtoken.ErrKind):
		return flow.Flow{}, errBare
	case err != nil:
		return flow.Flow{}, ErrForged // a foreign key's too: it has our name
	}
	return f, nil
}

// flowClaim is what the token of a flow is good for.
func flowClaim(user string) flowtoken.Claim {
	return flowtoken.Claim{Use: "sna token ", User: user}
}
