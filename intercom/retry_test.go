package intercom_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rs/zerolog"

	"source-intercom/intercom"
)

// inMemory is a transport that calls a handler, so that a bubble of synctest holds both ends.
type inMemory func(w http.ResponseWriter, r *http.Request)

func (h inMemory) RoundTrip(r *http.Request) (*http.Response, error) {
	done := make(chan *http.Response, 1)
	go func() {
		w := httptest.NewRecorder()
		h(w, r)
		done <- w.Result()
	}()
	select {
	case resp := <-done:
		return resp, nil
	case <-r.Context().Done():
		return nil, context.Cause(r.Context())
	}
}

// failing is a transport whose network does not work.
type failing struct{ err error }

func (f failing) RoundTrip(*http.Request) (*http.Response, error) { return nil, f.err }

func ok(w http.ResponseWriter) { _, _ = io.WriteString(w, `{"data":[]}`) }

// limits writes the headers of a rate limit whose window ends at reset of the server's clock.
func limits(w http.ResponseWriter, limit, remaining int, now, reset time.Time) {
	h := w.Header()
	h.Set("Date", now.UTC().Format(http.TimeFormat))
	h.Set("X-RateLimit-Limit", strconv.Itoa(limit))
	h.Set("X-RateLimit-Remaining", strconv.Itoa(remaining))
	h.Set("X-RateLimit-Reset", strconv.FormatInt(reset.Unix(), 10))
}

func TestOutageIsRiddenOutAndSaidOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		up := time.Now().Add(4 * time.Minute)
		c := newClient(t, intercom.Config{
			MaxRetry: 10 * time.Minute,
			Log:      zerolog.New(&log).Level(zerolog.InfoLevel),
			Transport: inMemory(func(w http.ResponseWriter, _ *http.Request) {
				if time.Now().Before(up) {
					w.WriteHeader(503)
					return
				}
				ok(w)
			}),
		})
		var wg sync.WaitGroup
		for range 20 {
			wg.Go(func() {
				if _, err := c.Do(t.Context(), get); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		if late := time.Since(up); late > 2*time.Minute {
			t.Errorf("noticed the end of the outage %v late", late)
		}
		// A call made every 15 s on average is enough; hammering a server in trouble is not.
		if s := c.Stats(); s.Requests > 20*40 || s.Requests < 20*8 || s.Retries != s.Requests-20 {
			t.Errorf("%d requests, %d of them retries, for 20 calls in 4 minutes", s.Requests, s.Retries)
		}
		if n := strings.Count(log.String(), "\n"); n != 2 {
			t.Errorf("want one line for the outage and one for its end:\n%s", log.String())
		}
	})
}

// One endpoint that hangs is said even while all others answer.
func TestStuckEndpointIsSaid(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		c := newClient(t, intercom.Config{
			MaxRetry: 2 * time.Minute,
			Log:      zerolog.New(&log).Level(zerolog.WarnLevel),
			Transport: inMemory(func(w http.ResponseWriter, r *http.Request) {
				if r.URL.Path == "/stuck" {
					w.WriteHeader(500)
					return
				}
				ok(w)
			}),
		})
		var wg sync.WaitGroup
		wg.Go(func() { _, _ = c.Do(t.Context(), intercom.Request{Method: "GET", Path: "/stuck", Stream: "companies"}) })
		for range 100 {
			if _, err := c.Do(t.Context(), get); err != nil {
				t.Error(err)
			}
			time.Sleep(time.Second)
		}
		wg.Wait()
		if strings.Count(log.String(), "\n") != 1 || !strings.Contains(log.String(), "companies") {
			t.Errorf("want one warning that names the stream:\n%s", log.String())
		}
	})
}

func TestRetriesEndAfterMaxRetry(t *testing.T) {
	cut := &net.OpError{Op: "read", Err: errors.New("connection reset by peer")}
	for name, transport := range map[string]http.RoundTripper{
		"server in trouble": inMemory(status(502, "<html>")),
		"network broken":    failing{cut},
		"no answer":         inMemory(func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }),
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := newClient(t, intercom.Config{MaxRetry: 3 * time.Minute, RequestTimeout: 30 * time.Second, Transport: transport})
				start := time.Now()
				_, err := c.Do(t.Context(), get)
				failure, isError := errors.AsType[*intercom.Error](err)
				if !isError || failure.Kind != intercom.Temporary || failure.Tries < 4 || failure.Stream != "tags" {
					t.Errorf("error %#v", err)
				}
				if errors.Is(err, context.DeadlineExceeded) {
					t.Errorf("%v: looks like the caller's own deadline", err)
				}
				// The first failure may come a time-out after the start, the last one after the end.
				if d := time.Since(start); d < 3*time.Minute || d > 4*time.Minute {
					t.Errorf("gave up after %v", d)
				}
			})
		})
	}
}

