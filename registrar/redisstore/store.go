// SPDX-FileCopyrightText: 2026 The sipnat authors
// SPDX-License-Identifier: MIT

package redisstore

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
	"time"

	"github.com/redis/rueidis"

	"github.com/sipnat/sipnat/registrar"
)

// Config says how bindings are kept. The zero value is useful.
type Config struct {
	// Prefix is what the keys begin with. Empty means "sipnat:".
	Prefix string
	// Stale is how long after the loss of Redis lookups are answered from the
	// cache. Zero or less: not at all.
	Stale time.Duration
	// RetryAfter is the least that phones are told to wait for when they cannot
	// be registered; each is told up to twice that, so that they do not all
	// come at once. Zero means 10 s.
	RetryAfter time.Duration
	// CacheSize is how many addresses the cache holds. Zero means 100,000,
	// negative none.
	CacheSize int
}

func (c Config) prefix() string {
	if c.Prefix == "" {
		return "sipnat:"
	}
	return c.Prefix
}

func (c Config) retryAfter() time.Duration {
	if c.RetryAfter > 0 {
		return c.RetryAfter
	}
	return 10 * time.Second
}

func (c Config) cacheSize() int {
	if c.CacheSize == 0 {
		return 100_000
	}
	return c.CacheSize
}

// replace is the atomic step of Update: KEYS[1] gets ARGV[2] for ARGV[3] ms if
// it has ARGV[1]; empty stands for no key.
const replace = `
if (redis.call('GET', KEYS[1]) or '') ~= ARGV[1] then
  return 0
end
if ARGV[2] == '' then
  redis.call('DEL', KEYS[1])
else
  redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3])
end
return 1`

// Store is a registrar.Store and registrar.Scanner in Redis. Make it with Open;
// all methods are safe for concurrent use.
type Store struct {
	cfg    Config
	client rueidis.Client
	script *rueidis.Lua
	cache  cache
}

// Open connects to one Redis, or to a master that Sentinels name. What opt says
// of client-side caching, multiplexing and retries is overwritten; its timeouts
// are set where they are zero: 1 s to connect, 2 s for an answer. Redis must be
// there; later the connection comes back by itself.
func Open(opt rueidis.ClientOption, cfg Config) (*Store, error) {
	return open(opt, cfg, rueidis.NewClient)
}

func open(opt rueidis.ClientOption, cfg Config, newClient func(rueidis.ClientOption) (rueidis.Client, error)) (*Store, error) {
	s := &Store{cfg: cfg, script: rueidis.NewLuaScript(replace)}
	s.cache.limit = cfg.cacheSize()
	// Redis says by itself which keys have changed, on the one connection that
	// they are read on: what was read before is then known to be older.
	opt.ClientTrackingOptions = []string{"BCAST", "PREFIX", cfg.prefix()}
	opt.OnInvalidations = s.invalidated
	opt.PipelineMultiplex = -1
	opt.ForceSingleClient = opt.Sentinel.MasterSet == ""
	opt.DisableCache = false
	opt.DisableRetry = true // see Store.get
	if opt.Dialer.Timeout == 0 {
		opt.Dialer.Timeout = time.Second
	}
	if opt.ConnWriteTimeout == 0 {
		opt.ConnWriteTimeout = 2 * time.Second
	}
	client, err := newClient(opt)
	if err != nil {
		return nil, fmt.Errorf("redisstore: %w", err)
	}
	s.client = client
	return s, nil
}

// Close closes the connection. Nothing may be called after it.
func (s *Store) Close() error {
	s.client.Close()
	return nil
}

// Update implements registrar.Store. It runs edit again when somebody else, on
// any node, was faster. An Unavailable that comes after edit has run leaves open
// whether Redis has carried the change out.
func (s *Store) Update(ctx context.Context, aor string, edit func([]registrar.Binding) ([]registrar.Binding, error)) error {
	for attempt := 0; ; attempt++ {
		if attempt > 0 {
			if err := pause(ctx, attempt); err != nil {
				return s.away(ctx, err)
			}
		}
		old, err := s.get(ctx, aor)
		if err != nil {
			return s.away(ctx, err)
		}
		list, err := decode(old)
		if err != nil {
			return err
		}
		if list, err = edit(live(list)); err != nil {
			return err
		}
		done, err := s.swap(ctx, aor, old, live(list))
		if err != nil {
			return s.away(ctx, err)
		}
		if done {
			return nil
		}
	}
}

