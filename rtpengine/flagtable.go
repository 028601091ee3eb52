// SPDX-FileCopyrightText: 2026 The sipnat authors
// SPDX-License-Identifier: MIT

package rtpengine

// How the values of an option are combined and sent.
type optionKind uint8

const (
	optionFlag    optionKind = iota // an element of the list "flags"
	optionList                      // an element of a list of its own
	optionPair                      // direction: two values, in order
	optionCodec                     // a list, in order, within the dictionary "codec"
	optionText                      // a single string
	optionInt                       // a single integer
	optionFrom                      // an address, sent as family and address
	optionIgnored                   // accepted and not sent
)

// option is one line of the table of flags: which words there are, and what
// becomes of them.
type option struct {
	key    string // dictionary key
	prefix string // what stands before the value in a flag string
	kind   optionKind
	// values that are known; nil for any that check takes.
	values []string
	// check returns the canonical form of a value, or false. It is asked for
	// what is not in values.
	check func(string) (string, bool)
	// onDelete options are sent with delete only, all others with offer and
	// answer only.
	onDelete bool
}

func (o *option) sorted() bool { return o.kind != optionPair && o.kind != optionCodec }

const (
	transportKey    = "transport-protocol"
	transportAccept = "accept"
	directionKey    = "direction"
)

// flagTable is read only. Its order is that of the canonical string; within
// codec it is that of bencode's keys.
var flagTable = []option{
	{key: "flags", kind: optionFlag, values: plainFlags},
	{key: "flags", kind: optionFlag, values: []string{"discard-recording", "fast", "fatal"}, onDelete: true},
	{key: "delete-delay", prefix: "delete-delay=", kind: optionInt, check: intBetween(0, 1<<31-1), onDelete: true},
	{kind: optionIgnored, values: []string{"asymmetric-codecs", "reorder-codecs", "round-robin-calls", "symmetric", "symmetric-codecs"}},

	// session-connection: newer daemons do it always and know no such word; 10.5
	// leaves the address in a c= line before the first m= line without it.
	{key: "replace", prefix: "replace-", kind: optionList, values: []string{
		"SDP-version", "force-increment-sdp-ver",
		"origin", "origin-full", "session-connection", "session-name", "username", "zero-address",
	}},
	{key: directionKey, prefix: "direction=", kind: optionPair, check: anyWord},
	{key: transportKey, prefix: "transport-protocol=", kind: optionText, values: transportNames},

	{key: "ICE", prefix: "ICE=", kind: optionText, values: []string{"default", "force", "force-relay", "optional", "remove"}},
	{key: "ICE-lite", prefix: "ICE-lite=", kind: optionText, values: []string{"backward", "both", "forward", "off"}},
	{key: "rtcp-mux", prefix: "rtcp-mux-", kind: optionList, values: []string{"accept", "demux", "offer", "reject", "require"}},

	{key: "DTLS", prefix: "DTLS=", kind: optionText, values: []string{"active", "disable", "no", "off", "passive"}},
	{key: "DTLS-reverse", prefix: "DTLS-reverse=", kind: optionText, values: []string{"active", "passive"}},
	{key: "DTLS-fingerprint", prefix: "DTLS-fingerprint=", kind: optionText, values: []string{"SHA-1", "SHA-224", "SHA-256", "SHA-384", "SHA-512"}},
	{key: "SDES", prefix: "SDES-", kind: optionList, check: sdesOption, values: []string{
		"authenticated_srtp", "disable",
		"encrypted_srtcp", "encrypted_srtp", "lifetime", "no", "nonew", "off", "pad", "static",
		"unauthenticated_srtp", "unencrypted_srtcp", "unencrypted_srtp",
	}},
	{key: "OSRTP", prefix: "OSRTP-", kind: optionList, values: []string{"accept", "accept-RFC", "accept-legacy", "offer", "offer-RFC", "offer-legacy"}},

	{key: "T.38", prefix: "T.38-", kind: optionList, values: []string{
		"FEC", "decode", "force",
		"no-ECM", "no-IAF", "no-V.17", "no-V.27ter", "no-V.29", "no-V.34", "stop",
	}},
	{key: "accept", prefix: "codec-accept-", kind: optionCodec, check: anyWord},
	{key: "consume", prefix: "codec-consume-", kind: optionCodec, check: anyWord},
	{key: "except", prefix: "codec-except-", kind: optionCodec, check: anyWord},
	{key: "ignore", prefix: "codec-ignore-", kind: optionCodec, check: anyWord},
	{key: "mask", prefix: "codec-mask-", kind: optionCodec, check: anyWord},
	{key: "offer", prefix: "codec-offer-", kind: optionCodec, check: anyWord},
	{key: "set", prefix: "codec-set-", kind: optionCodec, check: anyWord},
	{key: "strip", prefix: "codec-strip-", kind: optionCodec, check: anyWord},
	{key: "transcode", prefix: "codec-transcode-", kind: optionCodec, check: anyWord},
	{key: "ptime", prefix: "ptime=", kind: optionInt, check: intBetween(1, 1000)},
	{key: "ptime-reverse", prefix: "ptime-reverse=", kind: optionInt, check: intBetween(1, 1000)},

	{key: "received-from", prefix: "received-from=", kind: optionFrom, check: ipAddress},
	{key: "address-family", prefix: "address-family=", kind: optionText, values: []string{"IP4", "IP6"}},
	{key: "media-address", prefix: "media-address=", kind: optionText, check: ipAddress},
	{key: "TOS", prefix: "TOS=", kind: optionInt, check: intBetween(-1, 255)},
	{key: "delay-buffer", prefix: "delay-buffer=", kind: optionInt, check: intBetween(0, 1<<31-1)},

	{key: "drop-traffic", prefix: "drop-traffic=", kind: optionText, values: []string{"start", "stop"}},
	{key: "DTMF-security", prefix: "DTMF-security=", kind: optionText, values: []string{"DTMF", "drop", "off", "random", "silence", "tone", "zero"}},
	{key: "generate-RTCP", prefix: "generate-RTCP=", kind: optionText, values: []string{"off", "on"}},
	{key: "label", prefix: "label=", kind: optionText, check: anyWord},
	{key: "media-echo", prefix: "media-echo=", kind: optionText, values: []string{
		"back", "backward", "backwards", "bk", "bkw", "blackhole", "both", "forward", "fw", "fwd", "sinkhole",
	}},
	{key: "metadata", prefix: "metadata=", kind: optionText, check: anyWord},
	{key: "passthrough", prefix: "passthrough=", kind: optionText, values: []string{"off", "on"}},
	{key: "record-call", prefix: "record-call=", kind: optionText, values: []string{"no", "off", "on", "yes"}},
	{key: "set-label", prefix: "set-label=", kind: optionText, check: anyWord},
	{key: "xmlrpc-callback", prefix: "xmlrpc-callback=", kind: optionText, check: ipAddress},

	// Newer daemons only.
	{key: "DTMF-log-dest", prefix: "DTMF-log-dest=", kind: optionText, check: anyWord},
	{key: "instance", prefix: "instance=", kind: optionText, check: anyWord},
	{key: "recording-dir", prefix: "recording-dir=", kind: optionText, check: anyWord},
	{key: "recording-file", prefix: "recording-file=", kind: optionText, check: anyWord},
	{key: "recording-pattern", prefix: "recording-pattern=", kind: optionText, check: anyWord},
	{key: "template", prefix: "template=", kind: optionText, check: anyWord},
}

