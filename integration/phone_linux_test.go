// SPDX-FileCopyrightText: 2026 The sipnat authors
// SPDX-License-Identifier: MIT

package integration_test

import (
	"encoding/json"
	"fmt"
	"net"
	"strings"
	"sync"
	"testing"
	"time"
)

// phone is a running baresip.
type phone struct {
	*process
	host *host
	cfg  phoneConfig
	ctrl net.Conn

	mu     sync.Mutex
	events []phoneEvent
	seen   int // events that expect has passed
	reply  map[string]string
	token  int
}

// phoneConfig is an account; the zero value of each field but user is useful.
type phoneConfig struct {
	user      string
	password  string
	transport string // "udp" (default) or "tcp"
	registrar string // default: the edge's first address
	manual    bool   // calls are answered by command instead of at once
	regint    int    // seconds; 0 means 600, negative does not register
}

// phoneEvent is what baresip tells of a registration or call.
type phoneEvent struct {
	Event bool   `json:"event"`
	Type  string `json:"type"`
	Class string `json:"class"`
	Peer  string `json:"peeruri"`
	Param string `json:"param"`

	Response bool   `json:"response"`
	OK       bool   `json:"ok"`
	Data     string `json:"data"`
	Token    string `json:"token"`
}

// answerWithin is the time that a peer gets to react. Timer B is above it.
const answerWithin = 15 * time.Second

// phone starts a baresip on the host and waits until it is registered.
func (h *host) phone(t testing.TB, cfg phoneConfig) *phone {
	t.Helper()
	need(t, "baresip")
	if cfg.registrar == "" {
		cfg.registrar = edgeIP
	}
	if cfg.transport == "" {
		cfg.transport = "udp"
	}
	dir := baresipDir(t, h, cfg)
	p := &phone{host: h, cfg: cfg, reply: map[string]string{}}
	p.process = h.start(t, "baresip-"+cfg.user, "baresip", "-4", "-s", "-f", dir)
	p.ready(t, "control port", func() (ok bool) {
		c, err := h.dialTCP("127.0.0.1:4444")
		if err != nil {
			return false
		}
		p.ctrl = c
		return true
	})
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		readNetstrings(p.ctrl, p.take)
	}()
	t.Cleanup(func() {
		_ = p.ctrl.Close()
		<-ended
	})
	if cfg.regint >= 0 {
		p.ready(t, "registration", func() bool {
			return strings.Contains(p.do(t, "reginfo", ""), "OK")
		})
	}
	return p
}

// uri is the address of record.
func (p *phone) uri() string {
	return "sip:" + p.cfg.user + "@" + p.cfg.registrar
}

// take keeps an event or the reply to a command.
func (p *phone) take(b []byte) {
	var e phoneEvent
	if json.Unmarshal(b, &e) != nil {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if e.Event {
		p.events = append(p.events, e)
	}
	if e.Response {
		p.reply[e.Token] = e.Data
	}
}

// do gives baresip a command ("dial", "hangup", "accept", "hold", "resume") and
// returns what it printed.
func (p *phone) do(t testing.TB, command, params string) string {
	t.Helper()
	p.mu.Lock()
	p.token++
	token := fmt.Sprint(p.token)
	p.mu.Unlock()
	b, err := json.Marshal(map[string]string{"command": command, "params": params, "token": token})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := fmt.Fprintf(p.ctrl, "%d:%s,", len(b), b); err != nil {
		t.Fatalf("%s: %v", p.name, err)
	}
	var data string
	p.ready(t, "reply to "+command, func() (ok bool) {
		p.mu.Lock()
		defer p.mu.Unlock()
		data, ok = p.reply[token]
		return ok
	})
	return data
}

// expect waits for the next event of that type, after those that it saw before.
func (p *phone) expect(t testing.TB, kind string) {
	t.Helper()
	p.ready(t, kind, func() bool { return p.next(kind) })
}

func (p *phone) next(kind string) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	for i := p.seen; i < len(p.events); i++ {
		if p.events[i].Type == kind {
			p.seen = i + 1
			return true
		}
	}
	return false
}
