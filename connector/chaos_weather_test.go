package connector

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"time"

	"source-intercom/emulator"
	"source-intercom/protocol"
)

// A weather is what disturbs one run.
type weather struct {
	edits, oneIn int // so many, before one request in oneIn
	bankrupt     int // companies that are deleted while they are scrolled over

	outage     [2]time.Duration // from the run's begin on
	outageKind string           // "" where there is none
	overlong   bool             // longer than calls are tried again for
	neighbour  int              // calls that another program makes now and then
	killAfter  time.Duration    // the run's context ends, after some time or
	killAtCall int              // at some call
	breakAt    int              // stdout breaks after so many bytes
	cutAt      float64          // the platform has seen only this part of the output, as after a SIGKILL
	committed  bool             // the platform keeps only records that a state has followed
	began      time.Time
	calls      int
	denied     int // answers that a conversation, which exists, does not
	kill       context.CancelFunc
}

func (w weather) String() string {
	s := fmt.Sprintf("%d edits, %d companies deleted", w.edits, w.bankrupt)
	if w.outageKind != "" {
		s += fmt.Sprintf(", %s from %s to %s (overlong %v)", w.outageKind, w.outage[0], w.outage[1], w.overlong)
	}
	if w.neighbour > 0 {
		s += fmt.Sprintf(", a neighbour's bursts of %d", w.neighbour)
	}
	switch {
	case w.killAfter > 0:
		s += fmt.Sprintf(", ended after %s", w.killAfter)
	case w.killAtCall > 0:
		s += fmt.Sprintf(", ended at call %d", w.killAtCall)
	case w.breakAt > 0:
		s += fmt.Sprintf(", stdout broken at byte %d", w.breakAt)
	case w.cutAt > 0:
		s += fmt.Sprintf(", killed at %.3f of its output", w.cutAt)
	}
	return s + fmt.Sprintf(", committed %v", w.committed)
}

// drawWeather draws what disturbs the next run.
func (s *storm) drawWeather(kill bool) weather {
	rng := s.draws
	w := weather{committed: rng.IntN(2) == 0}
	if rng.IntN(4) > 0 {
		w.edits, w.oneIn = 1+rng.IntN(60), 1+rng.IntN(20)
	}
	if rng.IntN(4) == 0 {
		w.bankrupt = 1 + rng.IntN(20)
	}
	if rng.IntN(4) == 0 {
		w.neighbour = 1 + rng.IntN(30)
	}
	if rng.IntN(4) == 0 {
		w.outageKind = oneOf(rng, "503", "502", "captcha", "hang up", "refused", "hang", "429")
		w.overlong = kill && rng.IntN(2) == 0
		length := 1 + rng.Int64N(int64(20*time.Second))
		if w.overlong {
			length = int64(s.climate.maxRetry) + rng.Int64N(int64(2*s.climate.maxRetry))
		}
		w.outage[0] = longTail(rng, 5*time.Minute)
		w.outage[1] = w.outage[0] + time.Duration(length)
	}
	if !kill {
		return w
	}
	switch rng.IntN(4) {
	case 0:
		w.killAfter = longTail(rng, 10*time.Minute)
	case 1:
		w.killAtCall = 1 + int(longTail(rng, 1000))
	case 2:
		w.breakAt = 1 + int(longTail(rng, 1<<20))
	case 3:
		w.cutAt = 1 - rng.Float64()
	}
	return w
}

// longTail draws a number below most, of which every order of magnitude is as probable.
func longTail(rng *rand.Rand, most time.Duration) time.Duration {
	return time.Duration(math.Exp(rng.Float64() * math.Log(float64(most))))
}

// begin lets a weather come, and returns the one that was.
func (s *storm) begin(w weather) (before weather) {
	s.mu.Lock()
	defer s.mu.Unlock()
	w.began = time.Now()
	before, s.weather = s.weather, w
	return before
}

// edit makes edits at once.
func (s *storm) edit(n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.Edit(func(w *emulator.World) {
		for range n {
			anyEdit(s.live, w)
		}
	})
}

// anyEdit makes a random edit, and sometimes many of one second.
func anyEdit(rng *rand.Rand, w *emulator.World) {
	switch rng.IntN(25) {
	case 0:
		w.BulkTag(40)
	case 1:
		for range 25 {
			w.NewContact()
		}
	case 2:
		for _, id := range w.IDs("tickets") {
			w.UpdateTicket(id)
		}
	default:
		w.RandomEdit(rng)
	}
}

// crowd gives objects of each kind the same second, or contacts the same day.
func (s *storm) crowd(rng *rand.Rand, w *emulator.World) {
	for _, kind := range []string{"contacts", "conversations", "tickets"} {
		at := born.Add(-time.Duration(rng.Int64N(int64(born.Sub(s.climate.options.Start))))).Unix()
		for i, id := range w.IDs(kind) {
			if i >= s.climate.crowds {
				break
			}
			w.SetUpdatedAt(kind, id, at+int64(i%oneOf(rng, 1, 1, 2, 3600)))
		}
	}
	for range s.climate.crowds {
		w.NewContact()
	}
}

// A chaosReader is a Reader and where it writes to.
type chaosReader struct {
	*Reader
	out *bytes.Buffer
}

// reader is the next run's.
func (s *storm) reader(w weather) chaosReader {
	c, cfg, out := s.choice, s.config(), &bytes.Buffer{}
	cfg.PageSize, cfg.MaxInFlight, cfg.RateLimitShare, cfg.APIRateLimit = c.pageSize, c.inFlight, c.share, c.cap
	cfg.StartDate, cfg.EndDate, cfg.Lookback, cfg.IndexLag = c.start, c.end, s.climate.lookback, s.climate.lag
	cfg.MaxRetry, cfg.ActivityLogStep = s.climate.maxRetry, c.step
	cfg.MaxUnreadable, cfg.CompaniesListFallback = s.climate.unreadable, s.climate.fallback
	var selection *protocol.Selection
	if c.selected != nil {
		selection = &protocol.Selection{Form: protocol.AirbyteConfigured, Streams: c.selected}
	}
	stdout := io.Writer(out)
	if w.breakAt > 0 {
		stdout = &shortPipe{stdout, w.breakAt}
	}
	r := NewReader(Options{Config: cfg, Dialect: c.dialect, Lines: protocol.NewLines(stdout), Log: testLog, Selection: selection, State: s.state})
	r.every, r.maxHeld = c.every, c.maxHeld
	return chaosReader{r, out}
}
