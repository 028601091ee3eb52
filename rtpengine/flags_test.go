// SPDX-FileCopyrightText: 2026 The sipnat authors
// SPDX-License-Identifier: MIT

package rtpengine_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/sipnat/sipnat/rtpengine"
)

type (
	dict = rtpengine.Dict
	list = []any
)

func TestParseFlags(t *testing.T) {
	for _, tc := range []struct {
		in   string
		text string // "" if it is in
		want dict
	}{
		{in: "", want: dict{}},
		// flags
		{in: "strict-source", want: dict{"flags": list{"strict-source"}}},
		{in: "trust-address asymmetric", text: "asymmetric trust-address", want: dict{"flags": list{"asymmetric", "trust-address"}}},
		{in: "SIP-source-address received-from=192.0.2.1", want: dict{"flags": list{"SIP-source-address"}, "received-from": list{"IP4", "192.0.2.1"}}},
		{in: "sip-SOURCE-address", text: "SIP-source-address", want: dict{"flags": list{"SIP-source-address"}}},
		{in: "loop-protect\tloop-protect\n", text: "loop-protect", want: dict{"flags": list{"loop-protect"}}},
		{in: "trickle-ICE reject-ICE", text: "reject-ICE trickle-ICE", want: dict{"flags": list{"reject-ICE", "trickle-ICE"}}},
		{in: "endpoint-learning=heuristic", text: "endpoint-learning-heuristic", want: dict{"flags": list{"endpoint-learning-heuristic"}}},
		{in: "endpoint-learning-off", want: dict{"flags": list{"endpoint-learning-off"}}},
		{in: "WebRTC", want: dict{"flags": list{"WebRTC"}}},
		{in: "recrypt", want: dict{"flags": list{"recrypt"}}},
		{in: "no-codec-renegotiation", text: "reuse-codecs", want: dict{"flags": list{"reuse-codecs"}}},
		// accepted, not sent
		{in: "symmetric", want: dict{}},
		{in: "symmetric-codecs round-robin-calls", text: "round-robin-calls symmetric-codecs", want: dict{}},
		// replace
		{in: "replace-origin", want: dict{"replace": list{"origin"}}},
		{in: "replace=origin", text: "replace-origin", want: dict{"replace": list{"origin"}}},
		{in: "replace-session-connection replace-origin", text: "replace-origin replace-session-connection", want: dict{"replace": list{"origin", "session-connection"}}},
		{
			in:   "replace-username replace-zero-address replace-sdp-version replace-session-name",
			text: "replace-SDP-version replace-session-name replace-username replace-zero-address",
			want: dict{"replace": list{"SDP-version", "session-name", "username", "zero-address"}},
		},
		{in: "replace-force-increment-sdp-ver", want: dict{"replace": list{"force-increment-sdp-ver"}}},
		// ICE
		{in: "ICE=remove", want: dict{"ICE": "remove"}},
		{in: "ICE=force-relay", want: dict{"ICE": "force-relay"}},
		{in: "ice=Force", text: "ICE=force", want: dict{"ICE": "force"}},
		{in: "ICE=force ICE=force", text: "ICE=force", want: dict{"ICE": "force"}},
		{in: "ICE-lite=backward", want: dict{"ICE-lite": "backward"}},
		// direction
		{in: "direction=priv direction=pub", want: dict{"direction": list{"priv", "pub"}}},
		{in: "direction=b direction=a", want: dict{"direction": list{"b", "a"}}},
		{in: "direction=Pub direction=Pub", want: dict{"direction": list{"Pub", "Pub"}}},
		{in: "internal external", text: "direction=internal direction=external", want: dict{"direction": list{"internal", "external"}}},
		{in: "external internal", text: "direction=external direction=internal", want: dict{"direction": list{"external", "internal"}}},
		{in: "in-iface=a out-iface=B", text: "direction=a direction=B", want: dict{"direction": list{"a", "B"}}},
		{in: "out-iface=B in-iface=a", text: "direction=a direction=B", want: dict{"direction": list{"a", "B"}}},
		// transport
		{in: "RTP/AVP", want: dict{"transport-protocol": "RTP/AVP"}},
		{in: "rtp/savpf", text: "RTP/SAVPF", want: dict{"transport-protocol": "RTP/SAVPF"}},
		{in: "UDP/TLS/RTP/SAVPF", want: dict{"transport-protocol": "UDP/TLS/RTP/SAVPF"}},
		{in: "RTP", text: "RTP/AVP", want: dict{"transport-protocol": "RTP/AVP"}},
		{in: "SRTP", text: "RTP/SAVP", want: dict{"transport-protocol": "RTP/SAVP"}},
		{in: "AVP", text: "RTP/AVP", want: dict{"transport-protocol": "RTP/AVP"}},
		{in: "AVPF", text: "RTP/AVPF", want: dict{"transport-protocol": "RTP/AVPF"}},
		{in: "SRTP AVPF", text: "RTP/SAVPF", want: dict{"transport-protocol": "RTP/SAVPF"}},
		{in: "RTP AVP RTP/AVP", text: "RTP/AVP", want: dict{"transport-protocol": "RTP/AVP"}},
		{in: "DTLS", text: "UDP/TLS/RTP/SAVP", want: dict{"transport-protocol": "UDP/TLS/RTP/SAVP"}},
		{in: "DTLS SAVPF", text: "UDP/TLS/RTP/SAVPF", want: dict{"transport-protocol": "UDP/TLS/RTP/SAVPF"}},
		{in: "transport-protocol=accept", want: dict{"transport-protocol": "accept"}},
		{in: "transport-protocol=RTP/SAVP", text: "RTP/SAVP", want: dict{"transport-protocol": "RTP/SAVP"}},
		// rtcp-mux: a list, never a string
		{in: "rtcp-mux-demux", want: dict{"rtcp-mux": list{"demux"}}},
		{in: "rtcp-mux-offer rtcp-mux-accept", text: "rtcp-mux-accept rtcp-mux-offer", want: dict{"rtcp-mux": list{"accept", "offer"}}},
		{in: "rtcp-mux=require", text: "rtcp-mux-require", want: dict{"rtcp-mux": list{"require"}}},
		{in: "rtcp-mux-reject rtcp-mux-offer", text: "rtcp-mux-offer rtcp-mux-reject", want: dict{"rtcp-mux": list{"offer", "reject"}}},
		// DTLS, SDES, OSRTP
		{in: "DTLS=passive", want: dict{"DTLS": "passive"}},
		{
			in: "DTLS-reverse=active DTLS-fingerprint=sha-256", text: "DTLS-reverse=active DTLS-fingerprint=SHA-256",
			want: dict{"DTLS-reverse": "active", "DTLS-fingerprint": "SHA-256"},
		},
		{in: "SDES-off", want: dict{"SDES": list{"off"}}},
		{in: "SDES=off", text: "SDES-off", want: dict{"SDES": list{"off"}}},
		{in: "pad-crypto", text: "SDES-pad", want: dict{"SDES": list{"pad"}}},
		{in: "SDES-UNENCRYPTED_SRTP", text: "SDES-unencrypted_srtp", want: dict{"SDES": list{"unencrypted_srtp"}}},
		{in: "SDES-no-aes_cm_128_hmac_sha1_32", text: "SDES-no-AES_CM_128_HMAC_SHA1_32", want: dict{"SDES": list{"no-AES_CM_128_HMAC_SHA1_32"}}},
		{in: "SDES-only-AEAD_AES_256_GCM", want: dict{"SDES": list{"only-AEAD_AES_256_GCM"}}},
		{
			in: "SDES-order:AEAD_AES_256_GCM;AEAD_AES_128_GCM;", text: "SDES-order:AEAD_AES_256_GCM;AEAD_AES_128_GCM",
			want: dict{"SDES": list{"order:AEAD_AES_256_GCM;AEAD_AES_128_GCM"}},
		},
		{in: "OSRTP-accept", want: dict{"OSRTP": list{"accept"}}},
		{in: "OSRTP-offer-legacy", want: dict{"OSRTP": list{"offer-legacy"}}},
		// codec
		{in: "codec-strip-PCMU", want: dict{"codec": dict{"strip": list{"PCMU"}}}},
		{in: "transcode-opus", text: "codec-transcode-opus", want: dict{"codec": dict{"transcode": list{"opus"}}}},
		{
			in: "codec-mask=all transcode=PCMU", text: "codec-mask-all codec-transcode-PCMU",
			want: dict{"codec": dict{"mask": list{"all"}, "transcode": list{"PCMU"}}},
		},
		{in: "codec-offer-opus codec-offer-PCMA codec-strip-all", want: dict{"codec": dict{"offer": list{"opus", "PCMA"}, "strip": list{"all"}}}},
		{
			in:   "codec-transcode-opus/48000/2/32000//stereo--0;useinbandfec=1",
			want: dict{"codec": dict{"transcode": list{"opus/48000/2/32000//stereo--0;useinbandfec=1"}}},
		},
		{
			in:   "codec-set-AMR/8000/1/7400 codec-except-AMR codec-consume-GSM codec-accept-G722 codec-ignore-iLBC",
			text: "codec-accept-G722 codec-consume-GSM codec-except-AMR codec-ignore-iLBC codec-set-AMR/8000/1/7400",
			want: dict{"codec": dict{"set": list{"AMR/8000/1/7400"}, "except": list{"AMR"}, "consume": list{"GSM"}, "accept": list{"G722"}, "ignore": list{"iLBC"}}},
		},
		{in: "always-transcode", want: dict{"flags": list{"always-transcode"}}},
		// T.38
		{in: "T.38=decode", text: "T.38-decode", want: dict{"T.38": list{"decode"}}},
		{in: "T38-force T.38-no-ecm T38-no-V.17", text: "T.38-force T.38-no-ECM T.38-no-V.17", want: dict{"T.38": list{"force", "no-ECM", "no-V.17"}}},
		// keys with a value
		{in: "address-family=ip6", text: "address-family=IP6", want: dict{"address-family": "IP6"}},
		{in: "media-address=2001:DB8::0001", text: "media-address=2001:db8::1", want: dict{"media-address": "2001:db8::1"}},
		{in: "received-from=2001:db8::1", want: dict{"received-from": list{"IP6", "2001:db8::1"}}},
		{in: "received-from=::ffff:192.0.2.1", text: "received-from=192.0.2.1", want: dict{"received-from": list{"IP4", "192.0.2.1"}}},
		{in: "TOS=184", want: dict{"TOS": int64(184)}},
		{in: "TOS=-1", want: dict{"TOS": int64(-1)}},
		{in: "ptime=020 ptime-reverse=40", text: "ptime=20 ptime-reverse=40", want: dict{"ptime": int64(20), "ptime-reverse": int64(40)}},
		{in: "record-call", text: "record-call=on", want: dict{"record-call": "on"}},
		{in: "record-call=off metadata=a:b|c:d", text: "metadata=a:b|c:d record-call=off", want: dict{"record-call": "off", "metadata": "a:b|c:d"}},
		{in: "label=A=B", want: dict{"label": "A=B"}},
		{in: "generate-RTCP", want: dict{"flags": list{"generate-RTCP"}}},
		{in: "generate-RTCP=off", want: dict{"generate-RTCP": "off"}},
		{in: "xmlrpc-callback=192.0.2.9", want: dict{"xmlrpc-callback": "192.0.2.9"}},
		{
			in:   "media-echo=both drop-traffic=start delay-buffer=0 passthrough=on DTMF-security=tone",
			text: "delay-buffer=0 drop-traffic=start DTMF-security=tone media-echo=both passthrough=on",
			want: dict{"media-echo": "both", "drop-traffic": "start", "delay-buffer": int64(0), "passthrough": "on", "DTMF-security": "tone"},
		},
		// delete
		{in: "delete-delay=0 fatal", text: "fatal delete-delay=0", want: dict{"delete-delay": int64(0), "flags": list{"fatal"}}},
		// what people have in their scripts
		{
			in:   "replace-origin replace-session-connection ICE=remove RTP/AVP rtcp-mux-demux direction=pub direction=priv trust-address",
			text: "trust-address replace-origin replace-session-connection direction=pub direction=priv RTP/AVP ICE=remove rtcp-mux-demux",
			want: dict{
				"flags": list{"trust-address"}, "replace": list{"origin", "session-connection"}, "ICE": "remove", "transport-protocol": "RTP/AVP",
				"rtcp-mux": list{"demux"}, "direction": list{"pub", "priv"},
			},
		},
	} {
		t.Run(tc.in, func(t *testing.T) {
			f, err := rtpengine.ParseFlags(tc.in)
			require.NoError(t, err)
			want := tc.text
			if want == "" {
				want = tc.in
			}
			require.Equal(t, want, f.String())
			require.Equal(t, tc.want, rtpengine.Params{Flags: f}.Dict())
			again, err := rtpengine.ParseFlags(f.String())
			require.NoError(t, err)
			require.True(t, f == again)
		})
	}
}

