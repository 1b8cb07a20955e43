package intercom

import (
	"maps"
	"sync"
	"time"
)

// Counts is what calls have cost so far.
type Counts struct {
	Requests  int64         // sent, each try counted
	Retries   int64         // of these, tries after the first
	Throttled int64         // answers with status 429
	Waited    time.Duration // for the pace and between tries, added up over calls that ran side by side
	Bytes     int64         // of answers, decompressed
}

func (c *Counts) add(d Counts) {
	c.Requests += d.Requests
	c.Retries += d.Retries
	c.Throttled += d.Throttled
	c.Waited += d.Waited
	c.Bytes += d.Bytes
}

// Stats is a snapshot of a client's work.
type Stats struct {
	Counts
	ByStream map[string]Counts
	InFlight int // calls at this moment

	// The rate limit as the last answers told it. Limit is 0 before, Window until two windows were seen.
	Limit     int
	Remaining int
	Window    time.Duration
}

type counter struct {
	mu       sync.Mutex
	total    Counts
	byStream map[string]Counts
}

func (c *counter) add(stream string, d Counts) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.total.add(d)
	s := c.byStream[stream]
	s.add(d)
	c.byStream[stream] = s
}

// Stats returns what the client has done so far.
func (c *Client) Stats() Stats {
	s := c.gate.stats()
	c.counter.mu.Lock()
	defer c.counter.mu.Unlock()
	s.Counts, s.ByStream = c.counter.total, maps.Clone(c.counter.byStream)
	return s
}
