// SPDX-FileCopyrightText: 2026 The sipnat authors
// SPDX-License-Identifier: MIT

package relay_test

import (
	"bytes"
	"context"
	"errors"
	"net"
	"net/netip"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sipnat/sipnat/rtpengine"
	"github.com/sipnat/sipnat/rtpengine/relay"
)

func replace(b []byte, old, with string) []byte {
	return bytes.ReplaceAll(b, []byte(old), []byte(with))
}

func TestPortsRunOut(t *testing.T) {
	inLab(t, relay.Config{PortMin: 30001, PortMax: 30009}, func(t *testing.T, l *lab) {
		params := func(id string) rtpengine.Params {
			return rtpengine.Params{CallID: id, FromTag: "A", SDP: audio(addrA)}
		}
		l.offer(params("1"))
		l.offer(params("2"))
		require.Equal(t, 8, l.net.count())
		_, err := l.Offer(t.Context(), params("3"))
		require.EqualError(t, err, "rtpengine: offer: Ran out of ports")
		require.ErrorIs(t, err, rtpengine.ErrLoadLimit)
		require.Equal(t, 8, l.net.count())

		// A second line for a live call: the call stays as it is.
		p := params("1")
		p.SDP = audio(addrA, "m=video 4002 RTP/AVP 96")
		_, err = l.Offer(t.Context(), p)
		require.EqualError(t, err, "rtpengine: offer: Ran out of ports")
		l.offer(params("1"))

		// One line of two found ports: they go back.
		require.NoError(t, l.Delete(t.Context(), params("2")))
		p = params("2")
		p.SDP = audio(addrA, "m=video 4002 RTP/AVP 96")
		_, err = l.Offer(t.Context(), p)
		require.EqualError(t, err, "rtpengine: offer: Ran out of ports")
		require.Equal(t, 4, l.net.count())
		l.offer(params("2"))

		require.NoError(t, l.Delete(t.Context(), params("2")))
		l.offer(params("3"))
	})
}

// Ports of the range that others use are passed by.
func TestForeignPorts(t *testing.T) {
	inLab(t, relay.Config{PortMin: 30000, PortMax: 30009}, func(t *testing.T, l *lab) {
		l.net.peer(t, relayIP+":30002")
		l.net.peer(t, relayIP+":30005")
		l.net.peer(t, relayIP+":30008")
		at := l.offer(rtpengine.Params{CallID: "c", FromTag: "A", SDP: audio(addrA)})
		require.Contains(t, []uint16{30000, 30006}, at.Port())
	})
}

func TestMaxCalls(t *testing.T) {
	inLab(t, relay.Config{MaxCalls: 2}, func(t *testing.T, l *lab) {
		for i := range 3 {
			_, err := l.Offer(t.Context(), rtpengine.Params{CallID: strconv.Itoa(i), FromTag: "A", SDP: audio(addrA)})
			if i < 2 {
				require.NoError(t, err)
				continue
			}
			require.ErrorIs(t, err, rtpengine.ErrLoadLimit)
			require.EqualError(t, err, "rtpengine: offer: Parallel session limit reached")
		}
		l.offer(rtpengine.Params{CallID: "1", FromTag: "A", SDP: audio(addrA)}) // not a new one
	})
}

func TestTimeouts(t *testing.T) {
	ended := func(cfg relay.Config, setUp func(l *lab)) (after time.Duration, ids []string) {
		cfg.OnTimeout = func(id string) { ids = append(ids, id) }
		inLab(t, cfg, func(t *testing.T, l *lab) {
			setUp(l)
			start := time.Now()
			for l.net.count() > 0 && time.Since(start) < 3*time.Hour {
				time.Sleep(time.Second)
			}
			after = time.Since(start)
		})
		return after, ids
	}
	within := func(t *testing.T, want, got time.Duration) {
		t.Helper()
		require.GreaterOrEqual(t, got, want)
		require.LessOrEqual(t, got, want+2*time.Second)
	}
	for _, tc := range []struct {
		name  string
		cfg   relay.Config
		setUp func(l *lab)
		want  time.Duration
		told  bool
	}{
		{"a call without media", relay.Config{}, func(l *lab) { l.call() }, time.Minute, true},
		{"configured", relay.Config{Timeout: 10 * time.Second}, func(l *lab) { l.call() }, 10 * time.Second, true},
		{"a call that rings", relay.Config{SilentTimeout: 3 * time.Minute}, func(l *lab) {
			l.offer(rtpengine.Params{CallID: "c", FromTag: "A", SDP: audio(addrA)})
		}, 3 * time.Minute, true},
		{"a call on hold", relay.Config{}, func(l *lab) {
			l.call()
			l.offer(rtpengine.Params{CallID: "c", FromTag: "A", ToTag: "B", SDP: audio(addrA, "a=sendonly")})
			l.answer(rtpengine.Params{CallID: "c", FromTag: "A", ToTag: "B", SDP: audio(addrB, "a=recvonly")})
		}, time.Hour, true},
		{"never", relay.Config{Timeout: -1}, func(l *lab) { l.call() }, 3 * time.Hour, false},
		{"a delayed delete", relay.Config{}, func(l *lab) {
			l.call()
			require.NoError(l.t, l.Delete(l.t.Context(), rtpengine.Params{CallID: "c", Flags: flags(l.t, "delete-delay=20")}))
		}, 20 * time.Second, false},
		{"a delayed delete, and then a new offer", relay.Config{}, func(l *lab) {
			l.call()
			require.NoError(l.t, l.Delete(l.t.Context(), rtpengine.Params{CallID: "c", Flags: flags(l.t, "delete-delay=20")}))
			l.offer(rtpengine.Params{CallID: "c", FromTag: "A", ToTag: "B", SDP: audio(addrA)})
		}, time.Minute, true},
	} {
		t.Run(tc.name, func(t *testing.T) {
			after, ids := ended(tc.cfg, tc.setUp)
			within(t, tc.want, after)
			if tc.told {
				require.Equal(t, []string{"c"}, ids)
			} else {
				require.Empty(t, ids)
			}
		})
	}

	t.Run("packets hold a call, strangers' do not", func(t *testing.T) {
		inLab(t, relay.Config{}, func(t *testing.T, l *lab) {
			s := stage(t, l, natted, "192.168.1.10:4000", publicA+":31337", evilIP+":4242")
			for range 5 {
				time.Sleep(50 * time.Second)
				require.Equal(t, 1, s.talk(1))
			}
			for range 7 {
				time.Sleep(10 * time.Second)
				s.inject(1)
			}
			_, err := l.Query(t.Context(), rtpengine.Params{CallID: "c"})
			require.ErrorIs(t, err, rtpengine.ErrUnknownCall)
		})
	})
}

