// SPDX-FileCopyrightText: 2026 The sipnat authors
// SPDX-License-Identifier: MIT

package integration_test

import (
	"context"
	"net"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/sipnat/sipnat/rtpengine"
)

// mediaNG is where the rtpengine of these tests listens. It is not the lab's,
// which keeps deleted calls for 30 seconds.
const mediaNG = "127.0.0.1:2224"

// mediaLab is a lab with three registered phones: alice and bob behind their
// NATs, carol without.
type mediaLab struct {
	*lab
	engine  *engine // nil where the relay is part of the edge
	a, b, c *actor
}

// onBothEngines runs a test with rtpengine and with the embedded relay, each in
// a lab of its own.
func onBothEngines(t *testing.T, run func(t *testing.T, l *mediaLab)) {
	t.Helper()
	t.Run("rtpengine", func(t *testing.T) {
		t.Parallel()
		run(t, daemonLab(t, 0))
	})
	t.Run("embedded", func(t *testing.T) {
		t.Parallel()
		run(t, embeddedLab(t))
	})
}

// embeddedLab is a lab whose edge relays by itself.
func embeddedLab(t *testing.T) *mediaLab {
	t.Helper()
	return enter(t, edgeLab(t, labConfig{}, edgeConfig{media: "embedded", ping: "0"}))
}

// daemonLab is a lab whose edge uses rtpengine. keep is how many seconds that keeps
// a call after a delete that does not say it.
func daemonLab(t *testing.T, keep int) *mediaLab {
	t.Helper()
	need(t, "rtpengine")
	inner := edgeLab(t, labConfig{}, edgeConfig{media: "udp:" + mediaNG, ping: "0"})
	e := startEngine(t, inner, keep)
	l := enter(t, inner)
	l.engine = e
	return l
}

func enter(t *testing.T, l *lab) *mediaLab {
	t.Helper()
	return &mediaLab{lab: l, a: l.phoneA.actor(t, "alice"), b: l.phoneB.actor(t, "bob"), c: l.phoneC.actor(t, "carol")}
}

// engine is a running rtpengine with a client of our own beside the edge's.
type engine struct {
	*rtpengine.Client
	process *process
}

// startEngine starts the daemon on the edge host and waits until it answers.
func startEngine(t testing.TB, l *lab, keep int) *engine {
	t.Helper()
	e := &engine{process: l.edge.start(t, "rtpengine", "rtpengine", "--config-file=none", "--table=-1",
		"--interface="+edgeIP, "--listen-ng="+mediaNG, "--port-min=30000", "--port-max=32000",
		"--num-threads=2", "--delete-delay="+strconv.Itoa(keep), "--foreground", "--log-stderr", "--log-level=6")}
	var conn net.Conn
	require.NoError(t, l.edge.within(func() (err error) {
		conn, err = net.Dial("udp", mediaNG)
		return err
	}))
	e.Client = rtpengine.New(conn, rtpengine.Config{})
	t.Cleanup(func() { _ = e.Close() })
	e.process.ready(t, "pong", func() bool {
		ctx, cancel := context.WithTimeout(t.Context(), 5*poll)
		defer cancel()
		return e.Ping(ctx) == nil
	})
	return e
}

// do asks the daemon.
func (e *engine) do(t testing.TB, command string, d rtpengine.Dict) rtpengine.Dict {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), answerWithin)
	defer cancel()
	reply, err := e.Do(ctx, command, d)
	require.NoError(t, err, command)
	return reply
}

// list is the Call-IDs of the calls that the daemon has.
func (e *engine) list(t testing.TB) []string {
	t.Helper()
	list, _ := e.do(t, "list", rtpengine.Dict{"limit": 1000})["calls"].([]any)
	ids := []string{}
	for _, v := range list {
		ids = append(ids, v.(string))
	}
	slices.Sort(ids)
	return ids
}

