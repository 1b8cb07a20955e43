package connector

import (
	"context"
	"errors"
	"fmt"
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
	rest := w
	rest.lo, rest.after, rest.judged = up.from, nil, true // the walk has waited for its children
	if rest.lo > w.lo {
		rest.shown = nil // which is of another window
	}
	row, stopped := errors.AsType[*UnreadableError](err)
	switch {
	case stopped && s.Config.MaxUnreadable > 0:
		return s.around(ctx, sw, rest, row)
	case err != nil || up.left:
		return err
	case up.again:
		return s.walkClosed(ctx, sw, rest, attempt)
	case up.short.rows > 0 && !w.short:
		rest.short = true
		return s.walkClosed(ctx, sw, rest, attempt)
	case !up.fell:
		if err := s.withhold(up.short); err != nil {
			return err
		}
		return s.complete(ctx, w)
	}
	low, high, cut, err := s.halved(ctx, rest)
	switch {
	case err != nil:
		return err
	case !cut && attempt == rewalks:
		return &MovingError{Feed: s.feed.Name, Window: rest.span}
	case !cut:
		return s.walkClosed(ctx, nil, rest, attempt+1)
	}
	if err := s.walkBoth(ctx, low, high); err != nil {
		return err
	}
	return s.complete(ctx, rest)
}

// halved cuts a closed window in two, if no row is lost by that.
func (s *searchRun) halved(ctx context.Context, w window) (low, high window, ok bool, err error) {
	low, high, ok = s.halves(w)
	if ok && w.created == (span{}) && low.created != (span{}) {
		ok, err = s.dated(ctx, w)
	}
	return low, high, ok, err
}

// walkBoth walks the halves of a closed window.
func (s *searchRun) walkBoth(ctx context.Context, low, high window) error {
	if err := s.walkClosed(ctx, nil, low, 0); err != nil {
		return err
	}
	return s.walkClosed(ctx, nil, high, 0)
}

// complete notes a window as finished, unless it is only a piece of one by days of creation.
func (s *searchRun) complete(ctx context.Context, w window) error {
	if w.created != (span{}) {
		return nil
	}
	return s.note(ctx, w.span)
}

// note notes a span as finished, as far as rows of it cannot show up in the index any more.
func (s *searchRun) note(ctx context.Context, sp span) error {
	sp.hi = min(sp.hi, s.young.Load(), s.settled())
	if sp.lo >= sp.hi {
		return nil
	}
	return s.finished(ctx, sp)
}

// withhold reports rows that Intercom counts and does not show. It fails where it must have more of them.
func (s *searchRun) withhold(short shortage) error {
	if short.rows == 0 {
		return nil
	}
	if short.cut {
		return &intercom.ShapeError{Stream: s.feed.Name, Path: "pages.next", Want: fmt.Sprintf("the next page, for %d more rows", short.rows), Found: "nothing"}
	}
	for _, run := range s.live() {
		run.withheld.Add(short.rows)
	}
	s.Log.Warn().Str("feed", s.feed.Name).Int64("rows", short.rows).Msg("Intercom counts more rows than it shows")
	return nil
}

// An ascent is what a walk up a closed window came to.
type ascent struct {
	from  int64 // all seconds of the window below it are finished
	fell  bool  // the count of rows fell on the way
	left  bool  // to the sweep: what is not finished
	again bool  // the rest is to be walked with pages of another size
	short shortage
}

