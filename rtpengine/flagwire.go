// SPDX-FileCopyrightText: 2026 The sipnat authors
// SPDX-License-Identifier: MIT

package rtpengine

import (
	"net/netip"
	"strconv"

	"github.com/sipnat/sipnat/internal/bencode"
)

// flagWire is a flag set in bencode, so that a command only copies it. Strings,
// to be comparable.
type flagWire struct {
	flags    string // elements of the list "flags"
	keys     string // key and value, again and again
	received string // the value of received-from
	// needSource: SIP-source-address, and nothing here that says which.
	needSource bool
	// For delete and nothing else:
	deleteFlags string
	deleteKeys  string
}

func (s flagSet) wire() flagWire {
	var flags, keys, deleteFlags, deleteKeys, from []byte
	for i := 0; i < len(s); {
		o := &flagTable[s[i].option]
		end := i + 1
		for end < len(s) && s[end].option == s[i].option {
			end++
		}
		words := s[i:end]
		i = end
		switch {
		case o.kind == optionIgnored, o.kind == optionCodec:
			// Codecs follow below: they share one dictionary.
		case o.kind == optionFlag && o.onDelete:
			deleteFlags = appendValues(deleteFlags, words)
		case o.kind == optionFlag:
			flags = appendValues(flags, words)
		case o.kind == optionFrom:
			a, _ := netip.ParseAddr(words[0].value)
			from = appendReceived(from, a)
		case o.onDelete:
			deleteKeys = appendOption(deleteKeys, o, words)
		default:
			keys = appendOption(keys, o, words)
		}
	}
	return flagWire{
		flags: string(flags), keys: string(s.appendCodecs(keys)), received: string(from),
		deleteFlags: string(deleteFlags), deleteKeys: string(deleteKeys),
		needSource: s.has("SIP-source-address") && len(from) == 0 && !s.hasOption("media-address"),
	}
}

func appendOption(b []byte, o *option, words flagSet) []byte {
	b = bencode.AppendString(b, o.key)
	switch o.kind {
	case optionText:
		return bencode.AppendString(b, words[0].value)
	case optionInt:
		n, _ := strconv.ParseInt(words[0].value, 10, 64)
		return bencode.AppendInt(b, n)
	default:
		b = append(b, 'l')
		b = appendValues(b, words)
		return append(b, 'e')
	}
}

func appendValues(b []byte, words flagSet) []byte {
	for _, w := range words {
		b = bencode.AppendString(b, w.value)
	}
	return b
}

// appendCodecs appends the key codec with its dictionary of lists.
func (s flagSet) appendCodecs(b []byte) []byte {
	open := -1
	for _, w := range s {
		o := &flagTable[w.option]
		if o.kind != optionCodec {
			continue
		}
		switch {
		case open < 0:
			b = bencode.AppendString(b, "codec")
			b = append(b, 'd')
		case open != w.option:
			b = append(b, 'e')
		}
		if open != w.option {
			b = bencode.AppendString(b, o.key)
			b = append(b, 'l')
			open = w.option
		}
		b = bencode.AppendString(b, w.value)
	}
	if open >= 0 {
		b = append(b, "ee"...)
	}
	return b
}

// appendReceived appends the value of received-from, nothing for the zero Addr.
func appendReceived(b []byte, a netip.Addr) []byte {
	family, ip := received(a)
	if family == "" {
		return b
	}
	b = append(b, 'l')
	b = bencode.AppendString(b, family)
	var buf [64]byte
	b = bencode.AppendString(b, ip.AppendTo(buf[:0]))
	return append(b, 'e')
}

// dict returns the options of all commands as a dictionary of their own.
func (f Flags) dict() Dict {
	return f.wire.dict(f.wire.keys+f.wire.deleteKeys, f.wire.flags+f.wire.deleteFlags, f.wire.received)
}

// dictFor returns those that go with a command.
func (f Flags) dictFor(command string) Dict {
	if command == "delete" {
		return f.wire.dict(f.wire.deleteKeys, f.wire.deleteFlags, "")
	}
	return f.wire.dict(f.wire.keys, f.wire.flags, f.wire.received)
}

func (w *flagWire) dict(keys, flags, received string) Dict {
	b := append([]byte("d"), keys...)
	if flags != "" {
		b = append(b, "5:flagsl"...)
		b = append(b, flags...)
		b = append(b, 'e')
	}
	if received != "" {
		b = bencode.AppendString(b, "received-from")
		b = append(b, received...)
	}
	v, err := bencode.Decode(append(b, 'e'))
	d, ok := v.(Dict)
	if err != nil || !ok {
		// We wrote it: only a flag string beyond bencode.MaxSize gets here, and
		// ParseFlags refuses that.
		return Dict{}
	}
	return d
}
