// SPDX-FileCopyrightText: 2026 The sipnat authors
// SPDX-License-Identifier: MIT

package rtpengine

// transport is what the words about the transport say so far. Each property is
// 0 while nobody has spoken of it, else yes or no.
type transport struct {
	secure   int8
	feedback int8 // the AVPF profile, RFC 4585
	dtls     int8
}

const (
	yes int8 = 1
	no  int8 = -1
)

// transportNames are what the daemon takes for transport-protocol. "accept" is
// for answers: take what the answerer made of it.
var transportNames = []string{
	"RTP/AVP", "RTP/AVPF", "RTP/SAVP", "RTP/SAVPF",
	"UDP/TLS/RTP/SAVP", "UDP/TLS/RTP/SAVPF", transportAccept,
}

// transportWords, in lower case: the names, and the words that Kamailio and
// OpenSIPS combine, as in "SRTP AVPF".
var transportWords = map[string]transport{
	"rtp":   {secure: no},
	"srtp":  {secure: yes},
	"avp":   {feedback: no},
	"avpf":  {feedback: yes},
	"savp":  {secure: yes, feedback: no},
	"savpf": {secure: yes, feedback: yes},
	"dtls":  {secure: yes, dtls: yes},

	"rtp/avp":           {no, no, no},
	"rtp/avpf":          {no, yes, no},
	"rtp/savp":          {yes, no, no},
	"rtp/savpf":         {yes, yes, no},
	"udp/tls/rtp/savp":  {yes, no, yes},
	"udp/tls/rtp/savpf": {yes, yes, yes},
}

// name returns the transport protocol that the words make, "" for none.
func (t transport) name() string {
	if t == (transport{}) {
		return ""
	}
	name := "RTP/"
	if t.dtls == yes {
		name = "UDP/TLS/RTP/"
	}
	if t.secure == yes {
		name += "S"
	}
	name += "AVP"
	if t.feedback == yes {
		name += "F"
	}
	return name
}

func (p *flagParser) addTransport(word string, t transport) error {
	clash := func(a, b int8) bool { return a*b < 0 }
	if clash(p.transport.secure, t.secure) || clash(p.transport.feedback, t.feedback) || clash(p.transport.dtls, t.dtls) {
		return &FlagError{Flag: word, Reason: "contradicts another word about the transport"}
	}
	merge := func(to *int8, from int8) {
		if from != 0 {
			*to = from
		}
	}
	merge(&p.transport.secure, t.secure)
	merge(&p.transport.feedback, t.feedback)
	merge(&p.transport.dtls, t.dtls)
	return nil
}
