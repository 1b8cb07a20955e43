//go:build unix

package main

import (
	"context"
	"fmt"
	"time"
)

const (
	usualLimit   = 1667
	usualLatency = 300 * time.Millisecond
	searchPage   = 150
	scrollPage   = 100
)

// timeCase is a whole read of one kind of object.
type timeCase struct {
	name     string
	kind     string // as emulate names it
	n        int
	stream   string
	parts    bool // read conversation_parts as well
	settings map[string]any
}

// needed is the fewest calls that can bring n objects.
func (c timeCase) needed(n int) int {
	switch {
	case c.kind == "companies":
		return pages(n, scrollPage)
	case c.parts:
		return pages(n, searchPage) + n
	}
	return pages(n, searchPage)
}

// minimum is the shortest time for so many calls. A scroll is one chain: each page waits for the one before.
func (c timeCase) minimum(calls int) time.Duration {
	byRate := time.Duration(float64(calls) / usualLimit * float64(windowLength))
	if c.kind == "companies" {
		return max(byRate, time.Duration(calls)*usualLatency)
	}
	return byRate
}

func pages(n, size int) int { return (n + size - 1) / size }

// wallTime shows how long whole reads take, over what the rate limit and the latency demand.
func wallTime(ctx context.Context, b *bench) error {
	var rows [][]string
	for _, c := range b.timeCases() {
		w := world{count: map[string]int{c.kind: c.n}}
		o, err := b.timed(ctx, w, c)
		if err != nil {
			return err
		}
		n := o.records[c.stream]
		least := c.minimum(c.needed(n))
		rows = append(rows, []string{c.name, fmt.Sprint(n), fmt.Sprint(o.calls), fmt.Sprint(c.needed(n)), ratio(o.calls, c.needed(n)),
			seconds(o.wall), seconds(least), ratio(o.wall, least)})
	}
	b.table(fmt.Sprintf("Wall time over the theoretical minimum, at %d calls in %s and %s", usualLimit, windowLength, usualLatency),
		"what|objects|calls|needed|calls/needed|wall s|minimum s|wall/minimum", rows)
	return nil
}

func (b *bench) timeCases() []timeCase {
	part := 1
	if b.quick {
		part = 10
	}
	version := func(v string) map[string]any { return map[string]any{"api_version": v} }
	return []timeCase{
		{"conversations with parts", "conversations", 20_000 / part, "conversations", true, nil},
		{"conversations alone", "conversations", 100_000 / part, "conversations", false, nil},
		{"contacts, API 2.16 (days)", "contacts", 200_000 / part, "contacts", false, version("2.16")},
		{"contacts, Preview (seconds)", "contacts", 200_000 / part, "contacts", false, version("Preview")},
		{"tickets", "tickets", 100_000 / part, "tickets", false, nil},
		{"companies", "companies", 20_000 / part, "companies", false, nil},
	}
}

// timed reads a world to its end, from the beginning of a rate window on, so that runs can be compared.
func (b *bench) timed(ctx context.Context, w world, c timeCase) (outcome, error) {
	w.rate, w.latency = usualLimit, usualLatency
	streams := []string{c.stream}
	if c.parts {
		streams = append(streams, "conversation_parts")
	}
	b.progress("time: %s, %d", c.name, c.n)
	var o outcome
	err := b.during(ctx, w, func(s *server) (err error) {
		select {
		case <-time.After(time.Until(nextWindow(time.Now()))):
		case <-ctx.Done():
			return ctx.Err()
		}
		o, err = b.read(ctx, s, reading{streams: streams, settings: c.settings})
		return err
	})
	if n := o.records[c.stream]; err == nil && c.kind != "companies" && n < c.n { // companies without users are not listed
		err = fmt.Errorf("%s: %d records of %d", c.name, n, c.n)
	}
	return o, err
}

// yardstick reads the world in which other connectors were measured.
func yardstick(ctx context.Context, b *bench) error {
	c := timeCase{name: "the yardstick", kind: "conversations", n: 4000, stream: "conversations", parts: true}
	o, err := b.timed(ctx, world{size: fmt.Sprint(c.n)}, c)
	if err != nil {
		return err
	}
	records, least := o.allRecords(), c.minimum(c.needed(c.n))
	per := o.cpu.Seconds() * 10_000 / float64(records)
	b.table(fmt.Sprintf("The yardstick: %d conversations with parts (%d records, %s MB out), at %d calls in %s and %s",
		c.n, records, megabytes(o.bytes), usualLimit, windowLength, usualLatency),
		"figure|measured|bound|measured/bound", [][]string{
			{"wall/minimum (" + seconds(o.wall) + " s / " + seconds(least) + " s)", ratio(o.wall, least), "1.030", ratio(o.wall, least*103/100)},
			{"CPU s for 10,000 records (" + seconds(o.cpu) + " s in all)", fmt.Sprintf("%.3f", per), "0.350", ratio(per, 0.35)},
			{"peak memory MB", megabytes(o.peak), megabytes(memoryBound), ratio(o.peak, memoryBound)},
		})
	return nil
}
