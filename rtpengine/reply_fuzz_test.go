// SPDX-FileCopyrightText: 2026 The sipnat authors
// SPDX-License-Identifier: MIT

package rtpengine_test

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/sipnat/sipnat/internal/bencode"
	"github.com/sipnat/sipnat/rtpengine"
)

// A reply that the hot path takes is one that the full decoder takes, with the
// same SDP; everything else is a typed error.
func FuzzReply(f *testing.F) {
	for _, s := range []string{
		"d3:sdp1:x6:result2:oke", "d6:result4:ponge", "d6:result5:error12:error-reason15:Unknown call-ide",
		"d6:result10:load limite", "d6:result2:ok3:sdp999999999:xe", "d6:result5:error6:result2:ok3:sdp1:a3:sdp1:bee", "", "de",
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, payload []byte) {
		sdp, err := rtpengine.DecodeSDP(payload)
		if err != nil {
			var refusal *rtpengine.Error
			require.True(t, errors.As(err, &refusal) || errors.Is(err, rtpengine.ErrBadReply), err)
			return
		}
		v, _, err := bencode.DecodePrefix(payload)
		require.NoError(t, err)
		d := v.(dict)
		require.Contains(t, []any{"ok", "pong"}, d["result"])
		got, _ := d["sdp"].(string)
		require.Equal(t, got, string(sdp))
	})
}
