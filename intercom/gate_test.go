package intercom_test

import (
	"context"
	"net/http"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"source-intercom/intercom"
)

// A stream with a single chain of calls gets every second turn beside one with hundreds waiting.
func TestStreamsTakeTurns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		var order []string
		c := newClient(t, intercom.Config{MaxInFlight: 1, Transport: inMemory(func(w http.ResponseWriter, r *http.Request) {
			mu.Lock()
			order = append(order, r.URL.Path)
			mu.Unlock()
			time.Sleep(100 * time.Millisecond)
			ok(w)
		})})
		call := func(stream string) {
			if _, err := c.Do(t.Context(), intercom.Request{Method: "GET", Path: "/" + stream, Stream: stream}); err != nil {
				t.Error(err)
			}
		}
		var wg sync.WaitGroup
		for range 300 {
			wg.Go(func() { call("parts") })
		}
		synctest.Wait()
		wg.Go(func() {
			for range 20 {
				call("tags")
			}
		})
		wg.Wait()
		tags := 0
		for i, path := range order[:42] {
			if path == "/tags" {
				tags++
			}
			if tags < i/2-1 {
				t.Fatalf("after %d calls %d were of the chain: %v", i+1, tags, order[:i+1])
			}
		}
	})
}

func TestUrgentCallsGoFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var order []string
		c := newClient(t, intercom.Config{MaxInFlight: 1, Transport: inMemory(func(w http.ResponseWriter, r *http.Request) {
			order = append(order, r.URL.Path)
			time.Sleep(100 * time.Millisecond)
			ok(w)
		})})
		var wg sync.WaitGroup
		enter := func(path string, once bool) {
			wg.Go(func() {
				_, _ = c.Do(t.Context(), intercom.Request{Method: "GET", Path: path, Stream: path, Once: once})
			})
			synctest.Wait()
		}
		enter("/first", false)
		enter("/second", false)
		enter("/third", false)
		enter("/scroll1", true)
		enter("/scroll2", true)
		wg.Wait()
		want := []string{"/first", "/scroll1", "/scroll2", "/second", "/third"}
		for i, path := range order {
			if path != want[i] {
				t.Fatalf("served %v, want %v", order, want)
			}
		}
	})
}

func TestBusyWhileCallsWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newClient(t, intercom.Config{MaxInFlight: 2, Transport: inMemory(func(w http.ResponseWriter, _ *http.Request) {
			time.Sleep(time.Second)
			ok(w)
		})})
		if c.Busy(get.Stream) {
			t.Error("busy before the first call")
		}
		ctx, cancel := context.WithCancel(t.Context())
		var wg sync.WaitGroup
		enter := func(ctx context.Context) {
			wg.Go(func() { _, _ = c.Do(ctx, get) })
			synctest.Wait()
		}
		enter(t.Context())
		enter(t.Context())
		if c.Busy(get.Stream) {
			t.Error("busy though every call is under way")
		}
		enter(ctx)
		if !c.Busy(get.Stream) {
			t.Error("not busy though a call waits")
		}
		if c.Busy("another") {
			t.Error("busy for a stream of which no call waits")
		}
		cancel()
		synctest.Wait()
		if c.Busy(get.Stream) {
			t.Error("busy after the waiting call was given up")
		}
		wg.Wait()
	})
}

// Where a proxy strips the rate headers the calls at a time grow with each success, and a 429 halves them.
func TestWithoutRateHeadersTheCrowdGrows(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		var underWay, most int
		throttle := false
		c := newClient(t, intercom.Config{MaxRetry: time.Hour, Transport: inMemory(func(w http.ResponseWriter, _ *http.Request) {
			mu.Lock()
			underWay++
			most = max(most, underWay)
			refuse := throttle
			throttle = false
			mu.Unlock()
			time.Sleep(300 * time.Millisecond)
			mu.Lock()
			underWay--
			mu.Unlock()
			if refuse {
				w.WriteHeader(http.StatusTooManyRequests)
				return
			}
			ok(w)
		})})
		ctx, cancel := context.WithCancel(t.Context())
		var wg sync.WaitGroup
		for range 200 {
			wg.Go(func() {
				for ctx.Err() == nil {
					_, _ = c.Do(ctx, get)
				}
			})
		}
		crowd := func() (now, ever int) {
			synctest.Wait()
			mu.Lock()
			defer mu.Unlock()
			return underWay, most
		}
		time.Sleep(200 * time.Millisecond)
		if _, ever := crowd(); ever != 8 {
			t.Errorf("%d calls at a time before the first answer, want 8", ever)
		}
		time.Sleep(5 * time.Second)
		if _, ever := crowd(); ever != 64 {
			t.Errorf("up to %d calls at a time after many successes, want 64", ever)
		}
		mu.Lock()
		throttle = true
		mu.Unlock()
		time.Sleep(time.Second) // the 429 has come: all wait for the next usual window
		now, _ := crowd()
		for ; now == 0; now, _ = crowd() {
			time.Sleep(10 * time.Millisecond)
		}
		if now > 40 || now < 32 {
			t.Errorf("%d calls at a time after a 429, want about half of 64", now)
		}
		cancel()
		wg.Wait()
		time.Sleep(time.Second) // the transport's ends
	})
}
