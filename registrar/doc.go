// SPDX-FileCopyrightText: 2026 The sipnat authors
// SPDX-License-Identifier: MIT

// Package registrar answers REGISTER and is the location service behind it: it
// keeps for each user the flows that his phones were seen on, and hands them
// out as targets that a request can really be sent to. It replaces Kamailio's
// registrar and usrloc modules, as far as one process and one edge need them.
//
//	location := &registrar.Registrar{
//		AOR:      registrar.Unauthenticated, // for trying out; see Registrar.AOR
//		NAT:      detector.Behind,
//		Domains:  []string{"example.com"},
//		OnBind:   pinger.Add,
//		OnUnbind: pinger.Remove,
//	}
//	sipnat.Handle(srv, forwarder.Handle, location.Middleware)
//	forwarder.Locate = location.Locate
//	layer.OnClose(location.Closed)
//
// What a client writes about its own address, its received parameter among
// them, is never a target: a binding is reached by the flow that its REGISTER
// came on, or by the Path that proxies have put there.
//
// Nothing has to be started or stopped: while there are bindings, one timer
// waits for the next of them to expire. With a store that outlives the process
// (boltstore, redisstore), Restore takes up at the start what is still alive in
// it, so that pings go on: phones on UDP are reached from the listener's port
// before they have sent anything, those on streams must connect anew.
package registrar
