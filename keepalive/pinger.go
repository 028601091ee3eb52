// SPDX-FileCopyrightText: 2026 The sipnat authors
// SPDX-License-Identifier: MIT

package keepalive

import (
	"context"
	"errors"
	"hash/maphash"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"github.com/sipnat/sipnat/flow"
)

// ErrRunning says that the pinger runs already.
var ErrRunning = errors.New("keepalive: already running")

// Pinger pings bindings. Make one with [New]. Its methods are safe for
// concurrent use and may be called before, during and after Run.
type Pinger struct {
	// Dead is told that a binding has died: it missed too many pings, or its
	// connection has ended. The binding is not pinged any more then. It is called
	// once, by Run's goroutine, without a lock; it may call Add and Remove, and
	// pings wait while it runs. It is not called for an id that has been added
	// again meanwhile; one that is added while Dead is called is a new binding and
	// is pinged. Set it before Run. Nil: bindings die silently.
	Dead func(id string)

	// Owns says whether a binding is ours to ping; it is asked before each ping,
	// by Run's goroutine, without a lock. For nodes that share a location service:
	// the one that has the flow's listener pings, since a NAT lets nothing else
	// in. A ping that is not ours is left out, and nothing is held against the
	// binding. Set it before Run. Nil: all are ours.
	Owns func(id string, f flow.Flow) bool

	sender  Sender
	batch   BatchSender // sender, if it is one
	config  Config
	timeout uint32 // in ticks
	seed    maphash.Seed
	began   time.Time // of the round trips' clock
	running atomic.Bool
	paused  atomic.Bool
	signer  *secret // of Run's goroutine
	limits  limits  // of Run's goroutine
	count   counters

	mu      sync.Mutex
	checker *secret
	table   table
	wheel   wheel
	byID    index
	byPeer  index // of leaders, by address
	paths   paths
	routes  map[int32]route
}

// New returns a pinger that sends by layer. It does nothing until Run. It panics
// if config.Method cannot be one.
func New(layer Sender, config Config) *Pinger {
	if !isMethod(config.Method) {
		panic("keepalive: Config.Method is no token")
	}
	p := &Pinger{
		sender:  layer,
		config:  config,
		timeout: config.timeout(),
		seed:    maphash.MakeSeed(),
		began:   time.Now(),
		limits:  newLimits(config),
		table:   table{free: none},
		paths:   paths{index: make(map[path]uint16)},
		routes:  make(map[int32]route),
	}
	p.batch, _ = layer.(BatchSender)
	p.wheel = newWheel(&p.table, config.ticks(config.interval(), false), rand.Uint32())
	p.byID = index{
		hash:  func(i int32) uint64 { return p.hashID(p.table.at(i).id) },
		chain: func(i int32) *int32 { return &p.table.at(i).nextID },
	}
	p.byPeer = index{
		hash:  func(i int32) uint64 { return p.hashPeer(p.table.at(i).addr, p.table.at(i).port) },
		chain: func(i int32) *int32 { return &p.table.at(i).nextPeer },
	}
	p.signer, p.checker = newSecrets()
	return p
}

// Pause stops the pings, and Resume has them go on, each binding at its own
// phase, as Kamailio's nathelper.enable_ping. Meanwhile bindings come and go as
// ever, and none dies of misses.
func (p *Pinger) Pause() { p.paused.Store(true) }

// Resume ends a Pause.
func (p *Pinger) Resume() { p.paused.Store(false) }

// Run pings until ctx is done, and returns its error; nothing is sent and Dead
// is not called after that. A second Run at the same time is [ErrRunning]; one
// after another goes on with the same bindings.
func (p *Pinger) Run(ctx context.Context) error {
	if !p.running.CompareAndSwap(false, true) {
		return ErrRunning
	}
	defer p.running.Store(false)
	r := round{done: ctx.Done()}
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
		// what is older than an interval would only be sent twice.
		due := time.Since(start)/p.config.tick() - done
		if surplus := due - time.Duration(p.config.ticks(p.config.interval(), false)); surplus > 0 {
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
