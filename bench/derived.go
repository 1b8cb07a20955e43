//go:build unix

package main

import (
	"context"
	"fmt"
	"slices"
	"time"
)

// rawStreams bring whole conversations; the derived ones are made of the same answers.
var rawStreams = []string{"conversations", "conversation_parts"}

// derived shows what the streams that are made of conversations cost in CPU time beyond the raw ones: as everybody reads,
// by TLS, and over plain HTTP, where the raw ones cost less. Rounds take turns, so that a noisy moment of the machine does
// not meet one set of streams alone, and the least of each counts.
func derived(ctx context.Context, b *bench) error {
	names := []string{"normalized_conversations", "ticket_events", "transcripts"}
	sets := [][]string{nil, names[:1], names[1:2], names[2:], names}
	n, rounds := 4000, 8
	if b.quick {
		n, rounds = 2000, 3
	}
	var table [][]string
	for _, c := range []struct {
		how string
		tls bool
	}{{"TLS", true}, {"plain HTTP", false}} {
		least := make([]time.Duration, len(sets))
		w := world{count: map[string]int{"conversations": n, "parts": 8}, rate: plenty}
		err := b.during(ctx, w, func(s *server) error {
			var env []string
			if c.tls {
				front, err := b.encrypt(s)
				if err != nil {
					return err
				}
				defer front.close()
				env = front.env
			}
			for round := range rounds {
				b.progress("derived: %s, round %d of %d", c.how, round+1, rounds)
				for i, set := range sets {
					o, err := b.read(ctx, s, reading{streams: slices.Concat(rawStreams, set), env: env})
					if err != nil {
						return err
					}
					if least[i] == 0 || o.cpu < least[i] {
						least[i] = o.cpu
					}
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
		for i, set := range sets {
			what := "raw alone"
			switch {
			case len(set) == len(names):
				what = "raw and all three"
			case set != nil:
				what = "raw and " + set[0]
			}
			table = append(table, []string{what, c.how, fmt.Sprintf("%.2f", least[i].Seconds()), ratio(least[i], least[0])})
		}
	}
	b.table(fmt.Sprintf("Derived streams: CPU time of the connector (user and system) for %d conversations of eight parts, packed with gzip, over that of the raw streams alone", n),
		"streams|over|CPU s|over raw", table)
	return nil
}
