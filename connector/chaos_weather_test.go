package connector

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"time"

	"source-intercom/emulator"
	"source-intercom/protocol"
)

// A weather is what disturbs one run.
type weather struct {
	edits, oneIn int // so many, before one request in oneIn

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
	kill       context.CancelFunc
}

func (w weather) String() string {
	s := fmt.Sprintf("%d edits", w.edits)
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
		w.neighbour = 1 + rng.IntN(30)
	}
	if rng.IntN(4) == 0 {
		w.outageKind = oneOf(rng, "503", "502", "hang up", "hang", "429")
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

// begin lets a weather come.
func (s *storm) begin(w weather) {
	s.mu.Lock()
	defer s.mu.Unlock()
	w.began = time.Now()
	s.weather = w
}

// visitor marks the calls of another program.
const visitor = "X-Visitor"

// intercept is what a request goes through before the emulator answers it.
func (s *storm) intercept(rw http.ResponseWriter, r *http.Request) bool {
	if r.Header.Get(visitor) != "" {
		return false
	}
	visits, outage := s.called()
	for i := range visits {
		go s.visit(i)
	}
	switch outage {
	case "":
		return false
	case "hang up":
		panic(http.ErrAbortHandler)
	case "hang":
		_, _ = io.Copy(io.Discard, r.Body) // a server sees that its client has gone only after the body
		<-r.Context().Done()
		return true
	case "502":
		rw.Header().Set("Content-Type", "text/html")
		rw.WriteHeader(http.StatusBadGateway)
		_, _ = rw.Write([]byte("<html>Bad gateway</html>"))
		return true
	case "429":
		return answer(rw, http.StatusTooManyRequests, `{"type":"error.list","errors":[{"code":"rate_limit_exceeded","message":"no"}]}`)
	}
	return answer(rw, http.StatusServiceUnavailable, `{"type":"error.list","errors":[{"code":"service_unavailable","message":"no"}]}`)
}

// called does what the weather holds for a call. The lock must not be held while time passes.
func (s *storm) called() (visits int, outage string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	w := &s.weather
	if w.calls++; w.calls == w.killAtCall {
		w.kill()
	}
	if w.edits > 0 && s.live.IntN(w.oneIn) == 0 {
		w.edits--
		s.Edit(func(world *emulator.World) { anyEdit(s.live, world) })
	}
	if w.neighbour > 0 && s.live.IntN(20) == 0 {
		visits = w.neighbour
	}
	if since := time.Since(w.began); since >= w.outage[0] && since < w.outage[1] {
		outage = w.outageKind
	}
	return visits, outage
}

// visit makes a call of another program, which uses up the same limit and may open the only scroll.
func (s *storm) visit(n int) {
	path := "/tags"
	if n == 0 {
		path = "/companies/scroll"
	}
	v := httptest.NewRequestWithContext(context.Background(), http.MethodGet, path, http.NoBody)
	v.Header.Set(visitor, "yes")
	defer func() { _ = recover() }() // a cut connection, which a server would take for one
	v.Header.Set("Authorization", "Bearer "+emulator.DefaultToken)
	s.ServeHTTP(httptest.NewRecorder(), v)
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
