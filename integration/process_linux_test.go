// SPDX-FileCopyrightText: 2026 The sipnat authors
// SPDX-License-Identifier: MIT

package integration_test

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// process is a program that runs on a host of the lab. It ends with the test;
// if the test failed, the end of its output is in the log.
type process struct {
	name string
	out  string // file with what it printed
	cmd  *exec.Cmd
	kill context.CancelFunc
	done chan struct{} // closed when it has ended
}

// logTail is how much of a process's output a failed test shows.
const logTail = 12 << 10

// start starts a program on the host. Programs that it starts in turn end with it.
func (h *host) start(t testing.TB, name string, argv ...string) *process {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	p := &process{name: h.name + "/" + name, kill: cancel, done: make(chan struct{})}
	out, err := os.Create(filepath.Join(t.TempDir(), name+".log"))
	if err != nil {
		t.Fatal(err)
	}
	p.out = out.Name()
	p.cmd = exec.CommandContext(ctx, "ip", append([]string{"netns", "exec", h.ns}, argv...)...)
	p.cmd.Dir = filepath.Dir(p.out)
	p.cmd.Stdout, p.cmd.Stderr = out, out
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	p.cmd.Cancel = func() error { return syscall.Kill(-p.cmd.Process.Pid, syscall.SIGKILL) }
	if err := p.cmd.Start(); err != nil {
		_ = out.Close()
		t.Fatalf("%s: %v", p.name, err)
	}
	go func() {
		_ = p.cmd.Wait() // the exit code is kept in ProcessState
		_ = out.Close()
		close(p.done)
	}()
	t.Cleanup(func() {
		p.stop()
		if t.Failed() {
			t.Logf("%s printed:\n%s", p.name, tail(p.output(), logTail))
		}
	})
	return p
}

// stop ends the process and returns when it is gone.
func (p *process) stop() {
	p.kill()
	<-p.done
}

// wait waits for the process to end by itself and returns its exit code.
func (p *process) wait(t testing.TB, within time.Duration) int {
	t.Helper()
	eventually(t, within, "the end of "+p.name, func() bool { return !p.running() })
	return p.cmd.ProcessState.ExitCode()
}

func (p *process) running() bool {
	select {
	case <-p.done:
		return false
	default:
		return true
	}
}

// output is what the process printed so far.
func (p *process) output() string {
	b, _ := os.ReadFile(p.out)
	return string(b)
}

// ready waits until the condition holds and fails at once if the process ends
// before that.
func (p *process) ready(t testing.TB, what string, cond func() bool) {
	t.Helper()
	eventually(t, answerWithin, p.name+": "+what, func() bool {
		if !p.running() {
			t.Fatalf("%s ended (%v) before: %s", p.name, p.cmd.ProcessState, what)
		}
		return cond()
	})
}

func tail(s string, n int) string {
	if len(s) <= n {
		return s
	}
	s = s[len(s)-n:]
	return "[...]" + s[strings.IndexByte(s, '\n')+1:]
}
