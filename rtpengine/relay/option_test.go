// SPDX-FileCopyrightText: 2026 The sipnat authors
// SPDX-License-Identifier: MIT

package relay_test

import (
	"maps"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/sipnat/sipnat/rtpengine"
	"github.com/sipnat/sipnat/rtpengine/relay"
)

// What Kamailio and OpenSIPS users type, as the client sends it.
func TestFlagStrings(t *testing.T) {
	for _, tc := range []struct{ flags, refused string }{
		{flags: "trust-address replace-origin replace-session-connection ICE=remove rtcp-mux-accept"},
		{flags: "SIP-source-address strict-source endpoint-learning=heuristic symmetric port-latching"},
		{flags: "RTP/AVP ICE=default original-sendrecv no-jitter-buffer debug DTLS=off SDES-off ICE-lite=off"},
		{flags: "direction=external direction=external address-family=IP4 received-from=203.0.113.5"},
		{flags: "passthrough record-call=off generate-RTCP=off reject-ICE replace-origin-full"},
		{flags: "RTP/SAVP", refused: "transport-protocol=RTP/SAVP for RTP/AVP"},
		{flags: "ICE=force", refused: "ICE=force"},
		{flags: "codec-transcode-PCMU", refused: "codec=map[transcode:[PCMU]]"},
		{flags: "codec-strip-PCMU", refused: "codec=map[strip:[PCMU]]"},
		{flags: "record-call=on", refused: "record-call=on"},
		{flags: "T.38-decode", refused: "T.38=decode"},
		{flags: "loop-protect", refused: "flags=loop-protect"},
		{flags: "media-handover", refused: "flags=media-handover"},
		{flags: "endpoint-learning=immediate", refused: "flags=endpoint-learning-immediate"},
		{flags: "no-port-latching", refused: "flags=no-port-latching"},
		{flags: "recrypt", refused: "flags=recrypt"},
		{flags: "direction=internal direction=external", refused: "direction=[internal external]"},
		{flags: "address-family=IP6", refused: "address-family=ip6"},
		{flags: "media-address=2001:db8::1", refused: "media-address=2001:db8::1"},
		{flags: "replace-SDP-version", refused: "replace=SDP-version"},
		{flags: "SDES-pad", refused: "sdes=pad"},
		{flags: "TOS=184", refused: "TOS=184"},
		{flags: "ptime=20", refused: "ptime=20"},
	} {
		t.Run(tc.flags, func(t *testing.T) {
			inLab(t, relay.Config{}, func(t *testing.T, l *lab) {
				_, err := l.Offer(t.Context(), rtpengine.Params{CallID: "c", FromTag: "A", SDP: audio(addrA), Flags: flags(t, tc.flags)})
				if tc.refused == "" {
					require.NoError(t, err)
					return
				}
				require.EqualError(t, err, "rtpengine: offer: "+tc.refused+" not supported by this relay")
			})
		})
	}
}

// The forms of keys and values that clients send.
func TestDictionaryForms(t *testing.T) {
	for _, tc := range []struct {
		name    string
		extra   rtpengine.Dict
		refused string
	}{
		{"spaces for hyphens", rtpengine.Dict{"flags": []any{"trust address", "SIP source address"}, "rtcp mux": []any{"offer"}}, ""},
		{"Kamailio's extras", rtpengine.Dict{"sip-message-type": "request", "supports": []any{"load limit"}}, ""},
		{"bytes", rtpengine.Dict{"ICE": []byte("remove")}, ""},
		{"received-from", rtpengine.Dict{"received-from": []any{"IP6", "2001:db8::1"}}, ""},
		{"a list of one for a word", rtpengine.Dict{"ICE": []any{"remove"}}, ""},
		{"received-from without address", rtpengine.Dict{"received-from": []any{"IP4", "x"}}, "received-from is not an address"},
		{"negative delay", rtpengine.Dict{"delete-delay": int64(-1)}, "delete-delay is not a number of use"},
		{"number for a string", rtpengine.Dict{"via-branch": int64(1)}, "via-branch is not a string"},
		{"dictionary for a list", rtpengine.Dict{"flags": rtpengine.Dict{}}, "flags=map[] not supported by this relay"},
		{"unknown key", rtpengine.Dict{"surprise": "x"}, "surprise=x not supported by this relay"},
		{
			"a long value is not echoed",
			rtpengine.Dict{"surprise": strings.Repeat("x", 5000)},
			"surprise=" + strings.Repeat("x", 64) + " not supported by this relay",
		},
		{"DTLS off", rtpengine.Dict{"DTLS": "off"}, ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			inLab(t, relay.Config{}, func(t *testing.T, l *lab) {
				d := rtpengine.Params{CallID: "c", FromTag: "A", SDP: audio(addrA)}.Dict()
				maps.Copy(d, tc.extra)
				_, err := l.Do(t.Context(), "offer", d)
				if tc.refused == "" {
					require.NoError(t, err)
					return
				}
				require.EqualError(t, err, "rtpengine: offer: "+tc.refused)
			})
		})
	}
	t.Run("what wants SRTP off, on SRTP", func(t *testing.T) {
		inLab(t, relay.Config{}, func(t *testing.T, l *lab) {
			_, err := l.Offer(t.Context(), rtpengine.Params{CallID: "c", FromTag: "A", SDP: replace(audio(addrA), "RTP/AVP", "RTP/SAVP"), Flags: flags(t, "SDES-off")})
			require.EqualError(t, err, "rtpengine: offer: SDES=off with RTP/SAVP not supported by this relay")
		})
	})
}
