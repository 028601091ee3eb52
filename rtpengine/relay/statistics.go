// SPDX-FileCopyrightText: 2026 The sipnat authors
// SPDX-License-Identifier: MIT

package relay

import (
	"context"
	"maps"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/sipnat/sipnat/rtpengine"
)

// maxProxies is how many sources of commands are counted apart.
const maxProxies = 64

// ending is why a call is over.
type ending uint8

const (
	endRefused ending = iota // it never began
	endRegular               // deleted
	endTimeout
	endSilent
	endings
)

// ledger keeps the relay's counts.
type ledger struct {
	born     time.Time
	rejected atomic.Int64

	mu      sync.Mutex
	streams map[*stream]struct{} // open ones
	past    tally                // of closed ones
	oneWay  int64
	zeroWay int64
	ended   [endings]int64
	lasted  time.Duration // all ended calls together
	proxies map[string]*[commands]work

	sampled time.Time // when sum and rate were taken
	sum     tally
	rate    tally // per second
}

// work is what a command took.
type work struct {
	count int64
	took  time.Duration
}

// The commands that are counted, and what their counts are called.
const (
	countErrors = iota
	countOthers
	countPing
	countOffer
	countAnswer
	countDelete
	countQuery
	countList
	countStatistics
	commands
)

func countOf(command string) int {
	i := slices.Index([]string{"ping", "offer", "answer", "delete", "query", "list", "statistics"}, command)
	if i < 0 {
		return countOthers
	}
	return countPing + i
}

func countName(i int) string {
	return [commands]string{"error", "other", "ping", "offer", "answer", "delete", "query", "list", "stats"}[i]
}

func newLedger() *ledger {
	now := time.Now()
	return &ledger{born: now, sampled: now, streams: map[*stream]struct{}{}, proxies: map[string]*[commands]work{}}
}

func (l *ledger) add(s *stream) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.streams[s] = struct{}{}
}

// remove takes a stream off that is closed and no longer counts; one that is not
// there was never opened.
func (l *ledger) remove(s *stream) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if _, ok := l.streams[s]; !ok {
		return
	}
	delete(l.streams, s)
	l.past.add(s.tally())
	if !s.live || s.off.Load() {
		return
	}
	talked := 0
	for _, party := range s.ports {
		if party[rtp].packets.Load() > 0 {
			talked++
		}
	}
	switch talked {
	case 0:
		l.zeroWay++
	case 1:
		l.oneWay++
	}
}

// tally sums up all ports of a stream.
func (s *stream) tally() (t tally) {
	for _, party := range s.ports {
		for _, p := range party {
			t.add(p.tally())
		}
	}
	return t
}

// closed takes note of a call's end.
func (l *ledger) closed(c *call) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.ended[c.end]++
	if c.end != endRefused {
		l.lasted += time.Since(c.created)
	}
}

// total is all packets so far.
func (l *ledger) total() tally {
	t := l.past
	for s := range l.streams {
		t.add(s.tally())
	}
	return t
}

// sample takes the rates; once in a while is enough.
func (l *ledger) sample(now time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	t, seconds := l.total(), now.Sub(l.sampled).Seconds()
	if seconds <= 0 {
		return
	}
	per := func(now, before uint64) uint64 { return uint64(float64(now-before) / seconds) }
	l.rate = tally{per(t.packets, l.sum.packets), per(t.bytes, l.sum.bytes), per(t.errors, l.sum.errors)}
	l.sum, l.sampled = t, now
}

// count runs a command and takes note of it.
func (r *Relay) count(ctx context.Context, source, command string, d rtpengine.Dict) (rtpengine.Dict, error) {
	began := time.Now()
	reply, err := r.do(ctx, command, d)
	l := r.engine.ledger
	l.mu.Lock()
	defer l.mu.Unlock()
	p := l.proxies[source]
	if p == nil && len(l.proxies) >= maxProxies {
		source = "others"
		p = l.proxies[source]
	}
	if p == nil {
		p = &[commands]work{}
		l.proxies[source] = p
	}
	p[countOf(command)].count++
	p[countOf(command)].took += time.Since(began)
	if err != nil {
		p[countErrors].count++
	}
	return reply, err
}

