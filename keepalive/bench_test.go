// SPDX-FileCopyrightText: 2026 The sipnat authors
// SPDX-License-Identifier: MIT

package keepalive_test

import (
	"bytes"
	"fmt"
	"net"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sipnat/sipnat/flow"
	"github.com/sipnat/sipnat/keepalive"
)

// void is a Sender without a network; it keeps the last ping.
type void struct{ last []byte }

func (v *void) Write(b []byte, _ flow.Flow) error      { v.last = append(v.last[:0], b...); return nil }
func (v *void) Name(flow.Flow) (host string, port int) { return "edge.example.com", 5060 }

// crowded is a pinger whose every tick sends n pings. Its bindings never die.
func crowded(n int) (*keepalive.Pinger, *void) {
	v := &void{}
	p := keepalive.New(v, keepalive.Config{Interval: time.Second, Tick: time.Second, Misses: -1})
	for i := range n {
		p.Add(strconv.Itoa(i), peer(i))
	}
	return p, v
}

func TestPingingAllocatesNothing(t *testing.T) {
	p, _ := crowded(100)
	tick := p.Ticker()
	for range 3 {
		tick() // buffers grow
	}
	require.Zero(t, testing.AllocsPerRun(100, tick))
}

func TestReadingAllocatesNothing(t *testing.T) {
	p, v := crowded(1)
	tick := p.Ticker()
	tick()
	from := net.UDPAddrFromAddrPort(peer(0).Remote)
	reply := answer(v.last, 200)
	stray := bytes.Replace(reply, []byte(prefix), []byte("z9hG4bKother"), 1)
	require.Zero(t, testing.AllocsPerRun(100, func() {
		p.Consume(reply, from)
		p.Consume(stray, from)
		p.Consume(v.last, from)
	}))
	require.Equal(t, uint64(1), p.Stats().Answered)
}

func BenchmarkPing(b *testing.B) {
	for _, n := range []int{1, 1000} {
		b.Run(fmt.Sprintf("n=%d", n), func(b *testing.B) {
			p, _ := crowded(n)
			tick := p.Ticker()
			b.ReportAllocs()
			for b.Loop() {
				tick()
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*n), "ns/ping")
		})
	}
}

func BenchmarkReply(b *testing.B) {
	p, v := crowded(1)
	tick := p.Ticker()
	tick()
	from := net.UDPAddrFromAddrPort(peer(0).Remote)
	ours := answer(v.last, 200)
	other := bytes.Replace(ours, []byte(prefix), []byte("z9hG4bKother"), 1)
	b.Run("ping and reply", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			tick()
			at := bytes.Index(ours, []byte(prefix))
			_, branch, _ := bytes.Cut(v.last, []byte(prefix))
			copy(ours[at+len(prefix):at+50], branch)
			p.Consume(ours, from)
		}
	})
	b.Run("other reply", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			p.Consume(other, from)
		}
	})
	b.Run("request", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			p.Consume(v.last, from)
		}
	})
}

func BenchmarkAdd(b *testing.B) {
	p, _ := crowded(100_000)
	b.ReportAllocs()
	for b.Loop() {
		p.Add("5000", peer(5000))
	}
}
