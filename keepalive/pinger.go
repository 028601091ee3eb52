// SPDX-FileCopyrightText: 2026 The sipnat authors
// SPDX-License-Identifier: MIT

package keepalive

import (
	"context"
	"errors"
	"hash/maphash"
	"sync"
	"sync/atomic"
	"time"

	"github.com/sipnat/sipnat/flow"
)

// Sender sends the pings; *flow.Layer is one. It is called by one goroutine at
// a time and keeps neither argument.
type Sender interface {
	// Write sends b as it is on f; on WS and WSS, where b is empty, an empty ping
	// frame. It returns flow.ErrFlowGone if the stream of f has ended.
	Write(b []byte, f flow.Flow) error
	// Name is what we are known by on f; port 0 leaves it out.
	Name(f flow.Flow) (host string, port int)
}

// ErrRunning says that the pinger runs already.
var ErrRunning = errors.New("keepalive: already running")

// Pinger pings bindings. Make one with [New]. Its methods are safe for
// concurrent use and may be called before, during and after Run.
type Pinger struct {
	// Dead is told that a binding has died: it missed too many pings, or its
	// connection has ended. The binding is not pinged any more then. It is called
	// once, by Run's goroutine, without a lock; it may call Add and Remove, and
	// pings wait while it runs. An Add of the same id that comes while Dead is
	// called is a new binding and is pinged. Set it before Run. Nil: bindings die
	// silently.
	Dead func(id string)

	sender  Sender
	config  Config
	timeout int32 // in ticks
	seed    maphash.Seed
	running atomic.Bool
	signer  *secret // of Run's goroutine
	count   counters

	mu       sync.Mutex
	checker  *secret
	wheel    wheel
	byID     map[string]*entry
	bySerial map[uint64]*entry
	serials  uint64
}

// New returns a pinger that sends by layer. It does nothing until Run.
func New(layer Sender, config Config) *Pinger {
	p := &Pinger{
		sender:   layer,
		config:   config,
		seed:     maphash.MakeSeed(),
		wheel:    newWheel(int(config.interval() / config.tick())),
		byID:     make(map[string]*entry),
		bySerial: make(map[uint64]*entry),
	}
	ticks := (config.timeout() + config.tick() - 1) / config.tick()
	p.timeout = int32(min(ticks, time.Duration(p.wheel.size())))
	p.signer, p.checker = newSecrets()
	return p
}

// Add has the flow f of the binding id pinged from now on, at the binding's own
// phase: the first time within an interval. An id that is there already goes
// on; having been added again is a sign of life, and a new flow takes the pings
// over. A flow that is not valid is not pinged.
func (p *Pinger) Add(id string, f flow.Flow) {
	p.mu.Lock()
	defer p.mu.Unlock()
	e, ok := p.byID[id]
	switch {
	case !f.IsValid():
		if ok {
			p.drop(e)
		}
		return
	case !ok:
		p.serials++
		e = &entry{id: id, serial: p.serials, slot: -1}
		e.phase = int32(maphash.String(p.seed, id) % uint64(p.wheel.size()))
		p.byID[id], p.bySerial[e.serial] = e, e
	case e.flow != f:
		e.heard = e.sent // replies to pings on the old flow say nothing
	}
	e.flow = f
	p.alive(e)
}

// Remove stops the pings of a binding. One that is not there is no error.
func (p *Pinger) Remove(id string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if e, ok := p.byID[id]; ok {
		p.drop(e)
	}
}

// Run pings until ctx is done, and returns its error. A second Run at the same
// time is [ErrRunning].
func (p *Pinger) Run(ctx context.Context) error {
	if !p.running.CompareAndSwap(false, true) {
		return ErrRunning
	}
	defer p.running.Store(false)
	var r round
	start, done := time.Now(), time.Duration(0)
	ticker := time.NewTicker(p.config.tick())
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-ticker.C:
		}
		// A goroutine that was held up makes up for it, but not in one burst;
		// what is older than a revolution would only be sent twice.
		due := time.Since(start)/p.config.tick() - done
		if surplus := due - time.Duration(p.wheel.size()); surplus > 0 {
			done += surplus
			due -= surplus
		}
		for range min(due, catchUp) {
			done++
			p.tick(&r)
		}
	}
}

// catchUp is how many ticks are served at once, at most.
const catchUp = 4

// alive takes the misses of e away and puts it at its next regular ping.
func (p *Pinger) alive(e *entry) {
	e.misses, e.waiting = 0, false
	p.wheel.remove(e)
	p.wheel.regular(e)
}

func (p *Pinger) drop(e *entry) {
	p.wheel.remove(e)
	delete(p.byID, e.id)
	delete(p.bySerial, e.serial)
}
