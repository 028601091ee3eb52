// SPDX-FileCopyrightText: 2026 The sipnat authors
// SPDX-License-Identifier: MIT

package main

import (
	"bufio"
	"fmt"
	"os"
	"strings"
)

// users are the passwords by user name.
type users map[string]string

// readUsers reads lines "user:password"; empty lines and those that begin with
// '#' do not count.
func readUsers(file string) (users, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, fmt.Errorf("-users: %w", err)
	}
	defer func() { _ = f.Close() }()
	all := users{}
	lines := bufio.NewScanner(f)
	for n := 1; lines.Scan(); n++ {
		line := strings.TrimSpace(lines.Text())
		if line == "" || line[0] == '#' {
			continue
		}
		user, password, ok := strings.Cut(line, ":")
		if !ok || user == "" || password == "" {
			return nil, fmt.Errorf("-users: %s:%d: want user:password", file, n)
		}
		all[user] = password
	}
	if err := lines.Err(); err != nil {
		return nil, fmt.Errorf("-users: %w", err)
	}
	return all, nil
}
