// SPDX-FileCopyrightText: 2026 The sipnat authors
// SPDX-License-Identifier: MIT

package integration_test

import (
	"fmt"
	"os"
	"slices"
	"strconv"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

const (
	diffRequests = 5200
	diffReplies  = 200

	shownDifferences = 20 // of those without an explanation
)

// diffSeed is the seed of the messages: fixed, so that a failure comes again, or
// SIPNAT_SEED.
func diffSeed(t testing.TB) uint64 {
	t.Helper()
	seed := uint64(20260101)
	if s := os.Getenv("SIPNAT_SEED"); s != "" {
		var err error
		seed, err = strconv.ParseUint(s, 10, 64)
		require.NoError(t, err, "SIPNAT_SEED")
	}
	t.Logf("SIPNAT_SEED=%d", seed)
	return seed
}

// TestDifferential asks a real Kamailio and this library the same questions.
// Each difference must be of a class of docs/deviations.md.
func TestDifferential(t *testing.T) {
	t.Parallel()
	o := startOracle(t)
	g := newDiffGenerator(diffSeed(t), o.peers)
	var messages []*diffMessage
	for i := range diffRequests + diffReplies {
		messages = append(messages, g.message(i >= diffRequests))
	}
	found := o.compare(t, messages)
	unexplained := 0
	counts := map[string]int{}
	for _, d := range found {
		i := slices.IndexFunc(diffClasses, func(c diffClass) bool { return c.explains(d) })
		if i >= 0 {
			counts[diffClasses[i].name]++
			continue
		}
		if unexplained++; unexplained <= shownDifferences {
			t.Error(d)
		}
	}
	t.Logf("%d differences, %d unexplained", len(found), unexplained)
	for _, c := range diffClasses {
		t.Logf("%5d %s", counts[c.name], c.name)
		if counts[c.name] == 0 {
			t.Errorf("class %s never occurs", c.name)
		}
	}
}

// compare asks about all messages, from all sockets at once.
func (o *oracle) compare(t *testing.T, messages []*diffMessage) []diffDifference {
	t.Helper()
	byPeer := map[*diffPeer][]*diffMessage{}
	for _, m := range messages {
		byPeer[m.peer] = append(byPeer[m.peer], m)
	}
	var mu sync.Mutex
	var wg sync.WaitGroup
	var found []diffDifference
	for p, list := range byPeer {
		wg.Go(func() {
			for _, m := range list {
				differ, err := o.compareOne(p, m)
				mu.Lock()
				found = append(found, differ...)
				mu.Unlock()
				if err != nil {
					t.Errorf("message %d from %s %s: %v\n%s", m.id, p.flow.Transport, p.flow.Remote, err, m.text)
				}
			}
		})
	}
	wg.Wait()
	return found
}

func (o *oracle) compareOne(p *diffPeer, m *diffMessage) ([]diffDifference, error) {
	text, err := o.ask(p, p.flow.Local, m.callID(), m.text)
	if err != nil {
		return nil, err
	}
	theirs, err := m.theirs(text)
	if err != nil {
		return nil, fmt.Errorf("%w\n%s", err, text)
	}
	ours, err := m.ours()
	if err != nil {
		return nil, err
	}
	return differences(m, ours, theirs), nil
}
