package connector

import (
	"context"
	"sync/atomic"

	"source-intercom/intercom"

	"golang.org/x/sync/errgroup"
)

// scatterWays is in how many pieces at a time a crowd is cut.
const scatterWays = 8

// A crowd is a window that is read in pieces by day of creation, since too many of its rows share the
// day by which it would be cut.
type crowd struct {
	*searchRun
	span
	left atomic.Int64 // pieces that are not done, and one while pieces are being made
}

// done notes the end of a piece. With the last of them a closed window is finished.
func (c *crowd) done(ctx context.Context) error {
	if c.left.Add(-1) > 0 || c.hi == forever {
		return nil
	}
	return c.finished(ctx, c.span)
}

// disperse cuts a window of contacts that is too long for one walk by days of creation, and has the pieces
// walked. It does nothing where some rows have no such day, for they would be in no piece.
func (s *sweep) disperse(ctx context.Context, w window) (bool, error) {
	if !s.days || w.created != (span{}) {
		return false, nil
	}
	n, err := s.count(ctx, w, false)
	if err != nil || n <= s.longest() {
		return false, unlessHeavy(err)
	}
	if dated, err := s.dated(ctx, w); err != nil || !dated {
		return false, err
	}
	w.crowd, w.share = &crowd{searchRun: s.searchRun, span: w.span}, nil
	w.created = s.everCreated() // a piece that cannot be cut is still a piece
	w.crowd.left.Store(1)
	group, counting := errgroup.WithContext(ctx)
	group.Go(func() error { return s.scatter(counting, group, w, n) })
	if err := group.Wait(); err != nil {
		return false, err
	}
	return true, w.crowd.done(ctx)
}

// dated tells whether all rows that walking a window would show have a day of creation. Rows leave a closed
// window, and come into an open one: between the two counts they must not make up for one without a day.
func (s *searchRun) dated(ctx context.Context, w window) (bool, error) {
	withDay := w
	withDay.created = span{founded + 1, forever}
	first, second := w, withDay
	if w.open() {
		first, second = withDay, w
	}
	a, err := s.count(ctx, first, true)
	if err != nil {
		return false, unlessHeavy(err)
	}
	b, err := s.count(ctx, second, true)
	if err != nil {
		return false, unlessHeavy(err)
	}
	if w.open() {
		return a >= b, nil
	}
	return b >= a, nil
}

// unlessHeavy drops an error of a count that may be about the rows at both ends of a window. It is only good
// for planning, and those who read the window will meet them, or the outage.
func unlessHeavy(err error) error {
	if intercom.Heavy(err) {
		return nil
	}
	return err
}

// scatter cuts a window of n rows by the day of creation, and the pieces likewise, until they are short
// enough. A crowd that was created on one day stays together.
func (s *sweep) scatter(ctx context.Context, group *errgroup.Group, w window, n int64) error {
	pieces := s.byCreation(w, scatterWays)
	if n <= s.longest() || len(pieces) < 2 {
		s.piece(w)
		return nil
	}
	rows, err := s.countAll(ctx, pieces)
	if err != nil {
		return err
	}
	sum := int64(0)
	for _, n := range rows {
		sum += n
	}
	if sum > n+n/2 {
		s.piece(w) // most share the day that is the bound of two pieces
		return nil
	}
	for len(pieces) > 0 {
		one, n, taken := pieces[0], rows[0], 1
		for ; taken < len(pieces) && n+rows[taken] <= s.longest(); taken++ {
			one.created.hi = pieces[taken].created.hi
			n += rows[taken]
		}
		pieces, rows = pieces[taken:], rows[taken:]
		group.Go(func() error { return s.scatter(ctx, group, one, n) })
	}
	return nil
}

// countAll counts several windows at a time.
func (s *searchRun) countAll(ctx context.Context, windows []window) ([]int64, error) {
	group, ctx := errgroup.WithContext(ctx)
	rows := make([]int64, len(windows))
	for i, w := range windows {
		group.Go(func() (err error) {
			rows[i], err = s.count(ctx, w, false)
			return unlessHeavy(err)
		})
	}
	return rows, group.Wait()
}

// piece has a piece of a crowd walked.
func (s *sweep) piece(w window) {
	w.crowd.left.Add(1)
	s.add(w)
}
