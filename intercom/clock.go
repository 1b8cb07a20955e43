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
}

// drift is how fast two clocks may part: old bounds are widened by it, or they would be wrong one day.
const drift = 100e-6

// observe takes the Date of an answer to a request that was sent and received at these times of ours.
// It tells whether the server's clock was found to have jumped, which makes all former times void. Bounds
// that miss each other by less are of several servers whose clocks differ.
func (c *clock) observe(date, sent, received time.Time) (jumped bool) {
	low, high := date.Sub(received), date.Add(time.Second).Sub(sent)
	if c.known {
		widening := time.Duration(drift * float64(received.Sub(c.observed)))
		low, high = max(low, c.low-widening), min(high, c.high+widening)
		if jumped = low-high > time.Second; low > high {
			low, high = date.Sub(received), date.Add(time.Second).Sub(sent)
		}
	}
	*c = clock{known: true, low: low, high: high, observed: received}
	return jumped
}

// server is what the server's clock shows at t of ours, at least: it is late by up to the latency.
func (c *clock) server(t time.Time) time.Time { return t.Add(c.low) }

// local is the time of ours by which the server's clock has certainly passed t.
func (c *clock) local(t time.Time) time.Time { return t.Add(-c.low) }

// ownTime returns this machine's clock, read once; from then on it runs by the monotonic clock, so that
// nobody who sets the machine's clock moves it.
func ownTime() func() time.Time {
	start := time.Now()
	wall := start.Round(0)
	return func() time.Time { return wall.Add(time.Since(start)) }
}
