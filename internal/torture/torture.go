// SPDX-FileCopyrightText: 2026 The sipnat authors
// SPDX-License-Identifier: MIT

// Package torture has the messages of RFC 4475, in our own words: each has what
// the RFC's message of that name is about, and other names and addresses. Tests
// show them to everything that reads messages.
//
//	for _, m := range torture.Messages() {
//		msg, err := sip.NewParser().ParseSIP(m.Wire())
//		require.Equal(t, m.Refused, err != nil, m.Name)
//	}
package torture

import (
	"slices"
	"strconv"
	"strings"
)

// Message is one message of RFC 4475.
type Message struct {
	// Name is the RFC's, such as "wsinv".
	Name string
	// Refused says that sipgo 1.7.2 does not parse it.
	Refused bool

	text string // lines end in \n; {len} is the length of the body
}

// Wire is the message as it is sent.
func (m Message) Wire() []byte {
	head, body, _ := strings.Cut(m.text, "\n\n")
	body = strings.ReplaceAll(body, "\n", "\r\n")
	head = strings.ReplaceAll(head, "{len}", strconv.Itoa(len(body)))
	return []byte(strings.ReplaceAll(head, "\n", "\r\n") + "\r\n\r\n" + body)
}

// Messages are all of them, in the order of the RFC.
func Messages() []Message {
	return slices.Concat(valid(), invalid(), semantic())
}
