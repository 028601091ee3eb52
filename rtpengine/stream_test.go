// SPDX-FileCopyrightText: 2026 The sipnat authors
// SPDX-License-Identifier: MIT

package rtpengine_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/coder/websocket"
	"github.com/stretchr/testify/require"

	"github.com/sipnat/sipnat/internal/bencode"
	"github.com/sipnat/sipnat/rtpengine"
)

// daemon is an engine that listens on HTTP and WebSocket, like --listen-http,
// and on UDP. Its memory of cookies is one.
type daemon struct {
	t       *testing.T
	server  *httptest.Server
	udp     net.PacketConn
	readers sync.WaitGroup

	mu      sync.Mutex
	copies  map[string]int    // by cookie
	carried map[string]string // "udp ping", by cookie and "ws", ...: what came that way
	// spoil, asked for each message, may have it get lost.
	spoil func(way string, n int) bool
	n     map[string]int
	// alone is told whether a command was alone on its WebSocket; nil asks nobody.
	alone chan bool
	socks []*websocket.Conn
}

func newDaemon(t *testing.T) *daemon {
	d := &daemon{t: t, copies: map[string]int{}, carried: map[string]string{}, n: map[string]int{}}
	d.server = httptest.NewServer(d)
	var err error
	d.udp, err = net.ListenPacket("udp", "127.0.0.1:0")
	require.NoError(t, err)
	d.readers.Go(d.serveUDP)
	t.Cleanup(func() {
		d.mu.Lock()
		for _, s := range d.socks {
			_ = s.CloseNow()
		}
		d.mu.Unlock()
		_ = d.udp.Close()
		d.server.Close()
		d.readers.Wait()
	})
	return d
}

func (d *daemon) addr(scheme string) string {
	if scheme == "udp" {
		return "udp:" + d.udp.LocalAddr().String()
	}
	return scheme + strings.TrimPrefix(d.server.URL, "http")
}

func (d *daemon) dial(scheme string, cfg rtpengine.Config) *rtpengine.Client {
	c, err := cfg.Dial(d.addr(scheme))
	require.NoError(d.t, err)
	d.t.Cleanup(func() { require.NoError(d.t, c.Close()) })
	return c
}

// reply answers each copy of a message alike.
func (d *daemon) reply(way string, msg []byte) (reply []byte, lost bool) {
	cookie, payload, _ := bytes.Cut(msg, []byte(" "))
	v, err := bencode.Decode(payload)
	if err != nil {
		return nil, true
	}
	request := v.(dict)
	d.mu.Lock()
	defer d.mu.Unlock()
	d.n[way]++
	d.copies[string(cookie)]++
	d.carried[string(cookie)] += fmt.Sprintf("%s %s;", way, request["command"])
	if d.spoil != nil && d.spoil(way, d.n[way]) {
		return nil, true
	}
	out := dict{"result": "ok", "sdp": fmt.Sprint(request["call-id"])}
	switch request["command"] {
	case "ping":
		out = dict{"result": "pong"}
	case "list":
		calls := list{}
		for i := range request["limit"].(int64) {
			calls = append(calls, fmt.Sprintf("%0200d", i))
		}
		out["calls"] = calls
	}
	reply = append(cookie, ' ')
	reply, err = bencode.Append(reply, out)
	return reply, err != nil
}

func (d *daemon) serveUDP() {
	buf := make([]byte, 64<<10)
	for {
		n, from, err := d.udp.ReadFrom(buf)
		if err != nil {
			return
		}
		if reply, lost := d.reply("udp", buf[:n]); !lost {
			_, _ = d.udp.WriteTo(reply, from) // too large a reply is dropped in silence
		}
	}
}

func (d *daemon) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Header.Get("Upgrade") != "" {
		d.serveWebSocket(w, r)
		return
	}
	body, err := io.ReadAll(r.Body)
	if err != nil || r.URL.Path != "/ng" || r.Header.Get("Content-Type") != "application/x-rtpengine-ng" {
		http.NotFound(w, r)
		return
	}
	reply, lost := d.reply("http", body)
	if lost {
		panic(http.ErrAbortHandler)
	}
	_, _ = w.Write(reply)
}