func TestParseFlagsRefuses(t *testing.T) {
	for _, tc := range []struct {
		in      string
		flag    string
		reason  string
		nearest string
	}{
		{"trust-adress", "trust-adress", "is unknown", "trust-address"},
		{"replace-orgin", "replace-orgin", "has a bad value", "replace-origin"},
		{"ICE=froce", "ICE=froce", "has a bad value", "ICE=force"},
		{"ICE", "ICE", "is unknown", "ICE="},
		{"RTP/SAFPF", "RTP/SAFPF", "is unknown", "RTP/SAVPF"},
		{"rtcp-mux", "rtcp-mux", "is unknown", ""},
		{"rtcp-mux-ofer", "rtcp-mux-ofer", "has a bad value", "rtcp-mux-offer"},
		{"codec-strip-", "codec-strip-", "has a bad value", ""},
		{"codec-stripp-PCMU", "codec-stripp-PCMU", "is unknown", ""},
		{"DTLS=maybe", "DTLS=maybe", "has a bad value", ""},
		{"SDES-no-AES_CM_128_HMAC_SHA1_33", "SDES-no-AES_CM_128_HMAC_SHA1_33", "has a bad value", "SDES-no-AES_CM_128_HMAC_SHA1_32"},
		{"SDES-order:AEAD_AES_256_GCM;;", "SDES-order:AEAD_AES_256_GCM;;", "has a bad value", ""},
		{"media-address=host.example", "media-address=host.example", "has a bad value", ""},
		{"media-address=fe80::1%eth0", "media-address=fe80::1%eth0", "has a bad value", ""},
		{"received-from=", "received-from=", "has a bad value", ""},
		{"TOS=256", "TOS=256", "has a bad value", ""},
		{"TOS=high", "TOS=high", "has a bad value", ""},
		{"ptime=0", "ptime=0", "has a bad value", ""},
		{"address-family=IP5", "address-family=IP5", "has a bad value", "address-family=IP4"},
		{"x", "x", "is unknown", ""},
		{strings.Repeat("x", 300), strings.Repeat("x", 300), "is unknown", ""},
		{strings.Repeat("x", 16<<10+1), "...", "ends a string of more than 16 KiB", ""},
		{strings.Repeat("external internal ", 5), "direction=external", "is the third one, there must be two", ""},
		// what the library decides
		{"via-branch=auto", "via-branch=auto", "is decided by the library", ""},
		{"to-tag", "to-tag", "is decided by the library", ""},
		{"To-Tag=x", "To-Tag=x", "is decided by the library", ""},
		{"from-tag=x", "from-tag=x", "is decided by the library", ""},
		{"call-id=x", "call-id=x", "is decided by the library", ""},
		{"directional", "directional", "is decided by the library", ""},
		{"force-answer", "force-answer", "is decided by the library", ""},
		{"repacketize=30", "repacketize=30", "is known to no daemon: use ptime=", ""},
		{"rtpp-flags=x", "rtpp-flags=x", "would bypass the checks: give the flags themselves", ""},
		// contradictions
		{"trust-address SIP-source-address", "SIP-source-address", "contradicts trust-address", ""},
		{"symmetric asymmetric", "asymmetric", "contradicts symmetric", ""},
		{"port-latching no-port-latching", "no-port-latching", "contradicts port-latching", ""},
		{"endpoint-learning-off endpoint-learning=delayed", "endpoint-learning-delayed", "contradicts endpoint-learning-off", ""},
		{"ICE=remove ICE=force", "ICE=force", "contradicts ICE=remove", ""},
		{"TOS=0 TOS=1", "TOS=1", "contradicts TOS=0", ""},
		{"RTP/AVP RTP/SAVP", "RTP/SAVP", "contradicts another word about the transport", ""},
		{"RTP SRTP", "SRTP", "contradicts another word about the transport", ""},
		{"AVPF AVP", "AVP", "contradicts another word about the transport", ""},
		{"RTP DTLS", "DTLS", "contradicts another word about the transport", ""},
		{"transport-protocol=accept RTP", "RTP/AVP", "contradicts transport-protocol=accept", ""},
		{"rtcp-mux-accept rtcp-mux-reject", "rtcp-mux-reject", "contradicts rtcp-mux-accept", ""},
		{"rtcp-mux-offer rtcp-mux-demux", "rtcp-mux-demux", "contradicts rtcp-mux-offer", ""},
		{"direction=a", "direction", "must be given twice: the side of the sender, then the other", ""},
		{"internal", "direction", "must be given twice: the side of the sender, then the other", ""},
		{"in-iface=a", "direction", "must be given twice: the side of the sender, then the other", ""},
		{"in-iface=", "in-iface=", "has a bad value", ""},
		{"in-iface=a in-iface=b", "in-iface=b", "contradicts a", ""},
		{"direction=a direction=b direction=c", "direction=c", "is the third one, there must be two", ""},
		{"direction=a direction=b in-iface=c", "direction=c", "is the third one, there must be two", ""},
	} {
		t.Run(tc.in[:min(len(tc.in), 60)], func(t *testing.T) {
			f, err := rtpengine.ParseFlags(tc.in)
			var got *rtpengine.FlagError
			require.ErrorAs(t, err, &got)
			require.Equal(t, rtpengine.FlagError{Flag: tc.flag, Reason: tc.reason, Nearest: tc.nearest}, *got)
			require.Zero(t, f)
		})
	}
}

