// SPDX-FileCopyrightText: 2026 The sipnat authors
// SPDX-License-Identifier: MIT

package manage

import (
	"bytes"
	"strings"

	"github.com/sipnat/sipnat/flow"
	"github.com/sipnat/sipnat/rtpengine"
)

const (
	// defaultFlags is what the zero Flags mean: the relay's address also in the
	// origin line, and no candidates of the phones, which would lead around it.
	defaultFlags = "replace-origin ICE=remove"

	// natFlags: learn where a phone behind NAT really is, from packets of the
	// address that its signalling comes from, and from nobody else afterwards.
	// Of the modes that rtpengine has, the one that an injector did not beat.
	natFlags = "SIP-source-address endpoint-learning-heuristic strict-source"

	// publicFlags: the SDP says where the media is, and nobody else is believed: a
	// phone that is silent for a while must not lose its place to an injector.
	publicFlags = "trust-address endpoint-learning-heuristic strict-source"

	// iceFlags: of a public peer, whose ICE finds the path and checks it.
	iceFlags = "trust-address"

	// maxProfiles bounds the cache of merged flags: a Direction without end is
	// merged each time.
	maxProfiles = 256
)

// profile is what the flags of a command depend on.
type profile struct {
	flags     string // of the leg
	near, far string // direction
}

// flags are the options for SDP of the peer from, on its way to the peer to.
func (m *Manager) flags(k kind, sdp []byte, from, to flow.Peer) (rtpengine.Flags, error) {
	p := profile{flags: publicFlags}
	ice := offersICE(sdp) && !strings.Contains(m.Flags.String(), "ICE=remove") && m.Flags != (rtpengine.Flags{})
	switch {
	case from.NAT && ice:
		p.flags = "" // as iceFlags; its SDP is not to be trusted
	case from.NAT:
		p.flags = natFlags
	case ice:
		p.flags = iceFlags
	}
	if k == offer && m.Direction != nil {
		p.near, p.far = m.Direction(from.Flow), m.Direction(to.Flow)
	}
	m.mu.Lock()
	f, ok := m.profiles[p]
	m.mu.Unlock()
	if ok {
		return f, nil
	}
	f, err := m.merge(p)
	if err != nil {
		return f, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.profiles == nil {
		m.profiles = map[profile]rtpengine.Flags{}
	}
	if len(m.profiles) < maxProfiles {
		m.profiles[p] = f
	}
	return f, nil
}

// merge puts the flags together: the manager's own win over those of the leg.
func (m *Manager) merge(p profile) (rtpengine.Flags, error) {
	own := m.Flags
	if own == (rtpengine.Flags{}) {
		own = rtpengine.MustParseFlags(defaultFlags)
	}
	f := rtpengine.MustParseFlags(p.flags).With(own)
	if p.near == "" || p.far == "" {
		return f, nil
	}
	sides, err := rtpengine.ParseFlags("direction=" + p.near + " direction=" + p.far)
	return f.With(sides), err
}

// offersICE reports whether the SDP has ICE credentials (RFC 8839).
func offersICE(sdp []byte) bool { return bytes.Contains(sdp, []byte("\na=ice-ufrag:")) }
