// SPDX-FileCopyrightText: 2026 The sipnat authors
// SPDX-License-Identifier: MIT

package integration_test

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// baresipConfig is the part of a configuration that is the same for every
// phone. Sound comes from a file and goes nowhere: no sound card is asked for.
const baresipConfig = `module_path /usr/lib/baresip/modules
module aufile.so
module aubridge.so
module g711.so
module stun.so
module_app account.so
module_app menu.so
module_app ctrl_tcp.so
module_app debug_cmd.so
ctrl_tcp_listen 127.0.0.1:4444
audio_player aubridge,player
audio_alert aubridge,alert
ausrc_srate 8000
auplay_srate 8000
ausrc_channels 1
auplay_channels 1
rtp_ports 16000-17000
statmode_default off
`

// baresipDir writes a configuration for a phone on the host.
func baresipDir(t testing.TB, h *host, cfg phoneConfig) string {
	t.Helper()
	dir := t.TempDir()
	tone := filepath.Join(dir, "tone.wav")
	regint := cfg.regint
	if regint == 0 {
		regint = 600
	}
	mode := "auto"
	if cfg.manual {
		mode = "manual"
	}
	// Without a password baresip asks for one on the terminal.
	password := cfg.password
	if password == "" {
		password = "none"
	}
	account := fmt.Sprintf("<sip:%s@%s;transport=%s>;auth_user=%s;auth_pass=%s;regint=%d;answermode=%s;audio_codecs=pcmu\n",
		cfg.user, cfg.registrar, cfg.transport, cfg.user, password, max(regint, 0), mode)
	for name, content := range map[string]string{
		"config":   baresipConfig + "sip_listen " + h.ip + ":5060\naudio_source aufile," + tone + "\n",
		"accounts": account,
		"contacts": "",
		"tone.wav": string(wav(60)),
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// wav is a tone of 440 Hz: 8 kHz, mono, 16 bit. A call ends with its file.
func wav(seconds int) []byte {
	const rate = 8000
	size := seconds * rate * 2
	b := make([]byte, 0, 44+size)
	b = append(b, "RIFF"...)
	b = binary.LittleEndian.AppendUint32(b, uint32(36+size))
	b = append(b, "WAVEfmt "...)
	b = binary.LittleEndian.AppendUint32(b, 16)
	b = binary.LittleEndian.AppendUint16(b, 1) // PCM
	b = binary.LittleEndian.AppendUint16(b, 1) // mono
	b = binary.LittleEndian.AppendUint32(b, rate)
	b = binary.LittleEndian.AppendUint32(b, rate*2)
	b = binary.LittleEndian.AppendUint16(b, 2)
	b = binary.LittleEndian.AppendUint16(b, 16)
	b = append(b, "data"...)
	b = binary.LittleEndian.AppendUint32(b, uint32(size))
	for i := range seconds * rate {
		s := int16(8000 * math.Sin(2*math.Pi*440*float64(i)/rate))
		b = binary.LittleEndian.AppendUint16(b, uint16(s))
	}
	return b
}

// maxNetstring bounds what a control connection may announce.
const maxNetstring = 1 << 20

// readNetstrings hands each netstring ("5:hello,") to take until the stream ends.
func readNetstrings(r io.Reader, take func([]byte)) {
	br := bufio.NewReader(r)
	for {
		head, err := br.ReadString(':')
		if err != nil {
			return
		}
		n, err := strconv.Atoi(strings.TrimSuffix(head, ":"))
		if err != nil || n < 0 || n > maxNetstring {
			return
		}
		b := make([]byte, n+1)
		if _, err := io.ReadFull(br, b); err != nil {
			return
		}
		take(b[:n])
	}
}
