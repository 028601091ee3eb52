// SPDX-FileCopyrightText: 2026 The sipnat authors
// SPDX-License-Identifier: MIT

package main

import (
	"errors"
	"net"
	"time"

	"github.com/pion/logging"
	"github.com/pion/transport/v4/vnet"
)

// mappingLife is how long Alice's NAT remembers a silent mapping. Real ones are
// told to keep it for two minutes (RFC 4787 REQ-5), and many do not.
const mappingLife = 2 * time.Second

const edgeIP = "203.0.113.10"

// world is the simulated network:
//
//	alice 192.168.1.2 - NAT 203.0.113.20 (symmetric, forgets soon) -+
//	                                                               +- edge 203.0.113.10
//	bob   192.168.1.2 - NAT 203.0.113.30 (port-restricted) ---------+
//	                                                               +- carol 203.0.113.40
type world struct {
	wan                     *vnet.Router
	edge, alice, bob, carol *vnet.Net
}

func newWorld() (*world, error) {
	logs := logging.NewDefaultLoggerFactory()
	wan, err := vnet.NewRouter(&vnet.RouterConfig{CIDR: "203.0.113.0/24", MinDelay: 2 * time.Millisecond, LoggerFactory: logs})
	if err != nil {
		return nil, err
	}
	w := &world{wan: wan}
	if w.edge, err = attach(wan, edgeIP); err != nil {
		return nil, err
	}
	if w.carol, err = attach(wan, "203.0.113.40"); err != nil {
		return nil, err
	}
	symmetric := vnet.NATType{MappingBehavior: vnet.EndpointAddrPortDependent, FilteringBehavior: vnet.EndpointAddrPortDependent, MappingLifeTime: mappingLife}
	if w.alice, err = behindNAT(wan, "203.0.113.20", &symmetric); err != nil {
		return nil, err
	}
	restricted := vnet.NATType{MappingBehavior: vnet.EndpointIndependent, FilteringBehavior: vnet.EndpointAddrPortDependent, MappingLifeTime: time.Minute}
	if w.bob, err = behindNAT(wan, "203.0.113.30", &restricted); err != nil {
		return nil, err
	}
	return w, wan.Start()
}

func attach(r *vnet.Router, ip string) (*vnet.Net, error) {
	host, err := vnet.NewNet(&vnet.NetConfig{StaticIPs: []string{ip}})
	if err != nil {
		return nil, err
	}
	return host, r.AddNet(host)
}

func behindNAT(wan *vnet.Router, public string, kind *vnet.NATType) (*vnet.Net, error) {
	lan, err := vnet.NewRouter(&vnet.RouterConfig{CIDR: "192.168.1.0/24", StaticIPs: []string{public}, NATType: kind, LoggerFactory: logging.NewDefaultLoggerFactory()})
	if err != nil {
		return nil, err
	}
	host, err := attach(lan, "192.168.1.2")
	if err != nil {
		return nil, err
	}
	return host, wan.AddRouter(lan)
}

func (w *world) close() { _ = w.wan.Stop() }

// socket is a simulated UDP socket that ends as a real one does, and whose
// writes may reuse the address: the simulation keeps it.
type socket struct{ net.PacketConn }

func listen(host *vnet.Net, addr string) (net.PacketConn, error) {
	pc, err := host.ListenPacket("udp4", addr)
	if err != nil {
		return nil, err
	}
	return socket{pc}, nil
}

func (s socket) ReadFrom(b []byte) (int, net.Addr, error) {
	n, from, err := s.PacketConn.ReadFrom(b)
	var timeout net.Error
	if err != nil && (!errors.As(err, &timeout) || !timeout.Timeout()) {
		err = net.ErrClosed
	}
	return n, from, err
}

func (s socket) WriteTo(b []byte, to net.Addr) (int, error) {
	u := *to.(*net.UDPAddr)
	return s.PacketConn.WriteTo(b, &u)
}
