// SPDX-FileCopyrightText: 2026 The sipnat authors
// SPDX-License-Identifier: MIT

package integration_test

import (
	"net/netip"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/sipnat/sipnat/rtpengine"
)

// flagStrings are of all groups that Kamailio's documentation has.
var flagStrings = []string{
	"",
	// Flags.
	"trust-address", "SIP-source-address", "asymmetric", "strict-source", "media-handover", "reset", "port-latching",
	"no-port-latching", "unidirectional", "loop-protect", "original-sendrecv", "generate-mid", "no-rtcp-attribute",
	"full-rtcp-attribute", "generate-RTCP", "single-codec", "reuse-codecs", "allow-transcoding", "inject-DTMF",
	"detect-DTMF", "debug", "pierce-NAT", "NAT-wait", "RTCP-mirror", "no-jitter-buffer", "no-redis-update",
	"always-transcode", "trickle-ICE", "reject-ICE", "strip-extmap", "siprec", "egress", "all", "WebRTC", "recrypt",
	// Replace.
	"replace-origin", "replace-session-connection", "replace-origin replace-session-name replace-username",
	"replace-SDP-version replace-zero-address", "replace-force-increment-sdp-ver", "replace-origin-full",
	// ICE.
	"ICE=remove", "ICE=force", "ICE=force-relay", "ICE=default", "ICE=optional", "ICE-lite=forward", "ICE-lite=off",
	// Transport.
	"RTP/AVP", "RTP/SAVP", "RTP/AVPF", "RTP/SAVPF", "UDP/TLS/RTP/SAVP", "UDP/TLS/RTP/SAVPF", "SRTP AVPF", "RTP AVP",
	"AVPF", "SRTP", "transport-protocol=RTP/AVP",
	// Direction.
	"direction=a direction=b", "internal external", "external internal",
	// RTCP multiplexing.
	"rtcp-mux-offer", "rtcp-mux-require", "rtcp-mux-demux", "rtcp-mux-accept", "rtcp-mux-reject", "rtcp-mux-accept rtcp-mux-offer",
	// Encryption.
	"DTLS=off", "DTLS=passive", "DTLS=active", "DTLS-reverse=passive", "DTLS-fingerprint=SHA-256", "SDES-off", "SDES-pad",
	"SDES-unencrypted_srtp SDES-unauthenticated_srtp", "SDES-no-AES_CM_128_HMAC_SHA1_32", "SDES-only-AES_CM_128_HMAC_SHA1_80",
	"SDES-lifetime SDES-static", "OSRTP-offer", "OSRTP-accept", "pad-crypto",
	// Codecs.
	"codec-strip-all codec-offer-opus", "codec-transcode-PCMU codec-mask-G722", "transcode-opus", "codec-except-PCMA codec-strip-all",
	"codec-accept-PCMU codec-consume-PCMA codec-set-opus/48000/2", "ptime=20 ptime-reverse=30", "T.38-decode", "T.38=force",
	"T.38=decode T.38=no-ECM T.38=no-V.17",
	// The rest.
	"address-family=IP6", "media-address=192.0.2.9", "received-from=192.0.2.7", "TOS=184", "delay-buffer=100", "drop-traffic=start",
	"DTMF-security=drop", "generate-RTCP=on", "label=x", "set-label=y", "media-echo=both", "metadata=k:v", "record-call=yes",
	"record-call", "xmlrpc-callback=192.0.2.1", "passthrough=on", "endpoint-learning=heuristic", "endpoint-learning-off",
	"symmetric", "delete-delay=5", "fatal",
	// What scripts have in practice.
	"replace-origin replace-session-connection ICE=remove RTP/AVP rtcp-mux-demux",
	"trust-address replace-origin replace-session-connection ICE=force RTP/SAVPF rtcp-mux-offer DTLS=passive",
	"strict-source SIP-source-address direction=internal direction=external TOS=184 codec-strip-all codec-offer-PCMA",
}

// deleteStrings are for rtpengine_delete.
var deleteStrings = []string{"", "delete-delay=0", "delete-delay=5 fatal", "trust-address replace-origin ICE=remove TOS=184"}

// TestRtpengineFlags compares what we send for a flag string with what
// Kamailio's own module sends.
func TestRtpengineFlags(t *testing.T) {
	t.Parallel()
	k := startFlagKamailio(t)
	excuses := deviations()
	compare := func(method, command, flags string) {
		t.Run(command+"/"+flags, func(t *testing.T) {
			theirs := k.sends(t, method, flags)
			require.NotNil(t, theirs, "Kamailio refuses %q", flags)
			f, err := rtpengine.ParseFlags(flags)
			require.NoError(t, err)
			p := rtpengine.Params{CallID: theirs["call-id"].(string), FromTag: "FROM", ReceivedFrom: netip.MustParseAddr(k.ip), Flags: f}
			if command == "offer" {
				p.SDP = []byte(kamailioSDP)
			}
			ours, err := p.Request(command)
			require.NoError(t, err)
			for _, e := range excuses {
				if e.apply(theirs) {
					e.used++
				}
			}
			require.Equal(t, sortedLists(theirs), sortedLists(ours))
		})
	}
	for _, flags := range flagStrings {
		compare("INVITE", "offer", flags)
	}
	for _, flags := range deleteStrings {
		compare("BYE", "delete", flags)
	}
	if t.Failed() {
		return
	}
	for _, e := range excuses {
		t.Logf("%3d: %s", e.used, e.reason)
		require.NotZero(t, e.used, "a dead excuse: %s", e.reason)
	}
	require.GreaterOrEqual(t, len(flagStrings), 60)
}

// sortedLists sorts the lists whose order means nothing.
func sortedLists(d rtpengine.Dict) rtpengine.Dict {
	for _, key := range []string{"flags", "replace", "rtcp-mux", "SDES", "OSRTP", "T.38"} {
		if l, ok := d[key].([]any); ok {
			slices.SortFunc(l, compareStrings)
		}
	}
	return d
}

func compareStrings(a, b any) int {
	x, _ := a.(string)
	y, _ := b.(string)
	switch {
	case x < y:
		return -1
	case x > y:
		return 1
	}
	return 0
}
