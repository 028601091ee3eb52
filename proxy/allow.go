// SPDX-FileCopyrightText: 2026 The sipnat authors
// SPDX-License-Identifier: MIT

package proxy

import "github.com/sipnat/sipnat/flow"

var errNotAllowed = &flow.Refusal{Code: 403, Reason: "Forbidden: next hop"}

// allowed asks the policy about a way that comes from a URI, which somebody
// wrote, and not from a flow, which was observed.
func (f *Forwarder) allowed(out flow.Flow) error {
	if f.Allow != nil {
		return f.Allow(out)
	}
	return reachable(out, f.layer())
}

// reachable is the default policy: no next hop is us, is multicast or link-local
// (cloud metadata among it), or is on our loopback unless we listen there.
func reachable(out flow.Flow, l layer) error {
	ip := out.Remote.Addr()
	switch {
	case ip.IsUnspecified(), ip.IsMulticast(), ip.IsLinkLocalUnicast(),
		ip.IsLoopback() && !out.Local.Addr().IsLoopback(),
		l.IsSelf(ip.String(), int(out.Remote.Port())):
		return errNotAllowed
	}
	return nil
}
