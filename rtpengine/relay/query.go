// SPDX-FileCopyrightText: 2026 The sipnat authors
// SPDX-License-Identifier: MIT

package relay

import (
	"net/netip"
	"time"

	"github.com/sipnat/sipnat/rtpengine"
)

// query reports the dialogs of the party that from-tag names, or all.
func (c *call) query(o *options) (reply rtpengine.Dict, reason string) {
	dialogs := c.dialogs
	for _, tag := range []string{o.fromTag, o.toTag} {
		if tag == "" {
			continue
		}
		var with []*dialog
		for _, d := range dialogs {
			if d.side(tag) >= 0 {
				with = append(with, d)
			}
		}
		if dialogs = with; len(with) == 0 {
			return nil, "From-tag given, but no such tag exists"
		}
	}
	return c.report(dialogs), ""
}

// tally sums up one component.
type tally struct{ packets, bytes, errors uint64 }

func (t *tally) add(u tally) {
	t.packets += u.packets
	t.bytes += u.bytes
	t.errors += u.errors
}

func (t tally) dict() rtpengine.Dict {
	return rtpengine.Dict{"packets": int64(t.packets), "bytes": int64(t.bytes), "errors": int64(t.errors)}
}

// report describes dialogs in the shape of the daemon's query. The media of a
// party with several forks stand behind each other.
func (c *call) report(dialogs []*dialog) rtpengine.Dict {
	var totals [2]tally
	last := c.created
	tags := rtpengine.Dict{}
	for _, d := range dialogs {
		if d.signalled.After(last) {
			last = d.signalled
		}
		for side := range d.parties {
			for _, s := range d.streams {
				if s == nil {
					continue
				}
				totals[rtp].add(s.ports[side][rtp].tally())
				totals[rtcp].add(s.ports[side][rtcp].tally())
			}
			d.describe(tags, side)
		}
	}
	return rtpengine.Dict{
		"result": "ok", "created": c.created.Unix(), "created_us": int64(c.created.Nanosecond() / int(time.Microsecond)),
		"last signal": last.Unix(), "tags": tags,
		"totals": rtpengine.Dict{"RTP": totals[rtp].dict(), "RTCP": totals[rtcp].dict()},
	}
}

func (d *dialog) describe(tags rtpengine.Dict, side int) {
	p := d.parties[side]
	if p.tag == "" {
		return
	}
	t, ok := tags[p.tag].(rtpengine.Dict)
	if !ok {
		t = rtpengine.Dict{"tag": p.tag, "created": p.created.Unix(), "via-branch": d.branch, "medias": []any{}}
		tags[p.tag] = t
	}
	if other := d.parties[1-side].tag; other != "" {
		t["in dialogue with"] = other
	}
	medias, _ := t["medias"].([]any)
	for _, s := range d.streams {
		if s != nil {
			medias = append(medias, s.describe(side, len(medias)+1))
		}
	}
	t["medias"] = medias
}

func (s *stream) describe(side, index int) rtpengine.Dict {
	flags := []any{}
	if s.off.Load() {
		flags = append(flags, "off")
	}
	if s.mux[side].Load() {
		flags = append(flags, "rtcp-mux")
	}
	return rtpengine.Dict{
		"index": int64(index), "type": s.kind, "protocol": s.proto, "flags": flags,
		"streams": []any{s.ports[side][rtp].describe(), s.ports[side][rtcp].describe()},
	}
}

func (p *port) describe() rtpengine.Dict {
	p.mu.Lock()
	dst, signalled, locked := p.latch.dest(), p.latch.signal.addr, p.latch.locked
	p.mu.Unlock()
	flags := []any{[]string{"RTP", "RTCP"}[p.component]}
	if dst.IsValid() {
		flags = append(flags, "filled")
	}
	if locked {
		flags = append(flags, "confirmed")
	}
	t, local := p.tally(), p.stream.faces[p.side].pool.local
	d := rtpengine.Dict{
		"local port": int64(p.local), "local address": local.String(), "family": family(local),
		"endpoint": endpoint(dst), "advertised endpoint": endpoint(signalled), "flags": flags,
		"last packet": p.last.Load() / int64(time.Second), "stats": t.dict(),
	}
	return d
}

func (p *port) tally() tally {
	return tally{p.packets.Load(), p.bytes.Load(), p.errors.Load()}
}

func family(a netip.Addr) string {
	if a.Is4() {
		return "IPv4"
	}
	return "IPv6"
}

// endpoint is empty where there is none.
func endpoint(a netip.AddrPort) rtpengine.Dict {
	if !a.IsValid() {
		return rtpengine.Dict{}
	}
	return rtpengine.Dict{"family": family(a.Addr()), "address": a.Addr().String(), "port": int64(a.Port())}
}
