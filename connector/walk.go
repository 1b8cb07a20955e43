package connector

import (
	"context"
	"math"
	"strings"

	"source-intercom/intercom"

	"github.com/tidwall/gjson"
)

// walkClosed walks a closed window in ascending order, or leaves its rest to the sweep in pieces. Where
// the count of rows fell between two pages, rows may have slipped past a cursor that is an offset:
// what lies beyond the last finished second is walked again, in halves where it can be cut.
func (s *searchRun) walkClosed(ctx context.Context, sw *sweep, w window, attempt int) error {
	w.rows()
	up, err := s.ascend(ctx, sw, w)
	if err != nil || up.left {
		return err
	}
	if !up.fell {
		return s.complete(ctx, w)
	}
	rest := w
	rest.lo = up.from
	low, high, ok := s.halves(rest)
	if ok && rest.created == (span{}) && low.created != (span{}) {
		if ok, err = s.dated(ctx, rest); err != nil {
			return err
		}
	}
	if !ok {
		if attempt == rewalks {
			return &MovingError{Feed: s.feed.Name, Window: rest.span}
		}
		return s.walkClosed(ctx, nil, rest, attempt+1)
	}
	if err := s.walkClosed(ctx, nil, low, 0); err != nil {
		return err
	}
	if err := s.walkClosed(ctx, nil, high, 0); err != nil {
		return err
	}
	return s.complete(ctx, rest)
}

// complete notes a window as finished, unless it is only a piece of one by days of creation.
func (s *searchRun) complete(ctx context.Context, w window) error {
	if w.created != (span{}) {
		return nil
	}
	return s.finished(ctx, w.span)
}

// An ascent is what a walk up a closed window came to.
type ascent struct {
	from int64 // all seconds of the window below it are finished
	fell bool  // the count of rows fell on the way
	left bool  // to the sweep: what is not finished
}

// ascend walks a closed window once. sw is who takes pieces of a window that is too long for one walk,
// or free for more; nil: nobody.
func (s *searchRun) ascend(ctx context.Context, sw *sweep, w window) (up ascent, err error) {
	t, ctx := newTrail(ctx, w.after)
	defer func() { err = t.end(err) }()
	up.from = w.lo
	guard := newGuard(s.feed.Name)
	ordered, last := true, int64(math.MinInt64)
	for after := ""; ; {
		page, err := s.search(ctx, w, "ascending", after, s.Config.PageSize)
		if err != nil {
			return up, err
		}
		if up.fell, err = guard.page(after, page.Total, len(page.Rows)); err != nil {
			page.Release()
			return up, err
		}
		first, top, sorted := bounds(page.Rows, s.feed.Cursor)
		ordered = ordered && sorted && first >= last
		beyond := s.days && ordered && len(page.Rows) > 0 && first >= w.hi
		if after == "" && sw != nil && !w.share.honest(page.Total, s.days) {
			sw = nil // cutting shows the same rows again and again
		}
		last = max(last, top)
		var note func() error
		// More rows of the last second may follow on the next page, so it is not finished yet.
		if from := min(last, w.hi); from > up.from && ordered && !up.fell && w.created == (span{}) {
			up.from = from
			note = func() error { return s.finished(ctx, span{w.lo, from}) }
		}
		after = strings.Clone(page.Next) // else it would keep the page in memory
		if _, err := s.page(ctx, t, w, page, note); err != nil || up.fell || after == "" || beyond {
			return up, err
		}
		if sw != nil {
			rest := relay{window: w, ordered: ordered, stuck: first == top, guard: guard}
			rest.lo, rest.after = up.from, t.last
			if up.left, err = sw.relieve(ctx, rest); up.left || err != nil {
				return up, err
			}
		}
	}
}

// open reads a window from its lower bound up, newest first, without an upper limit. What is edited
// meanwhile moves to the top, so the walk is followed by walks from the top down to the newest row
// seen before, until one fits on a page: a page is one moment. first is the first page if it has been
// asked for already.
func (s *searchRun) open(ctx context.Context, sw *sweep, w window, first *intercom.SearchPage) error {
	w.rows()
	bound, attempts := w.lo, 0
	for range followUps {
		still := s.client.Now().Unix() - s.lag()
		down, err := s.descend(ctx, sw, w, bound, first)
		first, sw = nil, nil
		switch {
		case err != nil:
			return err
		case down.left:
			return nil
		case down.fell:
			if attempts++; attempts > rewalks {
				return &MovingError{Feed: s.feed.Name, Window: span{bound, forever}}
			}
		case down.pages <= 1:
			return nil
		case down.fresh == 0:
			bound, attempts = max(bound, down.newest)+1, 0 // more rows share the newest second than fit on a page
		case down.newest < still:
			bound, attempts = max(bound, down.newest+1), 0 // no more rows will show up in that second
		default:
			bound, attempts = max(bound, down.newest), 0
		}
	}
	return &MovingError{Feed: s.feed.Name, Window: span{bound, forever}}
}

// A descent is what a walk down the open window found.
type descent struct {
	pages  int
	newest int64
	fresh  int  // rows that had not been met before
	fell   bool // the count of rows fell on the way
	left   bool // to the sweep: all, in pieces
}

// descend walks once from the top down to bound.
func (s *searchRun) descend(ctx context.Context, sw *sweep, w window, bound int64, page *intercom.SearchPage) (d descent, err error) {
	t, ctx := newTrail(ctx, nil)
	defer func() { err = t.end(err) }()
	d.newest = math.MinInt64
	guard := newGuard(s.feed.Name)
	asked := s.upwards(window{span: span{bound, forever}, created: w.created})
	for after := ""; ; page = nil {
		if page == nil {
			if page, err = s.search(ctx, asked, "descending", after, s.Config.PageSize); err != nil {
				return d, err
			}
		}
		fell, err := guard.page(after, page.Total, len(page.Rows))
		if err != nil {
			page.Release()
			return d, err
		}
		d.fell = d.fell || fell
		d.pages++
		low, top, _ := bounds(page.Rows, s.feed.Cursor)
		d.newest = max(d.newest, top)
		after = strings.Clone(page.Next)
		fresh, err := s.page(ctx, t, w, page, nil)
		d.fresh += fresh
		if err != nil {
			return d, err
		}
		left := low <= top && top < bound
		if after == "" || left || d.pages == 1 && s.days && low < bound {
			return d, nil
		}
		if sw != nil && sw.paged() > 0 && d.pages == windowPages/2 {
			if d.left, err = sw.disperse(ctx, w); d.left || err != nil {
				return d, err
			}
		}
	}
}

// upwards is the query of an open window. Going down, a bound that is too low costs nothing where the
// walk is left at the window's own.
func (s *searchRun) upwards(w window) window {
	if s.days {
		w.lo -= daysOpen
	}
	return w
}

// bounds returns the lowest and the highest cursor value that rows show, and whether they ascend without
// a gap in our knowledge. Where no row shows one, low is above top.
func bounds(rows []gjson.Result, cursor string) (low, top int64, ascending bool) {
	low, top, ascending = math.MaxInt64, math.MinInt64, true
	for _, row := range rows {
		at, ok := seconds(row.Get(cursor))
		if !ok {
			ascending = false // and says nothing about where the walk is
			continue
		}
		ascending = ascending && at >= top
		low, top = min(low, at), max(top, at)
	}
	return low, top, ascending
}
