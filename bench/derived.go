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

// derivedCase is how conversations are read.
type derivedCase struct {
	how     string
	tls     bool
	n       int // conversations
	rate    int
	latency time.Duration
	rounds  int
}

func (b *bench) derivedCases() []derivedCase {
	paced := derivedCase{"TLS, at Intercom's limit", true, 2000, usualLimit, usualLatency, 4}
	cases := []derivedCase{paced, {"TLS, no limit", true, 4000, plenty, 0, 8}, {"plain HTTP, no limit", false, 4000, plenty, 0, 8}}
	if b.quick {
		paced.n, paced.rounds = 1000, 2
		return []derivedCase{paced}
	}
	return cases
}

// derived shows what the streams that are made of conversations cost in CPU time beyond the raw ones. Sets of streams take
// turns, so that a noisy moment of the machine does not meet one alone, and the least of each counts.
func derived(ctx context.Context, b *bench) error {
	names := []string{"normalized_conversations", "ticket_events", "transcripts"}
	sets := [][]string{nil, names[:1], names[1:2], names[2:], names}
	var rows [][]string
	for _, c := range b.derivedCases() {
		least, err := b.derivedCase(ctx, c, sets)
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
			rows = append(rows, []string{what, c.how, fmt.Sprint(c.n), fmt.Sprintf("%.2f", least[i].Seconds()), ratio(least[i], least[0])})
		}
	}
	b.table("Derived streams: CPU time of the connector (user and system) for conversations of eight parts, packed with gzip, over that of the raw streams alone",
		"streams|how|conversations|CPU s|over raw", rows)
	return nil
}

// derivedCase is the least CPU time of each set of streams.
func (b *bench) derivedCase(ctx context.Context, c derivedCase, sets [][]string) ([]time.Duration, error) {
	least := make([]time.Duration, len(sets))
	w := world{count: map[string]int{"conversations": c.n, "parts": 8}, rate: c.rate, latency: c.latency}
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
		for round := range c.rounds {
			b.progress("derived: %s, round %d of %d", c.how, round+1, c.rounds)
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
	return least, err
}
