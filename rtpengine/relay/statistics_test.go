// SPDX-FileCopyrightText: 2026 The sipnat authors
// SPDX-License-Identifier: MIT

package relay_test

import (
	"fmt"
	"net"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sipnat/sipnat/internal/bencode"
	"github.com/sipnat/sipnat/rtpengine"
	"github.com/sipnat/sipnat/rtpengine/relay"
)

// statistics returns a section of the reply, which must fit into bencode.
func (l *lab) statistics(section string) rtpengine.Dict {
	l.t.Helper()
	reply, err := l.Do(l.t.Context(), "statistics", nil)
	require.NoError(l.t, err)
	_, err = bencode.Append(nil, reply)
	require.NoError(l.t, err)
	return reply["statistics"].(rtpengine.Dict)[section].(rtpengine.Dict)
}

func subset(t *testing.T, want, got rtpengine.Dict) {
	t.Helper()
	for k, v := range want {
		require.Equal(t, v, got[k], k)
	}
}

func TestStatistics(t *testing.T) {
	inLab(t, relay.Config{MaxCalls: 1}, func(t *testing.T, l *lab) {
		s := stage(t, l, natted, "192.168.1.10:4000", publicA+":31337", evilIP+":4242")
		s.talk(50)
		s.inject(2)
		_, err := l.Offer(t.Context(), rtpengine.Params{CallID: "one too many", FromTag: "A", SDP: audio(addrA)})
		require.ErrorIs(t, err, rtpengine.ErrLoadLimit)
		time.Sleep(1100 * time.Millisecond)
		subset(t, rtpengine.Dict{
			"sessionsown": int64(1), "sessionstotal": int64(1), "sessionsforeign": int64(0), "media_userspace": int64(1),
			"packetrate": int64(50), "byterate": int64(50 * 13), "errorrate": int64(2),
		}, l.statistics("currentstatistics"))
		time.Sleep(2 * time.Second)
		require.Zero(t, l.statistics("currentstatistics")["packetrate"], "the last second's")
		subset(t, rtpengine.Dict{
			"uptime": "3", "managedsessions": int64(0), "rejectedsessions": int64(1),
			"relayedpackets": int64(50), "relayedpacketerrors": int64(2), "relayedbytes": int64(50 * 13),
		}, l.statistics("totalstatistics"))

		require.NoError(t, l.Delete(t.Context(), rtpengine.Params{CallID: "c"}))
		subset(t, rtpengine.Dict{
			"managedsessions": int64(1), "regularterminatedsessions": int64(1), "relayedpackets": int64(50),
			"onewaystreams": int64(1), "zerowaystreams": int64(0), "totalcallsduration": "3.100000", "avgcallduration": "3.100000",
		}, l.statistics("totalstatistics"))
		subset(t, rtpengine.Dict{"totaloffercount": int64(2), "totalanswercount": int64(1), "totaldeletecount": int64(1), "totalstatscount": int64(4)}, l.statistics("controlstatistics"))
		proxy := l.statistics("controlstatistics")["proxies"].([]any)[0].(rtpengine.Dict)
		subset(t, rtpengine.Dict{"proxy": "in process", "offercount": int64(2), "errorcount": int64(1)}, proxy)
	})
}

func TestStatisticsOfTimeouts(t *testing.T) {
	inLab(t, relay.Config{SilentTimeout: 2 * time.Minute}, func(t *testing.T, l *lab) {
		l.call()
		l.offer(rtpengine.Params{CallID: "rings", FromTag: "A", SDP: audio(addrA)})
		_, err := l.Offer(t.Context(), rtpengine.Params{CallID: "refused", FromTag: "A", SDP: []byte("x")})
		require.Error(t, err)
		time.Sleep(3 * time.Minute)
		subset(t, rtpengine.Dict{
			"managedsessions": int64(2), "timeoutsessions": int64(1), "silenttimeoutsessions": int64(1),
			"zerowaystreams": int64(1), "onewaystreams": int64(0),
		}, l.statistics("totalstatistics"))
	})
}

// Ports are counted by interface; those of a shared address twice.
func TestStatisticsOfInterfaces(t *testing.T) {
	inNetworks(t, twoNetworks(), func(t *testing.T, l *lab) {
		_, err := l.Offer(t.Context(), rtpengine.Params{CallID: "c", FromTag: "A", SDP: sdpOf(insideA), Flags: flags(t, "direction=internal direction=external")})
		require.NoError(t, err)
		reply, err := l.Do(t.Context(), "statistics", nil)
		require.NoError(t, err)
		used := []string{}
		for _, v := range reply["statistics"].(rtpengine.Dict)["interfaces"].([]any) {
			i := v.(rtpengine.Dict)
			ports := i["ports"].(rtpengine.Dict)
			require.Equal(t, int64(10000), ports["totals"])
			require.Equal(t, int64(10000), ports["used"].(int64)+ports["free"].(int64))
			used = append(used, fmt.Sprint(i["name"], " ", i["address"], " ", ports["used"]))
		}
		require.Equal(t, []string{"internal 10.0.0.5 2", "internal fd00::5 0", "external 10.9.0.5 2", "external6 2001:db8::5 0"}, used)
	})
}

// Sources of commands beyond a number are counted together: they cost nothing.
func TestStatisticsOfManySources(t *testing.T) {
	inLab(t, relay.Config{}, func(t *testing.T, l *lab) {
		pc, err := l.net.listen("udp4", relayIP+":2223")
		require.NoError(t, err)
		served := make(chan error, 1)
		go func() { served <- l.ServeNG(pc) }()
		ng := pc.LocalAddr().(*net.UDPAddr).AddrPort()
		for i := range 100 {
			l.net.peer(t, fmt.Sprintf("10.1.1.%d:5", i)).send(ng, []byte("c d7:command4:pinge"))
		}
		synctest.Wait()
		control := l.statistics("controlstatistics")
		require.Equal(t, int64(100), control["totalpingcount"])
		require.Len(t, control["proxies"], 65)
		require.NoError(t, l.Close())
		require.NoError(t, <-served)
	})
}

func TestList(t *testing.T) {
	inLab(t, relay.Config{}, func(t *testing.T, l *lab) {
		for i := range 40 {
			l.offer(rtpengine.Params{CallID: fmt.Sprint(i), FromTag: "A", SDP: audio(addrA)})
		}
		for _, tc := range []struct {
			name string
			d    rtpengine.Dict
			want int
		}{
			{"by default", nil, 32},
			{"none", rtpengine.Dict{"limit": int64(0)}, 0},
			{"a few", rtpengine.Dict{"limit": int64(5)}, 5},
			{"digits", rtpengine.Dict{"limit": "33"}, 33},
			{"more than there are", rtpengine.Dict{"limit": int64(1000)}, 40},
		} {
			reply, err := l.Do(t.Context(), "list", tc.d)
			require.NoError(t, err, tc.name)
			require.Len(t, reply["calls"], tc.want, tc.name)
		}
		_, err := l.Do(t.Context(), "list", rtpengine.Dict{"limit": int64(-1)})
		require.EqualError(t, err, "rtpengine: list: invalid limit, must be >= 0")
	})
}
