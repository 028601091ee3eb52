// SPDX-FileCopyrightText: 2026 The sipnat authors
// SPDX-License-Identifier: MIT

package main

import (
	"bytes"
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/sipnat/sipnat/internal/leak"
)

func TestMain(m *testing.M) { leak.Main(m) }

func TestEveryStepComesOutAsItMust(t *testing.T) {
	var out bytes.Buffer
	require.Zero(t, run(&out, true), out.String())
	steps := map[string]bool{}
	for line := range bytes.Lines(out.Bytes()) {
		var step struct {
			Step, Detail string
			OK           bool
		}
		require.NoError(t, json.Unmarshal(line, &step))
		require.True(t, step.OK, "%s: %s", step.Step, step.Detail)
		require.False(t, steps[step.Step], "two steps named %q", step.Step)
		steps[step.Step] = true
	}
	require.Greater(t, len(steps), 40)
	require.True(t, steps["pinhole held open"])
	require.True(t, steps["without NAT handling: nobody can call alice"])
}