// pause gives others the time to be done: with n of them at one key, only one
// in a round gets through. The first rounds are not worth it.
func pause(ctx context.Context, attempt int) error {
	if attempt < 4 {
		return ctx.Err()
	}
	timer := time.NewTimer(time.Duration(rand.Int64N(int64(min(attempt, 32)) * int64(time.Millisecond))))
	defer timer.Stop()
	select {
	case <-timer.C:
		return ctx.Err()
	case <-ctx.Done():
		return ctx.Err()
	}
}

// get reads a key, empty if there is none. A connection that has died since it
// was last used is found out now, and replaced by another attempt.
func (s *Store) get(ctx context.Context, aor string) (string, error) {
	for again := false; ; again = true {
		if err := ctx.Err(); err != nil {
			return "", err
		}
		value, err := s.client.Do(ctx, s.client.B().Get().Key(s.cfg.prefix()+aor).Build()).ToString()
		switch _, refused := rueidis.IsRedisErr(err); {
		case err == nil, rueidis.IsRedisNil(err):
			s.cache.found()
			return value, nil
		case again || refused || ctx.Err() != nil:
			return "", err
		}
	}
}

// swap replaces old by list if it is still there.
func (s *Store) swap(ctx context.Context, aor, old string, list []registrar.Binding) (bool, error) {
	if err := ctx.Err(); err != nil {
		return false, err
	}
	next, ttl := "", time.Millisecond
	if len(list) > 0 {
		next = string(registrar.AppendBindings(make([]byte, 0, 256*len(list)), list))
		for i := range list {
			ttl = max(ttl, time.Until(list[i].Expires)+time.Millisecond)
		}
	}
	t := s.cache.write(aor)
	n, err := s.script.Exec(ctx, s.client, []string{s.cfg.prefix() + aor}, []string{old, next, strconv.FormatInt(ttl.Milliseconds(), 10)}).AsInt64()
	s.cache.written(aor, t, list, err == nil && n == 1)
	return n == 1, err
}

// Lookup implements registrar.Store.
func (s *Store) Lookup(ctx context.Context, aor string) ([]registrar.Binding, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if list, ok := s.cache.fresh(aor); ok {
		return live(list), nil
	}
	if list, ok := s.cache.pausing(aor, s.cfg.Stale); ok {
		return live(list), nil
	}
	t := s.cache.read(aor)
	value, err := s.get(ctx, aor)
	if err != nil {
		s.cache.done(aor, t)
		err = s.away(ctx, err)
		if list, ok := s.cache.stale(aor, s.cfg.Stale); ok && !errors.Is(err, context.Canceled) {
			return live(list), nil
		}
		return nil, err
	}
	list, err := decode(value)
	if err != nil {
		s.cache.done(aor, t)
		return nil, err
	}
	s.cache.fill(aor, t, list)
	return live(list), nil
}

// invalidated is told by the connection which keys have changed; nil says that
// it has ended, or that all have.
func (s *Store) invalidated(keys []rueidis.RedisMessage) {
	if keys == nil {
		s.cache.lose()
		return
	}
	for i := range keys {
		if key, err := keys[i].ToString(); err == nil {
			s.cache.invalidate(strings.TrimPrefix(key, s.cfg.prefix()))
		}
	}
}

// away makes a registrar.Unavailable of what Redis, or the way to it, failed
// with.
func (s *Store) away(ctx context.Context, err error) error {
	if errors.Is(ctx.Err(), context.Canceled) {
		return context.Canceled
	}
	s.cache.fail()
	after := s.cfg.retryAfter()
	return &registrar.Unavailable{RetryAfter: after + rand.N(after+1), Err: fmt.Errorf("redisstore: %w", err)}
}

func decode(value string) ([]registrar.Binding, error) {
	if value == "" {
		return nil, nil
	}
	list, err := registrar.ParseBindings([]byte(value))
	if err != nil {
		return nil, fmt.Errorf("redisstore: %w", err)
	}
	return list, nil
}

// live copies what has not expired.
func live(list []registrar.Binding) []registrar.Binding {
	now := time.Now()
	kept := make([]registrar.Binding, 0, len(list))
	for i := range list {
		if list[i].Live(now) {
			kept = append(kept, list[i])
		}
	}
	return kept
}
