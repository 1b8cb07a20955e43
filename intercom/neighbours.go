package intercom

import "time"

// alone tells whether nobody else is seen to use the quota. Then what is left is known exactly, since no
// call is counted twice: as sent before the last answer and as still under way.
func (p *pace) alone() bool {
	return p.theirs()*p.windowLength().Seconds() < max(0.01*float64(p.limit), 1)
}

// usedByOthers is how many calls of the current window others have made, at least.
func (p *pace) usedByOthers() int {
	return max(p.limit-p.remaining-p.before-p.own-p.unanswered, 0)
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

// watched is how fast others use the current window, at least, and the part of it that this was seen in.
func (p *pace) watched() (rate, part float64) {
	seen := p.lowered.Sub(p.begin)
	if !p.seen || seen <= 0 {
		return 0, 0
	}
	return float64(p.usedByOthers()) / seen.Seconds(), min(float64(seen)/float64(p.windowLength()), 1)
}

// learnOthers keeps for the next window what was seen in the ending one.
func (p *pace) learnOthers() {
	rate, part := p.watched()
	p.others += (rate - p.others) * part
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
