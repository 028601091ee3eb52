// SPDX-FileCopyrightText: 2026 The sipnat authors
// SPDX-License-Identifier: MIT

package rtpengine_test

import (
	"io"
	"net"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/zeebo/bencode"

	"github.com/sipnat/sipnat/internal/leak"
	"github.com/sipnat/sipnat/rtpengine"
)

func TestMain(m *testing.M) { leak.Main(m) }

// request is one datagram that the client sent.
type request struct {
	at     time.Duration // since the engine was made
	cookie string
	raw    string
	dict   dict
	copy   int // 1 is the first with this cookie
}

// engine is a simulated rtpengine at the other end of a simulated socket: it
// does what its test says with each datagram. All of it lives in a synctest
// bubble.
type engine struct {
	net.Conn // nil: what is not below is not used
	t        *testing.T
	start    time.Time
	on       func(e *engine, r request)

	in     chan any // []byte or error, for Read
	closed chan struct{}

	mu         sync.Mutex
	requests   []request
	reads      int
	failWrites []error // of the next Writes
}

func newEngine(t *testing.T, cfg rtpengine.Config, on func(e *engine, r request)) (*engine, *rtpengine.Client) {
	e := &engine{t: t, start: time.Now(), on: on, in: make(chan any, 4096), closed: make(chan struct{})}
	c := rtpengine.New(e, cfg)
	t.Cleanup(func() { require.NoError(t, c.Close()) })
	return e, c
}

// bubble runs a test with an engine and the client that talks to it.
func bubble(t *testing.T, cfg rtpengine.Config, on func(e *engine, r request), test func(t *testing.T, e *engine, c *rtpengine.Client)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		e, c := newEngine(t, cfg, on)
		test(t, e, c)
	})
}

func (e *engine) Write(b []byte) (int, error) {
	e.mu.Lock()
	if len(e.failWrites) > 0 {
		err := e.failWrites[0]
		e.failWrites = e.failWrites[1:]
		e.mu.Unlock()
		return 0, err
	}
	r := request{at: time.Since(e.start), raw: string(b), copy: 1}
	var payload string
	for i := range r.raw {
		if r.raw[i] == ' ' {
			r.cookie, payload = r.raw[:i], r.raw[i+1:]
			break
		}
	}
	require.NoError(e.t, bencode.DecodeString(payload, &r.dict))
	for _, have := range e.requests {
		if have.cookie == r.cookie {
			r.copy++
		}
	}
	e.requests = append(e.requests, r)
	e.mu.Unlock()
	e.on(e, r)
	return len(b), nil
}

func (e *engine) Read(b []byte) (int, error) {
	e.mu.Lock()
	e.reads++
	e.mu.Unlock()
	select {
	case v := <-e.in:
		if err, ok := v.(error); ok {
			return 0, err
		}
		return copy(b, v.([]byte)), nil
	case <-e.closed:
		return 0, net.ErrClosed
	}
}

func (e *engine) Close() error {
	close(e.closed) // a second time would panic
	return nil
}

// send puts a datagram, or an error of the socket, on its way to the client.
func (e *engine) send(after time.Duration, v any) {
	if s, ok := v.(string); ok {
		v = []byte(s)
	}
	time.AfterFunc(after, func() {
		select {
		case e.in <- v:
		case <-e.closed:
		}
	})
}

func (e *engine) sent() []request {
	e.mu.Lock()
	defer e.mu.Unlock()
	return append([]request(nil), e.requests...)
}

const (
	pong = "d6:result4:ponge"
	ok   = "d6:result2:oke"
)

// prompt replies to every datagram at once.
func prompt(payload string) func(*engine, request) {
	return func(e *engine, r request) { e.send(0, r.cookie+" "+payload) }
}

func silent(*engine, request) {}

// eofConn is an engine whose socket ends instead of reporting an error.
type eofConn struct{ *engine }

func (c *eofConn) Read(b []byte) (int, error) {
	if _, err := c.engine.Read(b); err != nil {
		return 0, io.EOF
	}
	return 0, nil
}
