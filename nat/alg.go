// SPDX-FileCopyrightText: 2026 The sipnat authors
// SPDX-License-Identifier: MIT

package nat

import "strings"

// ALG is a set of inconsistencies: one part of a message names the public
// address, another still a private one. A NAT router that rewrites SIP on its
// way (an application layer gateway) leaves them, since such routers fix some
// parts and forget others; so does a phone that learned its public address by
// STUN or from a received parameter and uses it in one place only. Either way
// the tests that look at the rewritten part alone miss the NAT.
type ALG uint8

// The inconsistencies. All of them need a public source address and a message
// on its first hop; those that look into the SDP need TestSDP or TestSDPSource.
const (
	// ALGVia: Contact or SDP name the source, the Via a private address.
	ALGVia ALG = 1 << iota
	// ALGContact: Via or SDP name the source, a Contact a private address.
	ALGContact
	// ALGPort: on UDP, Via and Contact both name the source's address but only
	// one of them its port.
	ALGPort
	// ALGCallID: Via or Contact name the source, the Call-ID a private address.
	ALGCallID
	// ALGSDP: Via or Contact name the source, c= lines a private address only.
	ALGSDP
	// ALGOrigin: of o= and c= lines one names the source, the other a private
	// address.
	ALGOrigin
	// ALGMedia: of the addresses that media are to be sent to (c= and a=rtcp),
	// one is the source, another private.
	ALGMedia
)

var algNames = [...]string{"via", "contact", "port", "call-id", "sdp", "sdp-origin", "sdp-media"}

// Names lists the inconsistencies; nil if there are none.
func (a ALG) Names() []string {
	var names []string
	for i, name := range algNames {
		if a&(1<<i) != 0 {
			names = append(names, name)
		}
	}
	return names
}

// String is the names joined by "|"; "none" for the empty set.
func (a ALG) String() string {
	if a == 0 {
		return "none"
	}
	return strings.Join(a.Names(), "|")
}

// algFlags finds the inconsistencies in what was gathered.
func (j *judgement) algFlags() ALG {
	if j.verdict.Proxied || !j.src.IsValid() || j.srcPrivate {
		return 0
	}
	signalling := j.via.source || j.contact.source
	var a ALG
	set := func(flag ALG, when bool) {
		if when {
			a |= flag
		}
	}
	set(ALGVia, j.via.private && (j.contact.source || j.media.source))
	set(ALGContact, j.contact.private && (j.via.source || j.media.source))
	set(ALGPort, j.halfPort())
	set(ALGCallID, signalling && j.callIDPrivate())
	set(ALGSDP, signalling && j.conn.private && !j.media.source)
	set(ALGOrigin, j.origin.private && j.conn.source || j.origin.source && j.conn.private && !j.conn.source)
	set(ALGMedia, j.media.source && j.media.private)
	return a
}

// halfPort is not asked on streams, where a client's port is never the one
// that it listens on.
func (j *judgement) halfPort() bool {
	if j.verdict.Transport.Reliable() || !j.via.source || !j.contact.source {
		return false
	}
	port := int32(j.src.Port())
	return (j.via.port == port) != (j.contact.port == port)
}

func (j *judgement) callIDPrivate() bool {
	_, host, ok := strings.Cut(j.callID, "@")
	return ok && j.private(parseHost(host))
}
