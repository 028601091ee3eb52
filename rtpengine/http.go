// SPDX-FileCopyrightText: 2026 The sipnat authors
// SPDX-License-Identifier: MIT

package rtpengine

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"time"
)

// idle is how long a connection is kept without use. The engine's HTTP server
// closes it after some 5 s, and a request must not meet that.
const idle = 4 * time.Second

// httpPost carries each command in a POST of its own. Refusals by the engine
// are ordinary replies with status 200.
type httpPost struct {
	c      *Client
	url    string
	client *http.Client
}

func (h *httpPost) carry(ctx context.Context, request []byte) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, h.url, bytes.NewReader(request))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/x-rtpengine-ng")
	res, err := h.client.Do(req)
	if err != nil {
		return err
	}
	defer func() { _ = res.Body.Close() }()
	body, err := io.ReadAll(io.LimitReader(res.Body, maxReply))
	switch {
	case err != nil:
		return err
	case res.StatusCode != http.StatusOK:
		// 404 for a wrong path, and 600 for what the engine cannot read.
		return fmt.Errorf("HTTP status %d", res.StatusCode)
	}
	h.c.deliver(body)
	return nil
}

func (h *httpPost) reset() { h.client.CloseIdleConnections() }

func (h *httpPost) wait() { h.client.CloseIdleConnections() }

// httpClient returns a client of the engine's own: no proxy, no redirects, and
// as many connections as there may be commands.
func (c Config) httpClient() *http.Client {
	dial := c.DialContext
	if dial == nil {
		dial = (&net.Dialer{Timeout: c.timeout()}).DialContext
	}
	return &http.Client{
		Transport: &http.Transport{
			DialContext:         dial,
			TLSClientConfig:     c.TLS,
			MaxIdleConns:        c.window(),
			MaxIdleConnsPerHost: c.window(),
			IdleConnTimeout:     idle,
			TLSHandshakeTimeout: c.timeout(),
		},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}
