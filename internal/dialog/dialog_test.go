// SPDX-FileCopyrightText: 2026 The sipnat authors
// SPDX-License-Identifier: MIT

package dialog_test

import (
	"testing"

	"github.com/emiago/sipgo/sip"
	"github.com/stretchr/testify/require"

	"github.com/sipnat/sipnat/internal/dialog"
)

func TestInside(t *testing.T) {
	req := sip.NewRequest(sip.BYE, sip.Uri{Host: "example.com"})
	require.False(t, dialog.Inside(req), "no To")
	to := &sip.ToHeader{Address: sip.Uri{Host: "example.com"}}
	req.AppendHeader(to)
	require.False(t, dialog.Inside(req))
	to.Params.Add("tag", "")
	require.True(t, dialog.Inside(req), "without a value")
	to.Params.Add("tag", "1")
	require.True(t, dialog.Inside(req))
}
