package intercom

import "time"

func (p *pace) windowLength() time.Duration {
	if p.length == 0 {
		return usualWindow
	}
	return p.length
}

// end is the time of ours from which on calls are not counted in the window any more.
func (p *pace) end() time.Time { return p.clock.ends(p.reset).Add(p.guard) }

// certain is when the window is taken to have begun though no answer has said so. Before that one call at a
// time finds out, so that a Reset that is early costs one 429 and no burst of them.
func (p *pace) certain() time.Time {
	length := p.windowLength()
	return p.end().Add(min(length/10, maxGuard) - length)
}

// until is when the window's tail begins.
func (p *pace) until() time.Time { return p.clock.ends(p.reset).Add(-p.reserved()) }

// lateNow tells whether a call that is sent now may be counted in the next window: in the window's tail, and
// always where windows are not known or short beside the way.
func (p *pace) lateNow(now time.Time) bool {
	return p.limit == 0 || now.After(p.until()) || p.windowLength() < 3*p.clock.shortest
}

// reserved is how long before its end nothing is left of the window to spend. The shortest call stands in for
// the time that calls take to arrive until some were counted too late.
func (p *pace) reserved() time.Duration {
	length := p.windowLength()
	return max(p.tail, time.Duration(reserve*float64(length)), min(p.clock.shortest, length/2))
}

// place learns from the window in which t was counted where windows begin and end for calls that are sent.
// The guard jumps to what a call has shown, since calls that come too early are refused. The tail follows
// slowly and shrinks again with each window: a few slow calls must not cost all others their time.
func (p *pace) place(t *ticket, n notice) {
	switch {
	case n.reset.Before(t.reset):
		early := t.sent.Sub(p.clock.ends(n.reset))
		if early > p.guard-minGuard && early <= maxGuard {
			p.guard = min(max(early+minGuard, 2*p.guard, p.windowLength()/20), maxGuard)
		}
	case n.reset.After(t.reset) && p.length > 0:
		over := p.clock.ends(t.reset).Sub(t.sent)
		if over > p.tail && over < p.windowLength() {
			p.tail = min(p.tail+(over-p.tail)/4, p.windowLength()/2)
		}
	}
}
