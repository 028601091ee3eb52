// SPDX-FileCopyrightText: 2026 The sipnat authors
// SPDX-License-Identifier: MIT

package main

import (
	"fmt"
	"net"
	"net/netip"
	"strings"
	"sync"
	"time"

	"github.com/emiago/sipgo/sip"
	"github.com/pion/transport/v4/vnet"
)

// phone is as simple as a phone can be: it knows its own address and no other,
// writes it everywhere, does not ask for rport, and answers every call.
type phone struct {
	name  string
	addr  netip.AddrPort // what it believes to be its address
	edge  netip.AddrPort
	sip   net.PacketConn
	media *media
	wg    sync.WaitGroup

	mu      sync.Mutex
	waiting map[string]chan *sip.Response // by branch
	calls   map[string]*call              // by Call-ID
	serial  int
}

func newPhone(name string, host *vnet.Net, ip string, edge netip.AddrPort) (*phone, error) {
	p := &phone{
		name: name, addr: netip.MustParseAddrPort(ip + ":5060"), edge: edge,
		waiting: map[string]chan *sip.Response{}, calls: map[string]*call{},
	}
	var err error
	if p.sip, err = listen(host, p.addr.String()); err != nil {
		return nil, err
	}
	rtp, err := listen(host, ip+":4000")
	if err != nil {
		return nil, err
	}
	p.media = &media{pc: rtp, addr: netip.MustParseAddrPort(ip + ":4000")}
	p.wg.Go(p.read)
	p.wg.Go(p.media.count)
	return p, nil
}

func (p *phone) close() {
	_ = p.sip.Close()
	_ = p.media.pc.Close()
	p.wg.Wait()
}

func (p *phone) aor() string { return "sip:" + p.name + "@" + p.edge.Addr().String() }

// patience is how long a phone waits for an answer.
const patience = time.Second

// transact sends a request and waits for its final response.
func (p *phone) transact(r request) (*sip.Response, error) {
	branch, text := p.render(r)
	answers := make(chan *sip.Response, 8)
	p.mu.Lock()
	p.waiting[branch] = answers
	p.mu.Unlock()
	defer func() {
		p.mu.Lock()
		delete(p.waiting, branch)
		p.mu.Unlock()
	}()
	if err := p.send(text); err != nil {
		return nil, err
	}
	timeout := time.After(patience)
	for {
		select {
		case res := <-answers:
			if !res.IsProvisional() {
				return res, nil
			}
		case <-timeout:
			return nil, fmt.Errorf("%s: no answer to %s", p.name, r.method)
		}
	}
}

func (p *phone) send(text string) error {
	_, err := p.sip.WriteTo([]byte(text), net.UDPAddrFromAddrPort(p.edge))
	return err
}

// read takes messages off the socket until it is closed.
func (p *phone) read() {
	buf := make([]byte, 65535)
	for {
		n, _, err := p.sip.ReadFrom(buf)
		if err != nil {
			return
		}
		msg, err := sip.NewParser().ParseSIP(buf[:n])
		if err != nil {
			continue
		}
		switch m := msg.(type) {
		case *sip.Response:
			p.deliver(m)
		case *sip.Request:
			p.serve(m)
		}
	}
}

func (p *phone) deliver(res *sip.Response) {
	if res.Via() == nil {
		return
	}
	branch, _ := res.Via().Params.Get("branch")
	p.mu.Lock()
	answers := p.waiting[branch]
	p.mu.Unlock()
	select {
	case answers <- res:
	default: // late, or nobody waits
	}
}

// request is what differs from one request of a phone to the next.
type request struct {
	method, uri   string
	from, to      string // name-addr with tag
	callID        string
	cseq          int
	routes, extra []string
	body          string
}

func (p *phone) render(r request) (branch, text string) {
	p.mu.Lock()
	p.serial++
	branch = fmt.Sprintf("z9hG4bK-%s-%d", p.name, p.serial)
	p.mu.Unlock()
	lines := []string{
		r.method + " " + r.uri + " SIP/2.0",
		fmt.Sprintf("Via: SIP/2.0/UDP %s;branch=%s", p.addr, branch), // no rport
		"Max-Forwards: 70", "From: " + r.from, "To: " + r.to, "Call-ID: " + r.callID,
		fmt.Sprintf("CSeq: %d %s", r.cseq, r.method), "Contact: " + p.contact(),
	}
	for _, route := range r.routes {
		lines = append(lines, "Route: "+route)
	}
	lines = append(lines, r.extra...)
	if r.body != "" {
		lines = append(lines, "Content-Type: application/sdp")
	}
	lines = append(lines, fmt.Sprintf("Content-Length: %d", len(r.body)), "", r.body)
	return branch, strings.Join(lines, "\r\n")
}

func (p *phone) contact() string { return fmt.Sprintf("<sip:%s@%s>", p.name, p.addr) }

// register makes the phone reachable.
func (p *phone) register() error {
	p.mu.Lock()
	p.serial++
	cseq := p.serial
	p.mu.Unlock()
	res, err := p.transact(request{
		method: "REGISTER", uri: "sip:" + p.edge.Addr().String(), from: "<" + p.aor() + ">;tag=r", to: "<" + p.aor() + ">",
		callID: "reg-" + p.name, cseq: cseq, extra: []string{"Expires: 600"},
	})
	if err != nil {
		return err
	}
	if res.StatusCode != 200 {
		return fmt.Errorf("%s: REGISTER: %d %s", p.name, res.StatusCode, res.Reason)
	}
	return nil
}

// serve answers what the phone is asked.
func (p *phone) serve(req *sip.Request) {
	if req.CallID() == nil || req.Via() == nil || req.To() == nil {
		return
	}
	switch req.Method {
	case sip.INVITE:
		p.answer(req)
	case sip.ACK:
		if c := p.call(req.CallID().Value()); c != nil {
			c.acked.Add(1)
		}
	case sip.BYE:
		if c := p.call(req.CallID().Value()); c != nil {
			c.byes.Add(1)
		}
		p.respond(req, 200, "OK", "", "")
	default:
		p.respond(req, 200, "OK", "", "")
	}
}

func (p *phone) call(id string) *call {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.calls[id]
}

func (p *phone) respond(req *sip.Request, code int, reason, tag, body string) {
	res := sip.NewResponseFromRequest(req, code, reason, []byte(body))
	if tag != "" {
		res.To().Params.Add("tag", tag)
	}
	res.AppendHeader(sip.NewHeader("Contact", p.contact()))
	if body != "" {
		res.AppendHeader(sip.NewHeader("Content-Type", "application/sdp"))
	}
	_ = p.send(res.String())
}
