// SPDX-FileCopyrightText: 2026 The sipnat authors
// SPDX-License-Identifier: MIT

// Package keepalive holds the NAT pinholes of registered phones open, by pings
// from the server, and says which phones have gone.
//
//	pinger := keepalive.New(layer, keepalive.Config{})
//	pinger.Dead = location.Drop
//	location.OnBind, location.OnUnbind = pinger.Add, pinger.Remove
//	go pinger.Run(ctx)
//	layer.ServeUDP(srv, pc, pinger.PacketConn)
//
// It replaces the pinger of Kamailio's nathelper, with these differences. One
// goroutine serves a timing wheel on which every binding has a phase of its
// own, so that pings do not bunch up. A ping leaves on the flow of its binding,
// from the listener that the phone talks to. A reply counts only if it answers a
// ping that we sent, which its branch proves, and comes from where that went;
// pings that nothing answers never end a binding.
//
// A flow that several ids hold, a registration and a dialog for one, is pinged
// once. Bindings behind other proxies are pinged along their Path (AddWith).
//
// [AnswerOptions], [FlowTimer] and the answers to STUN are for the other
// direction: phones that ping us.
package keepalive
