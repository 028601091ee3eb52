// SPDX-FileCopyrightText: 2026 The sipnat authors
// SPDX-License-Identifier: MIT

package boltstore_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/sipnat/sipnat/registrar"
	"github.com/sipnat/sipnat/registrar/boltstore"
)

// What was stored before the end of a process is there in the next one.
func Example() {
	dir, err := os.MkdirTemp("", "example")
	if err != nil {
		panic(err)
	}
	defer func() { _ = os.RemoveAll(dir) }()
	ctx, path := context.Background(), filepath.Join(dir, "location.db")

	first, err := boltstore.Open(path, boltstore.Config{})
	if err != nil {
		panic(err)
	}
	err = first.Update(ctx, "alice", func([]registrar.Binding) ([]registrar.Binding, error) {
		return []registrar.Binding{{ID: "1.alice", AOR: "alice", Contact: "sip:alice@192.168.1.2", Expires: time.Now().Add(time.Hour)}}, nil
	})
	fmt.Println(err, first.Close())

	second, err := boltstore.Open(path, boltstore.Config{})
	if err != nil {
		panic(err)
	}
	defer func() { _ = second.Close() }()
	list, err := second.Lookup(ctx, "alice")
	fmt.Println(list[0].Contact, err)
	// Output:
	// <nil> <nil>
	// sip:alice@192.168.1.2 <nil>
}