// statistics is the daemon's command of that name, without what the relay has
// none of: kernel, transcoding, MOS, intervals. Times are texts there, too.
func (r *Relay) statistics() (rtpengine.Dict, error) {
	r.mu.Lock()
	sessions, closed := len(r.calls), r.closed
	r.mu.Unlock()
	if closed {
		return nil, ErrClosed
	}
	l := r.engine.ledger
	l.mu.Lock()
	defer l.mu.Unlock()
	ports := []any{}
	for _, f := range r.engine.ifaces {
		ports = append(ports, f.statistics())
	}
	return rtpengine.Dict{"result": "ok", "statistics": rtpengine.Dict{
		"currentstatistics": rtpengine.Dict{
			"sessionsown": int64(sessions), "sessionsforeign": int64(0), "sessionstotal": int64(sessions),
			"transcodedmedia": int64(0), "media_userspace": int64(len(l.streams)), "media_kernel": int64(0),
			"packetrate": int64(l.rate.packets), "byterate": int64(l.rate.bytes), "errorrate": int64(l.rate.errors),
		},
		"totalstatistics": l.totals(), "controlstatistics": l.control(), "interfaces": ports,
	}}, nil
}

func (l *ledger) totals() rtpengine.Dict {
	t := l.total()
	managed := l.ended[endRegular] + l.ended[endTimeout] + l.ended[endSilent]
	average := time.Duration(0)
	if managed > 0 {
		average = l.lasted / time.Duration(managed)
	}
	return rtpengine.Dict{
		"uptime":          strconv.Itoa(int(time.Since(l.born).Seconds())),
		"managedsessions": managed, "rejectedsessions": l.rejected.Load(), "timeoutsessions": l.ended[endTimeout],
		"silenttimeoutsessions": l.ended[endSilent], "regularterminatedsessions": l.ended[endRegular],
		"finaltimeoutsessions": int64(0), "offertimeoutsessions": int64(0), "forcedterminatedsessions": int64(0),
		"relayedpackets": int64(t.packets), "relayedpacketerrors": int64(t.errors), "relayedbytes": int64(t.bytes),
		"zerowaystreams": l.zeroWay, "onewaystreams": l.oneWay,
		"avgcallduration": seconds(average), "totalcallsduration": seconds(l.lasted),
	}
}

// control counts the commands, for each source and all together.
func (l *ledger) control() rtpengine.Dict {
	d, proxies := rtpengine.Dict{}, []any{}
	var sum [commands]int64
	for _, source := range slices.Sorted(maps.Keys(l.proxies)) {
		p := rtpengine.Dict{"proxy": source}
		for i, w := range l.proxies[source] {
			sum[i] += w.count
			p[countName(i)+"count"] = w.count
			if i > countOthers {
				p[countName(i)+"duration"] = seconds(w.took)
			}
		}
		proxies = append(proxies, p)
	}
	for i := countPing; i < commands; i++ {
		d["total"+countName(i)+"count"] = sum[i]
	}
	d["proxies"] = proxies
	return d
}

func (f *iface) statistics() rtpengine.Dict {
	name := f.name
	if name == "" {
		name = "default"
	}
	all := (f.pool.last - f.pool.first + 1) / 2 * 2
	free := f.pool.left() * 2
	return rtpengine.Dict{"name": name, "address": f.pool.local.String(), "ports": rtpengine.Dict{
		"min": int64(f.pool.first), "max": int64(f.pool.last), "totals": int64(all),
		"used": int64(all - free), "free": int64(free),
	}}
}

func seconds(d time.Duration) string { return strconv.FormatFloat(d.Seconds(), 'f', 6, 64) }
