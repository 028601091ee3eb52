// SPDX-FileCopyrightText: 2026 The sipnat authors
// SPDX-License-Identifier: MIT

package rtpengine

import (
	"context"
	"strconv"
	"time"
)

// List returns the call-ids that the engine has, limit of them at most; zero is
// the engine's own limit of 32. Whether there are more goes unsaid, so ask for
// many: a list too large for a datagram needs Config.Alternative.
func (c *Client) List(ctx context.Context, limit int) ([]string, error) {
	d := Dict{}
	if limit < 0 {
		return nil, &ParamError{"list", "limit", "is negative"}
	}
	number(d, "limit", int64(limit))
	reply, err := c.Do(ctx, "list", d)
	if err != nil {
		return nil, err
	}
	return stringsOf(reply["calls"]), nil
}

// Statistics is what an engine counts.
type Statistics struct {
	// Sessions are the calls right now, Foreign those of them that are another
	// engine's, Transcoded the media lines that are transcoded.
	Sessions, Foreign, Transcoded int64
	// PacketRate, ByteRate and ErrorRate are per second.
	PacketRate, ByteRate, ErrorRate int64

	// Since the engine began, Uptime ago:
	Uptime                              time.Duration
	Managed, Rejected, TimedOut         int64 // calls
	RelayedPackets, RelayedPacketErrors int64
	RelayedBytes                        int64
	OneWay, ZeroWay                     int64 // streams with media from one side, and from none

	Raw Dict // the whole reply
}

// Statistics asks an engine for its counters. Config.Alternative is advisable:
// the reply is some 10 kB and may be too large for a datagram.
func (c *Client) Statistics(ctx context.Context) (Statistics, error) {
	reply, err := c.Do(ctx, "statistics", nil)
	if err != nil {
		return Statistics{}, err
	}
	return readStatistics(reply), nil
}

func readStatistics(reply Dict) Statistics {
	all := dictAt(reply, "statistics")
	now, total := dictAt(all, "currentstatistics"), dictAt(all, "totalstatistics")
	return Statistics{
		Sessions:   integer(now["sessionstotal"]),
		Foreign:    integer(now["sessionsforeign"]),
		Transcoded: integer(now["transcodedmedia"]),
		PacketRate: integer(now["packetrate"]),
		ByteRate:   integer(now["byterate"]),
		ErrorRate:  integer(now["errorrate"]),

		Uptime:   time.Duration(integer(total["uptime"])) * time.Second,
		Managed:  integer(total["managedsessions"]),
		Rejected: integer(total["rejectedsessions"]),
		TimedOut: integer(total["timeoutsessions"]) + integer(total["silenttimeoutsessions"]) +
			integer(total["finaltimeoutsessions"]) + integer(total["offertimeoutsessions"]),
		RelayedPackets:      integer(total["relayedpackets"]),
		RelayedPacketErrors: integer(total["relayedpacketerrors"]),
		RelayedBytes:        integer(total["relayedbytes"]),
		OneWay:              integer(total["onewaystreams"]),
		ZeroWay:             integer(total["zerowaystreams"]),
		Raw:                 reply,
	}
}

func dictAt(d Dict, key string) Dict {
	v, _ := d[key].(Dict)
	return v
}

// integer reads a number, which the engine also writes as a string.
func integer(v any) int64 {
	switch v := v.(type) {
	case int64:
		return v
	case string:
		n, _ := strconv.ParseInt(v, 10, 64)
		return n
	}
	return 0
}
