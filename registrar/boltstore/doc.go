// SPDX-FileCopyrightText: 2026 The sipnat authors
// SPDX-License-Identifier: MIT

// Package boltstore keeps bindings in a file (go.etcd.io/bbolt), so that phones
// can be called right after a restart. It replaces the db_mode of Kamailio's
// usrloc.
//
//	store, err := boltstore.Open("/var/lib/edge/location.db", boltstore.Config{})
//	if err != nil {
//		return err // a damaged file among others: it is never deleted
//	}
//	defer store.Close()
//	location := &registrar.Registrar{Store: store}
//	// ... once the listeners are there:
//	err = location.Restore(ctx)
//
// By default it writes through: a REGISTER is answered when its bindings are on
// the disk, and what was answered survives the end of the process by any
// signal, and of the machine as far as its disk is honest. REGISTERs that come
// at once share one write. With Config.Window it answers from memory and writes
// later: what is lost at worst is that window.
package boltstore
