// SPDX-FileCopyrightText: 2026 The sipnat authors
// SPDX-License-Identifier: MIT

package manage

import (
	"context"
	"sync"
	"time"

	"github.com/sipnat/sipnat/rtpengine"
)

const (
	// jobTimeout bounds a command in the background. An engine that has not
	// answered by then is down: its own time-outs will clean up.
	jobTimeout = 5 * time.Second
	// maxWorkers are the commands that run in the background at a time.
	maxWorkers = 64
	// maxQueue is how many wait behind them.
	maxQueue = 4096
)

// background runs what no SIP handler waits for. Workers exist only while there
// is work.
type background struct {
	mu       sync.Mutex
	idle     sync.Cond // L is mu; workers has become 0
	queue    []func(context.Context)
	workers  int
	closed   bool
	deadline time.Time // of everything, once closed
}

// submit runs job soon, on another goroutine. False: it never will, because the
// queue is full or closed.
func (b *background) submit(job func(context.Context)) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed || len(b.queue) >= maxQueue {
		return false
	}
	b.queue = append(b.queue, job)
	if b.workers < maxWorkers {
		b.workers++
		go b.work()
	}
	return true
}

func (b *background) work() {
	for {
		b.mu.Lock()
		if len(b.queue) == 0 {
			b.workers--
			if b.workers == 0 && b.closed {
				b.idle.Broadcast()
			}
			b.mu.Unlock()
			return
		}
		job := b.queue[0]
		b.queue[0] = nil
		b.queue = b.queue[1:]
		end := time.Now().Add(jobTimeout)
		if b.closed && b.deadline.Before(end) {
			end = b.deadline
		}
		b.mu.Unlock()
		ctx, cancel := context.WithDeadline(context.Background(), end)
		job(ctx)
		cancel()
	}
}

// close takes no more work and waits for what there is, for jobTimeout at most.
func (b *background) close() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.idle.L = &b.mu
	if !b.closed {
		b.closed = true
		b.deadline = time.Now().Add(jobTimeout)
	}
	for b.workers > 0 {
		b.idle.Wait()
	}
}

// later runs job soon, in the call's turn. m.mu is held.
func (m *Manager) later(c *call, job func(context.Context)) {
	c.jobs++
	ok := m.background.submit(func(ctx context.Context) {
		select {
		case c.turn <- struct{}{}:
			job(ctx)
			<-c.turn
		case <-ctx.Done():
			m.stats.dropped.Add(1)
		}
		m.mu.Lock()
		c.jobs--
		m.forgetEmpty(c)
		m.mu.Unlock()
	})
	if !ok {
		c.jobs--
		m.stats.dropped.Add(1)
	}
}

// remove deletes, in the background, what p selects of the call; nothing but the
// caller's tag: all of it. m.mu is held.
func (m *Manager) remove(c *call, p rtpengine.Params) {
	p.CallID, p.FromTag = c.id, c.caller
	m.later(c, func(ctx context.Context) { m.erase(ctx, p) })
}

func (m *Manager) erase(ctx context.Context, p rtpengine.Params) {
	if err := m.Engine.Delete(ctx, p); err != nil {
		m.stats.failed.Add(1)
		return
	}
	m.stats.deletes.Add(1)
}
