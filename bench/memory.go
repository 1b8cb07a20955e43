//go:build unix

package main

import (
	"context"
	"fmt"
	"time"
)

// memoryBound is what the connector may have resident, in bytes.
const memoryBound int64 = 64_000_000

// plenty is a rate limit that never binds here.
const plenty = 100_000

type memoryCase struct {
	conversations int
	long          int // of these, with more than 500 parts
	latency       time.Duration
}

// memory shows that the connector's memory depends neither on the size of what it reads nor on the latency.
func memory(ctx context.Context, b *bench) error {
	var rows [][]string
	var first int64
	for _, c := range b.memoryCases() {
		o, err := b.memoryOf(ctx, c)
		if err != nil {
			return err
		}
		if first == 0 {
			first = o.peak
		}
		rows = append(rows, []string{fmt.Sprint(c.conversations), fmt.Sprint(c.long), fmt.Sprint(c.latency.Milliseconds()), fmt.Sprint(o.allRecords()), seconds(o.wall),
			fmt.Sprintf("%.0f", float64(o.calls)/o.wall.Seconds()), megabytes(o.peak), ratio(o.peak, first), ratio(o.peak, memoryBound)})
	}
	b.table("Memory: conversations with parts, without a rate limit that binds. Peak memory over that of the first row, and over "+megabytes(memoryBound)+" MB",
		"conversations|of them long|latency ms|records|wall s|calls/s|peak MB|over first|over bound", rows)
	return nil
}

func (b *bench) memoryCases() []memoryCase {
	cases := []memoryCase{{10_000, 0, 0}}
	if b.quick {
		return cases
	}
	return append(cases, memoryCase{100_000, 0, 0}, memoryCase{1_000_000, 0, 0},
		memoryCase{10_000, 0, 800 * time.Millisecond}, memoryCase{2000, 500, 0}, memoryCase{2000, 500, 800 * time.Millisecond})
}

func (b *bench) memoryOf(ctx context.Context, c memoryCase) (outcome, error) {
	b.progress("memory: %d conversations, %d long, %s", c.conversations, c.long, c.latency)
	w := world{count: map[string]int{"conversations": c.conversations, "long": c.long}, rate: plenty, latency: c.latency}
	var o outcome
	err := b.during(ctx, w, func(s *server) (err error) {
		o, err = b.read(ctx, s, reading{streams: []string{"conversations", "conversation_parts"}})
		return err
	})
	if n := o.records["conversations"]; err == nil && n < c.conversations {
		err = fmt.Errorf("%d conversations of %d", n, c.conversations)
	}
	return o, err
}
