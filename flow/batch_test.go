// SPDX-FileCopyrightText: 2026 The sipnat authors
// SPDX-License-Identifier: MIT

package flow_test

import (
	"fmt"
	"net/netip"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/sipnat/sipnat/flow"
)

// A batch goes out in order, each message from its flow's own address.
func TestWriteBatch(t *testing.T) {
	for _, listen := range [][2]string{{"127.0.0.1:0", "127.0.0.2:0"}, {"0.0.0.0:0", "127.0.0.2:0"}, {"[::]:0", "[::1]:0"}} {
		t.Run(listen[0], func(t *testing.T) {
			e := newEdge(t)
			one, two := e.listenUDP(t, listen[0]), e.listenUDP(t, listen[1])
			local := []netip.AddrPort{netip.AddrPortFrom(one.Addr().Unmap(), one.Port()), netip.AddrPortFrom(two.Addr().Unmap(), two.Port())}
			if one.Addr().Unmap().IsUnspecified() {
				local[0] = netip.AddrPortFrom(netip.MustParseAddr("127.0.0.3"), one.Port())
			}
			phones := []phone{newPhone(t, "127.0.0.1:0"), newPhone(t, map[bool]string{true: "127.0.0.1:0", false: "[::1]:0"}[two.Addr().Unmap().Is4()])}
			var messages [][]byte
			var flows []flow.Flow
			for i := range 150 {
				which := i / 10 % 2
				messages = append(messages, fmt.Appendf(nil, "ping %d", i))
				flows = append(flows, flow.Flow{Transport: flow.UDP, Local: local[which], Remote: phones[which].addr()})
			}
			n, err := e.layer.WriteBatch(messages, flows)
			require.NoError(t, err)
			require.Equal(t, 150, n)
			for i := range 150 {
				which := i / 10 % 2
				got, from := phones[which].receive()
				require.Equal(t, fmt.Sprintf("ping %d", i), got)
				require.Equal(t, local[which], netip.AddrPortFrom(from.Addr().Unmap(), from.Port()))
			}

			flows[20].Local = netip.MustParseAddrPort("192.0.2.1:5060")
			n, err = e.layer.WriteBatch(messages, flows)
			require.ErrorIs(t, err, flow.ErrFlowGone)
			require.Equal(t, 20, n)
			flows[0] = flow.Flow{Transport: flow.TCP, Local: local[0], Remote: phones[0].addr(), Conn: 1}
			n, err = e.layer.WriteBatch(messages, flows)
			require.ErrorIs(t, err, flow.ErrFlowGone)
			require.Zero(t, n)
		})
	}
	n, err := new(flow.Layer).WriteBatch(nil, nil)
	require.NoError(t, err)
	require.Zero(t, n)
}

func TestWriteBatchDoesNotAllocate(t *testing.T) {
	e := newEdge(t)
	f := flow.Flow{Transport: flow.UDP, Local: e.listenUDP(t, "127.0.0.1:0"), Remote: newPhone(t, "127.0.0.1:0").addr()}
	messages, flows := make([][]byte, 64), make([]flow.Flow, 64)
	for i := range messages {
		messages[i], flows[i] = []byte("ping"), f
	}
	perBatch := testing.AllocsPerRun(20, func() { _, _ = e.layer.WriteBatch(messages, flows) })
	require.Less(t, perBatch, 64.0, "less than one per message")
}
