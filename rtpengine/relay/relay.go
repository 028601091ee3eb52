// SPDX-FileCopyrightText: 2026 The sipnat authors
// SPDX-License-Identifier: MIT

package relay

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
	"time"

	"github.com/sipnat/sipnat/rtpengine"
)

// ErrClosed is what commands get after Close.
var ErrClosed = errors.New("relay: closed")

// Relay relays the media of calls. Its methods may be called at the same time
// from anywhere; commands of one call wait for each other, or for ctx. Refusals
// are of the type *rtpengine.Error with the words of rtpengine, so that
// errors.Is with rtpengine.ErrUnknownCall and rtpengine.ErrLoadLimit holds.
type Relay struct {
	cfg    Config
	engine engine
	done   chan struct{}
	wg     sync.WaitGroup
	once   sync.Once

	mu      sync.Mutex
	calls   map[string]*call
	servers map[net.PacketConn]struct{}
	closed  bool
}

// New returns a relay that has no calls yet. It opens one pair of ports of each
// address and closes it again, so that an address that is not the host's is found
// out here.
func New(cfg Config) (*Relay, error) {
	ifaces, err := cfg.interfaces()
	if err != nil {
		return nil, err
	}
	r := &Relay{
		cfg: cfg, engine: engine{ifaces: ifaces, ledger: newLedger()}, done: make(chan struct{}),
		calls: map[string]*call{}, servers: map[net.PacketConn]struct{}{},
	}
	r.wg.Go(r.sweep)
	return r, nil
}

// Close ends all calls, makes ServeNG return and waits until no goroutine of
// the relay is left. It may be called more than once.
func (r *Relay) Close() error {
	r.once.Do(func() {
		r.mu.Lock()
		r.closed = true
		calls := make([]*call, 0, len(r.calls))
		for _, c := range r.calls {
			calls = append(calls, c)
		}
		for pc := range r.servers {
			_ = pc.Close()
		}
		r.mu.Unlock()
		close(r.done)
		for _, c := range calls {
			c.turn <- struct{}{}
			c.remove(c.dialogs)
			r.leave(c)
		}
	})
	r.wg.Wait()
	return nil
}

// enter returns the call with its turn taken; leave gives it back. Create makes
// a call that is not there.
func (r *Relay) enter(ctx context.Context, command, id string, create bool) (*call, error) {
	for {
		c, err := r.find(command, id, create)
		if err != nil {
			return nil, err
		}
		select {
		case c.turn <- struct{}{}:
		case <-ctx.Done():
			return nil, fmt.Errorf("relay: %s: %w", command, context.Cause(ctx))
		}
		if !c.gone {
			return c, nil
		}
		<-c.turn
	}
}

func (r *Relay) find(command, id string, create bool) (*call, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed {
		return nil, ErrClosed
	}
	c := r.calls[id]
	switch {
	case c != nil:
		return c, nil
	case !create:
		return nil, &rtpengine.Error{Command: command, Reason: "Unknown call-id"}
	case r.cfg.MaxCalls > 0 && len(r.calls) >= r.cfg.MaxCalls:
		r.engine.ledger.rejected.Add(1)
		return nil, &rtpengine.Error{Command: command, Reason: reasonLimit}
	}
	c = &call{id: id, created: time.Now(), turn: make(chan struct{}, 1)}
	r.calls[id] = c
	return c, nil
}

// leave ends a turn, and a call that has no dialogs.
func (r *Relay) leave(c *call) {
	if len(c.dialogs) == 0 && !c.gone {
		c.gone = true
		r.engine.ledger.closed(c)
		r.mu.Lock()
		delete(r.calls, c.id)
		r.mu.Unlock()
	}
	<-c.turn
}
