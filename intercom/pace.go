package intercom

import "time"

// pace decides when a call may start. It is pure: it has no lock and no clock, and it is told everything.
//
// Intercom counts calls in fixed windows. Every answer tells the window's limit, what is left of it and
// when it ends. While nobody else is seen to use the quota, what may still be sent is the limit less our own
// calls, which is exact whatever the latency. Beside others it is what was left at the last answer, less the
// calls that are on their way and less what the others are expected to take. The calls are spread over most
// of the window, not fired at its start, so that others are seen in time and Intercom is not hit by bursts.
//
// A call counts in the window in which it arrives, not in the one in which it is sent. Its answer tells which
// one that was, and so how long before and after a Reset nothing should be sent (place).
type pace struct {
	share float64
	slots slots
	cap   callCap
	clock clock

	paused time.Time // a 429 stopped everyone until then

	// Where a window ends for calls that are sent now, as seen from its Reset. Answers tell: a call that
	// was counted in another window than the one that it was meant for was sent too early or too late.
	guard time.Duration // calls sent this much after a Reset are not counted before it
	tail  time.Duration // calls sent this much before a Reset are hardly ever counted after it

	// What the headers taught.
	limit  int
	length time.Duration // of a window; 0: not known yet

	// The current window. Until an answer of it has come it is a forecast: the one that must have begun
	// when the last one ended, with its whole limit left.
	window      int       // number of the window, for tickets
	reset       time.Time // its end, by the server's clock
	seen        bool      // an answer of it has come
	begin       time.Time // its start, or when we came to know of it; ours
	before      int       // calls made before begin
	lastSeen    time.Time // reset of the last window of which an answer came
	remaining   int       // the lowest figure reported
	lowered     time.Time // when the server counted that, about
	own         int       // our calls known to be counted in it
	unanswered  int       // calls sent in it without an answer yet
	late        int       // of these, the late ones: they may count in the next one
	carried     int       // late calls of the window before without an answer yet
	strays      int       // calls sent in it that are known to count in the next one
	straysReset time.Time // end of the next one
	turned      time.Time // when we took it for the current one
	allowed     float64   // calls that the even spread has set free
	spread      time.Time // when allowed was brought up to date

	others float64 // calls per second that others made in the last window
}

const (
	// usualWindow is Intercom's window. It stands in where headers have not taught better.
	usualWindow = 10 * time.Second
	// burst is the part of a window that may be spent at once, so that short runs need not wait.
	burst = 0.2
	// reserve is the part of a window at its end in which nothing is left to spend, at least, so that calls
	// that are slow to arrive and late wake-ups cost nothing.
	reserve = 0.1
	// slowestBeat is how often calls are set free in long windows. One by one they would wake this process for
	// each of them, which takes twice the processor time.
	slowestBeat = 100 * time.Millisecond
	// settling is how long calls sent in the tail of a window are feared to count in the next one.
	settling = time.Second
	// A window is over a little after its Reset: the server's machines may differ, and Reset may be cut to
	// the second. The guard grows when a call shows that it was too small.
	minGuard, maxGuard = 20 * time.Millisecond, time.Second
	// maxPause bounds every wait that a header can ask for.
	maxPause = 2 * time.Minute
)

// ticket is the permission for one call.
type ticket struct {
	sent     time.Time
	window   int
	reset    time.Time // end of the window that it is meant for
	late     bool      // may be counted in the window after that
	answered bool      // its headers have come
}

// hold is the reason why no call may start now.
type hold int

const (
	holdNot    hold = iota
	holdSlots       // too many calls are under way
	holdPause       // a 429
	holdWindow      // the window is used up
	holdSpread      // the even spread within the window
	holdShare       // rate_limit_share
	holdCap         // the user's cap
)

// admit lets one call start at now, or tells why not and when to ask again; a zero time means that only
// an answer can change it. For an urgent call there is one slot more, since those that wait for memory may
// hold theirs for long; only the user's own bound holds it.
func (p *pace) admit(now time.Time, urgent bool) (ticket, hold, time.Time) {
	if now.Before(p.paused) {
		return ticket{}, holdPause, p.paused
	}
	if p.limit > 0 {
		p.advance(now)
		if why, again := p.check(now); why != holdNot {
			return ticket{}, why, again
		}
	}
	if left, next := p.cap.left(now); left < 1 {
		return ticket{}, holdCap, next
	}
	slots := p.slots.bound(p.perSecond())
	if urgent && p.limit > 0 {
		slots++
	}
	if p.slots.capped() || p.slots.inFlight >= slots {
		return ticket{}, holdSlots, time.Time{}
	}
	t := ticket{sent: now, window: p.window, reset: p.reset, late: p.lateNow(now)}
	if t.late {
		p.late++
	}
	p.allowed--
	p.unanswered++
	p.cap.used++
	p.slots.inFlight++
	return t, holdNot, time.Time{}
}

