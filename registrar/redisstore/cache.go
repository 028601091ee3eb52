// SPDX-FileCopyrightText: 2026 The sipnat authors
// SPDX-License-Identifier: MIT

package redisstore

import (
	"sync"
	"time"

	"github.com/sipnat/sipnat/registrar"
)

// pauseBetween is how long after a failure lookups that the cache can answer do
// not ask again.
const pauseBetween = time.Second

// cache holds what Redis has said and not taken back. An answer that was on its
// way when its key was invalidated must not be kept: each carries a token from
// before the question was asked, which the invalidation makes worthless.
type cache struct {
	limit int

	mu      sync.RWMutex
	entries map[string]entry
	tokens  map[string]*token
	// epoch counts the losses. Only entries of this epoch are known to be
	// right; those of the one before were when it ended.
	epoch  uint64
	down   bool
	lost   time.Time
	failed time.Time
}

type entry struct {
	list  []registrar.Binding // never changed
	epoch uint64
}

type token struct{ users int }

func (c *cache) fresh(aor string) ([]registrar.Binding, bool) {
	c.mu.RLock()
	defer c.mu.RUnlock()
	e, ok := c.entries[aor]
	return e.list, ok && !c.down && e.epoch == c.epoch
}

// stale is what was known when Redis was lost, if that is no longer ago than
// most.
func (c *cache) stale(aor string, most time.Duration) ([]registrar.Binding, bool) {
	c.mu.RLock()
	defer c.mu.RUnlock()
	e, ok := c.entries[aor]
	return e.list, ok && c.down && e.epoch+1 == c.epoch && most > 0 && time.Since(c.lost) <= most
}

// pausing is stale while it is not worth to ask.
func (c *cache) pausing(aor string, most time.Duration) ([]registrar.Binding, bool) {
	list, ok := c.stale(aor, most)
	c.mu.RLock()
	defer c.mu.RUnlock()
	return list, ok && time.Since(c.failed) < pauseBetween
}

// read begins a question, which done or fill ends.
func (c *cache) read(aor string) *token {
	c.mu.Lock()
	defer c.mu.Unlock()
	t := c.tokens[aor]
	if t == nil {
		t = c.issue(aor)
	}
	t.users++
	return t
}

func (c *cache) issue(aor string) *token {
	if c.tokens == nil {
		c.tokens, c.entries = make(map[string]*token), make(map[string]entry)
	}
	t := &token{}
	c.tokens[aor] = t
	return t
}

func (c *cache) done(aor string, t *token) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.leave(aor, t)
}

func (c *cache) leave(aor string, t *token) {
	if t.users--; t.users == 0 && c.tokens[aor] == t {
		delete(c.tokens, aor)
	}
}

// fill keeps the answer, and makes room for it.
func (c *cache) fill(aor string, t *token, list []registrar.Binding) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.tokens[aor] == t {
		c.keep(aor, list)
	}
	c.leave(aor, t)
}

func (c *cache) keep(aor string, list []registrar.Binding) {
	if c.limit <= 0 || c.down {
		return
	}
	if _, ok := c.entries[aor]; !ok && len(c.entries) >= c.limit {
		for other := range c.entries { // any: maps begin somewhere
			delete(c.entries, other)
			break
		}
	}
	c.entries[aor] = entry{list, c.epoch}
}

// write begins a change of ours, which written ends. Questions that are under
// way may see either side of it.
func (c *cache) write(aor string) *token {
	c.mu.Lock()
	defer c.mu.Unlock()
	t := c.issue(aor)
	t.users++
	return t
}

// written keeps what was stored, so that it is seen here at once. Whatever else
// was under way for aor, changes included, may be older and is not kept.
func (c *cache) written(aor string, t *token, list []registrar.Binding, stored bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	latest := c.tokens[aor] == t
	delete(c.tokens, aor)
	switch {
	case latest && stored:
		c.keep(aor, list)
	case !c.down:
		delete(c.entries, aor)
	}
}

func (c *cache) invalidate(aor string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.entries, aor)
	delete(c.tokens, aor)
}

// lose notes that invalidations may have been missed.
func (c *cache) lose() {
	c.mu.Lock()
	defer c.mu.Unlock()
	clear(c.tokens)
	if !c.down {
		c.down, c.lost = true, time.Now()
		c.epoch++
	}
}

// fail notes that Redis did not answer.
func (c *cache) fail() {
	c.lose()
	c.mu.Lock()
	defer c.mu.Unlock()
	c.failed = time.Now()
}

// found notes that Redis has answered.
func (c *cache) found() {
	c.mu.RLock()
	down := c.down
	c.mu.RUnlock()
	if !down {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.down = false
}
