// SPDX-FileCopyrightText: 2026 The sipnat authors
// SPDX-License-Identifier: MIT

package integration_test

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// talk has from call to, waits until both say that the call stands and until n
// RTP packets more have arrived at each from the edge's media engine.
func talk(t *testing.T, from, to *phone, n int) {
	t.Helper()
	at := []*counter{from.host.countRTP(t, edgeIP), to.host.countRTP(t, edgeIP)}
	dial(t, from, to)
	receive(t, n, at...)
}

// dial has from call to and waits until both say that the call stands.
func dial(t *testing.T, from, to *phone) {
	t.Helper()
	from.do(t, "dial", to.uri())
	if to.cfg.manual { // a phone that answers by itself tells only of the answer
		to.expect(t, "CALL_INCOMING")
		from.expect(t, "CALL_RINGING")
		to.do(t, "accept", "")
	}
	from.expect(t, "CALL_ESTABLISHED")
	to.expect(t, "CALL_ESTABLISHED")
}

// hangup ends the call at one phone and checks that the other gets one BYE and
// that its answer comes back, so that no other BYE can follow.
func hangup(t *testing.T, by, other *phone) {
	t.Helper()
	sent, got, answers := by.sent("BYE "), other.received("BYE "), by.answers("BYE")
	by.do(t, "hangup", "")
	other.expect(t, "CALL_CLOSED")
	by.expect(t, "CALL_CLOSED")
	eventually(t, answerWithin, "an answer to BYE at "+by.name, func() bool { return by.answers("BYE") > answers })
	require.Equal(t, 1, by.sent("BYE ")-sent, "BYE sent by %s", by.name)
	require.Equal(t, 1, other.received("BYE ")-got, "BYE received by %s", other.name)
}
