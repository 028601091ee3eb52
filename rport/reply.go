// SPDX-FileCopyrightText: 2026 The sipnat authors
// SPDX-License-Identifier: MIT

package rport

import (
	"net/netip"
	"strconv"

	"github.com/emiago/sipgo/sip"
)

// Reply makes a response that was received from the network ready to be passed
// upstream as the answer to req: its destination is set to where req came from
// (left empty, sipgo sends it to its Via, and with a host name there to our own
// host), and its topmost Via says so in received, and in rport if that was asked
// for (RFC 3261 section 18.2.1, RFC 3581 section 4). Our own Via must be off
// already. req is not edited: sipgo's automatic responses read it meanwhile.
func Reply(req *sip.Request, res *sip.Response) {
	res.SetDestination(req.Source())
	res.SetTransport(req.Transport())
	v := res.Via()
	source, err := netip.ParseAddrPort(req.Source())
	if v == nil || err != nil {
		return
	}
	ip := source.Addr().Unmap()
	_, asked := v.Params.Get("rport")
	if host, err := netip.ParseAddr(v.Host); asked || err != nil || host.Unmap() != ip {
		v.Params.Add("received", ip.String())
	}
	if asked {
		v.Params.Add("rport", strconv.Itoa(int(source.Port())))
	}
}

// Local makes our own Via ask the next hop for rport, so that we are answered
// where we sent from when we are behind NAT ourselves (Kamailio's
// add_local_rport). flow.Layer.Via does so already.
func Local(req *sip.Request) {
	v := req.Via()
	if v == nil {
		return
	}
	if _, ok := v.Params.Get("rport"); !ok {
		v.Params.Add("rport", "")
	}
}
