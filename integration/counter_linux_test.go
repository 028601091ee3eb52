// SPDX-FileCopyrightText: 2026 The sipnat authors
// SPDX-License-Identifier: MIT

package integration_test

import (
	"encoding/json"
	"fmt"
	"sync/atomic"
	"testing"
	"time"
)

// counter is a packet counter of the kernel in one host's namespace. It counts
// from its creation, and again from each reset.
type counter struct {
	host        *host
	table, name string
}

// counterSerial names counters.
var counterSerial atomic.Int32

// count counts packets that match, in nft's words, at "input" or "output".
func (h *host) count(t testing.TB, hook, match string) *counter {
	t.Helper()
	c := &counter{host: h, table: fmt.Sprintf("count%d", counterSerial.Add(1)), name: "hits"}
	h.nft(t, fmt.Sprintf(`table inet %s {
	counter hits { }
	chain look {
		type filter hook %s priority -300;
		%s counter name hits
	}
}
`, c.table, hook, match))
	return c
}

// countRTP counts the RTP packets that arrive from one address or, with "",
// from anywhere: G.711 in 20 ms packets, 160 bytes of sound, 12 of RTP, 8 of UDP.
// RTCP has other lengths.
func (h *host) countRTP(t testing.TB, from string) *counter {
	t.Helper()
	match := "udp length 180"
	if from != "" {
		match = "ip saddr " + from + " " + match
	}
	return h.count(t, "input", match)
}

// unsolicited counts what a NAT dropped because no mapping asked for it.
func (h *host) unsolicited() *counter {
	return &counter{host: h, table: "guard", name: "unsolicited"}
}

// misdirected counts what a NAT dropped of the edge's SIP: with each phone's
// mapping alive that is what the edge sent to a wrong port. Early RTP is not in it.
func (h *host) misdirected() *counter {
	return &counter{host: h, table: "guard", name: "sip"}
}

// packets is the number of packets so far.
func (c *counter) packets(t testing.TB) int {
	t.Helper()
	return c.read(t, "list")
}

// reset sets the counter to zero.
func (c *counter) reset(t testing.TB) {
	t.Helper()
	c.read(t, "reset")
}

func (c *counter) read(t testing.TB, verb string) int {
	t.Helper()
	out := c.host.run(t, "nft", "-j", verb, "counter", "inet", c.table, c.name)
	var reply struct {
		Nftables []struct {
			Counter *struct {
				Packets int `json:"packets"`
			} `json:"counter"`
		} `json:"nftables"`
	}
	if err := json.Unmarshal([]byte(out), &reply); err != nil {
		t.Fatalf("%s: nft: %v in %q", c.host.name, err, out)
	}
	for _, o := range reply.Nftables {
		if o.Counter != nil {
			return o.Counter.Packets
		}
	}
	t.Fatalf("%s: nft: no counter in %q", c.host.name, out)
	return 0
}

// receive waits until each counter has n packets more than now. Fifty a second
// come from a G.711 phone.
func receive(t testing.TB, n int, counters ...*counter) {
	t.Helper()
	want := make([]int, len(counters))
	for i, c := range counters {
		want[i] = c.packets(t) + n
	}
	for i, c := range counters {
		var got int
		eventually(t, time.Duration(n)*20*time.Millisecond+5*time.Second, "RTP at "+c.host.name, func() bool {
			got = c.packets(t)
			return got >= want[i]
		})
	}
}

// quiet waits until no counter has moved for some packets' time.
func quiet(t testing.TB, counters ...*counter) {
	t.Helper()
	for _, c := range counters {
		last, since := -1, time.Now()
		eventually(t, answerWithin, "no RTP at "+c.host.name, func() bool {
			if n := c.packets(t); n != last {
				last, since = n, time.Now()
			}
			return time.Since(since) > 10*rtpPause
		})
	}
}
