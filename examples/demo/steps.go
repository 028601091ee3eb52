// SPDX-FileCopyrightText: 2026 The sipnat authors
// SPDX-License-Identifier: MIT

package main

import (
	"fmt"
	"time"
)

// cast is everybody, on one edge.
type cast struct {
	edge              *edge
	alice, bob, carol *phone
}

func (d *demo) cast(handling bool) (*cast, error) {
	w, err := newWorld()
	if err != nil {
		return nil, err
	}
	d.closers = append(d.closers, w.close)
	e, err := startEdge(w.edge, handling, &d.tap)
	if err != nil {
		return nil, err
	}
	d.closers = append(d.closers, e.close)
	c := &cast{edge: e}
	if c.alice, err = newPhone("alice", w.alice, "192.168.1.2", e.addr); err != nil {
		return nil, err
	}
	d.closers = append(d.closers, c.alice.close)
	if c.bob, err = newPhone("bob", w.bob, "192.168.1.2", e.addr); err != nil {
		return nil, err
	}
	d.closers = append(d.closers, c.bob.close)
	if c.carol, err = newPhone("carol", w.carol, "203.0.113.40", e.addr); err != nil {
		return nil, err
	}
	d.closers = append(d.closers, c.carol.close)
	return c, nil
}

// withHandling is the main job: everything must work.
func (d *demo) withHandling() error {
	c, err := d.cast(true)
	if err != nil {
		return err
	}
	for _, p := range []*phone{c.alice, c.bob, c.carol} {
		d.verdict("register "+p.name, p.register(), fmt.Sprintf("%s says that it is %s", p.name, p.addr))
	}
	for i, pair := range [][2]*phone{{c.alice, c.bob}, {c.bob, c.alice}, {c.alice, c.carol}, {c.carol, c.alice}, {c.bob, c.carol}, {c.carol, c.bob}} {
		d.call(pair[0], pair[1], i == 0)
	}

	silence := mappingLife * 5 / 2
	d.say("silence for %s; alice's NAT forgets after %s, the edge pings every %s", silence, mappingLife, pingInterval)
	time.Sleep(silence)
	talked, err := c.carol.dial(c.alice)
	d.verdict("pinhole held open", err, "a call reaches alice after the silence")
	if err == nil {
		d.verdict("hang up after the silence", talked.hangUp(), "")
	}
	return nil
}

// call is a whole call: answered, talked, held and resumed by either side,
// hung up.
func (d *demo) call(from, to *phone, show bool) {
	step := func(name string) string { return fmt.Sprintf("%s calls %s: %s", from.name, to.name, name) }
	d.tap.record(show)
	mine, err := from.dial(to)
	if !d.verdict(step("answered"), err, "") {
		return
	}
	theirs := to.call(mine.id)
	d.rtp(step("RTP"), mine, theirs)
	if show {
		d.ladder(from.name, to.name)
	}
	d.tap.record(false)
	for _, side := range []*call{mine, theirs} {
		err := side.reinvite("sendonly")
		if err == nil {
			err = side.reinvite("sendrecv")
		}
		d.verdict(step("held and resumed by "+side.phone.name), err, "")
		d.rtp(step("RTP after "+side.phone.name+"'s hold"), mine, theirs)
	}
	err = theirs.hangUp()
	if err == nil && mine.byes.Load() != 1 {
		err = fmt.Errorf("%s got %d BYEs", from.name, mine.byes.Load())
	}
	if err == nil && theirs.acked.Load() < 1 {
		err = fmt.Errorf("%s got no ACK", to.name)
	}
	d.verdict(step("hung up by "+to.name), err, "")
}

func (d *demo) rtp(step string, a, b *call) {
	atA, atB := talk(a, b)
	var err error
	if atA < packets*8/10 || atB < packets*8/10 {
		err = fmt.Errorf("of %d packets each way %s got %d, %s got %d", packets, a.phone.name, atA, b.phone.name, atB)
	}
	d.verdict(step, err, fmt.Sprintf("%s got %d, %s got %d of %d", a.phone.name, atA, b.phone.name, atB, packets))
}

// withoutHandling is the same on a server that believes what it reads: it must
// fail, or the steps above have proved nothing.
func (d *demo) withoutHandling() error {
	c, err := d.cast(false)
	if err != nil {
		return err
	}
	d.verdict("without NAT handling: carol, who is public, registers", c.carol.register(), "")
	d.mustFail("without NAT handling: alice gets no answer to REGISTER", c.alice.register())
	_, err = c.carol.dial(c.alice)
	d.mustFail("without NAT handling: nobody can call alice", err)
	return nil
}
