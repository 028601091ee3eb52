// SPDX-FileCopyrightText: 2026 The sipnat authors
// SPDX-License-Identifier: MIT

package relay

import (
	"bytes"
	"context"
	"errors"
	"net"
	"slices"

	"github.com/sipnat/sipnat/internal/bencode"
	"github.com/sipnat/sipnat/rtpengine"
)

// maxDatagram is what UDP over IPv4 carries at most.
const maxDatagram = 65507

// ServeNG answers the ng protocol in bencode on pc until Close, and then returns
// nil, or until pc fails; on a closed relay it returns ErrClosed. It closes pc. A command that comes again with its
// cookie from the same source gets the same reply and is not run again for at
// least 30 seconds, under a flood of commands less.
//
// Who can send to pc rules over all calls: it belongs on a loopback or an inside
// address.
func (r *Relay) ServeNG(pc net.PacketConn) error {
	defer pc.Close()
	if !r.track(pc) {
		return ErrClosed
	}
	defer r.untrack(pc)
	var seen cookieCache
	buf := make([]byte, 1<<16)
	failed := 0
	for {
		n, from, err := pc.ReadFrom(buf)
		if err != nil {
			if r.isClosed() {
				return nil
			}
			if failed++; failed == maxReadErrors || errors.Is(err, net.ErrClosed) {
				return err
			}
			continue
		}
		failed = 0
		if reply := r.reply(&seen, from, buf[:n]); reply != nil {
			_, _ = pc.WriteTo(reply, from) // the client asks again
		}
	}
}

func (r *Relay) track(pc net.PacketConn) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed {
		return false
	}
	r.servers[pc] = struct{}{}
	r.wg.Add(1)
	return true
}

func (r *Relay) untrack(pc net.PacketConn) {
	r.mu.Lock()
	delete(r.servers, pc)
	r.mu.Unlock()
	r.wg.Done()
}

func (r *Relay) isClosed() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.closed
}

// reply answers one datagram: "cookie dictionary". Nil means none: without a
// cookie there is nothing to answer to.
func (r *Relay) reply(seen *cookieCache, source net.Addr, b []byte) []byte {
	cookie, body, ok := bytes.Cut(b, []byte(" "))
	if !ok || len(cookie) == 0 {
		return nil
	}
	key := source.String() + " " + string(cookie)
	if old := seen.get(key); old != nil {
		return old
	}
	head := append(bytes.Clone(cookie), ' ')
	out, err := bencode.Append(head, r.answer(hostOf(source), body))
	if err != nil || len(out) > maxDatagram {
		out, _ = bencode.Append(head, refusal("reply too large for a datagram"))
	}
	seen.put(key, out)
	return out
}

func refusal(reason string) rtpengine.Dict {
	return rtpengine.Dict{"result": "error", "error-reason": reason}
}

// hostOf is an address without its port.
func hostOf(a net.Addr) string {
	if u, ok := a.(*net.UDPAddr); ok {
		return u.AddrPort().Addr().Unmap().String()
	}
	return a.String()
}

// answer runs the command in b and returns the reply's dictionary.
func (r *Relay) answer(source string, b []byte) rtpengine.Dict {
	switch {
	case len(b) == 0:
		return refusal("Invalid data (no payload)")
	case b[0] != 'd':
		return refusal("Invalid NG data format")
	}
	v, err := bencode.Decode(b)
	d, ok := v.(rtpengine.Dict)
	if err != nil || !ok {
		return refusal("Could not decode bencode dictionary")
	}
	command, ok := d["command"].(string)
	if !ok {
		return refusal(`Dictionary contains no key "command"`)
	}
	reply, err := r.count(context.Background(), source, command, d)
	if err == nil {
		return reply
	}
	var e *rtpengine.Error
	if !errors.As(err, &e) {
		return refusal(err.Error())
	}
	if supports, _ := stringList(d["supports"]); e.Reason == reasonLimit && slices.Contains(supports, "load limit") {
		return rtpengine.Dict{"result": "load limit", "message": e.Reason}
	}
	return refusal(e.Reason)
}
