// SPDX-FileCopyrightText: 2026 The sipnat authors
// SPDX-License-Identifier: MIT

package redisstore_test

import (
	"testing"

	"github.com/sipnat/sipnat/internal/leak"
)

func TestMain(m *testing.M) { leak.Main(m) }
