// SPDX-FileCopyrightText: 2026 The sipnat authors
// SPDX-License-Identifier: MIT

package boltstore_test

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sipnat/sipnat/registrar"
	"github.com/sipnat/sipnat/registrar/boltstore"
)

// TestKilled: a process that registers phones from eight goroutines is killed
// in the middle, several times. What it had acknowledged is all there.
func TestKilled(t *testing.T) {
	path := file(t)
	acknowledged := map[string]bool{}
	for round := range 3 {
		cmd := exec.CommandContext(t.Context(), os.Args[0])
		cmd.Env = append(os.Environ(), victimFile+"="+path, fmt.Sprintf("ROUND=%d", round))
		out, err := cmd.StdoutPipe()
		require.NoError(t, err)
		require.NoError(t, cmd.Start())
		lines := bufio.NewScanner(out)
		for n := 0; lines.Scan(); n++ {
			acknowledged[lines.Text()] = true
			if n == 100 {
				require.NoError(t, cmd.Process.Kill()) // what it wrote until then still comes
			}
		}
		require.Error(t, cmd.Wait(), "it has been killed")
		require.Greater(t, len(acknowledged), 100*(round+1))

		s, err := boltstore.Open(path, boltstore.Config{})
		require.NoError(t, err)
		for aor := range acknowledged {
			require.True(t, has(t, s, aor), aor)
		}
		require.NoError(t, s.Close())
	}
}

// victim prints each address after its Update has returned.
func victim(path string) {
	s, err := boltstore.Open(path, boltstore.Config{})
	if err != nil {
		panic(err)
	}
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			for n := 0; ; n++ {
				aor := fmt.Sprintf("user-%s-%d-%d", os.Getenv("ROUND"), i, n)
				err := s.Update(context.Background(), aor, func([]registrar.Binding) ([]registrar.Binding, error) {
					return []registrar.Binding{{ID: aor, AOR: aor, Expires: time.Now().Add(time.Hour)}}, nil
				})
				if err != nil {
					panic(err)
				}
				fmt.Println(aor)
			}
		})
	}
	wg.Wait()
}
