// SPDX-FileCopyrightText: 2026 The sipnat authors
// SPDX-License-Identifier: MIT

package rtpengine_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/sipnat/sipnat/rtpengine"
)

// What parses, prints as something that parses to the same; and so does what
// With makes of two.
func FuzzParseFlags(f *testing.F) {
	for _, s := range []string{
		"replace-origin ICE=remove RTP/AVP rtcp-mux-demux direction=int direction=ext",
		"SRTP AVPF trust-address SDES-no-AES_CM_128_HMAC_SHA1_32", "external internal", "out-iface=B in-iface=a",
		"codec-transcode-opus/48000/2///a=b codec-mask=all", "T38=decode media-address=::1 TOS=-1", "delete-delay=0 fatal",
		"endpoint-learning=heuristic", "via-branch=1", "ICE=", "\u017fymmetric re\u017fet", "direction=a direction=a",
	} {
		f.Add(s, "trust-address endpoint-learning=off symmetric")
	}
	f.Fuzz(func(t *testing.T, a, b string) {
		fa, err := rtpengine.ParseFlags(a)
		if err != nil {
			var flag *rtpengine.FlagError
			require.ErrorAs(t, err, &flag)
			require.Zero(t, fa)
			return
		}
		requireRoundTrip(t, fa)
		fb, err := rtpengine.ParseFlags(b)
		if err != nil {
			return
		}
		both := fa.With(fb)
		if len(both.String()) <= 16<<10 {
			requireRoundTrip(t, both)
		}
		require.True(t, both == both.With(fb), "the same again changes nothing")
	})
}

func requireRoundTrip(t *testing.T, f rtpengine.Flags) {
	again, err := rtpengine.ParseFlags(f.String())
	require.NoError(t, err)
	require.Equal(t, f.String(), again.String())
	require.True(t, f == again)
}
