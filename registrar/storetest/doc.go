// SPDX-FileCopyrightText: 2026 The sipnat authors
// SPDX-License-Identifier: MIT

// Package storetest checks that a registrar.Store does what the registrar
// relies on. The test of a store is:
//
//	func TestStore(t *testing.T) {
//		storetest.Run(t, func(t *testing.T) registrar.Store { return mystore.New(t.TempDir()) })
//	}
package storetest