func TestFlagErrorText(t *testing.T) {
	_, err := rtpengine.ParseFlags("ICE=remove trust-adress")
	require.EqualError(t, err, `rtpengine: flag "trust-adress" is unknown, did you mean "trust-address"?`)
}

func TestMustParseFlags(t *testing.T) {
	require.Equal(t, "ICE=remove", rtpengine.MustParseFlags("ICE=remove").String())
	require.Panics(t, func() { rtpengine.MustParseFlags("ICE=") })
}

func TestFlagsWith(t *testing.T) {
	for _, tc := range []struct{ name, base, other, want string }{
		{"nothing to nothing", "", "", ""},
		{"nothing to something", "", "ICE=remove", "ICE=remove"},
		{"something to nothing", "ICE=remove", "", "ICE=remove"},
		{"lists are joined", "strict-source replace-origin", "debug replace-username", "debug strict-source replace-origin replace-username"},
		{"a value is replaced", "ICE=force TOS=1", "ICE=remove", "ICE=remove TOS=1"},
		{"the transport is replaced", "RTP/SAVPF", "RTP/AVP", "RTP/AVP"},
		{"the direction is replaced as a whole", "direction=a direction=b", "direction=b direction=a", "direction=b direction=a"},
		{"the direction stays", "direction=a direction=b", "debug", "debug direction=a direction=b"},
		{"a contradicting flag goes", "strict-source trust-address", "SIP-source-address", "SIP-source-address strict-source"},
		{"also one that is not sent", "asymmetric", "symmetric", "symmetric"},
		{"learning is one choice", "endpoint-learning-off", "endpoint-learning=heuristic", "endpoint-learning-heuristic"},
		{"contradictions within a list", "rtcp-mux-accept rtcp-mux-offer", "rtcp-mux-demux", "rtcp-mux-accept rtcp-mux-demux"},
		{"codecs keep their order", "codec-offer-opus codec-offer-PCMA", "codec-offer-G722 codec-offer-opus", "codec-offer-opus codec-offer-PCMA codec-offer-G722"},
		{"with itself", "direction=a direction=a ICE=remove", "direction=a direction=a ICE=remove", "direction=a direction=a ICE=remove"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			base, other := rtpengine.MustParseFlags(tc.base), rtpengine.MustParseFlags(tc.other)
			got := base.With(other)
			require.Equal(t, tc.want, got.String())
			require.True(t, got == rtpengine.MustParseFlags(tc.want), "its wire form is that of the string")
			require.Equal(t, tc.base, base.String(), "base is unchanged")
		})
	}
}
