package intercom

import "time"

// clock estimates the server's clock from the Date headers of its answers. Date is cut to the second
// and the answer was under way for an unknown time, so each answer only bounds the offset; many
// answers together bound it to about the network's latency.
type clock struct {
	known    bool
	low      time.Duration // the server's clock is ahead of ours by at least this,
	high     time.Duration // and by less than this
	observed time.Time     // ours
	shortest time.Duration // from sending to the answer

	behind struct{ low, high time.Duration } // the bounds by the answer whose clock was the furthest behind
}

// drift is how fast two clocks may part: old bounds are widened by it, or they would be wrong one day.
const drift = 100e-6

// observe takes the Date of an answer to a request that was sent and received at these times of ours.
// It tells whether the server's clock was found to have jumped, which makes all former times void. Bounds
// that miss each other by less are of several servers whose clocks differ: the one that is behind is
// believed, since a window is not over before it is over for all of them.
func (c *clock) observe(date, sent, received time.Time) (jumped bool) {
	now := clock{
		known: true, observed: received, shortest: received.Sub(sent),
		low: date.Sub(received), high: date.Add(time.Second).Sub(sent),
	}
	now.behind.low, now.behind.high = now.low, now.high
	if !c.known {
		*c = now
		return false
	}
	if c.behind.high <= now.high {
		now.behind = c.behind
	}
	widening := time.Duration(drift * float64(received.Sub(c.observed)))
	before := clock{low: c.low - widening, high: c.high + widening}
	both := clock{low: max(now.low, before.low), high: min(now.high, before.high)}
	jumped = both.low-both.high > time.Second
	switch {
	case both.low <= both.high:
		now.low, now.high = both.low, both.high
	case !jumped && now.low > before.high:
		now.low, now.high = before.low, before.high
	}
	now.shortest = min(now.shortest, c.shortest)
	*c = now
	return jumped
}

// cautious is what the server's clock shows at t of ours, by the answer whose clock was the furthest behind where
// answers contradict each other.
func (c *clock) cautious(t time.Time) time.Time {
	if c.behind.high < c.low {
		return t.Add(c.behind.low)
	}
	return t.Add(c.low)
}

// server is what the server's clock shows at t of ours, at least: it is late by up to the latency.
func (c *clock) server(t time.Time) time.Time { return t.Add(c.low) }

// local is the time of ours by which the server's clock has certainly passed t.
func (c *clock) local(t time.Time) time.Time { return t.Add(-c.low) }

// earliest is the time of ours before which the server's clock has certainly not shown t.
func (c *clock) earliest(t time.Time) time.Time { return t.Add(-c.high) }

// ends is the time of ours from which on calls that are sent reach the server after its clock has shown t:
// local is late by the way back, and a call sent half of the shortest duration earlier is still late enough.
func (c *clock) ends(t time.Time) time.Time { return c.local(t).Add(-c.shortest / 2) }

// ownTime returns this machine's clock, read once; from then on it runs by the monotonic clock, so that
// nobody who sets the machine's clock moves it.
func ownTime() func() time.Time {
	start := time.Now()
	wall := start.Round(0)
	return func() time.Time { return wall.Add(time.Since(start)) }
}