// plainFlags are the words of the list "flags".
var plainFlags = []string{
	"NAT-wait", "RTCP-mirror", "SIP-source-address", "all", "allow-transcoding", "always-transcode",
	"asymmetric", "debug", "detect-DTMF", "egress", "endpoint-learning-delayed", "endpoint-learning-heuristic",
	"endpoint-learning-immediate", "endpoint-learning-off", "fragment", "full-rtcp-attribute", "generate-RTCP",
	"generate-mid", "inject-DTMF", "loop-protect", "media-handover", "no-jitter-buffer", "no-port-latching",
	"no-redis-update", "no-rtcp-attribute", "original-sendrecv", "passthrough", "pierce-NAT", "port-latching",
	"reject-ICE", "reset", "reuse-codecs", "single-codec", "siprec", "strict-source", "strip-extmap",
	"trickle-ICE", "trust-address", "unidirectional",
	// Newer daemons only.
	"WebRTC", "allow-asymmetric-codecs", "allow-no-codec-media", "audio-player", "bidirectional", "block-DTMF",
	"block-egress", "block-short-packets", "early-media", "exclude-recording", "force-transcoding", "inactive",
	"mix", "new-branch", "no-tls-id", "provisional", "recording-announcement", "recrypt", "skip-recording-db",
	"static-codecs", "unsubscribe",
}

// exclusive groups: of each at most one word can hold.
var exclusive = [][]string{
	{"trust-address", "SIP-source-address"},
	{"symmetric", "asymmetric"},
	{"port-latching", "no-port-latching"},
	{"full-rtcp-attribute", "no-rtcp-attribute"},
	{"endpoint-learning-delayed", "endpoint-learning-heuristic", "endpoint-learning-immediate", "endpoint-learning-off"},
	{"rtcp-mux-accept", "rtcp-mux-reject"},
	{"rtcp-mux-demux", "rtcp-mux-offer"},
	{"rtcp-mux-demux", "rtcp-mux-require"},
	{"rtcp-mux-demux", "rtcp-mux-reject"},
	{"SDES-encrypted_srtp", "SDES-unencrypted_srtp"},
	{"SDES-encrypted_srtcp", "SDES-unencrypted_srtcp"},
	{"SDES-authenticated_srtp", "SDES-unauthenticated_srtp"},
	{"T.38-decode", "T.38-force", "T.38-stop"},
}

// synonyms are whole words with another canonical spelling, in lower case.
var synonyms = map[string]string{
	"internal":               "direction=internal",
	"external":               "direction=external",
	"pad-crypto":             "SDES-pad",
	"record-call":            "record-call=on",
	"no-codec-renegotiation": "reuse-codecs",
	"debugging":              "debug",
	"block-short":            "block-short-packets",
}

// prefixSynonyms are spellings of what stands before a value, in lower case.
// That lists take "=" for their last hyphen needs no line here.
var prefixSynonyms = [][2]string{
	{"t38-", "T.38-"},
	{"t38=", "T.38-"},
	{"transcode-", "codec-transcode-"},
	{"transcode=", "codec-transcode-"},
	{"endpoint-learning=", "endpoint-learning-"},
}

const decided = "is decided by the library"

// notHere are the names, in lower case, that Kamailio or OpenSIPS know and that
// do not belong here, with the reason.
var notHere = map[string]string{
	"via-branch":   decided,
	"to-tag":       decided,
	"from-tag":     decided,
	"from-tags":    decided,
	"call-id":      decided,
	"directional":  decided,
	"force-answer": decided,
	"rtpp-flags":   "would bypass the checks: give the flags themselves",
	"repacketize":  "is known to no daemon: use ptime=",
}
