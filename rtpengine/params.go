// SPDX-FileCopyrightText: 2026 The sipnat authors
// SPDX-License-Identifier: MIT

package rtpengine

import (
	"net/netip"
	"strings"
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
	// Extra is for keys that there are no Flags for, and, in a list under "flags",
	// for such flags. It is sent unchecked; a key that is set otherwise too is a
	// [ParamError].
	Extra Dict
}

// Dict returns p as a new dictionary for [Client.Do], without command. Of what
// Extra and the other fields both set, the latter counts.
func (p Params) Dict() Dict {
	d := p.Flags.dict()
	p.fill(d)
	_ = merge("", d, p.Extra)
	return d
}

// Request returns the dictionary that a command sends, command included, or why
// it would not be sent. Commands that are not known are not checked.
func (p Params) Request(command string) (Dict, error) {
	switch command {
	case "offer", "answer", "delete", "query", "publish", "subscribe answer":
		if err := p.check(command); err != nil {
			return nil, err
		}
	}
	d, err := p.merged(command)
	if err != nil {
		return nil, err
	}
	d["command"] = command
	// What cannot be sent is better known now.
	if _, err := appendDict(nil, command, d); err != nil {
		return nil, err
	}
	return d, nil
}

// merged returns what a command sends, without command.
func (p *Params) merged(command string) (Dict, error) {
	d := p.Flags.dictFor(command)
	p.fill(d)
	switch command {
	case "offer":
		d["supports"] = []any{"load limit"}
	case "delete":
		delete(d, "sdp")
		delete(d, "received-from")
		if p.ToTag != "" {
			flags, _ := d["flags"].([]any)
			d["flags"] = append(flags, "to-tag")
		}
	case "query":
		d = Dict{}
		(&Params{CallID: p.CallID, FromTag: p.FromTag, ToTag: p.ToTag}).fill(d)
	}
	return d, merge(command, d, p.Extra)
}

// fill sets the keys that have fields.
func (p *Params) fill(d Dict) {
	text(d, "call-id", p.CallID)
	text(d, "from-tag", p.FromTag)
	text(d, "to-tag", p.ToTag)
	text(d, "via-branch", p.ViaBranch)
	text(d, "sdp", string(p.SDP))
	if family, ip := received(p.ReceivedFrom); family != "" {
		d["received-from"] = []any{family, ip.String()}
	}
}

// merge adds the keys of extra that d does not have, and reports one that it
// has. The lists of flags are joined.
func merge(command string, d, extra Dict) (err error) {
	if len(extra) == 0 {
		return nil
	}
	// The engine takes a space for a hyphen.
	plain := func(key string) string { return strings.ToLower(strings.ReplaceAll(key, " ", "-")) }
	have := map[string]bool{"command": true}
	for k := range d {
		have[plain(k)] = true
	}
	for k, v := range extra {
		switch {
		case k == "flags" && have[k]:
			d[k] = joined(d[k], v)
		case have[plain(k)]:
			err = &ParamError{command, k, "of Extra is set otherwise already"}
		default:
			d[k] = v
		}
	}
	return err
}

func joined(lists ...any) []any {
	var out []any
	for _, l := range lists {
		switch l := l.(type) {
		case []any:
			out = append(out, l...)
		case []string:
			for _, s := range l {
				out = append(out, s)
			}
		default:
			out = append(out, l)
		}
	}
	return out
}

// check reports what is missing for a command: the engine would refuse it, or
// do something else than what was meant.
func (p *Params) check(command string) error {
	const missing = "is missing"
	switch {
	case p.CallID == "":
		return &ParamError{command, "call-id", missing}
	case command == "subscribe answer":
		if p.ToTag == "" {
			return &ParamError{command, "to-tag", missing}
		}
		if len(p.SDP) == 0 {
			return &ParamError{command, "sdp", missing}
		}
		return nil
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
	case p.Flags.wire.needSource && !p.ReceivedFrom.IsValid() && p.Extra["received-from"] == nil:
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
