package intercom

import "time"

// pace decides when a call may start. It is pure: it has no lock and no clock, and it is told everything.
//
// Intercom counts calls in fixed windows. Every answer tells the window's limit, what is left of it and
// when it ends. What may still be sent is what was left at the last answer, less the calls that are on
// their way: those that the server counted before that answer are in both figures' favour and cancel
// out, so the sum is right whatever the latency. The calls are spread over most of the window, not fired
// at its start, so that others who share the quota are seen in time and Intercom is not hit by bursts.
type pace struct {
	share       float64
	maxInFlight int
	cap         callCap
	clock       clock

	inFlight int       // calls that hold a slot
	paused   time.Time // a 429 stopped everyone until then
	guard    time.Duration

	// What the headers taught.
	limit  int
	length time.Duration // of a window; 0: not known yet

	// The current window. Until an answer of it has come it is a forecast: the one that must have begun
	// when the last one ended, with its whole limit left.
	window     int       // number of the window, for tickets
	reset      time.Time // its end, by the server's clock
	seen       bool      // an answer of it has come
	begin      time.Time // its start, or when we came to know of it; ours
	before     int       // calls made before begin
	lastSeen   time.Time // reset of the last window of which an answer came
	remaining  int       // the lowest figure reported
	lowered    time.Time // when remaining was reported
	own        int       // our calls known to be counted in it
	unanswered int       // calls sent in it without an answer yet
	carried    int       // calls sent before it without an answer yet: they may count in it
	turned     time.Time // when we took it for the current one
	allowed    float64   // calls that the even spread has set free
	spread     time.Time // when allowed was brought up to date

	others float64 // calls per second that others made in the last window
}

const (
	// blindInFlight bounds the calls at a time until an answer has told the limit.
	blindInFlight = 8
	// usualWindow is Intercom's window. It stands in where headers have not taught better.
	usualWindow = 10 * time.Second
	// burst is the part of a window that may be spent at once, so that short runs need not wait.
	burst = 0.2
	// reserve is the part of a window at its end in which nothing is left to spend, so that slow answers
	// and late wake-ups cost nothing.
	reserve = 0.1
	// settling is how long calls sent before a window's start are feared to count in it.
	settling = time.Second
	// A window is over a little after its Reset: the server's machines may differ. The guard grows when
	// a 429 shows that it was too small.
	minGuard, maxGuard = 20 * time.Millisecond, time.Second
	// maxPause bounds every wait that a header can ask for.
	maxPause = 2 * time.Minute
)

// ticket is the permission for one call.
type ticket struct {
	sent     time.Time
	window   int
	answered bool // its headers have come
}

// hold is the reason why no call may start now.
type hold int

const (
	holdNot    hold = iota
	holdSlots       // maxInFlight
	holdPause       // a 429
	holdWindow      // the window is used up
	holdSpread      // the even spread within the window
	holdShare       // rate_limit_share
	holdCap         // the user's cap
)

// admit lets one call start at now, or tells why not and when to ask again; a zero time means that only
// an answer can change it.
func (p *pace) admit(now time.Time) (ticket, hold, time.Time) {
	if now.Before(p.paused) {
		return ticket{}, holdPause, p.paused
	}
	slots := min(p.maxInFlight, blindInFlight)
	if p.limit > 0 {
		slots = p.maxInFlight
		p.advance(now)
		if why, again := p.check(now); why != holdNot {
			return ticket{}, why, again
		}
	}
	if left, next := p.cap.left(now); left < 1 {
		return ticket{}, holdCap, next
	}
	if p.inFlight >= slots {
		return ticket{}, holdSlots, time.Time{}
	}
	p.allowed--
	p.unanswered++
	p.cap.used++
	p.inFlight++
	return ticket{sent: now, window: p.window}, holdNot, time.Time{}
}

// check asks the window's budget and its spread.
func (p *pace) check(now time.Time) (hold, time.Time) {
	end := p.end()
	budget, byShare := p.budget(now)
	if budget < 1 {
		again := end
		for _, at := range []time.Time{p.turned.Add(settling), p.probe()} {
			if now.Before(at) && at.Before(again) {
				again = at
			}
		}
		if byShare {
			return holdShare, again
		}
		return holdWindow, again
	}
	if p.probing(now) {
		p.allowed = max(p.allowed, 1)
	}
	until := end.Add(-p.reserved())
	held := max(budget-p.allowed, 0)
	left := until.Sub(p.spread)
	if passed := now.Sub(p.spread); passed >= left {
		p.allowed = budget
	} else if passed > 0 {
		freed := held * float64(passed) / float64(left)
		p.allowed, held, left = p.allowed+freed, held-freed, left-passed
	}
	p.allowed, p.spread = min(p.allowed, budget), now
	if p.allowed < 1 {
		wait := time.Duration((1 - p.allowed) / held * float64(left))
		return holdSpread, now.Add(max(wait, time.Millisecond))
	}
	return holdNot, time.Time{}
}

// budget is the number of calls that the window still has for us, and whether only the share binds it.
func (p *pace) budget(now time.Time) (calls float64, byShare bool) {
	left := float64(p.remaining) - p.theirs()*max(p.end().Sub(p.lowered), p.reserved()).Seconds()
	if p.probing(now) {
		left = max(left, 1)
	}
	ours := float64(max(int(p.share*float64(p.limit)), 1) - p.own)
	onTheWay := p.unanswered
	if now.Before(p.turned.Add(settling)) {
		onTheWay += p.carried
	}
	return min(left, ours) - float64(onTheWay), left-float64(onTheWay) >= 1
}

