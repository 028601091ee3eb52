// SPDX-FileCopyrightText: 2026 The sipnat authors
// SPDX-License-Identifier: MIT

package keepalive_test

import (
	"net"
	"runtime"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/net/ipv4"

	"github.com/sipnat/sipnat/flow"
	"github.com/sipnat/sipnat/keepalive"
)

// cpu is the time that this process has used of a processor.
func cpu(tb testing.TB) time.Duration {
	tb.Helper()
	var ru syscall.Rusage
	require.NoError(tb, syscall.Getrusage(syscall.RUSAGE_SELF, &ru))
	return time.Duration(ru.Utime.Nano() + ru.Stime.Nano())
}

// heap is what n bindings take, each, ids and flows not counted: the registrar
// has them anyway.
func heap(tb testing.TB, n int) (perBinding float64, p *keepalive.Pinger) {
	tb.Helper()
	ids := make([]string, n)
	for i := range ids {
		ids[i] = "binding-" + strconv.Itoa(i)
	}
	inUse := func() uint64 {
		var m runtime.MemStats
		runtime.GC()
		runtime.GC()
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	before := inUse()
	p = keepalive.New(&void{}, keepalive.Config{Interval: 30 * time.Second, Misses: -1})
	for i, id := range ids {
		p.Add(id, peer(i))
	}
	perBinding = (float64(inUse()) - float64(before)) / float64(n)
	runtime.KeepAlive(ids)
	return perBinding, p
}

// TestMemory pins what a binding costs.
func TestMemory(t *testing.T) {
	perBinding, p := heap(t, 200_000)
	require.LessOrEqual(t, perBinding, 120.0)
	require.Equal(t, 200_000, p.Stats().Bindings)
}

// BenchmarkMillion pings 10^6 bindings each 30 s, into the void: 33,000 a second.
// What a system call costs is in BenchmarkSend.
func BenchmarkMillion(b *testing.B) {
	perBinding, p := heap(b, 1_000_000)
	tick := p.Ticker()
	for range 300 {
		tick() // buffers grow
	}
	sent, used := p.Stats().Sent, cpu(b)
	b.ReportAllocs()
	for b.Loop() {
		tick()
	}
	perPing := float64(cpu(b)-used) / float64(p.Stats().Sent-sent)
	b.ReportMetric(perPing, "cpu-ns/ping")
	b.ReportMetric(perPing*1e6/30/1e7, "%-of-a-core")
	b.ReportMetric(perBinding, "B/binding")
}

// single sends on a socket; batch does, many in one system call.
type single struct {
	void
	pc *net.UDPConn
}

func (s *single) Write(b []byte, f flow.Flow) error {
	_, err := s.pc.WriteToUDPAddrPort(b, f.Remote)
	return err
}

type batch struct {
	single
	pc   *ipv4.PacketConn
	msgs []ipv4.Message
}

func (s *batch) WriteBatch(messages [][]byte, flows []flow.Flow) (int, error) {
	for len(s.msgs) < len(messages) {
		s.msgs = append(s.msgs, ipv4.Message{Buffers: make([][]byte, 1), Addr: &net.UDPAddr{IP: make(net.IP, 4)}})
	}
	for i, m := range messages {
		s.msgs[i].Buffers[0] = m
		a := s.msgs[i].Addr.(*net.UDPAddr)
		ip := flows[i].Remote.Addr().As4()
		copy(a.IP, ip[:])
		a.Port = int(flows[i].Remote.Port())
	}
	return s.pc.WriteBatch(s.msgs[:len(messages)], 0)
}

// BenchmarkSend sends through a socket, to one that nobody reads.
func BenchmarkSend(b *testing.B) {
	sink, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	require.NoError(b, err)
	defer func() { _ = sink.Close() }()
	pc, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	require.NoError(b, err)
	defer func() { _ = pc.Close() }()
	one := single{pc: pc}
	for name, sender := range map[string]keepalive.Sender{
		"one by one": &one, "batch": &batch{single: one, pc: ipv4.NewPacketConn(pc)},
	} {
		b.Run(name, func(b *testing.B) {
			p := keepalive.New(sender, keepalive.Config{Interval: time.Second, Tick: time.Second, Misses: -1})
			for i := range 500 {
				f := peer(i)
				f.Conn = uint64(i) // flows of their own to one address
				f.Remote = sink.LocalAddr().(*net.UDPAddr).AddrPort()
				p.Add(strconv.Itoa(i), f)
			}
			tick := p.Ticker()
			tick()
			used := cpu(b)
			b.ReportAllocs()
			for b.Loop() {
				tick()
			}
			b.ReportMetric(float64(cpu(b)-used)/float64(b.N*500), "cpu-ns/ping")
			require.Zero(b, p.Stats().Failed)
		})
	}
}
