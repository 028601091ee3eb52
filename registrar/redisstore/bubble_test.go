// SPDX-FileCopyrightText: 2026 The sipnat authors
// SPDX-License-Identifier: MIT

package redisstore_test

import (
	"context"
	"runtime"
	"sync/atomic"
	"testing"

	"github.com/redis/rueidis"
	"github.com/stretchr/testify/require"

	"github.com/sipnat/sipnat/registrar"
	"github.com/sipnat/sipnat/registrar/redisstore"
	"github.com/sipnat/sipnat/registrar/storetest"
)

// outside runs functions on a goroutine outside of any synctest bubble: the
// goroutines of a client wait for the network, which stops a bubble's clock.
// Who waits here is running, so that the clock stands meanwhile.
type outside chan func()

func newOutside(t *testing.T) outside {
	o := make(outside, 1000)
	done := make(chan struct{})
	for range 16 {
		go func() {
			for f := range o {
				f()
			}
			done <- struct{}{}
		}()
	}
	t.Cleanup(func() {
		close(o)
		for range 16 {
			<-done
		}
	})
	return o
}

func (o outside) do(f func()) {
	var done atomic.Bool
	o <- func() { f(); done.Store(true) }
	for !done.Load() {
		runtime.Gosched()
	}
}

// outsideClient is a client whose commands run there.
type outsideClient struct {
	rueidis.Client
	outside outside
}

func (c outsideClient) Do(ctx context.Context, cmd rueidis.Completed) (res rueidis.RedisResult) {
	if err := ctx.Err(); err != nil {
		panic("asked with a context that has ended")
	}
	c.outside.do(func() { res = c.Client.Do(context.WithoutCancel(ctx), cmd) })
	return res
}

func (c outsideClient) Close() { c.outside.do(c.Client.Close) }

// TestStore is the conformance test, on a real server whose database is emptied
// for each check.
func TestStore(t *testing.T) {
	for name, cfg := range map[string]redisstore.Config{"cache": {}, "no cache": {CacheSize: -1}} {
		t.Run(name, func(t *testing.T) {
			srv := startServer(t)
			look := srv.client(t)
			o := newOutside(t)
			opt := srv.option(t)
			storetest.Run(t, func(t *testing.T) registrar.Store {
				o.do(func() {
					if err := look.Do(context.Background(), look.B().Flushall().Build()).Error(); err != nil {
						panic(err)
					}
				})
				s, err := redisstore.OpenWith(opt, cfg, func(opt rueidis.ClientOption) (c rueidis.Client, err error) {
					o.do(func() { c, err = rueidis.NewClient(opt) })
					return outsideClient{c, o}, err
				})
				require.NoError(t, err)
				t.Cleanup(func() { require.NoError(t, s.Close()) })
				return s
			})
		})
	}
}
