package intercom

import "time"

// slots bounds the calls that are under way. It is meant to hold back a server that has stopped to answer,
// never the pace: there are slots for three times as many calls as the rate limit lets start while one takes
// its time, and for those of a second at least, since nothing tells beforehand that answers will be slower.
type slots struct {
	most     int // the user's own bound; 0: none
	inFlight int // calls that hold a slot
	duration time.Duration

	// Without a known limit the bound grows with every answer, and is halved by a 429.
	grown  int
	halved time.Time
}

const (
	// blindInFlight bounds the calls at a time until an answer has come.
	blindInFlight = 8
	// unlimitedInFlight bounds them while answers say nothing about a limit.
	unlimitedInFlight = 64
	// leastInFlight and mostInFlight bound them by a known limit.
	leastInFlight, mostInFlight = 16, 512
)

// bound is how many calls may be under way where perSecond may start in a second; 0: not known.
func (s *slots) bound(perSecond float64) int {
	bound := blindInFlight + s.grown
	if perSecond > 0 {
		n := perSecond * max(3*s.duration, time.Second).Seconds()
		bound = int(min(max(n, leastInFlight), mostInFlight))
	}
	if s.most > 0 {
		bound = min(bound, s.most)
	}
	return bound
}

// capped tells whether it is the user's bound that is reached.
func (s *slots) capped() bool { return s.most > 0 && s.inFlight >= s.most }

// took takes the duration of a call. Longer ones count more, so that the slots follow at once when answers
// become slow, and slow ones among many quick ones have room.
func (s *slots) took(d time.Duration) {
	if d > s.duration {
		s.duration += (d - s.duration) / 8
	} else {
		s.duration -= (s.duration - d) / 64
	}
}

// unlimited takes an answer that says nothing about a limit. Calls that were sent before the bound was halved
// say nothing about the half.
func (s *slots) unlimited(sent, now time.Time, throttled bool) {
	switch {
	case !sent.After(s.halved):
	case throttled:
		s.grown, s.halved = max((blindInFlight+s.grown)/2, 1)-blindInFlight, now
	default:
		s.grown = min(s.grown+1, unlimitedInFlight-blindInFlight)
	}
}

// callCap is the user's own bound of calls in a minute, spread over windows of 10 s.
type callCap struct {
	perMinute int // 0: none
	start     time.Time
	window    int64
	used      int
}

// left is how many calls the current window still has, and when the next one begins.
func (c *callCap) left(now time.Time) (int, time.Time) {
	if c.perMinute == 0 {
		return 1, time.Time{}
	}
	if c.start.IsZero() {
		c.start = now
	}
	if window := int64(now.Sub(c.start) / usualWindow); window != c.window {
		c.window, c.used = window, 0
	}
	// A minute's sixths in whole calls that add up to the minute's.
	n := int64(c.perMinute)
	sixth := (c.window+1)*n/6 - c.window*n/6
	return int(sixth) - c.used, c.start.Add(time.Duration(c.window+1) * usualWindow)
}
