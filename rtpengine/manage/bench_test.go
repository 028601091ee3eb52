// SPDX-FileCopyrightText: 2026 The sipnat authors
// SPDX-License-Identifier: MIT

package manage_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/emiago/sipgo/sip"
	"github.com/stretchr/testify/require"

	"github.com/sipnat/sipnat/rtpengine/manage"
)

// BenchmarkCall is INVITE, 200 and BYE of a relayed call, without the engine.
func BenchmarkCall(b *testing.B) {
	sdp := "v=0\r\n" + strings.Repeat("a=rtpmap:0 PCMU/8000\r\n", 20)
	for _, n := range []int{1, 100_000} {
		b.Run(fmt.Sprint("calls=", n), func(b *testing.B) {
			m := &manage.Manager{Engine: &replacer{with: sdp + "x"}, MaxCalls: 1 << 30}
			leg := aToB("z9hG4bK1")
			for i := range n - 1 {
				id := fmt.Sprint("idle-", i)
				require.NoError(b, m.Branch(message("INVITE sip:b@example.net SIP/2.0", id, "INVITE", "A", "", 1, sdp).(*sip.Request), leg))
			}
			invite := message("INVITE sip:b@example.net SIP/2.0", "call", "INVITE", "A", "", 1, sdp).(*sip.Request)
			ok := message("SIP/2.0 200 OK", "call", "INVITE", "A", "B", 1, sdp).(*sip.Response)
			bye := message("BYE sip:b@example.net SIP/2.0", "call", "BYE", "A", "B", 2, "").(*sip.Request)
			b.ReportAllocs()
			for b.Loop() {
				invite.SetBody([]byte(sdp))
				ok.SetBody([]byte(sdp))
				_ = m.Branch(invite, leg)
				_ = m.Reply(ok, leg)
				_ = m.Branch(bye, leg)
			}
			require.NoError(b, m.Close())
		})
	}
}
