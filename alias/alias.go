// SPDX-FileCopyrightText: 2026 The sipnat authors
// SPDX-License-Identifier: MIT

package alias

import (
	"slices"
	"strings"

	"github.com/emiago/sipgo/sip"

	"github.com/sipnat/sipnat/flow"
)

// codec is one kind of alias: its parameter, and how a flow is written in it.
// Everything else is common.
type codec interface {
	// owns reports whether name is the parameter of this kind.
	owns(name string) bool
	// bare reports whether the parameter is looked for among those of the Contact
	// header too. There, an alias stands that a phone echoes without angle
	// brackets (RFC 3261 section 20.10).
	bare() bool
	// check says whether f can be carried at all.
	check(f flow.Flow) error
	// needed reports whether uri does not lead to f already.
	needed(uri *sip.Uri, f flow.Flow) bool
	// encode is the parameter for uri. It cannot fail after check.
	encode(uri *sip.Uri, f flow.Flow) sip.HeaderKV
	// decode reads the value that was found on uri.
	decode(uri *sip.Uri, value string) (flow.Flow, error)
}

// add puts f on every Contact of msg in place of the aliases that are there.
// It checks everything before it changes anything.
func add(c codec, msg sip.Message, f flow.Flow) error {
	if !f.IsValid() {
		return ErrFlow
	}
	if err := c.check(f); err != nil {
		return err
	}
	return contacts(msg, func(contact *sip.ContactHeader) {
		uri := &contact.Address
		if c.bare() {
			contact.Params = without(c, contact.Params)
		}
		if !c.needed(uri, f) {
			uri.UriParams = without(c, uri.UriParams)
			return
		}
		uri.UriParams = with(c, uri.UriParams, c.encode(uri, f))
	})
}

// contacts calls edit for each Contact of msg that can have an alias, after it
// has seen that all of them can be read.
func contacts(msg sip.Message, edit func(*sip.ContactHeader)) error {
	headers := headersOf(msg)
	for _, h := range headers {
		if _, ok := h.(*sip.ContactHeader); !ok && isContact(h.Name()) {
			return ErrMalformed
		}
	}
	for _, h := range headers {
		contact, ok := h.(*sip.ContactHeader)
		if ok && !contact.Address.Wildcard && isSIP(&contact.Address) {
			edit(contact)
		}
	}
	return nil
}

// resolve reads the alias of req's Request-URI, and strips it if it is good.
func resolve(c codec, req *sip.Request) (flow.Flow, error) {
	uri := &req.Recipient
	i := find(c, uri.UriParams)
	if i < 0 {
		return flow.Flow{}, ErrNone
	}
	f, err := c.decode(uri, uri.UriParams[i].V)
	if err != nil {
		return flow.Flow{}, err
	}
	strip(c, req)
	return f, nil
}

// strip takes every alias off req's Request-URI.
func strip(c codec, req *sip.Request) {
	req.Recipient.UriParams = without(c, req.Recipient.UriParams)
}

func find(c codec, params sip.HeaderParams) int {
	return slices.IndexFunc(params, func(p sip.HeaderKV) bool { return c.owns(p.K) })
}

// without is params less the aliases. It never writes into params, whose array
// a clone of the message may share; with nothing to take off it is params.
func without(c codec, params sip.HeaderParams) sip.HeaderParams {
	if find(c, params) < 0 {
		return params
	}
	return appendWithout(c, make(sip.HeaderParams, 0, len(params)-1), params)
}

// with is params less the aliases, with one in front. There, Kamailio's own
// readers and writers have it, and sipgo cannot misplace it: sipgo reads the
// ";ob?X=y" at the end of a URI as one parameter followed by the same headers,
// so that one behind it would be printed among the headers.
func with(c codec, params sip.HeaderParams, p sip.HeaderKV) sip.HeaderParams {
	return appendWithout(c, append(make(sip.HeaderParams, 0, len(params)+1), p), params)
}

func appendWithout(c codec, dst, params sip.HeaderParams) sip.HeaderParams {
	for _, p := range params {
		if !c.owns(p.K) {
			dst = append(dst, p)
		}
	}
	if len(dst) == 0 {
		return nil
	}
	return dst
}

// headersOf is the header list of msg, without a copy.
func headersOf(msg sip.Message) []sip.Header {
	if m, ok := msg.(interface{ Headers() []sip.Header }); ok {
		return m.Headers()
	}
	return msg.GetHeaders("contact")
}

// isContact reports whether name is that of a Contact header that sipgo has not
// parsed, because it was added as text (sip.NewHeader).
func isContact(name string) bool {
	return strings.EqualFold(name, "Contact") || strings.EqualFold(name, "m")
}

// isSIP reports whether uri has parameters at all: a tel or mailto URI has not.
func isSIP(uri *sip.Uri) bool {
	return uri.Scheme == "" || strings.EqualFold(uri.Scheme, "sip") || strings.EqualFold(uri.Scheme, "sips")
}
