// SPDX-FileCopyrightText: 2026 The sipnat authors
// SPDX-License-Identifier: MIT

package rtpengine

import (
	"context"
	"fmt"
	"net"
	"net/url"
	"strings"
)

// Dial returns a client with the zero [Config] for the engine at addr:
//
//	udp:HOST:PORT           as in Kamailio's rtpengine_sock; --listen-ng
//	ws://HOST:PORT          WebSocket; --listen-http, with wss:// --listen-https
//	http://HOST:PORT[/ng]   HTTP, likewise
//
// Nothing is sent: [Client.Ping] tells whether the engine is there.
func Dial(addr string) (*Client, error) { return Config{}.Dial(addr) }

// Dial is the function of that name for a client with this configuration.
func (c Config) Dial(addr string) (*Client, error) {
	client := newClient(c)
	primary, err := client.dial(addr)
	if err == nil && c.Alternative != "" {
		client.alternative, err = client.dial(c.Alternative)
	}
	if err != nil {
		if primary != nil {
			client.link = primary
			_ = client.Close()
		}
		return nil, err
	}
	client.link = primary
	return client, nil
}

// dial makes the link that an address stands for.
func (c *Client) dial(addr string) (link, error) {
	scheme, hostport, _ := strings.Cut(addr, ":")
	switch scheme {
	case "udp":
		conn, err := c.cfg.dialUDP(hostport)
		if err != nil {
			return nil, fmt.Errorf("rtpengine: address %q: %w", addr, err)
		}
		return newDatagramLink(c, conn), nil
	case "ws", "wss", "http", "https":
		u, err := url.Parse(addr)
		if err != nil {
			return nil, fmt.Errorf("rtpengine: address %q: %w", addr, err)
		}
		if u.Host == "" || u.Port() == "" {
			break
		}
		return c.stream(u), nil
	}
	return nil, fmt.Errorf("rtpengine: address %q: must be udp:HOST:PORT, ws://HOST:PORT or http://HOST:PORT", addr)
}

func (c *Client) stream(u *url.URL) link {
	if u.Scheme == "ws" || u.Scheme == "wss" {
		return &streamLink{c: c, carrier: &webSocket{c: c, url: u.String(), client: c.cfg.httpClient()}}
	}
	if u.Path == "" || u.Path == "/" {
		u.Path = "/ng"
	}
	return &streamLink{c: c, carrier: &httpPost{c: c, url: u.String(), client: c.cfg.httpClient()}}
}

func (c Config) dialUDP(hostport string) (net.Conn, error) {
	if c.DialContext != nil {
		return c.DialContext(context.Background(), "udp", hostport)
	}
	return net.Dial("udp", hostport)
}