func (d *daemon) serveWebSocket(w http.ResponseWriter, r *http.Request) {
	conn, err := websocket.Accept(w, r, &websocket.AcceptOptions{Subprotocols: []string{"ng.rtpengine.com"}})
	if err != nil {
		return
	}
	defer func() { _ = conn.CloseNow() }()
	if conn.Subprotocol() != "ng.rtpengine.com" {
		return
	}
	conn.SetReadLimit(1 << 20)
	d.mu.Lock()
	d.socks = append(d.socks, conn)
	d.mu.Unlock()
	for {
		_, msg, err := conn.Read(context.Background())
		if err != nil {
			return
		}
		reply, lost := d.reply("ws", msg)
		if lost {
			return
		}
		if d.alone != nil {
			// Were there another command in flight, it would be here.
			ctx, cancel := context.WithTimeout(context.Background(), 5*ms)
			_, _, err := conn.Read(ctx)
			cancel()
			d.alone <- err != nil
			return
		}
		_ = conn.Write(context.Background(), websocket.MessageBinary, reply)
	}
}

func (d *daemon) spoiled(by func(way string, n int) bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.spoil = by
}

// cookies are how often each one came.
func (d *daemon) cookies() map[string]int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return maps.Clone(d.copies)
}

// ways are what each command took, in no order.
func (d *daemon) ways() (out []string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, w := range d.carried {
		out = append(out, w)
	}
	return out
}

func TestStreams(t *testing.T) {
	for _, scheme := range []string{"ws", "http"} {
		t.Run(scheme, func(t *testing.T) {
			d := newDaemon(t)
			c := d.dial(scheme, rtpengine.Config{})
			require.NoError(t, c.Ping(t.Context()))
			errs := make(chan error, 100)
			for i := range cap(errs) {
				go func() {
					id := fmt.Sprint("call", i)
					sdp, err := c.Offer(t.Context(), rtpengine.Params{CallID: id, FromTag: "f", SDP: []byte("v=0")})
					if err == nil && string(sdp) != id {
						err = fmt.Errorf("%q is the reply to another than %s", sdp, id)
					}
					errs <- err
				}()
			}
			for range cap(errs) {
				require.NoError(t, <-errs)
			}
			calls, err := c.List(t.Context(), 1000)
			require.NoError(t, err)
			require.Len(t, calls, 1000, "a reply of 200 kB")
			_, err = c.Do(t.Context(), "x", dict{"blob": make([]byte, 200_000)})
			require.NoError(t, err)
			for cookie, n := range d.cookies() {
				require.Equal(t, 1, n, cookie)
			}
		})
	}
}

// The replies of rtpengine 10.5 to two commands in flight on one WebSocket may
// end up mixed.
func TestWebSocketCarriesOneCommand(t *testing.T) {
	d := newDaemon(t)
	d.alone = make(chan bool)
	c := d.dial("ws", rtpengine.Config{})
	ctx, cancel := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	for range 10 {
		wg.Go(func() { _ = c.Ping(ctx) })
	}
	for range 10 {
		require.True(t, <-d.alone)
	}
	cancel()
	wg.Wait()
}

// A connection that is lost is made again, and the command sent again with the
// cookie that it had.
func TestStreamReconnects(t *testing.T) {
	for _, scheme := range []string{"ws", "http"} {
		t.Run(scheme, func(t *testing.T) {
			d := newDaemon(t)
			d.spoiled(func(_ string, n int) bool { return n%2 == 1 })
			c := d.dial(scheme, rtpengine.Config{Retry: ms})
			for range 5 {
				require.NoError(t, c.Ping(t.Context()))
			}
			require.Len(t, d.cookies(), 5)
			for cookie, n := range d.cookies() {
				require.Equal(t, 2, n, cookie)
			}
		})
	}
}