// theirs is how many calls others are expected to make in a second: what is expected to be taken before
// the window ends is not ours.
func (p *pace) theirs() float64 {
	theirs := p.others
	if rate, part := p.watched(); rate > theirs {
		theirs += (rate - theirs) * part
	}
	return theirs
}

// probing tells whether a call may be spent although others are expected to need it: without one now and
// then we would not see that they have gone.
func (p *pace) probing(now time.Time) bool {
	if p.unanswered > 0 || now.Before(p.probe()) {
		return false
	}
	return !p.seen || float64(p.remaining)-2*p.theirs()*now.Sub(p.lowered).Seconds() >= 1
}

// probe is when the next probing call may be made.
func (p *pace) probe() time.Time {
	if !p.seen {
		return p.turned
	}
	return p.lowered.Add(p.windowLength() / 10)
}

// end is the time of ours at which the window is certainly over.
func (p *pace) end() time.Time { return p.clock.local(p.reset).Add(p.guard) }

func (p *pace) windowLength() time.Duration {
	if p.length == 0 {
		return usualWindow
	}
	return p.length
}

// reserved is the end of the window in which nothing is left to spend.
func (p *pace) reserved() time.Duration { return time.Duration(reserve * float64(p.windowLength())) }

// advance goes over to the window of now when the current one has ended.
func (p *pace) advance(now time.Time) {
	end := p.end()
	if now.Before(end) {
		return
	}
	length := p.windowLength()
	p.learnOthers()
	p.turn(p.reset.Add((now.Sub(end)/length+1)*length), p.limit, now)
	p.lowered = p.begin
}

// turn makes the window that ends at reset the current one.
func (p *pace) turn(reset time.Time, remaining int, now time.Time) {
	p.window++
	p.carried += p.unanswered
	p.unanswered, p.own = 0, 0
	p.reset, p.seen = reset, false
	p.begin, p.before = p.end().Add(-p.windowLength()), 0
	p.remaining, p.lowered = remaining, now
	p.turned, p.spread = now, now
	budget, _ := p.budget(now)
	p.allowed = max(burst*budget, 1)
}

// watched is how fast others use the current window, at least, and the part of it that this was seen in.
func (p *pace) watched() (rate, part float64) {
	seen := p.lowered.Sub(p.begin)
	if !p.seen || seen <= 0 {
		return 0, 0
	}
	used := p.limit - p.remaining - p.before - p.own - p.unanswered
	return max(float64(used), 0) / seen.Seconds(), min(float64(seen)/float64(p.windowLength()), 1)
}

// learnOthers keeps for the next window what was seen in the ending one.
func (p *pace) learnOthers() {
	rate, part := p.watched()
	p.others += (rate - p.others) * part
}

// answered takes the headers of the answer to t. The call keeps its slot until leave.
func (p *pace) answered(t *ticket, n notice, now time.Time) {
	p.settle(t)
	if !n.date.IsZero() && p.clock.observe(n.date, t.sent, now) {
		p.limit, p.lastSeen, p.others = 0, time.Time{}, 0
	}
	if ends := p.clock.local(n.reset).Sub(now).Abs(); n.limit > 0 && ends > maxPause {
		n.limit = 0 // no Date, and another clock than ours
	}
	if n.limit > 0 {
		p.learn(n, now)
	}
	if n.throttled {
		p.throttle(t, n, now)
	}
}

// learn takes the figures of a window.
func (p *pace) learn(n notice, now time.Time) {
	first := p.limit == 0
	if !first {
		p.advance(now)
	}
	if !first && !n.reset.After(p.lastSeen) && (!p.seen || n.reset.Before(p.reset)) {
		return // an answer from a window before
	}
	p.limit = n.limit
	switch {
	case first:
		// What was used before may have been used by ourselves, in an earlier run.
		p.turn(n.reset, n.remaining, now)
		p.begin, p.before = now, n.limit-n.remaining-1
	case n.reset.After(p.reset):
		// The next window has begun earlier than we thought.
		p.learnOthers()
		p.turn(n.reset, n.remaining, now)
	case !p.seen:
		p.reset, p.remaining, p.lowered = n.reset, n.remaining, now
	case n.remaining < p.remaining:
		p.remaining, p.lowered = n.remaining, now
	}
	if step := n.reset.Sub(p.lastSeen); !p.lastSeen.IsZero() && step > 0 && (p.length == 0 || step < p.length) {
		p.length = step
	}
	p.seen, p.lastSeen = true, n.reset
	if !n.throttled {
		p.own++
	}
}

// throttle stops everyone after a 429: until the window's end, or as long as Retry-After says, or until
// the next usual window begins.
func (p *pace) throttle(t *ticket, n notice, now time.Time) {
	until := now
	switch {
	case n.limit > 0:
		until = p.clock.local(n.reset).Add(p.guard)
		if t.window == p.window && n.reset.Before(p.reset) {
			// Sent in this window, counted in the one before: the call was early.
			p.guard = min(2*p.guard, maxGuard)
		}
	case n.retryAfter > 0:
		until = now.Add(n.retryAfter)
	default:
		next := p.clock.server(now).Truncate(usualWindow).Add(usualWindow)
		until = p.clock.local(next).Add(p.guard)
	}
	if until = earlier(until, now.Add(maxPause)); until.After(p.paused) {
		p.paused = until
	}
}

func earlier(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}

// settle ends the time during which t may be counted without our knowing.
func (p *pace) settle(t *ticket) {
	if t.answered {
		return
	}
	t.answered = true
	switch {
	case t.window == p.window && p.unanswered > 0:
		p.unanswered--
	case t.window < p.window && p.carried > 0:
		p.carried--
	}
}

// leave gives the slot of t back, whether or not an answer came.
func (p *pace) leave(t *ticket) {
	p.settle(t)
	p.inFlight--
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
