// SPDX-FileCopyrightText: 2026 The sipnat authors
// SPDX-License-Identifier: MIT

package integration_test

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"text/template"
	"time"

	"github.com/stretchr/testify/require"
)

// sippRun is one run of sipp as a phone that knows only its private address
// and does not ask for rport.
type sippRun struct {
	scenario  string // a text of scenarios_linux_test.go
	port      int
	user      string // whom it registers or calls
	password  string
	expect    int    // final response of the first request; 0 means 200
	registrar string // default: the edge's first address
}

// sippWithin is what one run may take.
const sippWithin = 25 * time.Second

// sipp starts a run on the host.
func (h *host) sipp(t testing.TB, r sippRun) *process {
	t.Helper()
	need(t, "sipp")
	if r.expect == 0 {
		r.expect = 200
	}
	if r.registrar == "" {
		r.registrar = edgeIP
	}
	dir := t.TempDir()
	file := filepath.Join(dir, "scenario.xml")
	text, err := template.New("scenario").Parse(r.scenario)
	require.NoError(t, err)
	var b strings.Builder
	require.NoError(t, text.Execute(&b, map[string]any{"Expect": r.expect, "User": r.user, "Password": r.password}))
	require.NoError(t, os.WriteFile(file, []byte(b.String()), 0o600))
	p := h.start(t, "sipp", "sipp", r.registrar+":5060", "-sf", file, "-m", "1", "-nostdin",
		"-i", h.ip, "-p", strconv.Itoa(r.port), "-mp", strconv.Itoa(r.port+1000), "-s", r.user,
		"-timeout", strconv.Itoa(int(sippWithin.Seconds())), "-timeout_error",
		"-trace_msg", "-message_file", filepath.Join(dir, "messages"), "-trace_err", "-error_file", filepath.Join(dir, "errors"))
	t.Cleanup(func() {
		if t.Failed() {
			for _, name := range []string{"messages", "errors"} {
				log, _ := os.ReadFile(filepath.Join(dir, name))
				t.Logf("sipp's %s at %s:\n%s", name, h.name, tail(string(log), logTail))
			}
		}
	})
	return p
}

// passes waits for a run to end and fails the test unless everything that its
// scenario expects came.
func passes(t testing.TB, p *process) {
	t.Helper()
	require.Zero(t, p.wait(t, sippWithin+5*time.Second), "exit code of %s", p.name)
}

// bound reports whether a UDP port of the host is taken.
func (h *host) bound(t testing.TB, port int) bool {
	t.Helper()
	return h.run(t, "ss", "-Hlun", "sport", "=", ":"+strconv.Itoa(port)) != ""
}
