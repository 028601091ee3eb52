// SPDX-FileCopyrightText: 2026 The sipnat authors
// SPDX-License-Identifier: MIT

package rtpengine

import (
	"net/netip"
)

// Dict is a dictionary of the ng protocol, as [Client.Do] takes and returns it.
// To be sent, values may be string, []byte, integers, []string, []any, []Dict
// and Dict; received ones are string, int64, []any and Dict.
type Dict = map[string]any

// Params is what the typed commands take. The zero value of a field leaves the
// key out.
type Params struct {
	// CallID names the call; every command but ping needs it.
	CallID string
	// FromTag names the party whose SDP an offer carries. An answer keeps the
	// orientation of its offer: FromTag is the offerer, ToTag the answerer, also
	// when the answer travels in an ACK. The engine takes swapped tags without
	// an error, and the call has no audio.
	FromTag string
	// ToTag names the other party. Offers of a new call have none, answers need
	// it. On Delete and Query it narrows what is meant.
	ToTag string
	// ViaBranch keeps the forks of one offer apart. On Delete it needs FromTag:
	// without it the engine deletes the whole call.
	ViaBranch string
	// SDP is the body that is offered or answered.
	SDP []byte
	// ReceivedFrom is the address that the SIP message came from. It wins over
	// received-from in Flags.
	ReceivedFrom netip.Addr
	// Flags are the options; see [ParseFlags].
	Flags Flags
}

// Dict returns p as a new dictionary for [Client.Do], without command.
func (p Params) Dict() Dict {
	d := p.Flags.dict()
	set := func(key, value string) {
		if value != "" {
			d[key] = value
		}
	}
	set("call-id", p.CallID)
	set("from-tag", p.FromTag)
	set("to-tag", p.ToTag)
	set("via-branch", p.ViaBranch)
	set("sdp", string(p.SDP))
	if family, ip := received(p.ReceivedFrom); family != "" {
		d["received-from"] = []any{family, ip.String()}
	}
	return d
}

// check reports what is missing for a command: the engine would refuse it, or
// do something else than what was meant.
func (p *Params) check(command string) error {
	const missing = "is missing"
	switch {
	case p.CallID == "":
		return &ParamError{command, "call-id", missing}
	case command == "query":
		return nil
	case p.FromTag == "" && command == "delete":
		if p.ToTag != "" || p.ViaBranch != "" {
			return &ParamError{command, "from-tag", "is missing: the whole call would be deleted, not one branch"}
		}
		return nil
	case p.FromTag == "":
		return &ParamError{command, "from-tag", missing}
	case command == "delete":
		return nil
	case p.ToTag == "" && command == "answer":
		return &ParamError{command, "to-tag", missing}
	case len(p.SDP) == 0:
		return &ParamError{command, "sdp", missing}
	case p.Flags.wire.needSource && !p.ReceivedFrom.IsValid():
		// The engine would complain of an incomplete SDP.
		return &ParamError{command, "received-from", "is missing: the flag SIP-source-address needs it"}
	}
	return nil
}

// received returns the family as ng calls it, and the address unmapped and
// without zone; "" when there is none.
func received(a netip.Addr) (string, netip.Addr) {
	a = a.Unmap().WithZone("")
	switch {
	case !a.IsValid():
		return "", a
	case a.Is4():
		return "IP4", a
	default:
		return "IP6", a
	}
}
