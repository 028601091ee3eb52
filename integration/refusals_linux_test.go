// SPDX-FileCopyrightText: 2026 The sipnat authors
// SPDX-License-Identifier: MIT

package integration_test

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// TestRefusals has calls between phones behind NATs end before they begin.
func TestRefusals(t *testing.T) {
	t.Parallel()
	need(t, "netns", "baresip", "sipp")
	l := edgeLab(t, labConfig{}, edgeConfig{media: "embedded", ping: "0"})
	a := l.phoneA.phone(t, phoneConfig{user: "alice"})
	b := l.phoneB.phone(t, phoneConfig{user: "bob", manual: true})
	c := l.phoneC.phone(t, phoneConfig{user: "carol", manual: true})

	for _, callee := range []*phone{b, c} {
		t.Run("CANCEL before "+callee.cfg.user+" answers", func(t *testing.T) {
			a.do(t, "dial", callee.uri())
			callee.expect(t, "CALL_INCOMING")
			a.expect(t, "CALL_RINGING")
			a.do(t, "hangup", "")
			callee.expect(t, "CALL_CLOSED")
			a.expect(t, "CALL_CLOSED")
			eventually(t, answerWithin, "ACK of the 487 at the callee", func() bool { return callee.received("ACK ") > 0 })
			eventually(t, answerWithin, "487 at the caller", func() bool { return a.received("SIP/2.0 487") > 0 })
			require.Equal(t, 1, callee.received("CANCEL "))
			require.Equal(t, 1, callee.sent("SIP/2.0 487"), "a second one means that the ACK was late")
			require.Equal(t, 1, callee.received("ACK "))
		})
		t.Run(callee.cfg.user+" refuses", func(t *testing.T) {
			acks := callee.received("ACK ")
			a.do(t, "dial", callee.uri())
			callee.expect(t, "CALL_INCOMING")
			a.expect(t, "CALL_RINGING")
			callee.do(t, "hangup", "")
			a.expect(t, "CALL_CLOSED")
			eventually(t, answerWithin, "ACK of the 486 at the callee", func() bool { return callee.received("ACK ") > acks })
			require.Equal(t, 1, a.received("SIP/2.0 486"))
			require.Equal(t, 1, callee.sent("SIP/2.0 486"), "a second one means that the ACK was late")
		})
		// The next callee starts from what the caller has seen by now.
		a.stop()
		a = l.phoneA.phone(t, phoneConfig{user: "alice"})
	}
	t.Run("486 without rport on either side", func(t *testing.T) {
		passes(t, l.phoneB.sipp(t, sippRun{scenario: sippRegister, port: 5070, user: "erin"}))
		callee := l.phoneB.sipp(t, sippRun{scenario: sippBusy, port: 5070, user: "erin"})
		callee.ready(t, "a bound port", func() bool { return l.phoneB.bound(t, 5070) })
		passes(t, l.phoneA.sipp(t, sippRun{scenario: sippRefused, port: 5071, user: "erin", expect: 486}))
		passes(t, callee)
	})
}
