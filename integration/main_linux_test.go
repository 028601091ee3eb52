// SPDX-FileCopyrightText: 2026 The sipnat authors
// SPDX-License-Identifier: MIT

package integration_test

import (
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// TestMain removes what an earlier run left behind when it was killed, and at
// the end whatever a test of this run may have left.
func TestMain(m *testing.M) {
	sweep()
	code := m.Run()
	sweep()
	os.Exit(code)
}

// need skips the test if a program, or "netns" (the right to make network
// namespaces), is missing. With SIPNAT_INTEGRATION=1 it fails the test instead.
// It is the only place in this package that skips.
func need(t testing.TB, what ...string) {
	t.Helper()
	var missing []string
	for _, w := range what {
		if !available(w) {
			missing = append(missing, w)
		}
	}
	if len(missing) == 0 {
		return
	}
	reason := "needs " + strings.Join(missing, ", ")
	if os.Getenv("SIPNAT_INTEGRATION") == "1" {
		t.Fatal(reason)
	}
	t.Skip(reason)
}

func available(what string) bool {
	if what == "netns" {
		return mayMakeNamespaces() && available("ip") && available("nft")
	}
	_, err := exec.LookPath(what)
	return err == nil
}

// mayMakeNamespaces asks for CAP_NET_ADMIN (networks) and CAP_SYS_ADMIN
// (namespaces) in the effective set.
func mayMakeNamespaces() bool {
	hdr := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var data [2]unix.CapUserData
	if err := unix.Capget(&hdr, &data[0]); err != nil {
		return false
	}
	return data[0].Effective&(1<<unix.CAP_NET_ADMIN) != 0 && data[0].Effective&(1<<unix.CAP_SYS_ADMIN) != 0
}

// poll is the pause between two looks at a real process.
const poll = 20 * time.Millisecond

// eventually looks until cond holds and fails the test if it does not within
// the time given. It is the only place in this package that waits.
func eventually(t testing.TB, within time.Duration, what string, cond func() bool) {
	t.Helper()
	deadline := time.Now().Add(within)
	for !cond() {
		if time.Now().After(deadline) {
			t.Fatalf("not within %v: %s", within, what)
		}
		time.Sleep(poll)
	}
}

// silence lets real time pass: a conntrack entry of the kernel expires by no
// other means.
func silence(t testing.TB, d time.Duration) {
	t.Helper()
	until := time.Now().Add(d)
	eventually(t, d+time.Minute, "the end of the silence", func() bool { return time.Now().After(until) })
}
