//go:build unix

package main

import (
	"context"
	"fmt"
	"sync"
	"time"
)

// rateCase is one read under one limit.
type rateCase struct {
	limit     int
	latency   time.Duration
	neighbour bool
	windows   int // whole ones to count
}

// rate shows how much of the rate limit a long read of conversations with parts uses.
func rate(ctx context.Context, b *bench) error {
	var rows [][]string
	for _, group := range sideBySide(b.rateCases()) {
		done, err := b.together(ctx, group)
		if err != nil {
			return err
		}
		rows = append(rows, done...)
	}
	b.table("Rate: calls made over calls allowed, in the whole windows between the first and the last of a long read. Beside a neighbour "+
		"(10 to 40 % of the quota)\nallowed is what it left. 429s are the connector's, over the whole read; at 1 in 100 calls the answer takes a second longer.",
		"limit|latency ms|neighbour|windows|made|allowed|made/allowed|worst window|429s|of calls|per 1,000|neighbour's 429s", rows)
	return nil
}

func (b *bench) rateCases() []rateCase {
	if b.quick {
		return []rateCase{{84, 300 * time.Millisecond, false, 2}, {167, 100 * time.Millisecond, true, 2}, {usualLimit, 300 * time.Millisecond, false, 2}}
	}
	var alone, beside []rateCase
	for _, limit := range []int{84, 167, usualLimit} {
		for _, ms := range []time.Duration{20, 100, 300, 800} {
			alone = append(alone, rateCase{limit, ms * time.Millisecond, false, 6})
		}
		beside = append(beside, rateCase{limit, 100 * time.Millisecond, true, 12}) // a whole period of the neighbour
	}
	return append(alone, beside...)
}

// sideBySide groups the cases that leave the machine idle enough to run at the same time.
func sideBySide(cases []rateCase) [][]rateCase {
	const few, most = 200, 3
	var groups [][]rateCase
	for _, c := range cases {
		last := len(groups) - 1
		if c.limit <= few && last >= 0 && len(groups[last]) < most && groups[last][0].windows == c.windows {
			groups[last] = append(groups[last], c)
			continue
		}
		groups = append(groups, []rateCase{c})
	}
	return groups
}

func (b *bench) together(ctx context.Context, cases []rateCase) ([][]string, error) {
	rows, errs := make([][]string, len(cases)), make([]error, len(cases))
	var all sync.WaitGroup
	for i, c := range cases {
		all.Go(func() { rows[i], errs[i] = b.rateOf(ctx, c) })
	}
	all.Wait()
	for _, err := range errs {
		if err != nil {
			return nil, err
		}
	}
	return rows, nil
}

// rateOf reads more conversations than the windows allow, and stops when enough windows have passed.
func (b *bench) rateOf(ctx context.Context, c rateCase) ([]string, error) {
	b.progress("rate: %d calls a window, %s, neighbour %t", c.limit, c.latency, c.neighbour)
	w := world{count: map[string]int{"conversations": (c.windows + 4) * c.limit}, rate: c.limit,
		latency: c.latency, jitter: c.latency / 4, faults: "delay=1s:*:0.01"}
	var o outcome
	var all, others map[int64]window
	var from, to time.Time
	err := b.during(ctx, w, func(s *server) (err error) {
		aside := newNeighbour(s, c.limit)
		if c.neighbour {
			defer aside.start(ctx)()
		}
		all, others = s.windows, aside.windows
		from = nextWindow(time.Now().Add(time.Second)) // the connector has begun to read by then
		to = from.Add(time.Duration(c.windows) * windowLength)
		o, err = b.read(ctx, s, reading{streams: []string{"conversations", "conversation_parts"}, until: to.Add(windowLength / 20)})
		return err
	})
	if end := o.began.Add(o.wall); err == nil && end.Before(to) {
		err = fmt.Errorf("%+v: the read ended after %s, before the windows did", c, o.wall)
	}
	if err != nil {
		return nil, err
	}
	return c.row(o, between(all, from, to), between(others, from, to)), nil
}

// row compares what was made in each window with what a neighbour has left of it.
func (c rateCase) row(o outcome, all, others []window) []string {
	var made, allowed, refused int
	worst := 1.0
	for i, w := range all {
		ours, ourQuota := w.calls-others[i].calls, c.limit-others[i].calls
		made, allowed, refused = made+ours, allowed+ourQuota, refused+others[i].refused
		worst = min(worst, float64(ours)/float64(ourQuota))
	}
	neighbour := "-"
	if c.neighbour {
		neighbour = fmt.Sprintf("%.0f %%", 100-100*float64(allowed)/float64(c.limit*len(all)))
	}
	return []string{fmt.Sprint(c.limit), fmt.Sprint(c.latency.Milliseconds()), neighbour, fmt.Sprint(len(all)), fmt.Sprint(made), fmt.Sprint(allowed),
		ratio(made, allowed), fmt.Sprintf("%.3f", worst), fmt.Sprint(o.throttled), fmt.Sprint(o.calls), ratio(1000*o.throttled, o.calls), fmt.Sprint(refused)}
}