func TestStreamTimeout(t *testing.T) {
	for _, tc := range []struct {
		name   string
		scheme string
		status int // of an HTTP server; 0 for no server
	}{
		{"refused", "ws", 0},
		{"refused", "http", 0},
		{"wrong path", "ws", 404},
		{"wrong path", "http", 404},
		{"status that HTTP does not have", "http", 600},
		{"redirect", "http", 302},
	} {
		t.Run(tc.scheme+"/"+tc.name, func(t *testing.T) {
			s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Location", "/elsewhere")
				w.WriteHeader(tc.status)
			}))
			if tc.status == 0 {
				s.Close()
			}
			defer s.Close()
			c, err := rtpengine.Config{Timeout: 30 * ms, Retry: 4 * ms}.Dial(tc.scheme + strings.TrimPrefix(s.URL, "http"))
			require.NoError(t, err)
			err = c.Ping(t.Context())
			require.ErrorIs(t, err, rtpengine.ErrTimeout)
			require.NoError(t, c.Close())
			require.ErrorIs(t, c.Ping(t.Context()), rtpengine.ErrClosed)
		})
	}
}

func TestStreamEnds(t *testing.T) {
	for _, scheme := range []string{"ws", "http"} {
		t.Run(scheme, func(t *testing.T) {
			hold := make(chan struct{})
			s := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-hold }))
			defer s.Close()
			defer close(hold)
			c, err := rtpengine.Dial(scheme + strings.TrimPrefix(s.URL, "http"))
			require.NoError(t, err)
			ctx, cancel := context.WithCancel(t.Context())
			errs := make(chan error, 2)
			go func() { errs <- c.Ping(ctx) }()
			cancel()
			require.ErrorIs(t, <-errs, context.Canceled)
			go func() { errs <- c.Ping(t.Context()) }()
			require.NoError(t, c.Close())
			require.ErrorIs(t, <-errs, rtpengine.ErrClosed)
		})
	}
}

func TestAlternative(t *testing.T) {
	for _, scheme := range []string{"ws", "http"} {
		t.Run(scheme, func(t *testing.T) {
			d := newDaemon(t)
			c := d.dial("udp", rtpengine.Config{Alternative: d.addr(scheme), Retry: ms})

			require.NoError(t, c.Ping(t.Context()))
			require.NotContains(t, d.ways()[0], scheme)

			// 200 kB do not fit a datagram.
			_, err := c.Do(t.Context(), "offer", dict{"call-id": "c", "sdp": strings.Repeat("x", 200_000)})
			require.NoError(t, err)
			require.Contains(t, strings.Join(d.ways(), " "), scheme+" offer;")
			require.NotContains(t, strings.Join(d.ways(), " "), "udp offer;")

			// Nor does the reply to this, which UDP drops without a word.
			calls, err := c.List(t.Context(), 1000)
			require.NoError(t, err)
			require.Len(t, calls, 1000)
			require.Len(t, d.cookies(), 3, "with the same cookie")
			require.Contains(t, strings.Join(d.ways(), " "), scheme+" list;")
			require.Contains(t, strings.Join(d.ways(), " "), "udp list;")
		})
	}
	t.Run("none", func(t *testing.T) {
		d := newDaemon(t)
		c := d.dial("udp", rtpengine.Config{Timeout: 30 * ms, Retry: 10 * ms})
		_, err := c.List(t.Context(), 1000)
		require.ErrorIs(t, err, rtpengine.ErrTimeout)
	})
	t.Run("not for commands whose reply is small", func(t *testing.T) {
		d := newDaemon(t)
		d.spoiled(func(way string, _ int) bool { return way == "udp" })
		c := d.dial("udp", rtpengine.Config{Alternative: d.addr("http"), Timeout: 30 * ms, Retry: ms})
		require.ErrorIs(t, c.Ping(t.Context()), rtpengine.ErrTimeout)
		require.NotContains(t, d.ways()[0], "http")
	})
	t.Run("that makes no sense", func(t *testing.T) {
		bubble(t, rtpengine.Config{Alternative: "tcp:nowhere"}, silent, func(t *testing.T, e *engine, c *rtpengine.Client) {
			_, err := c.Do(t.Context(), "x", dict{"blob": make([]byte, 200_000)})
			require.ErrorContains(t, err, `address "tcp:nowhere"`)
		})
	})
}
