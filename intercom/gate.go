package intercom

import (
	"container/list"
	"context"
	"sync"
	"time"

	"github.com/rs/zerolog"
)

// gate is where calls wait for their turn: first come, first served, but for those that cannot wait.
// pace decides; gate only waits.
type gate struct {
	now func() time.Time
	log zerolog.Logger

	mu      sync.Mutex
	pace    pace
	waiting list.List // of *waiter
	alarm   *time.Timer
	told    map[hold]bool // caps that were reported
}

type waiter struct {
	ready  chan struct{}
	ticket ticket
}

// enter waits until a call may start; an urgent one is next. Every ticket must be given back by leave.
func (g *gate) enter(ctx context.Context, urgent bool) (*ticket, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	w := &waiter{ready: make(chan struct{})}
	g.mu.Lock()
	queue := g.waiting.PushBack
	if urgent {
		queue = g.waiting.PushFront
	}
	place := queue(w)
	g.admit()
	g.mu.Unlock()

	select {
	case <-w.ready:
		return &w.ticket, nil
	case <-ctx.Done():
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	select {
	case <-w.ready:
		g.pace.leave(&w.ticket)
		g.admit()
	default:
		g.waiting.Remove(place)
	}
	return nil, ctx.Err()
}

// answered passes on what the headers of t's answer said.
func (g *gate) answered(t *ticket, n notice) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.pace.answered(t, n, g.now())
	g.admit()
}

// leave ends a call.
func (g *gate) leave(t *ticket) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.pace.leave(t)
	g.admit()
}

// server is the server's clock as far as it is known.
func (g *gate) server() time.Time {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.pace.clock.server(g.now())
}

// admit lets in all who may go and sets the alarm for the next one. The caller holds the lock.
func (g *gate) admit() {
	for first := g.waiting.Front(); first != nil; first = g.waiting.Front() {
		now := g.now()
		t, why, again := g.pace.admit(now)
		if why != holdNot {
			g.tell(why)
			g.wakeAt(again, now)
			return
		}
		w := g.waiting.Remove(first).(*waiter)
		w.ticket = t
		close(w.ready)
	}
}

func (g *gate) wakeAt(at, now time.Time) {
	switch {
	case at.IsZero():
	case g.alarm == nil:
		g.alarm = time.AfterFunc(at.Sub(now), g.wake)
	default:
		g.alarm.Reset(at.Sub(now))
	}
}

func (g *gate) wake() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.admit()
}

// tell reports once what a cap of the user's costs.
func (g *gate) tell(why hold) {
	if g.told[why] {
		return
	}
	p := &g.pace
	switch {
	case why == holdCap && p.limit > 0:
		g.log.Info().Int("calls_per_minute", p.cap.perMinute).Int("window_limit", p.limit).
			Msg("api_rate_limit slows this run down: Intercom would allow more calls")
	case why == holdShare && p.share < 1:
		g.log.Info().Float64("share", p.share).Int("window_limit", p.limit).
			Msg("rate_limit_share slows this run down: the rest of each window is left to others")
	case why == holdSlots && p.limit > 0:
		g.log.Info().Int("in_flight", p.maxInFlight).Int("window_limit", p.limit).
			Msg("max_in_flight slows this run down: the rate limit would allow more calls at a time")
	default:
		return
	}
	if g.told == nil {
		g.told = make(map[hold]bool)
	}
	g.told[why] = true
}

func (g *gate) stats() Stats {
	g.mu.Lock()
	defer g.mu.Unlock()
	return Stats{
		InFlight:  g.pace.inFlight,
		Limit:     g.pace.limit,
		Remaining: g.pace.remaining,
		Window:    g.pace.length,
	}
}
