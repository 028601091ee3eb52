// SPDX-FileCopyrightText: 2026 The sipnat authors
// SPDX-License-Identifier: MIT

package main

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/icholy/digest"
	"github.com/stretchr/testify/require"
)

// answer is the credentials for the challenge in a 401 or 407.
func answer(t *testing.T, res, method, uri, user, password string) string {
	t.Helper()
	for line := range strings.SplitSeq(res, "\r\n") {
		name, value, _ := strings.Cut(line, ": ")
		if name != "WWW-Authenticate" && name != "Proxy-Authenticate" {
			continue
		}
		chal, err := digest.ParseChallenge(value)
		require.NoError(t, err)
		cred, err := digest.Digest(chal, digest.Options{Method: method, URI: uri, Username: user, Password: password, Count: 1})
		require.NoError(t, err)
		return strings.Replace(strings.Replace(name, "WWW-Authenticate", "Authorization", 1), "Proxy-Authenticate", "Proxy-Authorization", 1) + ": " + cred.String()
	}
	t.Fatalf("no challenge in %s", res)
	return ""
}

func TestDigest(t *testing.T) {
	c := startEdge(t, "-users", file(t, "alice:secret\nbob:pass\n"), "-domain", "example.com")
	const register = "sip:example.com"
	challenge := ask(t, c, message("REGISTER", register, "alice", 1))
	require.Contains(t, challenge, "SIP/2.0 401 ")
	require.Contains(t, challenge, `realm="example.com"`)
	for i, tt := range []struct{ name, user, password, want string }{
		{"wrong password", "alice", "wrong", "SIP/2.0 401 "},
		{"unknown user", "mallory", "secret", "SIP/2.0 401 "},
		{"unknown user without a password", "mallory", "", "SIP/2.0 401 "},
		{"somebody else's AOR", "bob", "pass", "SIP/2.0 403 "},
		{"right", "alice", "secret", "SIP/2.0 200 "},
	} {
		got := ask(t, c, message("REGISTER", register, "alice", 2+i, answer(t, challenge, "REGISTER", register, tt.user, tt.password)))
		require.Contains(t, got, tt.want, tt.name)
	}
	forged := strings.Replace(answer(t, challenge, "REGISTER", register, "alice", "secret"), `nonce="`, `nonce="x`, 1)
	require.Contains(t, ask(t, c, message("REGISTER", register, "alice", 20, forged)), "SIP/2.0 401 ")

	const uri = "sip:bob@example.com"
	challenge = ask(t, c, message("MESSAGE", uri, "alice", 30))
	require.Contains(t, challenge, "SIP/2.0 407 ")
	require.Contains(t, ask(t, c, message("MESSAGE", uri, "alice", 31, answer(t, challenge, "MESSAGE", uri, "alice", "secret"))), "SIP/2.0 480 ", "bob has not registered")
	require.Contains(t, ask(t, c, message("MESSAGE", uri, "alice", 32, answer(t, challenge, "MESSAGE", uri, "bob", "pass"))), "SIP/2.0 403 ", "From is somebody else")
	tagged := strings.Replace(message("MESSAGE", uri, "mallory", 40), "To: <sip:mallory@example.com>", "To: <sip:bob@example.com>;tag=9", 1)
	require.Contains(t, ask(t, c, tagged), "SIP/2.0 407 ", "a To tag alone is no dialog of ours")
	require.Contains(t, ask(t, c, message("MESSAGE", "sip:x@foreign.example", "alice", 33, answer(t, challenge, "MESSAGE", "sip:x@foreign.example", "alice", "secret"))), "SIP/2.0 403 ", "no open relay")
}

func TestNonceGrowsStale(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newDigestAuth("example.com", nil)
		nonce := a.nonce(time.Now())
		time.Sleep(nonceLife)
		age, ours := a.age(nonce)
		require.True(t, ours)
		require.Equal(t, nonceLife, age)
		_, ours = newDigestAuth("example.com", nil).age(nonce)
		require.False(t, ours, "another process's")
		_, ours = a.age("")
		require.False(t, ours)
	})
}
