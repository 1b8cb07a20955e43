package intercom

import (
	"container/list"
	"context"
	"sync"
	"time"

	"github.com/rs/zerolog"
)

// gate is where calls wait for their turn, in one queue for each stream: first come, first served within a
// stream, and the streams in turn, so that a thousand waiting children of one do not starve the single chain
// of another. Those that cannot wait go before all. pace decides; gate only waits.
type gate struct {
	now func() time.Time
	log zerolog.Logger

	mu      sync.Mutex
	pace    pace
	urgent  queue
	queues  []*queue // one for each stream that ever called
	waiting int      // calls in all queues
	turns   int      // calls that were let in
	alarm   *time.Timer
	told    map[hold]bool // caps that were reported
}

// queue is what waits for one stream.
type queue struct {
	stream string
	calls  list.List // of *waiter
	turn   int       // when a call of it was let in last
}

type waiter struct {
	ready  chan struct{}
	ticket ticket
}

// enter waits until a call of stream may start; an urgent one is next. Every ticket must be given back by
// leave.
func (g *gate) enter(ctx context.Context, stream string, urgent bool) (*ticket, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	w := &waiter{ready: make(chan struct{})}
	g.mu.Lock()
	q := &g.urgent
	if !urgent {
		q = g.queue(stream)
	}
	place := q.calls.PushBack(w)
	g.waiting++
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
		g.pace.leave(&w.ticket, g.now())
		g.admit()
	default:
		q.calls.Remove(place)
		g.waiting--
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
	g.pace.leave(t, g.now())
	g.admit()
}

// server is the server's clock as far as it is known.
func (g *gate) server() time.Time {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.pace.clock.server(g.now())
}

// cautious is the server's clock by the answer that was the furthest behind.
func (g *gate) cautious() time.Time {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.pace.clock.cautious(g.now())
}

// dated tells whether the server's clock is known.
func (g *gate) dated() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.pace.clock.known
}

// busy tells whether calls of stream are waiting for their turn.
func (g *gate) busy(stream string) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.queue(stream).calls.Len() > 0
}

// queue is the one of stream.
func (g *gate) queue(stream string) *queue {
	for _, q := range g.queues {
		if q.stream == stream {
			return q
		}
	}
	q := &queue{stream: stream}
	g.queues = append(g.queues, q)
	return q
}

// next takes out the call whose turn it is: of the streams that wait, the one that was served longest ago.
func (g *gate) next() *waiter {
	first := &g.urgent
	for _, q := range g.queues {
		if q.calls.Len() > 0 && (first.calls.Len() == 0 || first != &g.urgent && q.turn < first.turn) {
			first = q
		}
	}
	g.turns++
	g.waiting--
	first.turn = g.turns
	return first.calls.Remove(first.calls.Front()).(*waiter)
}

// admit lets in all who may go and sets the alarm for the next one. The caller holds the lock.
func (g *gate) admit() {
	for g.waiting > 0 {
		now := g.now()
		t, why, again := g.pace.admit(now, g.urgent.calls.Len() > 0)
		if why != holdNot {
			g.tell(why)
			g.wakeAt(again, now)
			return
		}
		w := g.next()
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
	case why == holdSlots && p.limit > 0 && p.slots.capped():
		g.log.Info().Int("in_flight", p.slots.most).Int("window_limit", p.limit).
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
		InFlight:  g.pace.slots.inFlight,
		Limit:     g.pace.limit,
		Remaining: g.pace.remaining,
		Window:    g.pace.length,
	}
}
