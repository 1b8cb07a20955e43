package intercom_test

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"source-intercom/intercom"
)

// windows is a server that counts calls in fixed windows of its own clock, as Intercom does, and answers
// after a latency. It is a transport, so that a bubble of synctest can hold both ends.
type windows struct {
	limit  int
	length time.Duration
	ahead  time.Duration // its clock before ours
	// latency of one call: way up, work, way down.
	latency func(*rand.Rand) [3]time.Duration
	uneven  time.Duration // its machines' clocks differ by up to this
	// neighbour is how many calls another client makes in a second, by the window's number.
	neighbour func(window int) float64

	mu     sync.Mutex
	random *rand.Rand
	first  int64
	count  map[int64]*tally
}

type tally struct{ served, refused, taken int }

func (s *windows) clock() time.Time { return time.Now().Add(s.ahead) }

// arrive counts one call and returns what is left (-1: refused) and the window's end.
func (s *windows) arrive() (remaining int, reset time.Time, way [3]time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.clock()
	number := now.UnixNano() / int64(s.length)
	if s.count == nil {
		s.count, s.first = make(map[int64]*tally), number
	}
	t := s.count[number]
	if t == nil {
		t = new(tally)
		s.count[number] = t
	}
	begin := time.Unix(0, number*int64(s.length))
	if s.neighbour != nil {
		wanted := int(s.neighbour(int(number-s.first)) * now.Sub(begin).Seconds())
		t.taken = max(t.taken, min(wanted, s.limit-t.served))
	}
	reset = begin.Add(s.length)
	if t.served+t.taken >= s.limit {
		t.refused++
		return -1, reset, way
	}
	t.served++
	return s.limit - t.served - t.taken, reset, way
}

func (s *windows) RoundTrip(r *http.Request) (*http.Response, error) {
	s.mu.Lock()
	if s.random == nil {
		s.random = rand.New(rand.NewPCG(1, 2))
	}
	way := s.latency(s.random)
	s.mu.Unlock()
	time.Sleep(way[0])
	remaining, reset, _ := s.arrive()
	time.Sleep(way[1])
	h := http.Header{}
	date := s.clock()
	if s.uneven > 0 && remaining%2 == 0 {
		date = date.Add(s.uneven)
	}
	h.Set("Date", date.UTC().Format(http.TimeFormat))
	h.Set("X-RateLimit-Limit", fmt.Sprint(s.limit))
	h.Set("X-RateLimit-Remaining", fmt.Sprint(max(remaining, 0)))
	h.Set("X-RateLimit-Reset", fmt.Sprint(reset.Unix()))
	time.Sleep(way[2])
	status, body := http.StatusOK, `{"ok":true}`
	if remaining < 0 {
		status, body = http.StatusTooManyRequests, `{"type":"error.list","errors":[{"code":"rate_limit_exceeded"}]}`
	}
	if err := r.Context().Err(); err != nil {
		return nil, err
	}
	return &http.Response{StatusCode: status, Header: h, ContentLength: int64(len(body)), Body: io.NopCloser(strings.NewReader(body)), Request: r}, nil
}

// use is the part of the calls that whole windows allowed and that were made, and the part of all
// answers that were 429s. The first windows, in which the client learns, can be left out.
func (s *windows) use(learning int64) (used, refused float64) {
	var made, allowed, no, all int
	last := s.clock().UnixNano() / int64(s.length)
	for number, t := range s.count {
		if number < s.first+learning {
			continue
		}
		no, all = no+t.refused, all+t.refused+t.served
		if number == s.first || number == last {
			continue
		}
		if s.neighbour != nil {
			wanted := int(s.neighbour(int(number-s.first)) * s.length.Seconds())
			t.taken = max(t.taken, min(wanted, s.limit-t.served))
		}
		made, allowed = made+t.served, allowed+s.limit-t.taken
	}
	return float64(made) / float64(allowed), float64(no) / float64(all)
}

