// SPDX-FileCopyrightText: 2026 The sipnat authors
// SPDX-License-Identifier: MIT

package boltstore_test

import (
	"os"
	"testing"

	"github.com/sipnat/sipnat/internal/leak"
)

// victimFile, when set, makes of this program the process that is killed.
const victimFile = "SIPNAT_BOLTSTORE_VICTIM"

func TestMain(m *testing.M) {
	if path := os.Getenv(victimFile); path != "" {
		victim(path)
		return
	}
	leak.Main(m)
}
