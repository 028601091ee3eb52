// SPDX-FileCopyrightText: 2026 The sipnat authors
// SPDX-License-Identifier: MIT

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"strings"
	"time"

	"github.com/sipnat/sipnat/rtpengine"
)

// load is calls that talk for some time.
type load struct {
	calls int
	talk  time.Duration
}

// result is what came of a load.
type result struct {
	sent, received int64
	cpu            time.Duration // of the engine, while the phones talked
	delays         histogram
}

func (r *result) add(o result) {
	r.sent += o.sent
	r.received += o.received
	r.cpu += o.cpu
	r.delays.add(&o.delays)
}

// perPacket is the CPU time of a packet in nanoseconds.
func (r *result) perPacket() float64 { return float64(r.cpu.Nanoseconds()) / float64(r.received) }

func (r *result) print(out io.Writer, engine, round string) {
	fmt.Fprintf(out, "%-10s %5s %9d %6d %8.2f µs %9v %9v\n", engine, round, r.sent, r.sent-r.received,
		r.perPacket()/1000, r.delays.quantile(0.5), r.delays.quantile(0.99))
}

// put sets the calls up at an engine, has them talk and ends them.
func (l load) put(ctx context.Context, e *engine) (r result, err error) {
	p, err := openPhones(l.calls)
	if err != nil {
		return r, err
	}
	defer p.close()
	id := func(i int) string { return fmt.Sprintf("load-%d-%d", p.serial, i) }
	defer func() {
		atOnce := rtpengine.MustParseFlags("delete-delay=0")
		for i := range l.calls {
			if e := e.Delete(context.WithoutCancel(ctx), rtpengine.Params{CallID: id(i), Flags: atOnce}); err == nil && e != nil {
				err = e
			}
		}
	}()
	for i := range l.calls {
		if err := p.setUp(ctx, e, id(i), i); err != nil {
			return r, err
		}
	}
	before, err := e.cpu()
	if err != nil {
		return r, err
	}
	r.sent = p.talk(ctx, l.talk)
	p.drain(r.sent)
	after, err := e.cpu()
	if err != nil {
		return r, err
	}
	r.cpu = after - before
	r.received, r.delays = p.heard()
	return r, ctx.Err()
}

// setUp makes a call of the phones.
func (p *phones) setUp(ctx context.Context, e *engine, id string, i int) error {
	params := rtpengine.Params{CallID: id, FromTag: "A", SDP: sdpOf(p.address(i, 0))}
	sdp, err := e.Offer(ctx, params)
	if err != nil {
		return err
	}
	if p.to[i][1], err = mediaOf(sdp); err != nil {
		return err
	}
	params.ToTag, params.SDP = "B", sdpOf(p.address(i, 1))
	if sdp, err = e.Answer(ctx, params); err != nil {
		return err
	}
	p.to[i][0], err = mediaOf(sdp)
	return err
}

func sdpOf(at netip.AddrPort) []byte {
	return fmt.Appendf(nil, "v=0\r\no=- 1 1 IN IP4 %[1]s\r\ns=-\r\nc=IN IP4 %[1]s\r\nt=0 0\r\nm=audio %[2]d RTP/AVP 0\r\n", at.Addr(), at.Port())
}

// mediaOf reads where an SDP of one audio line wants its media.
func mediaOf(sdp []byte) (netip.AddrPort, error) {
	var ip, port string
	for line := range strings.Lines(string(sdp)) {
		if c, ok := strings.CutPrefix(line, "c=IN IP4 "); ok {
			ip = strings.TrimSpace(c)
		}
		if m, ok := strings.CutPrefix(line, "m=audio "); ok {
			port, _, _ = strings.Cut(m, " ")
		}
	}
	at, err := netip.ParseAddrPort(ip + ":" + port)
	if err != nil {
		return at, errors.New("unreadable SDP from the engine")
	}
	return at, nil
}
