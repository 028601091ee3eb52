// SPDX-FileCopyrightText: 2026 The sipnat authors
// SPDX-License-Identifier: MIT

// Package redisstore keeps bindings in Redis (6 or later), where several nodes
// share them and they outlive each of these. It replaces the database modes of
// Kamailio's usrloc and its replication.
//
//	opt, err := rueidis.ParseURL("redis://127.0.0.1:6379/0")
//	// ...
//	store, err := redisstore.Open(opt, redisstore.Config{Stale: 5 * time.Minute})
//	// ...
//	defer store.Close()
//	location := &registrar.Registrar{Store: store, Node: "edge-1", Elsewhere: ...}
//
// All bindings of one address-of-record are one key, which changes as a whole
// or not at all and expires with the last of them. Lookups are answered from a
// cache in the process that Redis invalidates, so that a call costs no round
// trip. While Redis is away, REGISTERs get 503 with Retry-After, and lookups
// what was known when it went, for Config.Stale.
package redisstore