func TestNew(t *testing.T) {
	v4, v6 := netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("2001:db8::1")
	for _, tc := range []struct {
		name string
		cfg  relay.Config
		err  string
	}{
		{"no address", relay.Config{}, "relay: Config needs the Address of a host, or Advertise"},
		{"any address, nothing to advertise", relay.Config{Address: netip.IPv4Unspecified()}, "relay: Config needs the Address of a host, or Advertise"},
		{"two families", relay.Config{Address: v4, Advertise: v6}, "relay: Address and Advertise differ in family"},
		{"no ports", relay.Config{Address: v4, PortMin: 30001, PortMax: 30002}, "relay: no pair of ports between PortMin and PortMax"},
		{"port too large", relay.Config{Address: v4, PortMax: 65536}, "relay: no pair of ports between PortMin and PortMax"},
		{"not an address of the host", relay.Config{Address: v4, Listen: func(string, string) (net.PacketConn, error) {
			return nil, errors.New("cannot assign")
		}}, "relay: opening a media port: cannot assign"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			_, err := relay.New(tc.cfg)
			require.EqualError(t, err, tc.err)
		})
	}
	t.Run("advertised address", func(t *testing.T) {
		n := newMemNet()
		r, err := relay.New(relay.Config{Advertise: v4, Listen: n.listen})
		require.NoError(t, err)
		defer r.Close()
		sdp, err := r.Offer(t.Context(), rtpengine.Params{CallID: "c", FromTag: "A", SDP: audio(addrA)})
		require.NoError(t, err)
		require.Equal(t, v4, ports(t, sdp)[0].Addr())
	})
	t.Run("IPv6", func(t *testing.T) {
		n := newMemNet()
		r, err := relay.New(relay.Config{Address: v6, Listen: n.listen})
		require.NoError(t, err)
		defer r.Close()
		sdp, err := r.Offer(t.Context(), rtpengine.Params{CallID: "c", FromTag: "A", SDP: audio(addrA), Flags: flags(t, "replace-origin")})
		require.NoError(t, err)
		require.Contains(t, string(sdp), "\r\nc=IN IP6 2001:db8::1\r\n")
		require.Contains(t, string(sdp), "o=phone 1 1 IN IP6 2001:db8::1\r\n")
		sdp, err = r.Offer(t.Context(), rtpengine.Params{CallID: "c", FromTag: "A", SDP: audio("0.0.0.0:4000")})
		require.NoError(t, err)
		require.Contains(t, string(sdp), "\r\nc=IN IP6 ::\r\n", "a null address of the relay's family")
	})
}

func TestClose(t *testing.T) {
	inLab(t, relay.Config{}, func(t *testing.T, l *lab) {
		l.call()
		require.NoError(t, l.Ping(t.Context()))
		require.NoError(t, l.Close())
		require.Zero(t, l.net.count())
		require.NoError(t, l.Close())
		require.ErrorIs(t, l.Ping(t.Context()), relay.ErrClosed)
		_, err := l.Offer(t.Context(), rtpengine.Params{CallID: "c", FromTag: "A", SDP: audio(addrA)})
		require.ErrorIs(t, err, relay.ErrClosed)
	})
}

func TestCanceledContext(t *testing.T) {
	inLab(t, relay.Config{}, func(t *testing.T, l *lab) {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		_, err := l.Offer(ctx, rtpengine.Params{CallID: "c", FromTag: "A", SDP: audio(addrA)})
		require.ErrorIs(t, err, context.Canceled)
	})
}
