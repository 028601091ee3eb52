// SPDX-FileCopyrightText: 2026 The sipnat authors
// SPDX-License-Identifier: MIT

package manage

import (
	"container/list"
	"context"
	"sync"
	"time"

	"github.com/emiago/sipgo/sip"

	"github.com/sipnat/sipnat/flow"
	"github.com/sipnat/sipnat/rtpengine"
)

// Engine is a media relay: an rtpengine.Client, a relay.Relay, or a set of them.
// Implementations are safe for concurrent use and return no later than ctx ends.
type Engine interface {
	Offer(ctx context.Context, p rtpengine.Params) ([]byte, error)
	Answer(ctx context.Context, p rtpengine.Params) ([]byte, error)
	Delete(ctx context.Context, p rtpengine.Params) error
}

// Manager brings the media of calls to an engine, as Kamailio's
// rtpengine_manage does, but by the rules of offer and answer (RFC 3264, RFC
// 6337) instead of a table of methods. The zero value with an Engine works. All
// methods are safe for concurrent use; fields are set before the first one.
type Manager struct {
	// Engine does the relaying. Nil relays nothing and touches nothing.
	Engine Engine

	// Flags go with every offer and answer, besides what the legs ask for (see
	// the package comment). Zero means "replace-origin ICE=remove".
	Flags rtpengine.Flags

	// Relay decides whether a dialog's media is relayed. It is asked once per
	// dialog, at its first offer, about both legs; re-INVITEs from either side
	// follow the decision. Nil relays when either side is behind NAT, and between
	// two interfaces that Direction names; see Always.
	Relay func(leg flow.Leg) bool

	// Direction names the engine's interface that faces the peer of a flow
	// ("internal", "external"); offers then carry direction [from, to], whichever
	// side makes them. Nil, or an empty name for either side, leaves the choice to
	// the engine. See ByLocal and ByRemote.
	Direction func(f flow.Flow) string

	// Timeout bounds the one engine command that Branch or Reply may wait for.
	// Zero means 500 ms.
	Timeout time.Duration

	// Optional lets a call pass without a relay, for its whole life, when the
	// engine fails at its first offer. Otherwise the branch is answered 503.
	Optional bool

	// MaxCalls bounds how many calls are watched, relayed or not; beyond it new
	// ones are refused with ErrTooMany. Zero means 100000.
	MaxCalls int

	// TTL is how long a call without any signalling is remembered. The engine is
	// told nothing when it passes: a call without session timers may still be
	// talking. Zero means 3 hours.
	TTL time.Duration

	mu     sync.Mutex
	calls  map[string]*call // by Call-ID; several callers on one are chained
	live   list.List        // of *call, least recently heard of first
	ended  list.List        // of *call, in the order of their end
	closed bool

	profiles map[profile]rtpengine.Flags // merged; few

	background background
	stats      counters
}

// Always is a Relay policy: every call's media is relayed.
func Always(flow.Leg) bool { return true }

// Branch is the forwarder's hook for requests: Request with the Timeout. It
// replaces rtpengine_manage in a branch route, and rtpengine_delete for BYE.
func (m *Manager) Branch(req *sip.Request, leg flow.Leg) error {
	ctx, cancel := context.WithTimeout(context.Background(), m.timeout())
	defer cancel()
	return m.Request(ctx, req, leg)
}

// Reply is the forwarder's hook for responses: Response with the Timeout. It
// replaces rtpengine_manage in a reply route.
func (m *Manager) Reply(res *sip.Response, leg flow.Leg) error {
	ctx, cancel := context.WithTimeout(context.Background(), m.timeout())
	defer cancel()
	return m.Response(ctx, res, leg)
}

func (m *Manager) timeout() time.Duration {
	if m.Timeout > 0 {
		return m.Timeout
	}
	return 500 * time.Millisecond
}

func (m *Manager) ttl() time.Duration {
	if m.TTL > 0 {
		return m.TTL
	}
	return 3 * time.Hour
}

func (m *Manager) maxCalls() int {
	if m.MaxCalls > 0 {
		return m.MaxCalls
	}
	return 100_000
}

// relays asks the policy. What a signed Record-Route parameter remembers over a
// restart would be asked here first.
func (m *Manager) relays(leg flow.Leg) bool {
	if m.Relay != nil {
		return m.Relay(leg)
	}
	return leg.In.NAT || leg.Out.NAT || m.crosses(leg)
}

// crosses reports whether a call passes between two interfaces of the engine, and
// so perhaps between networks that have no other way to each other.
func (m *Manager) crosses(leg flow.Leg) bool {
	if m.Direction == nil {
		return false
	}
	in, out := m.Direction(leg.In.Flow), m.Direction(leg.Out.Flow)
	return in != "" && out != "" && in != out
}
