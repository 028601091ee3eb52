// SPDX-FileCopyrightText: 2026 The sipnat authors
// SPDX-License-Identifier: MIT

package integration_test

import (
	"testing"
	"time"
)

// TestReferenceKamailio pins the lab itself, and what the library is measured
// against: a Kamailio edge carries two phones behind two NATs.
func TestReferenceKamailio(t *testing.T) {
	t.Parallel()
	need(t, "netns", "baresip", "rtpengine", "kamailio")
	l := newLab(t, labConfig{udpTimeout: 5})
	l.rtpengine(t)
	l.kamailio(t)
	a := l.phoneA.phone(t, phoneConfig{user: "alice"})
	b := l.phoneB.phone(t, phoneConfig{user: "bob"})

	talk(t, a, b, 100)
	hangup(t, a, b)
	talk(t, b, a, 100)
	hangup(t, a, b)

	silence(t, 8*time.Second)
	talk(t, b, a, 25)
	hangup(t, b, a)
}