// drive makes calls as fast as the client lets them through.
func drive(t *testing.T, cfg intercom.Config, workers int, d time.Duration) intercom.Stats {
	t.Helper()
	c := newClient(t, cfg)
	ctx, cancel := context.WithTimeout(t.Context(), d)
	defer cancel()
	var wg sync.WaitGroup
	for range workers {
		wg.Go(func() {
			for ctx.Err() == nil {
				if _, err := c.Do(ctx, intercom.Request{Method: "GET", Path: "/x", Stream: "s"}); err != nil && ctx.Err() == nil {
					t.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
	return c.Stats()
}

func newClient(t *testing.T, cfg intercom.Config) *intercom.Client {
	t.Helper()
	if cfg.BaseURL == "" {
		cfg.BaseURL = "https://api.intercom.io"
	}
	if cfg.Token == "" {
		cfg.Token = token
	}
	c, err := intercom.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

const token = "tok-0123456789-abcdef"

func fixed(total time.Duration) func(*rand.Rand) [3]time.Duration {
	return func(*rand.Rand) [3]time.Duration { return [3]time.Duration{total / 4, total / 2, total / 4} }
}

// ragged has jitter, and one call in fifty takes five times as long.
func ragged(mean time.Duration) func(*rand.Rand) [3]time.Duration {
	return func(r *rand.Rand) [3]time.Duration {
		d := time.Duration(float64(mean) * (0.5 + r.Float64()))
		if r.IntN(50) == 0 {
			d *= 5
		}
		return [3]time.Duration{d / 4, d / 2, d / 4}
	}
}

func TestWindowsAreUsed(t *testing.T) {
	for _, limit := range []int{84, 167, 1667} {
		for _, latency := range []time.Duration{20, 150, 300, 800} {
			for name, shape := range map[string]func(time.Duration) func(*rand.Rand) [3]time.Duration{"fixed": fixed, "ragged": ragged} {
				latency := latency * time.Millisecond
				t.Run(fmt.Sprintf("%d/%v/%s", limit, latency, name), func(t *testing.T) {
					synctest.Test(t, func(t *testing.T) {
						s := &windows{limit: limit, length: 10 * time.Second, ahead: 3*time.Hour + 1234*time.Millisecond, latency: shape(latency)}
						time.Sleep(3700 * time.Millisecond)
						drive(t, intercom.Config{Transport: s}, 300, 64*time.Second)
						used, refused := s.use(0)
						t.Logf("used %.2f%%, 429s %.4f%%", 100*used, 100*refused)
						if used < 0.97 || refused >= 0.001 {
							t.Errorf("used %.2f%% of the calls allowed, want 97%%; 429s %.3f%%, want below 0.1%%", 100*used, 100*refused)
						}
					})
				})
			}
		}
	}
}

func TestShortWindowsAreUsed(t *testing.T) {
	for _, length := range []time.Duration{time.Second, 2 * time.Second} {
		synctest.Test(t, func(t *testing.T) {
			s := &windows{limit: 100, length: length, ahead: -777 * time.Millisecond, latency: ragged(20 * time.Millisecond)}
			stats := drive(t, intercom.Config{Transport: s}, 300, 40*length)
			used, refused := s.use(0)
			if used < 0.96 || refused >= 0.001 || stats.Window != length {
				t.Errorf("windows of %v: used %.2f%%, 429s %.3f%%, learnt length %v", length, 100*used, 100*refused, stats.Window)
			}
		})
	}
}

// The machines behind the API do not agree about the time.
func TestUnevenClocksCostLittle(t *testing.T) {
	for _, uneven := range []time.Duration{50, 300, 900} {
		synctest.Test(t, func(t *testing.T) {
			s := &windows{limit: 1667, length: 10 * time.Second, uneven: uneven * time.Millisecond, latency: ragged(20 * time.Millisecond)}
			drive(t, intercom.Config{Transport: s}, 50, 2*time.Minute)
			if used, refused := s.use(0); used < 0.97 || refused >= 0.01 {
				t.Errorf("clocks %dms apart: used %.2f%%, 429s %.3f%%", uneven, 100*used, 100*refused)
			}
		})
	}
}

// Others use a steady part of the same quota: all that they leave is used, and hardly ever more.
func TestNeighbourIsRespected(t *testing.T) {
	for _, limit := range []int{84, 167, 1667} {
		for _, part := range []float64{0.2, 0.8} {
			for _, latency := range []time.Duration{20, 300} {
				t.Run(fmt.Sprintf("%v of %d/%dms", part, limit, latency), func(t *testing.T) {
					synctest.Test(t, func(t *testing.T) {
						s := &windows{
							limit: limit, length: 10 * time.Second, latency: ragged(latency * time.Millisecond),
							neighbour: func(int) float64 { return part * float64(limit) / 10 },
						}
						drive(t, intercom.Config{Transport: s}, 300, 3*time.Minute)
						if used, refused := s.use(3); used < 0.97 || refused >= 0.001 {
							t.Errorf("used %.2f%% of what they left, want 97%%; 429s %.3f%%, want below 0.1%%", 100*used, 100*refused)
						}
					})
				})
			}
		}
	}
}

// Others take more than there is for a while, and leave.
func TestGreedyNeighbourDoesNotStopUsForEver(t *testing.T) {
	for _, latency := range []time.Duration{20, 800} {
		synctest.Test(t, func(t *testing.T) {
			s := &windows{
				limit: 167, length: 10 * time.Second, latency: ragged(latency * time.Millisecond),
				neighbour: func(window int) float64 {
					if window < 20 {
						return 40
					}
					return 0
				},
			}
			drive(t, intercom.Config{Transport: s}, 50, 8*time.Minute)
			for number := s.first; number < s.first+20; number++ {
				if s.count[number] == nil {
					t.Errorf("latency %v: not one call in window %d", latency, number-s.first)
				}
			}
			for number := s.first + 23; number < s.first+47; number++ {
				if served := s.count[number].served; served < 160 {
					t.Errorf("latency %v: %d calls in window %d, when nobody else was there", latency, served, number-s.first)
				}
			}
		})
	}
}

func TestCapsHold(t *testing.T) {
	most := func(s *windows) (most int) {
		for _, t := range s.count {
			most = max(most, t.served)
		}
		return most
	}
	synctest.Test(t, func(t *testing.T) {
		s := &windows{limit: 167, length: 10 * time.Second, latency: ragged(50 * time.Millisecond)}
		drive(t, intercom.Config{Transport: s, RateLimitShare: 0.3}, 50, 2*time.Minute)
		if n := most(s); n > 50 || n < 49 {
			t.Errorf("rate_limit_share 0.3 of 167: up to %d calls in a window", n)
		}
	})
	for _, perMinute := range []int{1, 5, 100, 601} {
		synctest.Test(t, func(t *testing.T) {
			s := &windows{limit: 1667, length: 10 * time.Second, latency: fixed(50 * time.Millisecond)}
			stats := drive(t, intercom.Config{Transport: s, CallsPerMinute: perMinute}, 50, 10*time.Minute-time.Millisecond)
			if got, want := stats.Requests, int64(10*perMinute); got > want || got < want-1 {
				t.Errorf("%d calls a minute: %d in ten minutes, want %d", perMinute, got, want)
			}
			if n := most(s); n > 2*(perMinute/6+1) {
				t.Errorf("%d calls a minute: %d in one window", perMinute, n)
			}
		})
	}
	synctest.Test(t, func(t *testing.T) {
		s := &windows{limit: 1667, length: 10 * time.Second, latency: fixed(time.Second)}
		if stats := drive(t, intercom.Config{Transport: s, MaxInFlight: 3}, 50, time.Minute); stats.Requests > 3*61 || stats.Requests < 3*58 {
			t.Errorf("three at a time, a second each: %d calls in a minute", stats.Requests)
		}
	})
}

// Whatever the server is like, its windows are not over-run and the client gets through.
func TestPaceProperty(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		s := &windows{
			limit:   rapid.IntRange(1, 300).Draw(rt, "limit"),
			length:  time.Duration(rapid.SampledFrom([]int{1, 2, 5, 10, 30, 60}).Draw(rt, "seconds")) * time.Second,
			ahead:   time.Duration(rapid.Int64Range(-1e14, 1e14).Draw(rt, "ahead")),
			latency: ragged(time.Duration(rapid.IntRange(1, 900).Draw(rt, "milliseconds")) * time.Millisecond),
		}
		workers := rapid.IntRange(1, 100).Draw(rt, "workers")
		synctest.Test(t, func(t *testing.T) {
			drive(t, intercom.Config{Transport: s, MaxRetry: time.Minute}, workers, 12*s.length)
		})
		var served, refused int
		for _, t := range s.count {
			served, refused = served+t.served, refused+t.refused
		}
		if refused > blind+served/1000 {
			rt.Errorf("%d calls refused, %d served", refused, served)
		}
		if served < min(10*s.limit, workers)/2 {
			rt.Errorf("only %d calls in 12 windows of %d", served, s.limit)
		}
	})
}

// blind is how many calls are sent at a time before the limit is known.
const blind = 8
