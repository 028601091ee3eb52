// SPDX-FileCopyrightText: 2026 The sipnat authors
// SPDX-License-Identifier: MIT

package relay_test

import (
	"bytes"
	"net/netip"
	"strings"
	"testing"

	"github.com/pion/sdp/v3"
	"github.com/stretchr/testify/require"

	"github.com/sipnat/sipnat/internal/bencode"
	"github.com/sipnat/sipnat/rtpengine"
	"github.com/sipnat/sipnat/rtpengine/relay"
)

func fuzzRelay(f *testing.F) *relay.Relay {
	f.Helper()
	r, err := relay.New(relay.Config{Address: netip.MustParseAddr(relayIP), Listen: newMemNet().listen, MaxCalls: 4})
	require.NoError(f, err)
	f.Cleanup(func() { r.Close() })
	return r
}

func FuzzDatagram(f *testing.F) {
	for _, s := range []string{
		"", "c", "c ", "c d7:command4:pinge", "c d7:command4:listee", "c d999999999:x", "c dle", " de",
		"\n\x00 d7:command4:ping1:xd1:yl1:zi1eeee", "c d7:call-id1:c7:command5:query8:from-tag1:Ae",
	} {
		f.Add([]byte(s))
	}
	d := rtpengine.Params{CallID: "c", FromTag: "A", ToTag: "B", ViaBranch: "z", SDP: audio(addrA)}.Dict()
	d["flags"], d["received-from"], d["rtcp-mux"] = []any{"strict-source"}, []any{"IP4", "1.2.3.4"}, []any{"offer"}
	for _, command := range []string{"offer", "answer", "delete", "query"} {
		f.Add(request(f, "cookie", command, d))
	}
	r := fuzzRelay(f)
	f.Fuzz(func(t *testing.T, b []byte) {
		in := bytes.Clone(b)
		out := r.Reply(b)
		require.Equal(t, in, b, "the datagram is only read")
		cookie, _, ok := bytes.Cut(b, []byte(" "))
		if !ok || len(cookie) == 0 {
			require.Nil(t, out)
			return
		}
		d := reply(t, string(cookie), out)
		require.Contains(t, []any{"ok", "pong", "error", "load limit"}, d["result"])
		require.LessOrEqual(t, len(out), 65507)
	})
}

func FuzzSDP(f *testing.F) {
	const head = "v=0\r\no=- 1 1 IN IP4 10.0.0.5\r\ns=-\r\nc=IN IP4 10.0.0.5\r\nt=0 0\r\n"
	for _, s := range []string{
		"", "v=0", head, head + "m=audio 4000 RTP/AVP 8\r\n", head + "m=audio 4000 RTP/AVP 8\r\na=rtcp:9 IN IP4 10.0.0.5\r\na=rtcp-mux\r\n",
		head + "a=candidate:1 1 UDP 2 10.0.0.5 4000 typ host\nm=video 0 RTP/SAVPF 96\nm=audio 1 RTP/AVP 0\na=ice-ufrag:x\na=inactive",
		head + "m=image 4000 udptl t38\r\nm=audio 4000 UDP/TLS/RTP/SAVP 8\r\nc=IN IP6 ::\r\nc=IN IP6 2001:db8::1\r\n",
	} {
		f.Add(s)
	}
	r := fuzzRelay(f)
	f.Fuzz(func(t *testing.T, body string) {
		p := rtpengine.Params{CallID: "c", FromTag: "A", SDP: []byte(body)}
		out, err := r.Offer(t.Context(), p)
		if err != nil {
			var refusal *rtpengine.Error
			require.ErrorAs(t, err, &refusal)
			require.Empty(t, out)
			return
		}
		// Idempotent, both in ports and in form.
		again, err := r.Offer(t.Context(), p)
		require.NoError(t, err)
		require.Equal(t, string(out), string(again))
		p.SDP = out
		again, err = r.Offer(t.Context(), p)
		require.NoError(t, err)
		require.Equal(t, string(out), string(again))
		require.NoError(t, r.Delete(t.Context(), rtpengine.Params{CallID: "c"}))

		lower := strings.ToLower(string(out))
		require.NotContains(t, lower, "\na=candidate")
		require.NotContains(t, lower, "\na=ice-")
		for line := range strings.Lines(string(out)) {
			require.True(t, strings.HasSuffix(line, "\r\n"))
			if strings.HasPrefix(line, "c=") {
				require.Contains(t, []string{"c=IN IP4 " + relayIP + "\r\n", "c=IN IP4 0.0.0.0\r\n"}, line)
			}
		}
		require.Equal(t, strings.Count("\n"+body, "\nm="), strings.Count("\n"+string(out), "\nm="))
		var was, is sdp.SessionDescription
		// The other parser takes an origin without a user name, which is none (RFC
		// 8866 section 5.2), and only with the blank that then begins the line.
		if was.UnmarshalString(body) == nil && was.Origin.Username != "" {
			require.NoError(t, is.Unmarshal(out), "what another parser could read it still can")
			require.Len(t, is.MediaDescriptions, len(was.MediaDescriptions))
		}
	})
}

// A datagram that the codec takes must come back the same from it.
func FuzzReplyIsBencode(f *testing.F) {
	f.Add("c", "A", "B")
	r := fuzzRelay(f)
	f.Fuzz(func(t *testing.T, id, from, to string) {
		d := rtpengine.Params{CallID: id, FromTag: from, ToTag: to, SDP: audio(addrA)}.Dict()
		out := r.Reply(request(t, "c", "offer", d))
		again, err := bencode.Append([]byte("c "), reply(t, "c", out))
		require.NoError(t, err)
		require.Equal(t, string(out), string(again))
		if id != "" {
			r.Reply(request(t, "c", "delete", rtpengine.Params{CallID: id}.Dict()))
		}
	})
}
