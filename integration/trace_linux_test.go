// SPDX-FileCopyrightText: 2026 The sipnat authors
// SPDX-License-Identifier: MIT

package integration_test

import (
	"regexp"
	"strings"
)

// traceHead is the line before each message in baresip's trace:
// "UDP 203.0.113.10:5060 -> 192.168.1.100:5060".
var traceHead = regexp.MustCompile(`(?m)^(?:UDP|TCP|TLS) (\S+):\d+ -> (\S+):\d+\r?\n`)

// traced returns the SIP messages that the phone received, or else sent, in order.
func (p *phone) traced(received bool) []string {
	log := p.output()
	var messages []string
	heads := traceHead.FindAllStringSubmatchIndex(log, -1)
	for i, h := range heads {
		end := len(log)
		if i+1 < len(heads) {
			end = heads[i+1][0]
		}
		if to := log[h[4]:h[5]]; (to == p.host.ip) == received {
			messages = append(messages, log[h[1]:end])
		}
	}
	return messages
}

// received counts the messages from the network that begin so. One that a busy
// machine made somebody repeat counts once: it has the same Call-ID and CSeq.
func (p *phone) received(prefix string) int {
	return beginning(p.traced(true), prefix)
}

// sent counts the messages to the network that begin so.
func (p *phone) sent(prefix string) int {
	return beginning(p.traced(false), prefix)
}

// answers counts the 200 responses that the phone received to a method.
func (p *phone) answers(method string) int {
	n := 0
	for _, m := range p.traced(true) {
		if strings.HasPrefix(m, "SIP/2.0 200") && strings.Contains(m, " "+method+"\r\n") {
			n++
		}
	}
	return n
}

func beginning(messages []string, prefix string) int {
	seen := map[string]bool{}
	for _, m := range messages {
		if strings.HasPrefix(m, prefix) {
			seen[strings.Join(identity.FindAllString(m, -1), "")] = true
		}
	}
	return len(seen)
}

// identity is what a repeated message has in common with the first.
var identity = regexp.MustCompile(`(?m)^(Call-ID|CSeq): .*$`)
