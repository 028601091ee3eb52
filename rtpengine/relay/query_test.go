// SPDX-FileCopyrightText: 2026 The sipnat authors
// SPDX-License-Identifier: MIT

package relay_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sipnat/sipnat/internal/bencode"
	"github.com/sipnat/sipnat/rtpengine"
	"github.com/sipnat/sipnat/rtpengine/relay"
)

// stream returns a tag's component of a query's reply.
func stream(reply rtpengine.Dict, tag string, component int) rtpengine.Dict {
	media := reply["tags"].(rtpengine.Dict)[tag].(rtpengine.Dict)["medias"].([]any)[0].(rtpengine.Dict)
	return media["streams"].([]any)[component].(rtpengine.Dict)
}

func TestQuery(t *testing.T) {
	inLab(t, relay.Config{}, func(t *testing.T, l *lab) {
		s := stage(t, l, natted, "192.168.1.10:4000", publicA+":31337", evilIP+":4242")
		s.talk(7)
		s.inject(2)
		at := time.Now().Unix()
		reply, err := l.Query(t.Context(), rtpengine.Params{CallID: "c"})
		require.NoError(t, err)
		_, err = bencode.Append(nil, reply)
		require.NoError(t, err)

		require.Equal(t, rtpengine.Dict{
			"local port": int64(s.forA.Port()), "local address": relayIP, "family": "IPv4",
			"endpoint":            rtpengine.Dict{"family": "IPv4", "address": publicA, "port": int64(31337)},
			"advertised endpoint": rtpengine.Dict{"family": "IPv4", "address": publicA, "port": int64(4000)},
			"flags":               []any{"RTP", "filled", "confirmed"}, "last packet": at,
			"stats": rtpengine.Dict{"packets": int64(7), "bytes": int64(7 * 13), "errors": int64(2)},
		}, stream(reply, "A", 0))
		require.Equal(t, rtpengine.Dict{"family": "IPv4", "address": "203.0.113.20", "port": int64(5001)}, stream(reply, "B", 1)["endpoint"])
		require.Equal(t, rtpengine.Dict{
			"RTP":  rtpengine.Dict{"packets": int64(7), "bytes": int64(7 * 13), "errors": int64(2)},
			"RTCP": rtpengine.Dict{"packets": int64(0), "bytes": int64(0), "errors": int64(0)},
		}, reply["totals"])
		a := reply["tags"].(rtpengine.Dict)["A"].(rtpengine.Dict)
		require.Equal(t, "B", a["in dialogue with"])
		require.Equal(t, "audio", a["medias"].([]any)[0].(rtpengine.Dict)["type"])
		require.Equal(t, at, reply["created"])

		reply, err = l.Do(t.Context(), "delete", rtpengine.Params{CallID: "c"}.Dict())
		require.NoError(t, err)
		require.Equal(t, int64(7), stream(reply, "A", 0)["stats"].(rtpengine.Dict)["packets"], "delete has the last counters")
	})
}

func TestQueryNarrows(t *testing.T) {
	inLab(t, relay.Config{}, func(t *testing.T, l *lab) {
		for _, branch := range []string{"1", "2"} {
			l.offer(rtpengine.Params{CallID: "c", FromTag: "A", ViaBranch: branch, SDP: audio(addrA)})
			l.answer(rtpengine.Params{CallID: "c", FromTag: "A", ToTag: "B" + branch, ViaBranch: branch, SDP: audio(addrB)})
		}
		reply, err := l.Query(t.Context(), rtpengine.Params{CallID: "c", FromTag: "A", ToTag: "B2"})
		require.NoError(t, err)
		tags := reply["tags"].(rtpengine.Dict)
		require.Len(t, tags, 2)
		require.Contains(t, tags, "B2")
		reply, err = l.Query(t.Context(), rtpengine.Params{CallID: "c"})
		require.NoError(t, err)
		require.Len(t, reply["tags"].(rtpengine.Dict)["A"].(rtpengine.Dict)["medias"], 2, "one for each fork")
	})
}
