// SPDX-FileCopyrightText: 2026 The sipnat authors
// SPDX-License-Identifier: MIT

package relay

import (
	"net/netip"
	"time"
)

const (
	// window is how long a port learns after the first packet; rtpengine's is
	// as long, but starts with signalling.
	window = 3 * time.Second
	// enough packets of one SSRC from a source of rank 2 or better lock at once.
	enough = 5
	// silence after which a source of the same rank may take over.
	silence = 500 * time.Millisecond
	// guessRate is how many packets a second are relayed from a source of rank
	// 3 or 4 that is not locked: far more than audio has.
	guessRate = 500
)

// rank is how well a source fits what was signalled; lower is better.
type rank uint8

const (
	refused  rank = iota
	exact         // address and port
	sameIP        // of the SDP, or received-from
	samePort      // of the SDP, from elsewhere
	stranger
)

// signal is what an offer or an answer says about where its party is.
type signal struct {
	addr   netip.AddrPort // as in the SDP, or with received's IP; zero: unknown, or must not be sent to
	from   netip.Addr     // received-from
	strict bool           // ranks 3 and 4 are out, if from is known
	fixed  bool           // do not learn
	// plausible: the signalled address may be right as it is, for it is public,
	// or the relay is in a private network too.
	plausible bool
}

// reachable reports whether packets may be sent to the signalled address before
// any came from there. A private address of a party whose requests come from a
// public one is somebody else's.
func (s *signal) reachable() bool {
	return s.addr.IsValid() && (s.plausible || !s.from.IsValid() || private(s.from))
}

// latch decides which source one port listens to and where it sends. It holds
// no lock and no clock; now is in nanoseconds.
type latch struct {
	signal signal
	anchor netip.Addr // RTCP only: the IP that RTP is locked to
	live   bool       // both parties are signalled
	held   bool       // nothing may be sent to this party
	locked bool
	kept   bool  // src is from before the last arm: it stays until another one wins
	start  int64 // of the window; 0: no packet yet

	src   netip.AddrPort // the best source so far
	rank  rank
	last  int64 // when it was heard
	count int   // its packets in a row with one SSRC
	ssrc  uint32

	second  int64 // the second that guesses counts in
	guesses int
}

// arm opens the latch for what was signalled. The locked source stays the best
// one as long as it was not replaced by signalling or by a better source, so
// that a re-INVITE is no opening for a stranger.
func (l *latch) arm(s signal) {
	carry := l.src
	if s.addr != l.signal.addr {
		carry = netip.AddrPort{}
	}
	l.signal, l.anchor = s, netip.Addr{}
	l.locked, l.start, l.count = false, 0, 0
	l.src, l.rank = carry, refused
	if carry.IsValid() {
		l.rank = l.classify(carry)
	}
	l.kept = l.rank != refused
	if !l.kept {
		l.src = netip.AddrPort{}
	}
}

// forget drops what was learned: the party is another one.
func (l *latch) forget() {
	l.src, l.rank, l.kept, l.locked = netip.AddrPort{}, refused, false, false
}

// follow ties an RTCP port to the IP address that its RTP port is locked to.
func (l *latch) follow(ip netip.Addr) {
	l.anchor = ip
	if l.src.IsValid() && l.classify(l.src) == refused {
		l.forget()
	}
}

func (l *latch) classify(src netip.AddrPort) rank {
	s := &l.signal
	switch {
	case src == s.addr:
		return exact
	case l.anchor.IsValid():
		if src.Addr() == l.anchor {
			return sameIP
		}
		return refused
	case src.Addr() == s.addr.Addr(), src.Addr() == s.from:
		return sameIP
	case s.fixed, s.strict && s.from.IsValid():
		return refused
	case src.Port() == s.addr.Port():
		return samePort
	default:
		return stranger
	}
}

// admit takes note of a packet and reports whether it is to be relayed.
func (l *latch) admit(src netip.AddrPort, ssrc uint32, now int64) bool {
	if l.locked {
		if src != l.src {
			return false
		}
		l.last = now
		return true
	}
	if !l.live {
		return false
	}
	r := l.classify(src)
	if r == refused {
		return false
	}
	if l.start == 0 {
		l.start = now
	}
	if src != l.src {
		if !l.yields(r, now) {
			return false
		}
		l.src, l.count, l.kept = src, 0, false
	}
	if l.count == 0 || ssrc != l.ssrc {
		l.count, l.ssrc = 0, ssrc
	}
	l.rank, l.last = r, now
	l.count++
	l.locked = !l.signal.fixed && (r <= sameIP && l.count >= enough || now-l.start >= int64(window))
	return l.locked || l.trusted() || l.guess(now)
}

// yields reports whether the best source gives way to one of rank r.
func (l *latch) yields(r rank, now int64) bool {
	switch {
	case l.rank == refused, r < l.rank, l.signal.fixed:
		return true
	case r == l.rank:
		return now-l.last >= int64(silence)
	default:
		return now-l.last >= int64(window)
	}
}

// trusted reports whether the best source may be relayed before it is locked.
func (l *latch) trusted() bool { return l.kept || l.rank == exact || l.rank == sameIP }

// guessing reports whether a source of rank 3 or 4 is all that there can be.
func (l *latch) guessing() bool {
	return l.rank > sameIP && !l.signal.plausible && !l.signal.from.IsValid()
}

func (l *latch) guess(now int64) bool {
	if !l.guessing() {
		return false
	}
	if s := now / int64(time.Second); s != l.second {
		l.second, l.guesses = s, 0
	}
	l.guesses++
	return l.guesses <= guessRate
}

// dest is where packets for the party go; the zero value: nowhere.
func (l *latch) dest() netip.AddrPort {
	switch {
	case l.held:
	case l.signal.fixed:
		return l.signal.addr
	case l.locked, l.trusted(), l.guessing():
		return l.src
	case l.signal.reachable():
		return l.signal.addr
	}
	return netip.AddrPort{}
}

// sharedCGN is the address space between carriers and their customers.
func sharedCGN() netip.Prefix { return netip.PrefixFrom(netip.AddrFrom4([4]byte{100, 64, 0, 0}), 10) } // RFC 6598

func private(a netip.Addr) bool {
	return a.IsPrivate() || a.IsLinkLocalUnicast() || sharedCGN().Contains(a)
}

// sendable reports whether a relay on the address own may be told by SDP to
// send to a: not to its own host's inside, to link-local services (those of
// clouds among them), to groups, or in the other family.
func sendable(a netip.AddrPort, own netip.Addr) bool {
	ip := a.Addr()
	switch {
	case !ip.IsValid(), a.Port() == 0, ip.Is4() != own.Is4():
		return false
	case ip.IsUnspecified(), ip.IsMulticast(), ip == netip.AddrFrom4([4]byte{255, 255, 255, 255}):
		return false
	case ip.IsLoopback() && !own.IsLoopback():
		return false
	case ip.IsLinkLocalUnicast() && !own.IsLinkLocalUnicast():
		return false
	}
	return true
}
