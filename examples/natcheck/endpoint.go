// SPDX-FileCopyrightText: 2026 The sipnat authors
// SPDX-License-Identifier: MIT

package main

import (
	"bytes"
	"errors"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"github.com/emiago/sipgo/sip"

	"github.com/sipnat/sipnat/flow"
	"github.com/sipnat/sipnat/nat"
)

// Bounds of what is held of a capture, however many senders it has.
const (
	maxEndpoints = 4096
	maxClaims    = 3 // values that are shown of each kind
	claimWidth   = 47
)

// fragmentLimit is the size from which a message is expected to be sent in
// fragments where the path's limit is unknown (RFC 3261 section 18.1.1). Many NATs
// drop those.
const fragmentLimit = 1300

// endpoint is what a capture shows of one sender.
type endpoint struct {
	transport flow.Transport
	addr      netip.AddrPort

	via, contact, sdp             claims
	requests, responses, unread   int
	largest                       int
	direct, natted, cgnat, passed bool
	fired                         nat.Test
	evidence                      []nat.Evidence // the first of each test
	alg                           nat.ALG
}

// claims are the different values that a sender wrote.
type claims struct {
	values []string
	more   bool
}

func (c *claims) add(value string) {
	value = printable(value, claimWidth)
	switch {
	case value == "" || slices.Contains(c.values, value):
	case len(c.values) == maxClaims:
		c.more = true
	default:
		c.values = append(c.values, value)
	}
}

func (c *claims) String() string {
	switch {
	case len(c.values) == 0:
		return "-"
	case c.more:
		return strings.Join(c.values, " ") + " ..."
	}
	return strings.Join(c.values, " ")
}

// decisive are the tests that decide about an endpoint. Unless told otherwise,
// what they ask is whether the sender writes what the network shows; on a
// stream only its address, since a client connects from another port than the
// one that it listens on.
func decisive(opts options, t flow.Transport) nat.Test {
	switch {
	case opts.tests != 0:
		return opts.tests
	case t.Reliable():
		return nat.TestReceived
	}
	return nat.TestReceived | nat.TestPort
}

// judge takes a message from this endpoint to dst. size is what it had on the
// wire, which is more than wire holds if the capture has only a part of it.
func (e *endpoint) judge(wire []byte, size int, dst netip.AddrPort, tests nat.Test) {
	e.largest = max(e.largest, size)
	msg, err := sip.NewParser().ParseSIP(wire)
	if err != nil {
		if size == len(wire) || !errors.Is(err, sip.ErrParseReadBodyIncomplete) {
			e.unread++
			return
		}
		msg.SetBody(bytes.TrimRight(msg.Body(), "\x00")) // what was not captured
	}
	path := flow.Flow{Transport: e.transport, Local: dst, Remote: e.addr}
	var v nat.Verdict
	switch m := msg.(type) {
	case *sip.Request:
		e.requests++
		m.SetSource(e.addr.String())
		m.SetTransport(e.transport.Upper())
		v = nat.Detect(m, nat.TestAll)
		if via := m.Via(); via != nil {
			e.via.add(hostPort(via.Host, via.Port))
		}
		e.claim(m)
	case *sip.Response:
		e.responses++
		v = nat.DetectReply(m, path)
		if cseq := m.CSeq(); m.StatusCode < 300 && (cseq == nil || cseq.MethodName != sip.REGISTER) {
			e.claim(m)
		}
	}
	e.conclude(v, tests)
}

// claim notes what msg says about its sender beside the Via.
func (e *endpoint) claim(msg sip.Message) {
	for _, h := range msg.GetHeaders("Contact") {
		if contact, ok := h.(*sip.ContactHeader); ok && !contact.Address.Wildcard {
			e.contact.add(hostPort(contact.Address.Host, contact.Address.Port))
		}
	}
	for line := range bytes.Lines(msg.Body()) {
		if host, ok := bytes.CutPrefix(bytes.TrimSpace(line), []byte("c=IN IP4 ")); ok {
			e.sdp.add(string(host))
		}
		if host, ok := bytes.CutPrefix(bytes.TrimSpace(line), []byte("c=IN IP6 ")); ok {
			e.sdp.add(string(host))
		}
	}
}

// conclude adds the verdict on one message to that on its sender.
func (e *endpoint) conclude(v nat.Verdict, tests nat.Test) {
	if v.Proxied {
		e.passed = true
		return
	}
	e.direct = true
	e.natted = e.natted || v.Fired()&tests != 0
	e.cgnat = e.cgnat || v.CGNAT
	e.alg |= v.ALG
	for _, one := range v.Evidence() {
		if e.fired&one.Test == 0 {
			e.fired |= one.Test
			e.evidence = append(e.evidence, one)
		}
	}
}

// fragmented reports whether its largest message is one that UDP would break up.
func (e *endpoint) fragmented() bool { return e.transport == flow.UDP && e.largest > fragmentLimit }

func hostPort(host string, port int) string {
	if port <= 0 {
		return host
	}
	return net.JoinHostPort(strings.Trim(host, "[]"), strconv.Itoa(port))
}
