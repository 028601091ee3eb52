// SPDX-FileCopyrightText: 2026 The sipnat authors
// SPDX-License-Identifier: MIT

package registrar_test

import (
	"testing"

	"github.com/sipnat/sipnat/registrar"
	"github.com/sipnat/sipnat/registrar/storetest"
)

func TestMemory(t *testing.T) {
	storetest.Run(t, func(*testing.T) registrar.Store { return &registrar.Memory{} })
}
