package connector

import (
	"slices"
	"sync"

	"source-intercom/intercom"
)

// smallerPages is what pages that cannot be served shrink to, one after the other.
var smallerPages = []int{50, 15, 5, 1}

// So many pages have to be served before larger ones are tried again. The number doubles, up to the
// second, each time the larger ones fail, too: every failure costs several calls, or a time-out.
const (
	pagesToGrow     = 8
	mostPagesToGrow = 512
)

// A pageSize is how many rows the pages of one feed have: as many as configured, or fewer while Intercom
// cannot serve such pages. A walk asks once, at its start: a cursor does not outlive a change.
type pageSize struct {
	mu     sync.Mutex
	most   int
	now    int
	served int  // pages of the present size, since it changed
	wanted int  // so many before the next larger size is tried
	grown  bool // the present size was reached from below
}

func newPageSize(most int) *pageSize {
	return &pageSize{most: most, now: most, wanted: pagesToGrow}
}

func (p *pageSize) get() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.now
}

// shrink makes pages smaller than size, if they are not already. It returns false if they cannot be.
func (p *pageSize) shrink(size int) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if size == 1 {
		return false
	}
	if p.now < size {
		return true
	}
	if p.grown {
		p.wanted = min(2*p.wanted, mostPagesToGrow)
	}
	next := slices.IndexFunc(smallerPages, func(smaller int) bool { return smaller < size })
	p.now, p.served, p.grown = smallerPages[next], 0, false
	return true
}

// answered notes a page that was served, and tells whether larger ones may be asked for now.
func (p *pageSize) answered(size int) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if size != p.now {
		return size < p.now
	}
	p.served++
	switch {
	case p.now == p.most && p.served == mostPagesToGrow:
		p.wanted = pagesToGrow // what was in the way is behind us
		return false
	case p.now == p.most || p.served < p.wanted:
		return false
	}
	larger := p.most
	for _, s := range smallerPages {
		if s > p.now && s < p.most {
			larger = s
		}
	}
	p.now, p.served, p.grown = larger, 0, true
	return true
}

// shrinks tells whether a page of so many rows failed in such a way that a smaller one may come, and has
// the feed's pages made smaller.
func (f *feedRun) shrinks(err error, size int) bool {
	if !intercom.Heavy(err) || !f.pages.shrink(size) {
		return false
	}
	f.Log.Info().Str("feed", f.feed.Name).Int("rows", size).AnErr("cause", err).
		Msg("pages of so many rows cannot be served: asking for smaller ones")
	return true
}