func TestWithoutMaxRetryNothingIsRepeated(t *testing.T) {
	c := newClient(t, intercom.Config{Transport: inMemory(status(500, ""))})
	if _, err := c.Do(t.Context(), get); intercom.KindOf(err) != intercom.Temporary || c.Stats().Requests != 1 {
		t.Errorf("error %v after %d requests", err, c.Stats().Requests)
	}
}

// A call that no connection was made for did not reach the server, so even a scroll page is asked again.
func TestOnceIsRepeatedIfItWasNeverSent(t *testing.T) {
	for name, test := range map[string]struct {
		err   error
		again bool
	}{
		"refused":     {&net.OpError{Op: "dial", Err: errors.New("connection refused")}, true},
		"unresolved":  {&net.OpError{Op: "dial", Err: &net.DNSError{Err: "no such host"}}, true},
		"cut":         {&net.OpError{Op: "read", Err: errors.New("connection reset by peer")}, false},
		"end of file": {io.ErrUnexpectedEOF, false},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := newClient(t, intercom.Config{MaxRetry: time.Minute, Transport: failing{test.err}})
				_, err := c.Do(t.Context(), intercom.Request{Method: "GET", Path: "/companies/scroll", Once: true})
				if again := c.Stats().Requests > 1; again != test.again || intercom.KindOf(err) != intercom.Temporary {
					t.Errorf("asked again: %v, want %v; error %v", again, test.again, err)
				}
			})
		})
	}
}

// A 429 is waited out as the headers say, by all workers, even for calls that are made only once.
func TestThrottleStopsEveryone(t *testing.T) {
	const skew = -5 * time.Hour // the server's clock
	for name, test := range map[string]struct {
		header     func(w http.ResponseWriter, end time.Time)
		atLeast    time.Duration
		atMost     time.Duration
		afterWards int // calls that may come too early, at most
	}{
		"reset of the server's clock": {func(w http.ResponseWriter, end time.Time) {
			limits(w, 100, 0, time.Now().Add(skew), end.Add(skew))
		}, 7 * time.Second, 8200 * time.Millisecond, 8},
		"retry-after in seconds": {func(w http.ResponseWriter, _ time.Time) { w.Header().Set("Retry-After", "7") },
			7 * time.Second, 8 * time.Second, 8},
		"retry-after as a date": {func(w http.ResponseWriter, end time.Time) {
			w.Header().Set("Date", time.Now().Add(skew).UTC().Format(http.TimeFormat))
			w.Header().Set("Retry-After", end.Add(skew).UTC().Format(http.TimeFormat))
		}, 7 * time.Second, 8 * time.Second, 8},
		"no header but the date": {func(w http.ResponseWriter, _ time.Time) {
			w.Header().Set("Date", time.Now().Add(skew).UTC().Format(http.TimeFormat))
		}, 7 * time.Second, 8200 * time.Millisecond, 8},
		"no header at all": {func(http.ResponseWriter, time.Time) {}, 7 * time.Second, 8200 * time.Millisecond, 8},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				time.Sleep(3 * time.Second) // 7 s before the next multiple of 10 s
				start := time.Now()
				end := start.Add(7 * time.Second)
				var mu sync.Mutex
				var early int
				c := newClient(t, intercom.Config{Transport: inMemory(func(w http.ResponseWriter, _ *http.Request) {
					time.Sleep(10 * time.Millisecond)
					mu.Lock()
					defer mu.Unlock()
					if time.Now().Before(end) {
						early++
						test.header(w, end)
						w.WriteHeader(429)
						return
					}
					ok(w)
				})})
				var wg sync.WaitGroup
				for range 30 {
					wg.Go(func() {
						r := get
						r.Once = true
						if _, err := c.Do(t.Context(), r); err != nil {
							t.Error(err)
						}
						if d := time.Since(start); d < test.atLeast || d > test.atMost {
							t.Errorf("answered after %v, want %v to %v", d, test.atLeast, test.atMost)
						}
					})
				}
				wg.Wait()
				if early > test.afterWards || c.Stats().Throttled != int64(early) {
					t.Errorf("%d calls were refused (%d counted), want no more than were under way: %d", early, c.Stats().Throttled, test.afterWards)
				}
			})
		})
	}
}

