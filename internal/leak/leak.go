// SPDX-FileCopyrightText: 2026 The sipnat authors
// SPDX-License-Identifier: MIT

// Package leak fails a package's tests when goroutines of ours, or of sipgo,
// outlive them.
package leak

import (
	"fmt"
	"os"
	"runtime"
	"strings"
	"testing"
	"time"
)

// settle is how long goroutines that are on their way out may take.
const settle = 5 * time.Second

// Main runs the tests and exits with 1 if they passed but left goroutines.
func Main(m *testing.M) {
	code := m.Run()
	if code == 0 {
		if left := leaked(time.Now().Add(settle)); len(left) > 0 {
			fmt.Fprintf(os.Stderr, "%d goroutines outlived the tests:\n\n%s\n", len(left), strings.Join(left, "\n\n"))
			code = 1
		}
	}
	os.Exit(code)
}

func leaked(deadline time.Time) []string {
	for {
		left := interesting(stacks())
		if len(left) == 0 || time.Now().After(deadline) {
			return left
		}
		time.Sleep(20 * time.Millisecond)
	}
}

func stacks() []string {
	buf := make([]byte, 1<<16)
	for {
		n := runtime.Stack(buf, true)
		if n < len(buf) {
			return strings.Split(string(buf[:n]), "\n\n")
		}
		buf = make([]byte, 2*len(buf))
	}
}

// interesting drops the goroutine that asks and those of the runtime and of the
// testing package, whose stacks name none of the code under test.
func interesting(all []string) []string {
	var left []string
	for _, s := range all {
		if strings.Contains(s, "internal/leak.") || !strings.Contains(s, "github.com/") {
			continue
		}
		left = append(left, s)
	}
	return left
}
