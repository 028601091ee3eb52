// SPDX-FileCopyrightText: 2026 The sipnat authors
// SPDX-License-Identifier: MIT

package redisstore_test

import (
	"context"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/redis/rueidis"
	"github.com/stretchr/testify/require"

	"github.com/sipnat/sipnat/registrar/redisstore"
)

// need skips the test if a program is missing. With SIPNAT_INTEGRATION=1 it
// fails the test instead.
func need(t testing.TB, program string) {
	t.Helper()
	if _, err := exec.LookPath(program); err == nil {
		return
	}
	if os.Getenv("SIPNAT_INTEGRATION") == "1" {
		t.Fatal("needs " + program)
	}
	t.Skip("needs " + program)
}

// server is a redis-server of the test's own, on a socket in its folder.
type server struct {
	dir, socket string
	cmd         *exec.Cmd
}

func startServer(t testing.TB) *server {
	t.Helper()
	need(t, "redis-server")
	dir := t.TempDir()
	s := &server{dir: dir, socket: filepath.Join(dir, "s")}
	s.start(t)
	return s
}

func (s *server) start(t testing.TB) {
	t.Helper()
	s.cmd = exec.CommandContext(context.Background(), "redis-server",
		"--port", "0", "--unixsocket", s.socket, "--dir", s.dir, "--save", "", "--appendonly", "yes", "--appendfsync", "always")
	require.NoError(t, s.cmd.Start())
	t.Cleanup(s.kill)
	require.Eventually(t, func() bool {
		c, err := net.Dial("unix", s.socket)
		if err != nil {
			return false
		}
		defer func() { _ = c.Close() }()
		_, _ = c.Write([]byte("PING\r\n"))
		b := make([]byte, 7)
		n, _ := c.Read(b)
		return string(b[:n]) == "+PONG\r\n"
	}, 20*time.Second, 20*time.Millisecond)
}

func (s *server) kill() {
	_ = s.cmd.Process.Kill()
	_ = s.cmd.Wait()
}

func (s *server) option(t testing.TB) rueidis.ClientOption {
	t.Helper()
	opt, err := rueidis.ParseURL("unix://" + s.socket)
	require.NoError(t, err)
	return opt
}

func (s *server) open(t testing.TB, cfg redisstore.Config) *redisstore.Store {
	t.Helper()
	store, err := redisstore.Open(s.option(t), cfg)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, store.Close()) })
	return store
}

// client is for looking into Redis without a store.
func (s *server) client(t testing.TB) rueidis.Client {
	t.Helper()
	opt := s.option(t)
	opt.DisableCache, opt.ForceSingleClient = true, true
	c, err := rueidis.NewClient(opt)
	require.NoError(t, err)
	t.Cleanup(c.Close)
	return c
}
