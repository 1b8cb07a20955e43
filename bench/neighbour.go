//go:build unix

package main

import (
	"context"
	"io"
	"math"
	"net/http"
	"strconv"
	"sync"
	"time"
)

// neighbour is another app of the workspace: it spends a changing part of the quota on plain calls and
// takes no heed of the rate headers.
type neighbour struct {
	base, token string
	limit       int // of a window
	client      *http.Client

	mu      sync.Mutex
	windows map[int64]window // what it spent, by the second that they begin at
}

func newNeighbour(s *server, limit int) *neighbour {
	base, _ := s.config["base_url"].(string)
	token, _ := s.config["access_token"].(string)
	transport := &http.Transport{MaxIdleConnsPerHost: 128}
	return &neighbour{base: base, token: token, limit: limit, client: &http.Client{Transport: transport}, windows: map[int64]window{}}
}

// share is the part of the quota that it asks for, some time after its start: between 10 and 40 %,
// there and back in two minutes, so that it changes little within a window.
func share(after time.Duration) float64 {
	const period = 2 * time.Minute
	return 0.25 - 0.15*math.Cos(2*math.Pi*after.Seconds()/period.Seconds())
}

// start lets it call until the function that is returned is called, which waits for the last answer.
func (n *neighbour) start(ctx context.Context) (stop func()) {
	ctx, cancel := context.WithCancel(ctx)
	var ended sync.WaitGroup
	ended.Go(func() { n.run(ctx) })
	return func() {
		cancel()
		ended.Wait()
	}
}

// run calls until ctx is done, and returns when the last answer has come.
func (n *neighbour) run(ctx context.Context) {
	var calls sync.WaitGroup
	defer calls.Wait()
	began := time.Now()
	next := began
	for {
		perSecond := share(next.Sub(began)) * float64(n.limit) / windowLength.Seconds()
		next = next.Add(time.Duration(float64(time.Second) / perSecond))
		select {
		case <-time.After(time.Until(next)):
			calls.Go(func() { n.call(ctx) })
		case <-ctx.Done():
			return
		}
	}
}

// call makes one call and counts it in the window that its answer names.
func (n *neighbour) call(ctx context.Context) {
	req, err := http.NewRequestWithContext(context.WithoutCancel(ctx), http.MethodGet, n.base+"/me", nil)
	if err != nil {
		return
	}
	req.Header.Set("Authorization", "Bearer "+n.token)
	req.Header.Set("Accept", "application/json")
	resp, err := n.client.Do(req)
	if err != nil {
		return
	}
	defer resp.Body.Close()
	_, _ = io.Copy(io.Discard, resp.Body) // so that the connection is used again
	reset, err := strconv.ParseInt(resp.Header.Get("X-RateLimit-Reset"), 10, 64)
	if err != nil {
		return
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	begin := time.Unix(reset, 0).Add(-windowLength).Unix()
	w := n.windows[begin]
	if resp.StatusCode == http.StatusTooManyRequests {
		w.refused++
	} else {
		w.calls++
	}
	n.windows[begin] = w
}
