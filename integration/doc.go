// SPDX-FileCopyrightText: 2026 The sipnat authors
// SPDX-License-Identifier: MIT

// Package integration holds tests of the library against real peers on a real
// network: baresip and sipp as phones, Kamailio and rtpengine as daemons, and
// the kernel's own NAT, in network namespaces that each test builds for itself.
//
//	phone A  ─┐
//	phone A2 ─┴─ NAT A ─┐
//	                    ├─ public network ─┬─ edge (203.0.113.10, .11), rtpengine
//	phone B ──── NAT B ─┘                  └─ phone C (203.0.113.30), no NAT
//
// Both NATs map every flow to an arbitrary port and drop what was not asked
// for. The tests need root and Debian packages; what is missing skips a test
// with a reason, or fails it where SIPNAT_INTEGRATION=1:
//
//	apt-get install kamailio rtpengine-daemon sip-tester baresip iproute2 nftables
//	SIPNAT_INTEGRATION=1 go test ./integration
package integration
