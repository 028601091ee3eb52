// SPDX-FileCopyrightText: 2026 The sipnat authors
// SPDX-License-Identifier: MIT

package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/sipnat/sipnat/nat"
)

// question is a line of -jsonl input. The id is handed back as it came.
type question struct {
	ID        json.RawMessage `json:"id"`
	Message   string          `json:"message"`
	Source    string          `json:"source"`
	Transport string          `json:"transport"`
}

// answerLines answers each line of in by one of out. A line that cannot be
// answered gets an object with an error, and the next one is read.
func answerLines(in io.Reader, out io.Writer, decisive nat.Test) error {
	reader := bufio.NewReader(in)
	writer := bufio.NewWriter(out)
	enc := json.NewEncoder(writer)
	enc.SetEscapeHTML(false) // URIs stand in <>
	for {
		line, err := reader.ReadBytes('\n')
		if len(bytes.TrimSpace(line)) > 0 {
			if err := enc.Encode(answerLine(line, decisive)); err != nil {
				return err
			}
		}
		// Who asks line by line waits for the answer to each.
		if flushErr := writer.Flush(); flushErr != nil {
			return flushErr
		}
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return err
		}
	}
}

// failure is the answer to a line that could not be judged.
type failure struct {
	ID    json.RawMessage `json:"id,omitempty"`
	Error string          `json:"error"`
}

func answerLine(line []byte, decisive nat.Test) any {
	var q question
	if err := json.Unmarshal(line, &q); err != nil {
		return failure{ID: q.ID, Error: fmt.Sprintf("no JSON object: %v", err)}
	}
	path, err := parsePath(q.Source, q.Transport)
	if err != nil {
		return failure{ID: q.ID, Error: err.Error()}
	}
	a, err := check(q.Message, path, decisive)
	if err != nil {
		return failure{ID: q.ID, Error: err.Error()}
	}
	a.ID = q.ID
	return a
}
