// SPDX-FileCopyrightText: 2026 The sipnat authors
// SPDX-License-Identifier: MIT

package registrar_test

import (
	"bytes"
	"encoding/binary"
	"math"
	"net/netip"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sipnat/sipnat/flow"
	"github.com/sipnat/sipnat/registrar"
)

func samples() []registrar.Binding {
	return []registrar.Binding{
		{
			ID: "x.alice", AOR: "alice", Contact: "sip:alice@192.168.1.2:5060", Q: 500,
			Expires: time.Unix(1e9, 1), Updated: time.Unix(-1, 999), CallID: "c1", CSeq: math.MaxUint32,
			Flow: flow.Flow{Transport: flow.WSS, Local: netip.MustParseAddrPort("192.0.2.1:443"), Remote: netip.MustParseAddrPort("[2001:db8::1]:65535"), Conn: math.MaxUint64},
			NAT:  true, Path: []string{"sip:a;lr", "sip:b;lr"}, InstanceID: "urn:x", RegID: math.MaxUint32, UserAgent: "u", Node: "n", Boot: math.MaxUint64,
		},
		{},
	}
}

func TestEncoding(t *testing.T) {
	for _, list := range [][]registrar.Binding{{}, samples(), samples()[1:]} {
		b := registrar.AppendBindings([]byte("before"), list)
		require.Equal(t, "before", string(b[:6]))
		got, err := registrar.ParseBindings(b[6:])
		require.NoError(t, err)
		require.Equal(t, list, got)
		for i := range b[6:] {
			_, err := registrar.ParseBindings(b[6 : 6+i])
			require.ErrorIs(t, err, registrar.ErrEncoding, "cut at %d", i)
		}
		_, err = registrar.ParseBindings(append(b[6:], 0))
		require.ErrorIs(t, err, registrar.ErrEncoding, "something behind it")
	}
	_, err := registrar.ParseBindings([]byte{2, 0})
	require.ErrorIs(t, err, registrar.ErrEncoding, "another version")
	huge := binary.AppendUvarint([]byte{1}, 1<<40)
	_, err = registrar.ParseBindings(huge)
	require.ErrorIs(t, err, registrar.ErrEncoding, "a count beyond what is there")
}

// FuzzParseBindings: no panic, and what parses is kept by another round.
func FuzzParseBindings(f *testing.F) {
	f.Add(registrar.AppendBindings(nil, samples()))
	f.Add([]byte{1, 0})
	f.Fuzz(func(t *testing.T, b []byte) {
		list, err := registrar.ParseBindings(b)
		if err != nil {
			require.ErrorIs(t, err, registrar.ErrEncoding)
			return
		}
		once := registrar.AppendBindings(nil, list)
		again, err := registrar.ParseBindings(once)
		require.NoError(t, err)
		require.True(t, bytes.Equal(once, registrar.AppendBindings(nil, again)))
	})
}
