// SPDX-FileCopyrightText: 2026 The sipnat authors
// SPDX-License-Identifier: MIT

package integration_test

import (
	"bytes"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/sipnat/sipnat/rtpengine"
	"github.com/sipnat/sipnat/rtpengine/relay"
)

// besideDaemon starts rtpengine and a relay that serves ng, with the same
// interfaces, and returns clients of both.
func besideDaemon(t *testing.T) (daemon, ours *rtpengine.Client) {
	t.Helper()
	inner, outer := ownIP(), ownIP()
	d := startNG(t, "--interface=internal/"+inner, "--interface=internal/::1", "--interface=external/"+outer+"!203.0.113.9",
		"--port-min=23000", "--port-max=23999")
	ip := netip.MustParseAddr
	r, err := relay.New(relay.Config{PortMin: 24000, PortMax: 24999, Interfaces: []relay.Interface{
		{Name: "default", Address: ip(d.ip)}, // what startNG gives the daemon
		{Name: "internal", Address: ip(inner)},
		{Name: "internal", Address: ip("::1")},
		{Name: "external", Address: ip(outer), Advertise: ip("203.0.113.9")},
	}})
	require.NoError(t, err)
	pc, err := net.ListenPacket("udp4", "127.0.0.1:0")
	require.NoError(t, err)
	served := make(chan error, 1)
	go func() { served <- r.ServeNG(pc) }()
	t.Cleanup(func() {
		require.NoError(t, r.Close())
		require.NoError(t, <-served)
	})
	ours, err = rtpengine.Dial("udp:" + pc.LocalAddr().String())
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, ours.Close()) })
	return d.client(t), ours
}

// TestRelayChoosesAsTheDaemon has both choose interface and family for the same
// offers and answers, in both directions of a call.
func TestRelayChoosesAsTheDaemon(t *testing.T) {
	t.Parallel()
	daemon, ours := besideDaemon(t)
	const v4, v6 = "127.0.0.1", "::1"
	for i, tc := range []struct{ name, flags, again, a, b string }{
		{"no direction", "", "", v4, v4},
		{"no direction, IPv6", "", "", v6, v6},
		{"inside out", "direction=internal direction=external", "direction=external direction=internal", v4, v4},
		{"outside in", "direction=external direction=internal", "direction=internal direction=external", v4, v4},
		{"inside", "direction=internal direction=internal", "direction=internal direction=internal", v4, v4},
		{"inside, IPv6", "direction=internal direction=internal", "direction=internal direction=internal", v6, v6},
		{"to IPv6", "address-family=IP6 direction=internal direction=internal", "direction=internal direction=internal address-family=IP4", v4, v6},
		{"to IPv4", "address-family=IP4 direction=internal direction=external", "direction=external direction=internal address-family=IP6", v6, v4},
		{"to IPv4, and then no direction", "address-family=IP4 direction=internal direction=external", "", v6, v4},
		{"out, and then no direction", "direction=internal direction=external", "", v4, v4},
	} {
		t.Run(tc.name, func(t *testing.T) {
			var got [2][]string
			for n, c := range []*rtpengine.Client{daemon, ours} {
				p := rtpengine.Params{CallID: fmt.Sprint("c", i), FromTag: "A"}
				ask := func(do func(rtpengine.Params) ([]byte, error), from, flags string) {
					p.SDP = bodyAt(from)
					p.Flags = rtpengine.Flags{}
					if flags != "" {
						p.Flags = rtpengine.MustParseFlags(flags)
					}
					sdp, err := do(p)
					require.NoError(t, err)
					got[n] = append(got[n], mediaLine(sdp, "c="))
				}
				offer := func(p rtpengine.Params) ([]byte, error) { return c.Offer(t.Context(), p) }
				answer := func(p rtpengine.Params) ([]byte, error) { return c.Answer(t.Context(), p) }
				ask(offer, tc.a, tc.flags)
				p.ToTag = "B"
				ask(answer, tc.b, "")
				p.FromTag, p.ToTag = "B", "A"
				ask(offer, tc.b, tc.again)
				ask(answer, tc.a, "")
			}
			require.Equal(t, got[0], got[1], "c= of offer, answer, and of those of the callee's re-INVITE")
		})
	}
}

func bodyAt(ip string) []byte {
	body := ngSDP(ip, 9000)
	if strings.Contains(ip, ":") {
		body = bytes.ReplaceAll(body, []byte("IN IP4"), []byte("IN IP6"))
	}
	return body
}

// TestRelayStatisticsAsTheDaemons compares the shape of the replies: what the
// relay says is where the daemon says it, and a number where that has a number.
func TestRelayStatisticsAsTheDaemons(t *testing.T) {
	t.Parallel()
	daemon, ours := besideDaemon(t)
	for _, c := range []*rtpengine.Client{daemon, ours} {
		for i := range 3 {
			_, err := c.Offer(t.Context(), rtpengine.Params{CallID: fmt.Sprint(i), FromTag: "A", SDP: bodyAt("127.0.0.1")})
			require.NoError(t, err)
		}
	}
	theirs, err := daemon.Do(t.Context(), "statistics", nil)
	require.NoError(t, err)
	mine, err := ours.Do(t.Context(), "statistics", nil)
	require.NoError(t, err)
	sameShape(t, "", mine, theirs)
	control := mine["statistics"].(rtpengine.Dict)["controlstatistics"].(rtpengine.Dict)
	require.Equal(t, int64(3), control["totaloffercount"])
	require.Equal(t, "127.0.0.1", control["proxies"].([]any)[0].(rtpengine.Dict)["proxy"])

	s, err := ours.Statistics(t.Context())
	require.NoError(t, err)
	require.Equal(t, int64(3), s.Sessions)
	for limit, want := range map[int]int{2: 2, 100: 3} {
		for _, c := range []*rtpengine.Client{daemon, ours} {
			ids, err := c.List(t.Context(), limit)
			require.NoError(t, err)
			require.Len(t, ids, want)
		}
	}
	for _, c := range []*rtpengine.Client{daemon, ours} {
		_, err = c.Do(t.Context(), "list", rtpengine.Dict{"limit": int64(-1)})
		require.EqualError(t, err, "rtpengine: list: invalid limit, must be >= 0")
	}
}

// sameShape checks that got has no key that want lacks, and the same kinds of values;
// of lists it looks at the first elements.
func sameShape(t *testing.T, at string, got, want any) {
	t.Helper()
	switch got := got.(type) {
	case rtpengine.Dict:
		want, ok := want.(rtpengine.Dict)
		require.True(t, ok, at)
		for k, v := range got {
			if k == "othercount" { // commands that the relay does not have
				continue
			}
			require.Contains(t, want, k, at)
			sameShape(t, at+"/"+k, v, want[k])
		}
	case []any:
		want, ok := want.([]any)
		require.True(t, ok, at)
		if len(got) > 0 && len(want) > 0 {
			sameShape(t, at+"/0", got[0], want[0])
		}
	default:
		require.IsType(t, want, got, at)
	}
}
