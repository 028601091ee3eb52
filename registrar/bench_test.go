// SPDX-FileCopyrightText: 2026 The sipnat authors
// SPDX-License-Identifier: MIT

package registrar_test

import (
	"context"
	"fmt"
	"log/slog"
	"runtime"
	"testing"

	"github.com/emiago/sipgo/sip"
	"github.com/stretchr/testify/require"

	"github.com/sipnat/sipnat/registrar"
)

// filled is a Registrar that n users have registered with.
func filled(b *testing.B, n int) (*registrar.Registrar, []*sip.Request) {
	r := &registrar.Registrar{AOR: registrar.Unauthenticated, Logger: slog.New(slog.DiscardHandler)}
	reqs := make([]*sip.Request, n)
	for i := range reqs {
		p := phone{user: fmt.Sprintf("user%06d", i), callID: fmt.Sprintf("%032d", i), cseq: 1, source: fmt.Sprintf("203.0.%d.%d:40112", i>>8&255, i&255)}
		reqs[i] = p.with(fmt.Sprintf("Contact: <sip:user%06d@192.168.1.2:5060;transport=udp>;expires=3600", i)).request(b)
		r.Middleware(nil)(reqs[i], answered{})
	}
	return r, reqs
}

// answered is a transaction that takes every response.
type answered struct{ sip.ServerTransaction }

func (answered) Respond(*sip.Response) error { return nil }

var sizes = []int{1e3, 1e5, 1e6}

func BenchmarkLookup(b *testing.B) {
	for _, n := range sizes {
		b.Run(fmt.Sprintf("n=%d", n), func(b *testing.B) {
			r, _ := filled(b, n)
			names := make([]string, 1000)
			for i := range names {
				names[i] = fmt.Sprintf("user%06d", i*(n/1000))
			}
			b.ReportAllocs()
			i := 0
			for b.Loop() {
				targets, err := r.Lookup(context.Background(), names[i%len(names)])
				if err != nil || len(targets) != 1 {
					b.Fatal(targets, err)
				}
				i++
			}
		})
	}
}

// BenchmarkRefresh is a whole REGISTER, from the parsed request to the
// response.
func BenchmarkRefresh(b *testing.B) {
	for _, n := range sizes {
		b.Run(fmt.Sprintf("n=%d", n), func(b *testing.B) {
			r, reqs := filled(b, n)
			handler := r.Middleware(nil)
			b.ReportAllocs()
			i := 0
			for b.Loop() {
				req := reqs[i*7919%n]
				req.CSeq().SeqNo++
				handler(req, answered{})
				i++
			}
			require.Equal(b, 200, send(b, r, reqs[0]).StatusCode)
		})
	}
}

// stocked is a Memory with n bindings, and their addresses, each a string of
// its own as those of requests are.
func stocked(b *testing.B, n int) (*registrar.Memory, []string) {
	m := &registrar.Memory{}
	names := make([]string, n)
	for i := range names {
		names[i] = fmt.Sprintf("user%07d@sip.example.com", i*7919%n)
		save(b, m, usual(names[i], names[i]))
	}
	return m, names
}

func BenchmarkMemoryLookup(b *testing.B) {
	for _, n := range sizes {
		m, names := stocked(b, n)
		for name, some := range map[string]int{"hot": 1000, "cold": n} {
			b.Run(fmt.Sprintf("n=%d/%s", n, name), func(b *testing.B) {
				b.ReportAllocs()
				i := 0
				for b.Loop() {
					if list, _ := m.Lookup(context.Background(), names[i%some]); len(list) != 1 {
						b.Fatal(list)
					}
					i++
				}
			})
		}
	}
}

func BenchmarkMemoryRefresh(b *testing.B) {
	for _, n := range sizes {
		m, names := stocked(b, n)
		fresh := make([]registrar.Binding, 1000)
		for i := range fresh {
			fresh[i] = usual(names[i*(n/1000)], names[i*(n/1000)])
		}
		b.Run(fmt.Sprintf("n=%d", n), func(b *testing.B) {
			b.ReportAllocs()
			i := 0
			for b.Loop() {
				f := &fresh[i%1000]
				f.CSeq++
				if ok, err := m.Refresh(context.Background(), f); !ok || err != nil {
					b.Fatal(ok, err)
				}
				i++
			}
		})
	}
}

// BenchmarkMemorySize reports the heap that a binding takes.
func BenchmarkMemorySize(b *testing.B) {
	for _, n := range sizes {
		b.Run(fmt.Sprintf("n=%d", n), func(b *testing.B) {
			for b.Loop() {
				before := heapInUse()
				m := &registrar.Memory{}
				for i := range n {
					name := fmt.Sprintf("user%07d@sip.example.com", i)
					save(b, m, usual(name, name))
				}
				b.ReportMetric(float64(heapInUse()-before)/float64(n), "B/binding")
				runtime.KeepAlive(m)
			}
		})
	}
}

func heapInUse() uint64 {
	runtime.GC()
	runtime.GC()
	var s runtime.MemStats
	runtime.ReadMemStats(&s)
	return s.HeapAlloc
}
