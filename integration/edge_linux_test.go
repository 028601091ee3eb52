// SPDX-FileCopyrightText: 2026 The sipnat authors
// SPDX-License-Identifier: MIT

package integration_test

import (
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
)

// buildFolder, with the number of the test process, is where binaries go; sweep
// removes it.
const buildFolder = "sipnat-integration-"

// buildEdge builds examples/edge, once for all tests of the process.
var buildEdge = sync.OnceValues(func() (string, error) {
	if err := lookAtSources(); err != nil {
		return "", err
	}
	path := filepath.Join(os.TempDir(), buildFolder+strconv.Itoa(os.Getpid()), "edge")
	out, err := exec.Command("go", "build", "-o", path, "../examples/edge").CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("building examples/edge: %w\n%s", err, out)
	}
	return path, nil
})

// lookAtSources makes the result of the tests depend on all of the module, which
// they do not import: else go test would answer from its cache after a change.
func lookAtSources() error {
	return filepath.WalkDir("..", func(path string, d fs.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return err
		}
		_, err = os.Stat(path)
		return err
	})
}

// edgeConfig is what a test wants of examples/edge; the zero value is an open
// edge on UDP whose media goes through rtpengine.
type edgeConfig struct {
	listen []string // default: udp on the edge's first address
	media  string   // default: the lab's rtpengine
	users  string   // content of the file of users; "" is an open edge
	ping   string   // default: 2s
}

// edgeLab is a lab with an edge, and with rtpengine if the edge is to use it. At
// the end of the test it checks that the edge never sent SIP to a private
// address: from the edge no phone behind a NAT can be reached there.
func edgeLab(t *testing.T, net labConfig, cfg edgeConfig) *lab {
	t.Helper()
	need(t, "netns")
	l := newLab(t, net)
	stray := l.edge.count(t, "output", "ip daddr { 10.0.0.0/8, 172.16.0.0/12, 192.168.0.0/16 } meta l4proto { tcp, udp } th sport 5060")
	t.Cleanup(func() {
		if n := stray.packets(t); n > 0 {
			t.Errorf("the edge sent %d SIP packets to private addresses", n)
		}
	})
	if cfg.media == "" {
		cfg.media = "udp:" + engineNG
	}
	if cfg.media == "udp:"+engineNG {
		l.rtpengine(t)
	}
	l.startEdge(t, cfg)
	return l
}

// startEdge starts examples/edge and waits until it answers on UDP. Its media
// must be said.
func (l *lab) startEdge(t testing.TB, cfg edgeConfig) *process {
	t.Helper()
	if cfg.listen == nil {
		cfg.listen = []string{"udp:" + edgeIP + ":5060"}
	}
	if cfg.ping == "" {
		cfg.ping = "2s"
	}
	binary, err := buildEdge()
	if err != nil {
		t.Fatal(err)
	}
	args := []string{binary, "-tests", "18", "-media", cfg.media, "-ping", cfg.ping}
	for _, addr := range cfg.listen {
		args = append(args, "-listen", addr)
	}
	if cfg.users == "" {
		args = append(args, "-open")
	} else {
		file := filepath.Join(t.TempDir(), "users")
		if err := os.WriteFile(file, []byte(cfg.users), 0o600); err != nil {
			t.Fatal(err)
		}
		args = append(args, "-users", file, "-domain", edgeIP)
	}
	p := l.edge.start(t, "edge", args...)
	for _, addr := range cfg.listen {
		if hostport, ok := strings.CutPrefix(addr, "udp:"); ok {
			l.answers(t, p, strings.Replace(hostport, "0.0.0.0", edgeIP, 1))
		}
	}
	return p
}
