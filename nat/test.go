// SPDX-FileCopyrightText: 2026 The sipnat authors
// SPDX-License-Identifier: MIT

package nat

import (
	"errors"
	"fmt"
	"iter"
	"math/bits"
	"strconv"
	"strings"
)

// Test is a set of detection tests. The values are those of Kamailio's
// nat_uac_test (not those of OpenSIPS, whose 32, 64 and 128 mean other things).
type Test uint16

// The tests, by what fires them.
const (
	// TestContact: the host of a Contact is a private address (IsPrivate).
	TestContact Test = 1 << iota
	// TestReceived: the sent-by of the first Via is not the source address. A
	// host name never is. In a reply: the address in its Contact is not.
	TestReceived
	// TestVia: the sent-by of the first Via is a private address.
	TestVia
	// TestSDP: a c= line of the SDP holds a private address.
	TestSDP
	// TestPort: the port of the first Via is not the source port. In a reply:
	// the port of its Contact is not.
	TestPort
	// TestSource: the source address is private.
	TestSource
	// TestWebSocket: the message came over WS or WSS.
	TestWebSocket
	// TestContactPort: the port of a Contact is not the source port.
	TestContactPort
	// TestSDPSource: a c= line of the SDP holds another address than the
	// source. The null address of a held stream does not count.
	TestSDPSource
	// TestDestination: the Request-URI leads to a WebSocket client, as
	// Kamailio's 512 judges a request that has no $du.
	TestDestination
)

// TestAll is every test.
const TestAll = TestDestination<<1 - 1

// testCount is the number of tests: the slots of evidence in a Verdict.
const testCount = 10

var testNames = [testCount]string{
	"contact", "received", "via", "sdp", "port",
	"source", "websocket", "contact-port", "sdp-source", "destination",
}

// ErrTest says that a text names no test.
var ErrTest = errors.New("nat: unknown test")

// ParseTests reads a set of tests: a number as nat_uac_test takes it ("18"),
// "all", or the names that String writes, separated by commas, blanks, "|" or
// "+"; numbers and names may be mixed. An empty set is an ErrTest, as is
// everything else.
func ParseTests(s string) (Test, error) {
	var tests Test
	for _, word := range strings.FieldsFunc(s, isTestSeparator) {
		t, err := parseTest(word)
		if err != nil {
			return 0, err
		}
		tests |= t
	}
	if tests == 0 {
		return 0, fmt.Errorf("%w: %q names none", ErrTest, s)
	}
	return tests, nil
}

func isTestSeparator(r rune) bool { return strings.ContainsRune(",|+ \t", r) }

func parseTest(word string) (Test, error) {
	if strings.EqualFold(word, "all") {
		return TestAll, nil
	}
	for i, name := range testNames {
		if strings.EqualFold(word, name) {
			return 1 << i, nil
		}
	}
	n, err := strconv.ParseUint(word, 10, 16)
	if err != nil || Test(n)&^TestAll != 0 {
		return 0, fmt.Errorf("%w: %q", ErrTest, word)
	}
	return Test(n), nil
}

// String is the names of the tests, joined by "|"; "none" for the empty set.
// Bits that are no test are not shown.
func (t Test) String() string {
	if t&TestAll == 0 {
		return "none"
	}
	var b strings.Builder
	for one := range t.Each() {
		if b.Len() > 0 {
			b.WriteByte('|')
		}
		b.WriteString(testNames[one.slot()])
	}
	return b.String()
}

// Each yields the tests of the set one by one, in the order of their values.
func (t Test) Each() iter.Seq[Test] {
	return func(yield func(Test) bool) {
		for one := TestContact; one <= TestDestination; one <<= 1 {
			if t&one != 0 && !yield(one) {
				return
			}
		}
	}
}

// slot is the place of a single test in tables of testCount.
func (t Test) slot() int { return bits.TrailingZeros16(uint16(t)) }
