package connector

import (
	"cmp"
	"context"
	"slices"
	"sync"
	"sync/atomic"

	"golang.org/x/sync/errgroup"
)

const (
	walksAtLeast = 4  // windows of one search that are walked at a time while the pace holds the run back
	walksAtMost  = 64 // and while it does not
	windowPages  = 20 // a window is cut where it holds half as many pages more
	piecePages   = 4  // hands that are free take pieces of no fewer pages
)

// A window is a piece of a search: a span of the cursor, and for crowded days of contacts a span of
// days of creation, whose bounds neighbours share. Without an upper end it is an open window.
type window struct {
	span
	created span // zero: all
	met     *seen
	after   *step  // of the walk that met them first; nil: there was none
	share   *share // of the pieces that it was cut with; nil: it was not
	crowd   *crowd // whose piece by days of creation it is; nil: of none
	short   bool   // a walk over it ended before all rows had been shown
	judged  bool   // what it shows is counted in the share
	doubted bool   // it holds a row that Intercom cannot serve
	shown   *tally // of a doubted one
	steady  bool   // walks down it keep their size of pages while they can be served
}

// open tells whether what is edited stays in the window.
func (w *window) open() bool { return w.hi == forever }

// rows are those that an earlier look at the window has emitted already.
func (w *window) rows() *seen {
	if w.met == nil {
		w.met = newSeen()
	}
	return w.met
}

// A share is what the pieces of one window may show together. Where Intercom announces the same rows
// for each of them, cutting would go on for ever.
type share struct {
	announced int64
	shown     atomic.Int64
}

// honest tells whether another piece with so many rows can be true. Days overlap, up to threefold.
func (s *share) honest(total int64, days bool) bool {
	if s == nil {
		return true
	}
	most := s.announced + s.announced/2
	if days {
		most = 4 * s.announced
	}
	return s.shown.Add(total) <= most
}

// A sweep walks windows of one search side by side, the lowest first. How many at a time adapts: while
// calls wait for their turn, because the rate limit is used up, more walks would only hold more
// memory and finish later; else the latency is what holds the run back, and more walks help.
type sweep struct {
	*searchRun
	group *errgroup.Group
	ctx   context.Context //nolint:containedctx // of the group, which lives as long as the sweep

	mu      sync.Mutex
	waiting []window // in ascending order
	walking int
	most    int // windows walked at a time
}

// sweep walks the windows, and all that they are cut into, and returns when the last is done.
func (s *searchRun) sweep(ctx context.Context, windows ...window) error {
	group, ctx := errgroup.WithContext(ctx)
	w := &sweep{searchRun: s, group: group, ctx: ctx, most: walksAtLeast}
	w.add(windows...)
	return group.Wait()
}

// add has windows walked when their turn comes.
func (s *sweep) add(windows ...window) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.waiting = append(s.waiting, windows...)
	slices.SortStableFunc(s.waiting, func(a, b window) int {
		return cmp.Or(cmp.Compare(a.lo, b.lo), cmp.Compare(a.created.lo, b.created.lo))
	})
	s.start()
}

// start begins as many walks as there may be. The caller holds the lock.
func (s *sweep) start() {
	for s.walking < s.most && len(s.waiting) > 0 && s.ctx.Err() == nil {
		w := s.waiting[0]
		s.waiting = slices.Delete(s.waiting, 0, 1)
		s.walking++
		s.group.Go(func() error {
			if err := s.walk(s.ctx, w); err != nil {
				return err
			}
			s.mu.Lock()
			defer s.mu.Unlock()
			s.walking--
			s.start()
			return nil
		})
	}
}

// paged adapts the number of walks after each page, and returns how many more could be going on than
// there are windows for.
func (s *sweep) paged() (free int) {
	busy := s.busy()
	s.mu.Lock()
	defer s.mu.Unlock()
	if busy {
		s.most = max(s.most-1, walksAtLeast)
	} else {
		s.most = min(s.most+2, walksAtMost)
	}
	s.start()
	return max(s.most-s.walking-len(s.waiting), 0)
}

// busy tells whether calls of the feed or of its children wait for their turn.
func (s *sweep) busy() bool {
	return s.client.Busy(s.feed.Name) ||
		slices.ContainsFunc(s.runs, func(run *streamRun) bool { return s.client.Busy(run.stream.Name) })
}

// A relay is what is left of a walk up a window.
type relay struct {
	window
	ordered bool // as far as rows were seen
	stuck   bool // the last page was all one second
	guard   *guard
}

// relieve takes over what is left of a walk, in pieces, where that is too long for one walk or where hands
// are free.
func (s *sweep) relieve(ctx context.Context, r relay) (bool, error) {
	pieces := s.pieces(r, s.paged())
	if pieces == nil {
		if len(r.guard.asked) > 1 || r.guard.left() <= s.longest() {
			return false, nil
		}
		return s.disperse(ctx, r.window)
	}
	for i := range pieces {
		if i == 0 || !r.ordered {
			pieces[i].met, pieces[i].after = r.met, r.after // rows of the first second have been shown, or of any
		}
	}
	s.add(pieces...)
	return true, nil
}

// walk reads one window, or cuts it.
func (s *sweep) walk(ctx context.Context, w window) error {
	var err error
	if w.open() {
		err = s.open(ctx, s, w, nil)
	} else {
		err = s.walkClosed(ctx, s, w, 0)
	}
	if err == nil && w.crowd != nil {
		err = w.crowd.done(ctx)
	}
	return err
}

// longest is how many rows a window may have and still be walked whole.
func (s *searchRun) longest() int64 { return int64(s.Config.PageSize * windowPages * 3 / 2) }

// pieces cuts what is left of a walk: into so many that none is too long, and that free hands have work.
// It returns nil where that is short enough or cannot be cut.
func (s *searchRun) pieces(r relay, free int) []window {
	page, left := int64(s.Config.PageSize), r.guard.left()
	k := int64(1)
	if left > s.longest() {
		k = (left + page*windowPages - 1) / (page * windowPages)
	}
	k = min(max(k, min(int64(free)+1, left/(page*piecePages))), walksAtMost)
	if k < 2 || r.created != (span{}) {
		return nil
	}
	cuts := s.cuts(r.span, k)
	if r.stuck && !s.days {
		// However often it is cut, a second's crowd stays together: it gets a walk of its own.
		cuts = append([]int64{r.lo + 1}, s.cuts(span{r.lo + 1, r.hi}, k)...)
	}
	var out []window
	common := &share{announced: left + page}
	for _, end := range append(cuts, r.hi) {
		if end > r.lo && end <= r.hi {
			out = append(out, window{span: span{r.lo, end}, share: common})
			r.lo = end
		}
	}
	if len(out) < 2 {
		return nil
	}
	return out
}

// cuts are the times at which a span is cut into k pieces of one length: midnights, where the API
// compares days.
func (s *searchRun) cuts(w span, k int64) []int64 {
	hi := min(w.hi, s.client.Now().Unix()+1) // no row is younger
	var at []int64
	for i := int64(1); i < k; i++ {
		cut := w.lo + (hi-w.lo)*i/k
		if s.days {
			cut = s.midnight(cut)
		}
		at = append(at, cut)
	}
	return at
}
