// SPDX-FileCopyrightText: 2026 The sipnat authors
// SPDX-License-Identifier: MIT

package relay

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/netip"
	"sync"
)

// maxBinds is how many pairs are tried before the host is believed to have none
// left: others may use ports of our range.
const maxBinds = 64

var errNoPorts = errors.New("relay: all ports are in use")

// pool hands out pairs of neighbouring ports of one local address, the even one
// for RTP and the next for RTCP (RFC 3550 section 11). They come in random order:
// the next one must not be guessable by who wants to be there first.
type pool struct {
	listen func(network, address string) (net.PacketConn, error)
	local  netip.Addr
	first  int // and last: the range
	last   int

	mu   sync.Mutex
	free []uint16
}

// pair is two open ports.
type pair struct {
	port  uint16
	conns [2]net.PacketConn
}

func newPool(cfg *Config, local netip.Addr) (*pool, error) {
	first, last, err := cfg.ports()
	if err != nil {
		return nil, err
	}
	p := &pool{listen: cfg.Listen, local: local, first: first, last: last}
	if p.listen == nil {
		p.listen = net.ListenPacket
	}
	for port := first; port < last; port += 2 {
		p.free = append(p.free, uint16(port))
	}
	return p, nil
}

// open returns a pair that nobody has. It goes back by put, after both
// connections were closed.
func (p *pool) open() (pair, error) {
	var taken []uint16
	defer func() { p.put(taken...) }()
	err := errNoPorts
	for range maxBinds {
		port, ok := p.take()
		if !ok {
			return pair{}, err
		}
		var pr pair
		if pr, err = p.bind(port); err == nil {
			return pr, nil
		}
		taken = append(taken, port)
	}
	return pair{}, err
}

func (p *pool) bind(port uint16) (pair, error) {
	network := "udp6"
	if p.local.Is4() {
		network = "udp4"
	}
	pr := pair{port: port}
	for i := range pr.conns {
		c, err := p.listen(network, netip.AddrPortFrom(p.local, port+uint16(i)).String())
		if err != nil {
			if i == 1 {
				_ = pr.conns[0].Close()
			}
			return pair{}, err
		}
		pr.conns[i] = c
	}
	return pr, nil
}

// probe opens a pair and closes it again.
func (p *pool) probe() error {
	pr, err := p.open()
	if err != nil {
		return fmt.Errorf("relay: opening a media port: %w", err)
	}
	for _, c := range pr.conns {
		_ = c.Close()
	}
	p.put(pr.port)
	return nil
}

// left is how many pairs nobody has.
func (p *pool) left() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.free)
}

func (p *pool) take() (port uint16, ok bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	n := len(p.free)
	if n == 0 {
		return 0, false
	}
	i := rand.IntN(n)
	port = p.free[i]
	p.free[i] = p.free[n-1]
	p.free = p.free[:n-1]
	return port, true
}

func (p *pool) put(ports ...uint16) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.free = append(p.free, ports...)
}
