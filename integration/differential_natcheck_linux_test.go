// SPDX-FileCopyrightText: 2026 The sipnat authors
// SPDX-License-Identifier: MIT

package integration_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"net/netip"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/sipnat/sipnat/flow"
	"github.com/sipnat/sipnat/nat"
)

// natcheckAnswer is what examples/natcheck prints with -jsonl, as far as it is compared.
type natcheckAnswer struct {
	ID       int        `json:"id"`
	Tests    []nat.Test `json:"tests"`
	Contact  []string   `json:"contact"`
	Received string     `json:"received"`
	RURI     struct {
		Found       bool   `json:"found"`
		URI         string `json:"uri"`
		Destination string `json:"destination"`
		Error       string `json:"error"`
	} `json:"ruri"`
	Error string `json:"error"`
}

// TestDifferentialNatcheck asks examples/natcheck about messages of the same
// generator: it says what the library says.
func TestDifferentialNatcheck(t *testing.T) {
	t.Parallel()
	require.NoError(t, lookAtSources())
	binary := filepath.Join(t.TempDir(), "natcheck")
	out, err := exec.CommandContext(t.Context(), "go", "build", "-o", binary, "../examples/natcheck").CombinedOutput()
	require.NoError(t, err, "%s", out)

	g := newDiffGenerator(diffSeed(t), offlinePeers())
	var messages []*diffMessage
	var questions bytes.Buffer
	for i := range 600 {
		m := g.message(i%10 == 9)
		messages = append(messages, m)
		require.NoError(t, json.NewEncoder(&questions).Encode(map[string]any{
			"id": m.id, "message": m.text, "source": m.peer.flow.Remote.String(), "transport": m.peer.flow.Transport.String(),
		}))
	}
	cmd := exec.CommandContext(t.Context(), binary, "-jsonl")
	cmd.Stdin = &questions
	answers, err := cmd.Output()
	require.NoError(t, err)

	lines := bufio.NewScanner(bytes.NewReader(answers))
	for _, m := range messages {
		require.True(t, lines.Scan(), "an answer to message %d", m.id)
		var a natcheckAnswer
		require.NoError(t, json.Unmarshal(lines.Bytes(), &a))
		sameAsNatcheck(t, m, a)
	}
	require.False(t, lines.Scan())
}

// offlinePeers are the oracle's, without sockets.
func offlinePeers() []*diffPeer {
	var peers []*diffPeer
	for _, source := range diffSources {
		for _, f := range []flow.Flow{
			{Transport: flow.UDP, Remote: netip.AddrPortFrom(netip.MustParseAddr(source), 40112)},
			{Transport: flow.TCP, Remote: netip.AddrPortFrom(netip.MustParseAddr(source), 5060)},
		} {
			f.Local = oracle4
			if f.Remote.Addr().Is6() {
				f.Local = oracle6
			}
			peers = append(peers, &diffPeer{flow: f})
		}
	}
	return peers
}

func sameAsNatcheck(t *testing.T, m *diffMessage, a natcheckAnswer) {
	t.Helper()
	ours, err := m.ours()
	require.NoError(t, err)
	require.Empty(t, a.Error, m.text)
	require.Equal(t, m.id, a.ID)
	var bits nat.Test
	for _, one := range a.Tests {
		bits |= one
	}
	require.Equal(t, ours.bits, bits, m.text)
	require.Equal(t, ours.received, a.Received, m.text)
	require.Len(t, a.Contact, len(ours.contacts), m.text)
	for i, c := range a.Contact {
		require.Equal(t, onceHeaded(ours.contacts[i]), onceHeaded(c), m.text)
	}
	if m.reply {
		return
	}
	require.Equal(t, ours.resolved != 2, a.RURI.Found, m.text)
	require.Equal(t, ours.resolved == -1, a.RURI.Error != "", m.text)
	require.Equal(t, ours.du, a.RURI.Destination, m.text)
	require.Equal(t, ours.ru, a.RURI.URI, m.text)
}

// onceHeaded takes the headers of a URI off, which sipgo prints twice behind a
// parameter without a value and natcheck once.
func onceHeaded(contact string) string {
	before, after, ok := strings.Cut(contact, "?X-H=")
	if !ok {
		return contact
	}
	return before + after[strings.LastIndex(after, ">"):]
}
