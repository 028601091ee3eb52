// SPDX-FileCopyrightText: 2026 The sipnat authors
// SPDX-License-Identifier: MIT

package rtpengine_test

import (
	"net/netip"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sipnat/sipnat/rtpengine"
)

func TestReadCall(t *testing.T) {
	reply := dict{
		"created": int64(100), "last signal": int64(160),
		"tags": dict{
			"b": dict{"tag": "b", "created": int64(110), "subscribers": list{dict{"tag": "a", "type": "offer/answer"}}},
			"a": dict{
				"tag": "a", "created": int64(100), "label": "caller", "via-branch": "z9", "subscriptions": dict{"b": dict{}},
				"medias": list{dict{
					"index": int64(1), "type": "audio", "protocol": "RTP/AVP", "codec": "PCMU", "flags": list{"send", "recv"},
					"streams": list{dict{
						"local address": "127.0.0.1", "local port": int64(40000), "last packet": int64(150), "SSRC": int64(4294967295),
						"endpoint":            dict{"family": "IPv4", "address": "192.0.2.1", "port": int64(4000)},
						"advertised endpoint": dict{"family": "IPv4", "address": "10.0.0.1", "port": int64(4000)},
						"crypto suite":        "AES_CM_128_HMAC_SHA1_80", "flags": list{"RTP"},
						"stats": dict{"packets": int64(5), "bytes": "800", "errors": int64(0)},
					}},
				}},
			},
		},
		"totals": dict{"RTP": dict{"packets": int64(5), "bytes": int64(800)}, "RTCP": dict{"packets": int64(1)}},
	}
	require.Equal(t, rtpengine.Call{
		Created: time.Unix(100, 0), LastSignal: time.Unix(160, 0),
		Tags: []rtpengine.Tag{
			{
				Tag: "a", Label: "caller", ViaBranch: "z9", Created: time.Unix(100, 0), Subscriptions: []string{"b"},
				Medias: []rtpengine.QueriedMedia{{
					Index: 1, Type: "audio", Protocol: "RTP/AVP", Codec: "PCMU", Flags: []string{"send", "recv"},
					Streams: []rtpengine.Stream{{
						Local: netip.MustParseAddrPort("127.0.0.1:40000"), Endpoint: netip.MustParseAddrPort("192.0.2.1:4000"),
						Advertised: netip.MustParseAddrPort("10.0.0.1:4000"), Crypto: "AES_CM_128_HMAC_SHA1_80", SSRC: 4294967295,
						LastPacket: time.Unix(150, 0), Flags: []string{"RTP"}, Counters: rtpengine.Counters{Packets: 5, Bytes: 800},
					}},
				}},
			},
			{Tag: "b", Created: time.Unix(110, 0), Subscribers: []string{"a"}},
		},
		RTP: rtpengine.Counters{Packets: 5, Bytes: 800}, RTCP: rtpengine.Counters{Packets: 1}, Raw: reply,
	}, rtpengine.ReadCall(reply))
}

// What is not as it should be is left out.
func TestReadCallTakesAnything(t *testing.T) {
	require.Equal(t, rtpengine.Call{}, rtpengine.ReadCall(nil))
	for _, v := range []any{nil, "x", int64(-1), list{"x", list{}}, dict{"x": "y"}} {
		d := dict{}
		for _, key := range []string{"created", "last signal", "tags", "totals"} {
			d[key] = v
		}
		c := rtpengine.ReadCall(d)
		require.Empty(t, c.Tags)
		stream := dict{"local address": v, "local port": v, "endpoint": v, "stats": v, "flags": v}
		d["tags"] = dict{"a": dict{"medias": list{dict{"streams": list{stream, v}}, v}, "subscriptions": v}, "b": v}
		require.NotPanics(t, func() { rtpengine.ReadCall(d) })
	}
}

// Beyond the copy of the datagram, at most its own size, a hostile reply costs
// next to nothing.
func TestHostileRepliesAllocateLittle(t *testing.T) {
	const size = 64 << 10
	fill := func(unit string) string { return strings.Repeat(unit, (size-64)/len(unit)) }
	for name, payload := range map[string]string{
		"a length from hell":  "d6:result2:ok3:sdp999999999:xe",
		"lengths from hell":   "d" + fill("99999999:"),
		"deep":                "d6:result2:ok1:x" + fill("l"),
		"deep dictionaries":   fill("d1:x"),
		"many keys":           "d" + fill("1:x0:"),
		"many small integers": "d1:xl" + fill("i1e") + "e6:result2:x!e",
		"many empty lists":    "d1:xl" + fill("le") + "e6:result2:x!e",
		"a long reason":       "d6:result5:error12:error-reason65000:" + strings.Repeat("x", 65000) + "e",
		"a long result":       "d6:result65000:" + strings.Repeat("x", 65000) + "e",
		"digits":              fill("9"),
	} {
		t.Run(name, func(t *testing.T) {
			b := []byte(payload)
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			_, err := rtpengine.DecodeSDP(b)
			runtime.ReadMemStats(&after)
			require.Error(t, err)
			require.Less(t, after.TotalAlloc-before.TotalAlloc, uint64(4<<10))
		})
	}
}
