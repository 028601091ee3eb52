// SPDX-FileCopyrightText: 2026 The sipnat authors
// SPDX-License-Identifier: MIT

package integration_test

import (
	"os"
	"regexp"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestDeviationsAreDocumented: the classes of the differential test are the rows
// of the last table in docs/deviations.md.
func TestDeviationsAreDocumented(t *testing.T) {
	page, err := os.ReadFile("../docs/deviations.md")
	require.NoError(t, err)
	var rows, classes []string
	for _, m := range regexp.MustCompile(`(?m)^\| ((?:[a-z0-9]+-)+[a-z0-9]+) \|`).FindAllSubmatch(page, -1) {
		rows = append(rows, string(m[1]))
	}
	for _, c := range diffClasses {
		classes = append(classes, c.name)
	}
	for _, c := range diffRouteClasses {
		classes = append(classes, c.name)
	}
	require.ElementsMatch(t, classes, rows)
}