func TestEndlessThrottleIsAnError(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newClient(t, intercom.Config{MaxRetry: 5 * time.Minute, Transport: inMemory(func(w http.ResponseWriter, _ *http.Request) {
			end := time.Now().Truncate(10 * time.Second).Add(10 * time.Second)
			limits(w, 100, 0, time.Now(), end)
			w.WriteHeader(429)
		})})
		start := time.Now()
		_, err := c.Do(t.Context(), get)
		if d := time.Since(start); intercom.KindOf(err) != intercom.RateLimited || d < 5*time.Minute || d > 6*time.Minute {
			t.Errorf("error %v after %v", err, d)
		}
	})
}

// Headers that make no sense neither stop the client nor let it run wild.
func TestNonsenseInHeadersIsBounded(t *testing.T) {
	for name, spoil := range map[string]func(http.Header){
		"reset in milliseconds": func(h http.Header) { h.Set("X-RateLimit-Reset", strconv.FormatInt(time.Now().UnixMilli(), 10)) },
		"reset long ago":        func(h http.Header) { h.Set("X-RateLimit-Reset", "17") },
		"negative remaining":    func(h http.Header) { h.Set("X-RateLimit-Remaining", "-3") },
		"no number":             func(h http.Header) { h.Set("X-RateLimit-Limit", "plenty") },
		"limit of nothing":      func(h http.Header) { h.Set("X-RateLimit-Limit", "0") },
		"no date":               func(h http.Header) { h.Del("Date") },
		"endless retry-after":   func(h http.Header) { h.Set("Retry-After", "99999999999") },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var n int
				c := newClient(t, intercom.Config{Transport: inMemory(func(w http.ResponseWriter, _ *http.Request) {
					limits(w, 100, 0, time.Now(), time.Now().Truncate(10*time.Second).Add(10*time.Second))
					spoil(w.Header())
					if n++; n == 1 {
						w.WriteHeader(429)
						return
					}
					ok(w)
				})})
				start := time.Now()
				for range 3 {
					if _, err := c.Do(t.Context(), get); err != nil {
						t.Fatal(err)
					}
				}
				if d := time.Since(start); d < 5*time.Second || d > 5*time.Minute {
					t.Errorf("three calls took %v", d)
				}
			})
		})
	}
}

// Now is the server's clock, whatever this machine's shows.
func TestNowIsTheServersClock(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		skew := 0 * time.Hour
		c := newClient(t, intercom.Config{Transport: inMemory(func(w http.ResponseWriter, _ *http.Request) {
			time.Sleep(100 * time.Millisecond)
			w.Header().Set("Date", time.Now().Add(skew).UTC().Format(http.TimeFormat))
			ok(w)
		})})
		if d := time.Since(c.Now()); d != 0 {
			t.Errorf("before the first answer: %v off this machine's clock", d)
		}
		for _, skew = range []time.Duration{26 * time.Hour, -26 * time.Hour} {
			for range 40 {
				time.Sleep(730 * time.Millisecond)
				a, err := c.Do(t.Context(), get)
				if err != nil {
					t.Fatal(err)
				}
				if late := time.Now().Add(skew).Sub(a.At); late < 0 || late > time.Second {
					t.Errorf("answered at %v, %v late", a.At, late)
				}
			}
			time.Sleep(time.Hour)
			if late := time.Now().Add(skew).Sub(c.Now()); late < 0 || late > time.Second {
				t.Errorf("an hour later: %v late", late)
			}
		}
	})
}

func TestStatsCount(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var n int
		c := newClient(t, intercom.Config{MaxRetry: time.Minute, Transport: inMemory(func(w http.ResponseWriter, _ *http.Request) {
			if n++; n == 2 {
				w.WriteHeader(500)
				return
			}
			limits(w, 84, 84-n, time.Now(), time.Now().Truncate(10*time.Second).Add(10*time.Second))
			ok(w)
		})})
		for _, stream := range []string{"tags", "teams"} {
			if _, err := c.Do(t.Context(), intercom.Request{Method: "GET", Path: "/x", Stream: stream}); err != nil {
				t.Fatal(err)
			}
		}
		got := c.Stats()
		teams := got.ByStream["teams"]
		if got.Requests != 3 || got.Retries != 1 || teams.Requests != 2 || teams.Retries != 1 || got.ByStream["tags"].Requests != 1 ||
			got.Limit != 84 || got.Remaining != 81 || got.InFlight != 0 || got.Bytes != 22 || teams.Waited == 0 {
			t.Errorf("%+v", got)
		}
	})
}
