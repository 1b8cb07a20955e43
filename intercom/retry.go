package intercom

import (
	"context"
	"errors"
	"math/rand/v2"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/rs/zerolog"
)

const (
	firstBackoff = 500 * time.Millisecond
	maxBackoff   = 30 * time.Second
	// firstThrottle is the least wait of a call after its 429, on top of the pause of all; it doubles.
	firstThrottle = 100 * time.Millisecond
	// Calls are sent again after 429s for at least so long, and each so often, whatever MaxRetry is: a 429 is no
	// failure, and a call may wait long for its turn.
	minThrottled, minThrottles = time.Minute, 3
	// A hasty call is given up after so many failures while other calls are answered well, and after twice
	// as many while none is: then Intercom is in trouble, and asking for less will hardly help. A time-out
	// counts twice, for it takes long.
	hastyFailures = 4
)

// trial is one request's history of failures.
type trial struct {
	maxRetry  time.Duration
	once      bool
	hasty     bool
	began     time.Time // when the first failure or 429 came
	failed    int
	since     time.Time // of the first failure
	throttled int       // 429s in a row
	slowed    time.Time // the first of them
	heavy     int       // failures that a smaller answer may be spared
}

// next tells how long to wait before the request is sent again, or that it has failed for good. well is when
// a call of anybody was answered well last, and shut when the first 429 has come since any other answer: a call that had
// to queue meanwhile has no patience of its own, or a run with many would not end.
func (t *trial) next(e *Error, now, well, shut time.Time) (time.Duration, bool) {
	if t.began.IsZero() {
		t.began = now
	}
	if e.throttled {
		if t.throttled == 0 {
			t.slowed = now
		}
		t.throttled++
		wait := firstThrottle/2 + jitter(firstThrottle, t.throttled, usualWindow)
		from := t.slowed
		switch {
		case well.After(from):
			from = well // calls get through: the turn of this one will come
		case shut.After(well) && shut.Before(from):
			from = shut
		}
		return wait, t.throttled < minThrottles || now.Sub(from) < max(t.maxRetry, minThrottled)
	}
	t.throttled = 0
	if e.Kind != Temporary || t.once && !e.unsent {
		return 0, false
	}
	if t.failed == 0 {
		t.since = now
	} else {
		t.since = t.since.Add(e.queued) // those who wait for their turn are in no trouble
	}
	t.failed++
	if t.hasty && t.tooHeavy(e, well) {
		return 0, false
	}
	left := t.maxRetry - now.Sub(t.since)
	wait := max(jitter(firstBackoff, t.failed, maxBackoff), e.retryAfter)
	return min(wait, left), left > 0
}

// tooHeavy counts the failures of a hasty request, and tells when there are enough of them. The last one must be
// such a failure, too, or the caller could not tell why the request was given up.
func (t *trial) tooHeavy(e *Error, well time.Time) bool {
	if !e.heavy() {
		return false
	}
	t.heavy++
	if errors.Is(e.Err, errAttemptTimeout) {
		t.heavy++
	}
	if well.After(t.since) {
		return t.heavy >= hastyFailures
	}
	return t.heavy >= 2*hastyFailures
}

// Heavy tells whether a smaller answer may come where this error did: the answer was too large, or Intercom
// failed, took too long or broke off while it gave it.
func Heavy(err error) bool {
	e, ok := errors.AsType[*Error](err)
	return ok && (e.Kind == TooLarge || e.heavy())
}

func (e *Error) heavy() bool {
	server := e.Status < 300 || e.Status >= 500 || e.Status == http.StatusRequestTimeout
	return e.Kind == Temporary && !e.unsent && server
}

// lasted is how long the request has been in trouble.
func (t *trial) lasted(now time.Time) time.Duration {
	if t.began.IsZero() {
		return 0
	}
	return now.Sub(t.began)
}

// jitter is a random part of first doubled n-1 times, but of no more than most.
func jitter(first time.Duration, n int, most time.Duration) time.Duration {
	return rand.N(min(first<<min(n-1, 20), most)) + 1
}

// outage says to the log when calls are in trouble for long and when that is over, once for all workers.
type outage struct {
	log  zerolog.Logger
	told atomic.Bool
}

// longOutage is when an outage is worth a warning.
const longOutage = 10 * time.Second

// goesOn reports a call that has been in trouble for so long and will be repeated after wait.
func (o *outage) goesOn(e *Error, lasted, wait time.Duration) {
	o.log.Debug().Str("stream", e.Stream).Str("path", e.Path).Int("status", e.Status).Str("kind", string(e.Kind)).
		AnErr("cause", e.Err).Stringer("wait", wait.Round(time.Millisecond)).Msg("call will be repeated")
	if lasted+wait >= longOutage && o.told.CompareAndSwap(false, true) {
		o.log.Warn().Str("error", e.Error()).Msg("Intercom does not answer well; trying on")
	}
}

// ends reports that a call's trouble is over. Calls that had little of it say nothing about the outage.
func (o *outage) ends(lasted time.Duration, well bool) {
	if lasted >= longOutage && o.told.CompareAndSwap(true, false) && well {
		o.log.Info().Stringer("after", lasted.Round(time.Second)).Msg("Intercom answers again")
	}
}

// sleep waits for d; it returns ctx's error when ctx ends first.
func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
