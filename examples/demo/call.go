// SPDX-FileCopyrightText: 2026 The sipnat authors
// SPDX-License-Identifier: MIT

package main

import (
	"fmt"
	"net/netip"
	"slices"
	"sync/atomic"
	"time"

	"github.com/emiago/sipgo/sip"
	"github.com/pion/sdp/v3"
)

// call is one phone's side of a call.
type call struct {
	phone         *phone
	id            string
	local, remote string // name-addr with tag
	target        string
	routes        []string
	cseq          int
	acked, byes   atomic.Int32
	theirs        atomic.Pointer[netip.AddrPort] // where the other side wants RTP
	answeredByTag string
}

// dial calls another phone and returns when it has answered.
func (p *phone) dial(other *phone) (*call, error) {
	p.mu.Lock()
	p.serial++
	c := &call{phone: p, id: fmt.Sprintf("call-%s-%s-%d", p.name, other.name, p.serial), local: "<" + p.aor() + ">;tag=caller", remote: "<" + other.aor() + ">", target: other.aor(), cseq: 1}
	p.calls[c.id] = c
	p.mu.Unlock()
	res, err := p.transact(c.request("INVITE", p.media.sdp("sendrecv")))
	if err != nil {
		return nil, err
	}
	if err := c.accept(res); err != nil {
		return nil, err
	}
	c.remote = res.To().Value()
	for _, h := range res.GetHeaders("record-route") {
		c.routes = append(c.routes, h.Value())
	}
	slices.Reverse(c.routes)
	return c, c.ack()
}

func (c *call) request(method, body string) request {
	return request{method: method, uri: c.target, from: c.local, to: c.remote, callID: c.id, cseq: c.cseq, routes: c.routes, body: body}
}

// accept takes the answer of a 200.
func (c *call) accept(res *sip.Response) error {
	if res.StatusCode != 200 {
		return fmt.Errorf("%s: %d %s", c.phone.name, res.StatusCode, res.Reason)
	}
	if res.Contact() == nil {
		return fmt.Errorf("%s: 200 without Contact", c.phone.name)
	}
	c.target = res.Contact().Address.String()
	return c.hear(res.Body())
}

// hear notes where the other side wants RTP.
func (c *call) hear(body []byte) error {
	var d sdp.SessionDescription
	if err := d.Unmarshal(body); err != nil {
		return err
	}
	m := d.MediaDescriptions[0]
	conn := d.ConnectionInformation
	if m.ConnectionInformation != nil {
		conn = m.ConnectionInformation
	}
	ip, err := netip.ParseAddr(conn.Address.Address)
	if err != nil {
		return err
	}
	to := netip.AddrPortFrom(ip, uint16(m.MediaName.Port.Value))
	c.theirs.Store(&to)
	return nil
}

func (c *call) ack() error {
	_, text := c.phone.render(c.request("ACK", ""))
	return c.phone.send(text)
}

// reinvite renegotiates the call: "sendonly" is hold, "sendrecv" resumes.
func (c *call) reinvite(direction string) error {
	c.cseq++
	res, err := c.phone.transact(c.request("INVITE", c.phone.media.sdp(direction)))
	if err != nil {
		return err
	}
	if err := c.accept(res); err != nil {
		return err
	}
	return c.ack()
}

func (c *call) hangUp() error {
	c.cseq++
	res, err := c.phone.transact(c.request("BYE", ""))
	if err != nil {
		return err
	}
	if res.StatusCode != 200 {
		return fmt.Errorf("%s: BYE: %d %s", c.phone.name, res.StatusCode, res.Reason)
	}
	return nil
}

// ringing is how long a phone rings before it answers by itself.
const ringing = 20 * time.Millisecond

// answer rings and answers a call, or agrees to a re-INVITE.
func (p *phone) answer(req *sip.Request) {
	id := req.CallID().Value()
	c := p.call(id)
	if c == nil {
		c = &call{phone: p, id: id, cseq: 1, answeredByTag: "callee-" + p.name}
		p.mu.Lock()
		p.calls[id] = c
		p.mu.Unlock()
		p.respond(req, 180, "Ringing", c.answeredByTag, "")
		time.Sleep(ringing)
		c.remote = req.From().Value()
		c.local = req.To().Value() + ";tag=" + c.answeredByTag
		for _, h := range req.GetHeaders("record-route") {
			c.routes = append(c.routes, h.Value())
		}
	}
	if req.Contact() != nil {
		c.target = req.Contact().Address.String()
	}
	if err := c.hear(req.Body()); err != nil {
		p.respond(req, 488, "Not Acceptable Here", c.answeredByTag, "")
		return
	}
	p.respond(req, 200, "OK", c.answeredByTag, p.media.sdp("sendrecv"))
}

// packets is how many RTP packets each side sends when it talks.
const packets = 20

// talk has both sides send RTP where they were told to, and counts what came.
func talk(a, b *call) (atA, atB int) {
	a.phone.media.got.Store(0)
	b.phone.media.got.Store(0)
	for range packets {
		a.phone.media.send(*a.theirs.Load())
		b.phone.media.send(*b.theirs.Load())
		time.Sleep(5 * time.Millisecond)
	}
	time.Sleep(30 * time.Millisecond) // what is on its way
	return int(a.phone.media.got.Load()), int(b.phone.media.got.Load())
}
