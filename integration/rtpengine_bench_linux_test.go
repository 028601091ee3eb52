// SPDX-FileCopyrightText: 2026 The sipnat authors
// SPDX-License-Identifier: MIT

package integration_test

import (
	"bytes"
	"fmt"
	"net"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/sipnat/sipnat/internal/bencode"
	"github.com/sipnat/sipnat/rtpengine"
)

// BenchmarkRtpengine sets calls up at the real daemon and ends them, 16 in
// flight: turn by turn with the client and with bare sockets, which send and
// receive and do nothing else. It reports the calls per second of both, their
// ratio, and what CPU time this process spends on a request.
func BenchmarkRtpengine(b *testing.B) {
	d := startNG(b)
	c := d.client(b)
	bare := newBareClient(b, d.ip+":2223")
	var ours, floor pace
	b.ResetTimer()
	for b.Loop() {
		ours.measure(func(id string) { clientCall(b, c, d.ip, id) })
		floor.measure(func(id string) { bare.call(b, d.ip, id) })
	}
	b.ReportMetric(ours.rate(), "calls/s")
	b.ReportMetric(floor.rate(), "bare-calls/s")
	b.ReportMetric(100*ours.rate()/floor.rate(), "%ofbare")
	b.ReportMetric(ours.cpuPerRequest(), "cpu-us/req")
	b.ReportMetric(floor.cpuPerRequest(), "bare-cpu-us/req")
}

const (
	inFlight   = 16
	roundCalls = 800
)

// pace adds rounds up.
type pace struct {
	calls     int
	wall, cpu time.Duration
}

func (p *pace) measure(call func(id string)) {
	began, cpu := time.Now(), cpuTime()
	var wg sync.WaitGroup
	var next atomic.Int64
	for range inFlight {
		wg.Go(func() {
			for {
				n := next.Add(1)
				if n > roundCalls {
					return
				}
				call(fmt.Sprintf("bench-%d-%d", p.calls, n))
			}
		})
	}
	wg.Wait()
	p.calls += roundCalls
	p.wall += time.Since(began)
	p.cpu += cpuTime() - cpu
}

func (p *pace) rate() float64 { return float64(p.calls) / p.wall.Seconds() }

// cpuPerRequest is in microseconds; a call is three requests.
func (p *pace) cpuPerRequest() float64 { return float64(p.cpu.Microseconds()) / float64(3*p.calls) }

func cpuTime() time.Duration {
	var u unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

var benchFlags = rtpengine.MustParseFlags("replace-origin ICE=remove RTP/AVP")

func clientCall(b *testing.B, c *rtpengine.Client, ip, id string) {
	p := rtpengine.Params{CallID: id, FromTag: "A", SDP: ngSDP(ip, 9), Flags: benchFlags}
	_, err := c.Offer(b.Context(), p)
	p.ToTag = "B"
	_, err2 := c.Answer(b.Context(), p)
	err3 := c.Delete(b.Context(), rtpengine.Params{CallID: id, Flags: atOnce})
	if err != nil || err2 != nil || err3 != nil {
		b.Error(err, err2, err3)
	}
}

var atOnce = rtpengine.MustParseFlags("delete-delay=0")

// bareClient has a socket for each call in flight.
type bareClient struct {
	conns  chan net.Conn
	serial atomic.Int64
}

func newBareClient(b *testing.B, addr string) *bareClient {
	c := &bareClient{conns: make(chan net.Conn, inFlight)}
	for range inFlight {
		conn, err := net.Dial("udp", addr)
		require.NoError(b, err)
		b.Cleanup(func() { _ = conn.Close() })
		c.conns <- conn
	}
	return c
}

func (c *bareClient) call(b *testing.B, ip, id string) {
	conn := <-c.conns
	defer func() { c.conns <- conn }()
	const options = "3:ICE6:remove7:replacel6:origine18:transport-protocol7:RTP/AVP"
	offer := func(command, toTag string) string {
		head := fmt.Sprintf("d7:command%d:%s7:call-id%d:%s8:from-tag1:A%s%s3:sdp", len(command), command, len(id), id, toTag, options)
		return string(bencode.AppendString([]byte(head), ngSDP(ip, 9))) + "e"
	}
	c.exchange(b, conn, offer("offer", ""))
	c.exchange(b, conn, offer("answer", "6:to-tag1:B"))
	c.exchange(b, conn, fmt.Sprintf("d7:command6:delete7:call-id%d:%s12:delete-delayi0ee", len(id), id))
}

func (c *bareClient) exchange(b *testing.B, conn net.Conn, dict string) {
	var buf [4096]byte
	request := fmt.Sprintf("%s-%d %s", conn.LocalAddr(), c.serial.Add(1), dict)
	if _, err := conn.Write([]byte(request)); err != nil {
		b.Error(err)
		return
	}
	_ = conn.SetReadDeadline(time.Now().Add(5 * time.Second))
	n, err := conn.Read(buf[:])
	if err != nil || !bytes.Contains(buf[:n], []byte("6:result2:ok")) {
		b.Errorf("%v: %s", err, buf[:n])
	}
}
