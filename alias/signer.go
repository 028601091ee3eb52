// SPDX-FileCopyrightText: 2026 The sipnat authors
// SPDX-License-Identifier: MIT

package alias

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"hash"
	"slices"
	"strings"
	"sync"

	"github.com/emiago/sipgo"
	"github.com/emiago/sipgo/sip"

	"github.com/sipnat/sipnat/flow"
)

// Param is the URI parameter of a [Signer], on the wire ;sna=TOKEN.
const Param = "sna"

// Signer writes and reads the signed alias. Make one with [New] or [Ephemeral];
// the zero value has no key: it adds nothing and refuses everything. Safe for
// concurrent use.
//
// The token binds the flow to the user part of the Contact, under an HMAC-SHA256
// of 80 bits. It is a bearer token without expiry, since a dialog may last as
// long as it likes and refreshes its target only by a re-INVITE: whoever has
// seen it may send to that user on that flow, through us, until the key is
// rotated away. It is no secret from either party of the dialog.
//
// A flow that has ended is not found out here: sending on it is what fails
// (flow.ErrFlowGone).
type Signer struct {
	keys   []key
	states sync.Pool // of *state
	count  counters
}

type key struct {
	secret []byte
	id     byte
}

// New returns a signer that signs with the first key and accepts tokens of all.
// To rotate, put the new key in front, and take the old one away when the
// longest dialog has ended. Keys should be 32 random bytes; no key or an empty
// one is [ErrKey].
func New(keys ...[]byte) (*Signer, error) {
	if len(keys) == 0 {
		return nil, ErrKey
	}
	s := &Signer{}
	for _, k := range keys {
		if len(k) == 0 {
			return nil, ErrKey
		}
		mac := hmac.New(sha256.New, k)
		mac.Write([]byte("sna key id"))
		s.keys = append(s.keys, key{secret: slices.Clone(k), id: mac.Sum(nil)[0]})
	}
	return s, nil
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
// flow. [ErrNone]: there is none of ours (a foreign alias= is left alone);
// [ErrForged]: there is one, and it is not of our making, for this user or at
// all. On error req is unchanged. It edits only req.Recipient.
//
// It replaces Kamailio's handle_ruri_alias.
func (s *Signer) Resolve(req *sip.Request) (flow.Flow, error) { return resolve(s, req) }

// Strip takes every alias off the Request-URI, good or bad.
func (s *Signer) Strip(req *sip.Request) { strip(s, req) }

// Branch is the hook of the forwarder for requests that it sends. If the sender
// is behind NAT its flow is added to the Contacts of INVITE, SUBSCRIBE, UPDATE,
// REFER and NOTIFY. An alias that is left in the Request-URI is taken off, so
// that the phone never sees it, unless a Route shows that another proxy comes
// first. Contacts of a peer without NAT are left alone.
func (s *Signer) Branch(req *sip.Request, leg flow.Leg) error { return branch(s, req, leg) }

// Reply is the hook of the forwarder for responses: if who answers is behind
// NAT its flow is added to the Contacts of 1xx (not 100) and 2xx replies to the
// methods of Branch. The Contacts of a 3xx or 485 are other places, not the
// peer: they are left alone.
func (s *Signer) Reply(res *sip.Response, leg flow.Leg) error { return reply(s, res, leg) }

// Middleware resolves the alias of each request and sets the flow as the target
// for the forwarder (flow.WithTarget, NAT true). It goes behind the router's
// middleware: a request that still has a Route passes untouched, and if a
// target with a flow is set already the alias is only taken off. A request
// without an alias passes. One with a bad alias is answered by flow.Status of
// the error and goes no further; an ACK is dropped instead (see [Signer.Stats]).
func (s *Signer) Middleware(next sipgo.RequestHandler) sipgo.RequestHandler {
	return middleware(s, &s.count, next)
}

// Stats counts what Middleware did.
func (s *Signer) Stats() Stats { return s.count.stats() }

func (s *Signer) owns(name string) bool { return strings.EqualFold(name, Param) }

func (s *Signer) bare() bool { return true }

func (s *Signer) check(f flow.Flow) error {
	if len(s.keys) == 0 {
		return ErrKey
	}
	if !carries(f) {
		return ErrFlow
	}
	return nil
}

// needed is always true: the flow names our listener too, which no URI does.
func (s *Signer) needed(*sip.Uri, flow.Flow) bool { return true }

func (s *Signer) encode(uri *sip.Uri, f flow.Flow) sip.HeaderKV {
	st := s.state()
	defer s.states.Put(st)
	return sip.HeaderKV{K: Param, V: string(s.appendToken(st.text[:0], st, uri.User, f))}
}

func (s *Signer) decode(uri *sip.Uri, value string) (flow.Flow, error) {
	st := s.state()
	defer s.states.Put(st)
	return s.verify(st, uri.User, value)
}

// state is what making and reading a token needs, kept for reuse.
type state struct {
	macs  []hash.Hash // by key, made on first use
	raw   [maxRaw]byte
	text  [maxText]byte
	sum   [sha256.Size]byte
	chunk [64]byte
}

func (s *Signer) state() *state {
	if st, ok := s.states.Get().(*state); ok {
		return st
	}
	return &state{macs: make([]hash.Hash, len(s.keys))}
}
