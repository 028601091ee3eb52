// SPDX-FileCopyrightText: 2026 The sipnat authors
// SPDX-License-Identifier: MIT

package nat

import (
	"github.com/emiago/sipgo/sip"

	"github.com/sipnat/sipnat/flow"
)

// SDPRepair is the choice to relay no media: the session descriptions of those
// behind NAT get the address that the network shows, and the other side must
// latch onto the port that packets really come from (symmetric RTP), as media
// servers and PBXs do. Between two phones behind NAT it does not help: use
// package rtpengine/manage there. It replaces fix_nated_sdp in the routes of
// Kamailio.
//
// The zero value is ready; its methods are hooks of the forwarder.
type SDPRepair struct {
	// Flags are handed to FixSDP. Zero means SDPConnection and SDPOrigin.
	Flags SDPFlags
}

func (r SDPRepair) flags() SDPFlags {
	if r.Flags != 0 {
		return r.Flags
	}
	return SDPConnection | SDPOrigin
}

// Branch repairs the description in a request whose sender is behind NAT. The
// error is that of FixSDP; a malformed description is answered 400.
func (r SDPRepair) Branch(req *sip.Request, leg flow.Leg) error {
	return r.repair(req, leg.In)
}

// Reply repairs the description in a reply whose sender is behind NAT.
func (r SDPRepair) Reply(res *sip.Response, leg flow.Leg) error {
	return r.repair(res, leg.Out)
}

func (r SDPRepair) repair(msg sip.Message, from flow.Peer) error {
	if !from.NAT {
		return nil
	}
	_, err := FixSDP(msg, r.flags(), from.Flow.Remote.Addr())
	return err
}
