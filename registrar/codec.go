// SPDX-FileCopyrightText: 2026 The sipnat authors
// SPDX-License-Identifier: MIT

package registrar

import (
	"encoding/binary"
	"errors"
	"math"
	"net/netip"
	"time"

	"github.com/sipnat/sipnat/flow"
)

// codecVersion is the first byte of what AppendBindings writes.
const codecVersion = 1

// noTime stands for the zero time.Time, which has no nanoseconds since 1970.
const noTime = math.MinInt64

// ErrEncoding says that bytes are not what AppendBindings has written, or what
// a later version of this package has.
var ErrEncoding = errors.New("registrar: not an encoding of bindings")

// AppendBindings appends the encoding of list to b, for stores outside of the
// process. Times are kept to the nanosecond, without their zone.
func AppendBindings(b []byte, list []Binding) []byte {
	b = append(b, codecVersion)
	b = binary.AppendUvarint(b, uint64(len(list)))
	for i := range list {
		b = appendBinding(b, &list[i])
	}
	return b
}

func appendBinding(b []byte, x *Binding) []byte {
	for _, s := range []string{x.ID, x.AOR, x.Contact, x.CallID, x.InstanceID, x.UserAgent, x.Node} {
		b = appendString(b, s)
	}
	b = binary.AppendVarint(b, int64(x.Q))
	b = binary.AppendVarint(b, nanos(x.Expires))
	b = binary.AppendVarint(b, nanos(x.Updated))
	b = binary.AppendUvarint(b, uint64(x.CSeq))
	b = binary.AppendUvarint(b, uint64(x.RegID))
	b = binary.AppendUvarint(b, x.Boot)
	b = append(b, byte(x.Flow.Transport), bit(x.NAT))
	b = appendAddr(b, x.Flow.Local)
	b = appendAddr(b, x.Flow.Remote)
	b = binary.AppendUvarint(b, x.Flow.Conn)
	b = binary.AppendUvarint(b, uint64(len(x.Path)))
	for _, hop := range x.Path {
		b = appendString(b, hop)
	}
	return b
}

func appendString(b []byte, s string) []byte {
	return append(binary.AppendUvarint(b, uint64(len(s))), s...)
}

func appendAddr(b []byte, a netip.AddrPort) []byte {
	ip := a.Addr().AsSlice() // zones are of link-local peers, whom no binding has
	b = append(b, byte(len(ip)))
	b = append(b, ip...)
	return binary.BigEndian.AppendUint16(b, a.Port())
}

func bit(set bool) byte {
	if set {
		return 1
	}
	return 0
}

func nanos(t time.Time) int64 {
	if t.IsZero() {
		return noTime
	}
	return t.UnixNano()
}

// ParseBindings is the inverse of AppendBindings. It never panics, whatever b
// holds, and returns ErrEncoding for everything else. What it allocates is
// bounded by the length of b, which it does not keep.
func ParseBindings(b []byte) ([]Binding, error) {
	c := cursor{s: string(b)}
	if c.octet() != codecVersion {
		return nil, ErrEncoding
	}
	const least = 20 // bytes of the smallest binding
	n := c.uint(math.MaxInt64)
	if c.failed || n > uint64(len(c.s))/least {
		return nil, ErrEncoding
	}
	list := make([]Binding, n)
	for i := range list {
		c.binding(&list[i])
	}
	if c.failed || c.s != "" {
		return nil, ErrEncoding
	}
	return list, nil
}

// cursor reads an encoding from the front. Once it has failed it reads zeros.
type cursor struct {
	s      string
	failed bool
}

func (c *cursor) binding(x *Binding) {
	for _, s := range []*string{&x.ID, &x.AOR, &x.Contact, &x.CallID, &x.InstanceID, &x.UserAgent, &x.Node} {
		*s = c.text()
	}
	x.Q = int(c.int())
	x.Expires, x.Updated = c.time(), c.time()
	x.CSeq, x.RegID = uint32(c.uint(math.MaxUint32)), uint32(c.uint(math.MaxUint32))
	x.Boot = c.uint(math.MaxUint64)
	x.Flow.Transport, x.NAT = flow.Transport(c.octet()), c.octet() == 1
	x.Flow.Local, x.Flow.Remote = c.addr(), c.addr()
	x.Flow.Conn = c.uint(math.MaxUint64)
	n := c.uint(math.MaxUint64)
	if n > uint64(len(c.s)) {
		c.fail()
		return
	}
	if n > 0 && !c.failed {
		x.Path = make([]string, 0, min(n, maxPathHops))
	}
	for range n {
		x.Path = append(x.Path, c.text())
		if c.failed {
			return
		}
	}
}

func (c *cursor) fail() { c.s, c.failed = "", true }

func (c *cursor) take(n uint64) string {
	if n > uint64(len(c.s)) {
		c.fail()
		return ""
	}
	head := c.s[:n]
	c.s = c.s[n:]
	return head
}

func (c *cursor) octet() byte {
	if head := c.take(1); head != "" {
		return head[0]
	}
	return 0
}

func (c *cursor) text() string { return c.take(c.uint(math.MaxUint64)) }

// uint reads an unsigned number up to most.
func (c *cursor) uint(most uint64) uint64 {
	var n uint64
	for shift := 0; ; shift += 7 {
		b := c.octet()
		if c.failed || shift == 63 && b > 1 {
			c.fail()
			return 0
		}
		n |= uint64(b&0x7f) << shift
		if b < 0x80 {
			break
		}
	}
	if n > most {
		c.fail()
		return 0
	}
	return n
}

func (c *cursor) int() int64 {
	u := c.uint(math.MaxUint64)
	return int64(u>>1) ^ -int64(u&1)
}

func (c *cursor) time() time.Time {
	if n := c.int(); n != noTime {
		return time.Unix(0, n)
	}
	return time.Time{}
}

func (c *cursor) addr() netip.AddrPort {
	ip, ok := netip.AddrFromSlice([]byte(c.take(uint64(c.octet()))))
	port := c.take(2)
	if c.failed {
		return netip.AddrPort{}
	}
	if p := uint16(port[0])<<8 | uint16(port[1]); ok || p != 0 {
		return netip.AddrPortFrom(ip, p)
	}
	return netip.AddrPort{}
}