// ascend walks a closed window once. sw is who takes pieces of a window that is too long for one walk,
// or free for more; nil: nobody.
func (s *searchRun) ascend(ctx context.Context, sw *sweep, w window) (up ascent, err error) {
	t, ctx := newTrail(ctx, w.after)
	defer func() { err = t.end(err) }()
	up.from = w.lo
	guard := newGuard(s.feed.Name)
	ordered, last := true, int64(math.MinInt64)
	size, before := s.pages.get(), ""
	for after := ""; ; {
		page, err := s.search(ctx, w, "ascending", after, size)
		if s.shrinks(err, size) {
			up.again = true
			return up, nil
		}
		if err != nil {
			return up, s.stopped(ctx, err, w.doubted, span{max(last, s.reach(w).lo), s.reach(w).hi}, "ascending", before)
		}
		larger := s.pages.answered(size)
		before = lastID(page.Rows)
		w.shown.note(page)
		if up.fell, err = guard.page(after, page.Total, len(page.Rows)); err != nil {
			page.Release()
			return up, err
		}
		first, top, sorted := bounds(page.Rows, s.feed.Cursor)
		ordered = ordered && sorted && first >= last
		beyond := s.days && ordered && len(page.Rows) > 0 && first >= w.hi
		if after == "" && sw != nil && !w.judged && !w.share.honest(page.Total, s.days) {
			sw = nil // cutting shows the same rows again and again
		}
		last = max(last, top)
		var note func() error
		// More rows of the last second may follow on the next page, so it is not finished yet.
		if from := min(last, w.hi); from > up.from && ordered && !up.fell && w.created == (span{}) {
			up.from = from
			note = func() error { return s.note(ctx, span{w.lo, from}) }
		}
		after = strings.Clone(page.Next) // else it would keep the page in memory
		if _, err := s.page(ctx, t, w, page, note); err != nil || up.fell || after == "" || beyond {
			if after == "" && !beyond {
				up.short = guard.short(size)
			}
			return up, err
		}
		if larger && up.from > w.lo {
			up.again = true // nothing that is finished is read again
			return up, nil
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
	ends := 0 // of walks that came before all rows had been shown
	for walks, resized := 0, 0; walks < followUps; walks++ {
		w.steady = resized >= mostResized
		still := s.client.Now().Unix() - s.lag()
		down, err := s.descend(ctx, sw, w, bound, first)
		first = nil
		if down.again && err == nil {
			walks--
			resized++
			continue
		}
		sw = nil
		if err == nil && !down.fell && down.short.rows > 0 {
			if ends++; ends == 1 {
				continue
			}
			if ends == 2 && down.fresh == 0 { // else rows have moved above the walk, where the next one meets them
				err = s.withhold(down.short)
			}
		}
		row, stopped := errors.AsType[*UnreadableError](err)
		switch {
		case stopped && s.Config.MaxUnreadable > 0:
			if bound, err = s.under(ctx, w, bound, row); err != nil {
				return err
			}
			w.doubted, attempts = true, 0
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
	lowest int64
	fresh  int  // rows that had not been met before
	fell   bool // the count of rows fell on the way
	left   bool // to the sweep: all, in pieces
	again  bool // all, with pages of another size
	short  shortage
}

// descend walks once from the top of a window down to bound.
func (s *searchRun) descend(ctx context.Context, sw *sweep, w window, bound int64, page *intercom.SearchPage) (d descent, err error) {
	t, ctx := newTrail(ctx, nil)
	defer func() { err = t.end(err) }()
	d.newest, d.lowest = math.MinInt64, math.MaxInt64
	guard := newGuard(s.feed.Name)
	asked := window{span: span{bound, w.hi}, created: w.created, doubted: w.doubted}
	if w.open() {
		asked = s.upwards(asked)
	}
	size, before := s.pages.get(), ""
	if page != nil {
		size = page.Asked
	}
	for after := ""; ; page = nil {
		if page == nil {
			if page, err = s.search(ctx, asked, "descending", after, size); s.shrinks(err, size) {
				d.again = true
				return d, nil
			}
			if err != nil {
				return d, s.stopped(ctx, err, w.doubted, span{s.reach(asked).lo, min(d.lowest, s.reach(asked).hi)}, "descending", before)
			}
		}
		larger := s.pages.answered(size)
		before = lastID(page.Rows)
		w.shown.note(page)
		fell, err := guard.page(after, page.Total, len(page.Rows))
		if err != nil {
			page.Release()
			return d, err
		}
		d.fell = d.fell || fell
		d.pages++
		low, top, _ := bounds(page.Rows, s.feed.Cursor)
		d.newest, d.lowest = max(d.newest, top), min(d.lowest, low)
		after = strings.Clone(page.Next)
		fresh, err := s.page(ctx, t, w, page, nil)
		d.fresh += fresh
		if err != nil {
			return d, err
		}
		left := low <= top && top < bound
		if after == "" && !left {
			d.short = guard.short(size)
		}
		if after == "" || left || d.pages == 1 && s.days && w.open() && low < bound {
			return d, nil
		}
		if d.again = larger && !w.steady; d.again {
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
