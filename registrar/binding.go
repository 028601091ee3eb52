// SPDX-FileCopyrightText: 2026 The sipnat authors
// SPDX-License-Identifier: MIT

package registrar

import (
	"crypto/rand"
	"strings"
	"time"

	"github.com/sipnat/sipnat/flow"
)

// Binding is one contact of one address-of-record: where a phone can be
// reached, until when, and by which REGISTER (RFC 3261 section 10).
type Binding struct {
	// ID names the binding from its first REGISTER to its end, over all
	// refreshes and moves. It is unique, and opaque.
	ID string
	// AOR is the key of the address-of-record (see Registrar.Address).
	AOR string
	// Contact is the URI that the phone registered, without brackets.
	Contact string
	// Q is the preference, 0 to 1000: thousandths of the q parameter, 1000
	// where there was none.
	Q int
	// Expires is when the binding ends. From that instant on it is dead.
	Expires time.Time
	// Updated is when it was last refreshed. It grows with each refresh of
	// the binding, also where the clock stands.
	Updated time.Time
	// CallID and CSeq are those of the last REGISTER.
	CallID string
	CSeq   uint32
	// Flow is the path that the last REGISTER came on; its Remote is what
	// Kamailio calls received. With a Path it leads to the last proxy, not to
	// the phone.
	Flow flow.Flow
	// NAT is the verdict of Registrar.NAT about the last REGISTER.
	NAT bool
	// Path holds the URIs of the Path headers, topmost first, without
	// brackets (RFC 3327). It is shared between copies: never write to it.
	Path []string
	// InstanceID is the value of +sip.instance without quotes and brackets,
	// RegID that of reg-id (RFC 5626); empty and zero where there was none.
	InstanceID string
	RegID      uint32
	// UserAgent is the User-Agent header, cut to 128 bytes.
	UserAgent string
	// Node is the Registrar.Node that took the last REGISTER, Boot that
	// Registrar's life: a number that it draws when it is first used, never
	// zero. A connection belongs to the boot that accepted it, so that a
	// binding which a stream leads to dies with its boot; one on UDP does not.
	Node string
	Boot uint64
}

// Live reports whether the binding has not expired at now.
func (b Binding) Live(now time.Time) bool { return now.Before(b.Expires) }

// direct is the flow that leads to the phone itself; invalid if none does.
func (b Binding) direct() flow.Flow {
	if len(b.Path) > 0 || !b.Flow.IsValid() {
		return flow.Flow{}
	}
	return b.Flow
}

// newID makes an ID that carries its address-of-record, so that Drop finds the
// binding in any store without an index.
func newID(aor string) string { return rand.Text() + "." + aor }

func aorOf(id string) (string, bool) {
	_, aor, ok := strings.Cut(id, ".")
	return aor, ok
}