// check asks the window's budget and its spread.
func (p *pace) check(now time.Time) (hold, time.Time) {
	end := p.end()
	if begin := end.Add(-p.windowLength()); !p.seen && now.Before(begin) {
		return holdWindow, begin // the guard has grown since
	}
	if certain := p.certain(); !p.seen && p.unanswered > 0 && now.Before(certain) {
		return holdSpread, certain
	}
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
	held := max(budget-p.allowed, 0)
	left := max(p.until().Sub(p.spread), p.evenly(held-1))
	beat := min(p.windowLength()/100, slowestBeat)
	switch passed := now.Sub(p.spread); {
	case passed >= left:
		p.allowed, p.spread = budget, now
	case passed >= beat:
		freed := held * float64(passed) / float64(left)
		p.allowed, p.spread = p.allowed+freed, now
		held, left = held-freed, left-passed
	}
	p.allowed = min(p.allowed, budget)
	if p.allowed < 1 {
		wait := time.Duration((1 - p.allowed) / held * float64(left))
		return holdSpread, p.spread.Add(max(wait, beat))
	}
	return holdNot, time.Time{}
}

// budget is the number of calls that the window still has for us, and whether only the share binds it.
func (p *pace) budget(now time.Time) (calls float64, byShare bool) {
	left := float64(p.remaining) - p.theirs()*max(p.end().Sub(p.lowered), p.reserved()).Seconds()
	if p.alone() {
		left = float64(p.limit - p.before - p.own - p.usedByOthers())
	}
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

// evenly is how long calls take at the even rate. What is left when the window's tail begins is not sent at
// once, which would be a burst.
func (p *pace) evenly(calls float64) time.Duration {
	return time.Duration(calls / float64(p.limit) * float64(p.windowLength()))
}

// perSecond is how many calls the limit lets start in a second; 0: not known.
func (p *pace) perSecond() float64 { return float64(p.limit) / p.windowLength().Seconds() }

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
	p.carried = p.late
	p.unanswered, p.late, p.own = 0, 0, 0
	if p.strays > 0 && reset.Equal(p.straysReset) {
		p.own, remaining = p.strays, min(remaining, p.limit-p.strays)
	}
	p.strays = 0
	p.tail -= p.tail / 16
	p.reset, p.seen = reset, false
	p.begin, p.before = p.end().Add(-p.windowLength()), 0
	p.remaining, p.lowered = remaining, now
	p.turned, p.spread = now, now
	budget, _ := p.budget(now)
	p.allowed = max(burst*budget, 1)
}

// answered takes the headers of the answer to t. The call keeps its slot until leave.
func (p *pace) answered(t *ticket, n notice, now time.Time) {
	p.settle(t)
	if !n.date.IsZero() && p.clock.observe(n.date, t.sent, now) {
		p.limit, p.reset, p.lastSeen, p.others = 0, time.Time{}, time.Time{}, 0
	}
	if ends := p.clock.ends(n.reset).Sub(now).Abs(); n.limit > 0 && ends > maxPause {
		n.limit = 0 // no Date, and another clock than ours
	}
	if n.limit > 0 {
		if p.limit > 0 {
			p.place(t, n)
		}
		p.learn(n, now)
	} else if p.limit == 0 && (n.served || n.throttled) {
		p.slots.unlimited(t.sent, now, n.throttled)
	}
	if n.throttled {
		p.throttle(n, now)
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
	if !first && p.seen && n.reset.After(p.reset) && now.Before(p.clock.earliest(p.reset)) {
		// Counted in the next window already, while others may still be counted in this one: the server's
		// clocks differ, or t was slow to arrive.
		if p.straysReset = n.reset; !n.throttled {
			p.strays++
		}
		return
	}
	switch {
	case first:
		// What was used before may have been used by ourselves, in an earlier run.
		p.turn(n.reset, n.remaining, now)
		p.begin, p.before = now, n.limit-n.remaining-1
	case p.seen && n.reset.After(p.reset):
		// The next window has begun earlier than we thought.
		p.learnOthers()
		p.turn(n.reset, n.remaining, now)
	case !p.seen:
		p.reset, p.remaining, p.lowered = n.reset, n.remaining, p.counted(now)
	case n.remaining < p.remaining:
		p.remaining, p.lowered = n.remaining, p.counted(now)
	}
	if step := n.reset.Sub(p.lastSeen); !p.lastSeen.IsZero() && step > 0 && (p.length == 0 || step < p.length) {
		p.length = step
	}
	p.seen, p.lastSeen = true, n.reset
	if !n.throttled {
		p.own++
	}
}

// counted is about when the server counted a call whose answer has come now. Most of a call's time is spent
// after that.
func (p *pace) counted(now time.Time) time.Time { return now.Add(-p.clock.shortest * 3 / 4) }

// throttle stops everyone after a 429: until the window's end, or as long as Retry-After says, or until
// the next usual window begins.
func (p *pace) throttle(n notice, now time.Time) {
	until := now
	switch {
	case n.limit > 0:
		until = p.clock.ends(n.reset).Add(p.guard)
	case n.retryAfter > 0:
		until = now.Add(n.retryAfter)
	default:
		next := p.clock.server(now).Truncate(usualWindow).Add(usualWindow)
		until = p.clock.ends(next).Add(p.guard)
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
	case t.window == p.window:
		p.unanswered--
		if t.late {
			p.late--
		}
	case t.window == p.window-1 && t.late:
		p.carried--
	}
}

// leave gives the slot of t back, whether or not an answer came.
func (p *pace) leave(t *ticket, now time.Time) {
	if t.answered {
		p.slots.took(now.Sub(t.sent))
	}
	p.settle(t)
	p.slots.inFlight--
}
