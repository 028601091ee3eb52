// SPDX-FileCopyrightText: 2026 The sipnat authors
// SPDX-License-Identifier: MIT

package registrar

import (
	"context"
	"log/slog"
	"time"

	"github.com/emiago/sipgo"
	"github.com/emiago/sipgo/sip"

	"github.com/sipnat/sipnat/flow"
)

// Registrar answers REGISTER and finds who has registered (RFC 3261 sections
// 10.3 and 16.5; Kamailio's save and lookup). The zero value refuses every
// REGISTER with 403, since only AOR can say whose bindings one may change. All
// methods are safe for concurrent use; the fields are not to be changed once
// one has been called. A Registrar must not be copied.
type Registrar struct {
	// AOR says whose bindings a REGISTER changes, after it has made sure that
	// the sender may do that (RFC 3261 section 10.3, steps 3 to 5): as a name
	// ("alice"), an address ("alice@example.com", or a whole SIP URI), or what
	// Address makes of one. A name without a host is of the first of Domains.
	// An error refuses the REGISTER as flow.Status says; ErrAnswered says that
	// the hook has answered. Required: nil refuses every REGISTER with 403.
	// From, To, Call-ID and CSeq are there when it is called.
	AOR func(*sip.Request, sip.ServerTransaction) (string, error)

	// NAT says whether the sender is behind NAT, as nat.Detector's Behind
	// does. Nil: nobody is.
	NAT func(sip.Message, flow.Flow) bool

	// TrustPath says whose Path headers are believed (RFC 3327): the edge proxies
	// in front of us, by the flow that they come on. A Path is where requests for
	// the user are sent, so that one from anybody would send them anywhere. Nil:
	// nobody's. A Path that is not believed is as if it were not there.
	TrustPath func(f flow.Flow) bool

	// Store keeps the bindings. Nil: a Memory of the Registrar's own. One that
	// outlives the process wants Restore at the start.
	Store Store
	// Node names this Registrar among those that share the Store; each has
	// another name, and keeps it over restarts. Alone it needs none.
	Node string
	// Elsewhere makes the target of a binding that another Node holds the flow
	// of: a way to that node, for instance with a token of the flow in a Route.
	// An error leaves that binding out. Nil: Lookup shows only what this node,
	// or a Path, leads to.
	Elsewhere func(Binding) (flow.Target, error)
	// Timeout bounds each use of Store. Zero means 5 s.
	Timeout time.Duration

	// Domains are the hosts whose users we are the location service of,
	// without ports. Empty: every host is ours, and bindings are kept by the
	// user part alone.
	Domains []string

	// Known says whether the user of an address, in the form of Address, exists:
	// a call to one who has no binding is then answered 480 and not 404. Nil:
	// nobody is known.
	Known func(address string) bool

	// Expires bounds how long bindings live.
	Expires Expires

	// MaxContacts is how many bindings one address-of-record may have; a
	// REGISTER that would add more is refused with 403. (503, as Kamailio
	// answers, would make proxies in front of us take us for overloaded.)
	// Zero means 10.
	MaxContacts int

	// OnBind is called when a binding has been stored that a flow leads to
	// directly, and again when its flow has changed; keepalive.Pinger's Add
	// fits. OnUnbind is called when such a binding has ended, by whatever
	// cause: de-registration, replacement, expiry (within a second), Closed,
	// Drop. For one ID calls come one at a time and in order, the last one
	// being OnUnbind; no lock is held, so they may call the Registrar. Nil:
	// not called.
	OnBind   func(id string, f flow.Flow)
	OnUnbind func(id string)

	// Logger gets what no caller is told. Nil: slog.Default().
	Logger *slog.Logger

	memory Memory
	ledger ledger
	life   life
}

// Expires bounds the life of bindings. A phone that asks for more than the
// upper bound gets the upper bound.
type Expires struct {
	// Min is the least that may be asked for, less is answered 423 (RFC 3261
	// section 10.3: only requests below an hour are). Zero means 60 s,
	// negative no minimum.
	Min time.Duration
	// Max is the upper bound. Zero means 1 h.
	Max time.Duration
	// Default is for phones that do not ask. Zero means 1 h.
	Default time.Duration
	// NAT is the upper bound for phones behind NAT, 60 s to 120 s for one:
	// those without other keepalives then hold their pinholes open by
	// registering. Zero: they are like the others.
	NAT time.Duration
}

// bounds are the limits for one phone.
func (e Expires) bounds(nat bool) (least, most, def time.Duration) {
	least, most, def = or(e.Min, time.Minute), or(e.Max, time.Hour), or(e.Default, time.Hour)
	if nat && e.NAT > 0 {
		most = min(most, e.NAT)
	}
	return min(least, most), most, def
}

func or(d, zero time.Duration) time.Duration {
	if d == 0 {
		return zero
	}
	return d
}

func (r *Registrar) maxContacts() int {
	if r.MaxContacts > 0 {
		return r.MaxContacts
	}
	return 10
}

func (r *Registrar) logger() *slog.Logger {
	if r.Logger != nil {
		return r.Logger
	}
	return slog.Default()
}

func (r *Registrar) store() Store {
	if r.Store != nil {
		return r.Store
	}
	return &r.memory
}

// context bounds one use of the store; our own memory needs no bound.
func (r *Registrar) context() (context.Context, context.CancelFunc) {
	if r.Store == nil {
		return context.Background(), func() {}
	}
	return context.WithTimeout(context.Background(), or(r.Timeout, 5*time.Second))
}

// Middleware answers every REGISTER and passes all other requests on.
//
// A REGISTER is carried out whole or not at all. Malformed ones (a Contact
// that is no SIP URI with a host, expires, q or Path that do not parse, "*"
// without "Expires: 0") get 400; one with a lower CSeq than a binding of the
// same Call-ID that it would change gets 500, as requests out of order do in
// dialogs (RFC 3261 section 12.2.2): the phone's next one, with a higher CSeq,
// can succeed. An equal Call-ID and CSeq is a repeat: 200, and nothing changes.
func (r *Registrar) Middleware(next sipgo.RequestHandler) sipgo.RequestHandler {
	return func(req *sip.Request, tx sip.ServerTransaction) {
		if req.Method != sip.REGISTER {
			next(req, tx)
			return
		}
		res := r.answer(req, tx)
		if res == nil {
			return
		}
		if err := tx.Respond(res); err != nil {
			r.logger().LogAttrs(context.Background(), slog.LevelDebug, "registrar: answer not sent",
				slog.String("source", req.Source()), slog.Any("err", err))
		}
	}
}