// ports is the RTP and RTCP ports of a call by the tag of the party that sends to
// them; a fork that has not answered has none.
func (e *engine) ports(t testing.TB, callID string) map[string][]int {
	t.Helper()
	all := map[string][]int{}
	tags, _ := e.do(t, "query", rtpengine.Dict{"call-id": callID})["tags"].(rtpengine.Dict)
	for tag, v := range tags {
		medias, _ := v.(rtpengine.Dict)["medias"].([]any)
		for _, m := range medias {
			streams, _ := m.(rtpengine.Dict)["streams"].([]any)
			for _, s := range streams {
				if port, ok := s.(rtpengine.Dict)["local port"].(int64); ok {
					all[tag] = append(all[tag], int(port))
				}
			}
		}
	}
	return all
}

// live waits until the daemon has exactly these calls. The embedded relay cannot
// be asked.
func (l *mediaLab) live(t testing.TB, calls ...*side) {
	t.Helper()
	if l.engine == nil {
		return
	}
	want := []string{}
	for _, s := range calls {
		want = append(want, s.callID)
	}
	slices.Sort(want)
	var got []string
	eventually(t, answerWithin, "the calls that should live", func() bool {
		got = l.engine.list(t)
		return slices.Equal(want, got) || t.Context().Err() != nil
	})
}

// up checks a call that stands: each side is heard by the other, the daemon has
// it and no other, and the ports that the two were told are theirs.
func (l *mediaLab) up(t testing.TB, x, y *side) {
	t.Helper()
	l.upWith(t, x, y, x.voice, y.voice)
}

// upWith is up for phones that talk from other ports than usual.
func (l *mediaLab) upWith(t testing.TB, x, y *side, at, to *voice) {
	t.Helper()
	converse(t, at, to)
	l.live(t, x)
	if l.engine == nil {
		return
	}
	ports := l.engine.ports(t, x.callID)
	require.Contains(t, ports[tagOf(x.local)], int(at.told().Port()), "port of %s in %v", x.user, ports)
	require.Contains(t, ports[tagOf(y.local)], int(to.told().Port()), "port of %s in %v", y.user, ports)
}

// tagOf is the tag of a From or To.
func tagOf(value string) string {
	_, tag, _ := strings.Cut(value, ";tag=")
	return tag
}

// over checks a call that has ended: the daemon has none, and although both
// still talk nobody hears anything.
func (l *mediaLab) over(t testing.TB, x, y *side) {
	t.Helper()
	l.overWith(t, x.voice, y.voice)
}

// overWith is over for phones that talk from other ports than usual.
func (l *mediaLab) overWith(t testing.TB, at, to *voice) {
	t.Helper()
	l.live(t)
	deaf(t, at, to)
	at.speak()
	to.speak()
}

// hangUp ends a call that stands, from one side.
func (l *mediaLab) hangUp(t testing.TB, by, other *side) {
	t.Helper()
	bye(t, by, other)
	l.over(t, by, other)
}

func bye(t testing.TB, by, other *side) {
	t.Helper()
	by.send(t, "BYE", content{})
	other.responds(t, other.incoming(t, "BYE"), 200, content{})
	by.gets(t, "BYE", 200)
}

// connect makes a plain call.
func (l *mediaLab) connect(t testing.TB, from, to *actor) (caller, callee *side) {
	t.Helper()
	caller = from.invites(t, to.user, from.sdp())
	callee = to.called(t, caller.callID)
	callee.heeds(t, callee.asked.Body())
	callee.answers(t, 200, to.sdp())
	caller.heeds(t, caller.gets(t, "INVITE", 200).Body())
	caller.send(t, "ACK", content{})
	callee.incoming(t, "ACK")
	return caller, callee
}

// asked is how many offers and answers the daemon got; 0 with the embedded relay.
func (l *mediaLab) asked(t testing.TB) int64 {
	t.Helper()
	if l.engine == nil {
		return 0
	}
	all, _ := l.engine.do(t, "statistics", nil)["statistics"].(rtpengine.Dict)
	control, _ := all["controlstatistics"].(rtpengine.Dict)
	clients, _ := control["proxies"].([]any)
	var sum int64
	for _, c := range clients {
		for _, key := range []string{"offercount", "answercount"} {
			n, ok := c.(rtpengine.Dict)[key].(int64)
			require.True(t, ok, "%s in %v", key, c)
			sum += n
		}
	}
	return sum
}
