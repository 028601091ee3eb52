// SPDX-FileCopyrightText: 2026 The sipnat authors
// SPDX-License-Identifier: MIT

package main

import (
	"fmt"
	"io"
	"maps"
	"net/netip"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/sipnat/sipnat/rtpengine"
)

// show prints a reply.
func (o *options) show(w io.Writer, reply rtpengine.Dict) error {
	if sdp, ok := reply["sdp"].(string); ok && !o.json && o.command != "subscribe request" {
		_, err := io.WriteString(w, sdp)
		return err
	}
	if !o.table {
		return printJSON(w, reply)
	}
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	switch o.command {
	case "list":
		calls, _ := reply["calls"].([]any)
		for _, c := range calls {
			fmt.Fprintln(t, c)
		}
		fmt.Fprintf(t, "%d calls\n", len(calls))
	case "query":
		showCall(t, rtpengine.ReadCall(reply))
	case "statistics":
		groups, _ := reply["statistics"].(rtpengine.Dict)
		for _, name := range slices.Sorted(maps.Keys(groups)) {
			showCounters(t, name, groups[name])
		}
	default:
		return printJSON(w, reply)
	}
	return t.Flush()
}

func showCall(w io.Writer, c rtpengine.Call) {
	fmt.Fprintf(w, "created %s, last signalled %s, %d RTP packets, %d RTCP\n",
		c.Created.Format("15:04:05"), c.LastSignal.Format("15:04:05"), c.RTP.Packets, c.RTCP.Packets)
	fmt.Fprintln(w, "TAG\tBRANCH\tMEDIA\tPROTOCOL\tENGINE\tPARTY\tPACKETS\tERRORS\tFLAGS")
	for _, tag := range c.Tags {
		for _, m := range tag.Medias {
			for _, s := range m.Streams {
				fmt.Fprintf(w, "%s\t%s\t%d %s\t%s\t%s\t%s\t%d\t%d\t%s\n", tag.Tag, dash(tag.ViaBranch), m.Index, m.Type, m.Protocol,
					addr(s.Local), addr(s.Endpoint), s.Packets, s.Errors, dash(strings.Join(s.Flags, ",")))
			}
		}
	}
}

func addr(a netip.AddrPort) string {
	if !a.IsValid() {
		return "-"
	}
	return a.String()
}

func dash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}

// showCounters prints what is not zero.
func showCounters(w io.Writer, name string, v any) {
	switch v := v.(type) {
	case rtpengine.Dict:
		for _, k := range slices.Sorted(maps.Keys(v)) {
			showCounters(w, name+"."+k, v[k])
		}
	case []any:
		for i, e := range v {
			showCounters(w, fmt.Sprintf("%s[%d]", name, i), e)
		}
	default:
		if s := fmt.Sprint(v); strings.Trim(s, "0.") != "" {
			fmt.Fprintf(w, "%s\t%s\n", name, s)
		}
	}
}
