// SPDX-FileCopyrightText: 2026 The sipnat authors
// SPDX-License-Identifier: MIT

package redisstore

import (
	"context"
	"iter"
	"strings"

	"github.com/redis/rueidis"

	"github.com/sipnat/sipnat/registrar"
)

// scanCount is how many keys Redis looks at in one step.
const scanCount = 500

// All implements registrar.Scanner, with Redis's promise about it: what is
// there all the time comes, and comes twice at times.
func (s *Store) All(ctx context.Context) iter.Seq2[registrar.Binding, error] {
	return func(yield func(registrar.Binding, error) bool) {
		for cursor := uint64(0); ; {
			values, next, err := s.scan(ctx, cursor)
			if err != nil {
				yield(registrar.Binding{}, err)
				return
			}
			for _, value := range values {
				list, err := decode(value)
				if err != nil {
					yield(registrar.Binding{}, err)
					return
				}
				for _, b := range live(list) {
					if !yield(b, nil) {
						return
					}
				}
			}
			if cursor = next; cursor == 0 {
				return
			}
		}
	}
}

// scan reads the values of one step.
func (s *Store) scan(ctx context.Context, cursor uint64) (values []string, next uint64, err error) {
	if err := ctx.Err(); err != nil {
		return nil, 0, err
	}
	cmd := s.client.B().Scan().Cursor(cursor).Match(escape(s.cfg.prefix()) + "*").Count(scanCount).Build()
	page, err := s.client.Do(ctx, cmd).AsScanEntry()
	if err != nil {
		return nil, 0, s.away(ctx, err)
	}
	if len(page.Elements) == 0 {
		return nil, page.Cursor, nil
	}
	found, err := s.client.Do(ctx, s.client.B().Mget().Key(page.Elements...).Build()).ToArray()
	if err != nil {
		return nil, 0, s.away(ctx, err)
	}
	for i := range found {
		value, err := found[i].ToString()
		if err != nil && !rueidis.IsRedisNil(err) { // nil: it has gone meanwhile
			return nil, 0, s.away(ctx, err)
		}
		values = append(values, value)
	}
	return values, page.Cursor, nil
}

// escape takes their meaning from the characters of a pattern.
func escape(prefix string) string {
	return strings.NewReplacer(`\`, `\\`, `*`, `\*`, `?`, `\?`, `[`, `\[`).Replace(prefix)
}
