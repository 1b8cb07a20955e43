package connector

import (
	"context"
	"errors"
	"fmt"
	"math"

	"source-intercom/intercom"
	"source-intercom/protocol"

	"github.com/tidwall/gjson"
	"golang.org/x/sync/errgroup"
)

// childrenAtOnce bounds the children of one page that are fetched at a time; the client bounds all.
const childrenAtOnce = 32

// walkClosed walks a closed window in ascending order. Where the count of rows fell between two
// pages, rows may have slipped past a cursor that is an offset: what lies beyond the last finished
// second is walked again, in halves where it can be cut.
func (s *searchRun) walkClosed(ctx context.Context, w window, met *seen, attempt int) error {
	from, fell, err := s.ascend(ctx, w, met)
	if err != nil {
		return err
	}
	if !fell {
		return s.complete(ctx, w)
	}
	rest := w
	rest.lo = from
	low, high, ok := s.halves(rest)
	if !ok {
		if attempt == rewalks {
			return &MovingError{Feed: s.feed.Name, Window: rest.span}
		}
		return s.walkClosed(ctx, rest, met, attempt+1)
	}
	if err := s.walkClosed(ctx, low, met, 0); err != nil {
		return err
	}
	if err := s.walkClosed(ctx, high, met, 0); err != nil {
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

// ascend walks a closed window once. All seconds below from are finished; fell tells that the count
// of rows fell on the way.
func (s *searchRun) ascend(ctx context.Context, w window, met *seen) (from int64, fell bool, err error) {
	from = w.lo
	guard := newGuard(s.feed.Name)
	ordered, last := true, int64(math.MinInt64)
	for after := ""; ; {
		page, err := s.search(ctx, w, "ascending", after, s.Config.PageSize)
		if err != nil {
			return from, false, err
		}
		if fell, err = guard.page(after, page.Total, len(page.Rows)); err != nil {
			return from, false, err
		}
		first, top, sorted := bounds(page.Rows, s.feed.Cursor)
		ordered = ordered && sorted && first >= last
		if _, err := s.page(ctx, w.span, page, met); err != nil {
			return from, false, err
		}
		if fell {
			return from, true, nil
		}
		last = max(last, top)
		// More rows of the last second may follow on the next page, so it is not finished yet.
		if ordered && w.created == (span{}) && min(last, w.hi) > from {
			from = min(last, w.hi)
			if err := s.finished(ctx, span{w.lo, from}); err != nil {
				return from, false, err
			}
		}
		beyond := s.days && ordered && len(page.Rows) > 0 && first >= w.hi
		if page.Next == "" || beyond {
			return from, false, nil
		}
		after = page.Next
	}
}

// upwards is the query of the open window from lo on. Going down, a bound that is too low costs
// nothing where the walk is left at lo.
func (s *searchRun) upwards(lo int64) window {
	if s.days {
		lo -= daysOpen
	}
	return window{span: span{lo, forever}}
}

// open reads from lo upwards, newest first, without an upper limit. What is edited meanwhile moves to
// the top, so the walk is followed by walks from the top down to the newest row seen before, until
// one fits on a page: a page is one moment. first is the first page if it has been asked for already.
func (s *searchRun) open(ctx context.Context, lo int64, first *intercom.SearchPage) error {
	met := newSeen()
	bound, attempts := lo, 0
	for range followUps {
		down, err := s.descend(ctx, span{lo, forever}, bound, first, met)
		first = nil
		switch {
		case err != nil:
			return err
		case down.fell:
			if attempts++; attempts > rewalks {
				return &MovingError{Feed: s.feed.Name, Window: span{bound, forever}}
			}
		case down.pages <= 1:
			return nil
		case down.fresh == 0:
			bound, attempts = max(bound, down.newest)+1, 0 // more rows share the newest second than fit on a page
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
}

// descend walks once from the top down to bound.
func (s *searchRun) descend(ctx context.Context, w span, bound int64, page *intercom.SearchPage, met *seen) (descent, error) {
	d := descent{newest: math.MinInt64}
	guard := newGuard(s.feed.Name)
	for after := ""; ; page = nil {
		var err error
		if page == nil {
			if page, err = s.search(ctx, s.upwards(bound), "descending", after, s.Config.PageSize); err != nil {
				return d, err
			}
		}
		fell, err := guard.page(after, page.Total, len(page.Rows))
		if err != nil {
			return d, err
		}
		d.fell = d.fell || fell
		d.pages++
		low, top, _ := bounds(page.Rows, s.feed.Cursor)
		d.newest = max(d.newest, top)
		fresh, err := s.page(ctx, w, page, met)
		d.fresh += fresh
		if err != nil {
			return d, err
		}
		left := low <= top && top < bound
		if page.Next == "" || left || d.pages == 1 && s.days && low < bound {
			return d, nil
		}
		after = page.Next
	}
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

// emit hands on one stream's rows of a page: as they are, or each by its children.
func (f *feedRun) emit(ctx context.Context, run *streamRun, rows []gjson.Result) error {
	if run.stream.Child != nil {
		return f.children(ctx, run, rows)
	}
	e := f.emitter(ctx, run)
	for _, row := range rows {
		if err := e.row(row); err != nil {
			return err
		}
	}
	return e.flush(nil)
}

// children fetches the children of each row, several at a time.
func (f *feedRun) children(ctx context.Context, run *streamRun, rows []gjson.Result) error {
	group, fetching := errgroup.WithContext(ctx)
	group.SetLimit(childrenAtOnce)
	for _, row := range rows {
		if fetching.Err() != nil {
			break
		}
		group.Go(func() error {
			e := f.emitter(fetching, run)
			if err := run.stream.Child(fetching, f, e, row); err != nil {
				return err
			}
			return e.flush(nil)
		})
	}
	if err := group.Wait(); err != nil {
		return err
	}
	return context.Cause(ctx) // children that were never asked for have no error of their own
}

// errNoneLeft ends a walk whose streams have all ended before it.
var errNoneLeft = errors.New("no stream is left to read for")

// blame charges each error to its stream, so that the others go on. It returns an error when none is
// left, when the token is bad, or when the run is over.
func (f *feedRun) blame(ctx context.Context, runs []*streamRun, errs []error) error {
	for i, err := range errs {
		if err == nil {
			continue
		}
		if ctx.Err() != nil || intercom.KindOf(err) == intercom.BadToken {
			return err
		}
		f.charge(runs[i], err)
	}
	if len(f.live()) == 0 {
		return errNoneLeft
	}
	return nil
}

// A guard ends walks that would go on for ever.
type guard struct {
	feed  string
	asked map[string]bool
	total int64 // of the last page
	most  int64 // the largest total
	rows  int64
}

func newGuard(feed string) *guard { return &guard{feed: feed, asked: map[string]bool{}, total: -1} }

// page notes an answer. It tells whether the total fell since the page before.
func (g *guard) page(after string, total int64, rows int) (fell bool, err error) {
	if g.asked[after] {
		return false, &LoopError{Feed: g.feed, What: fmt.Sprintf("the cursor %q came a second time", clip(after))}
	}
	g.asked[after] = true
	fell = total < g.total
	g.total, g.most = total, max(g.most, total)
	if g.rows += int64(max(rows, 1)); g.rows > 2*g.most+10_000 {
		return false, &LoopError{Feed: g.feed, What: fmt.Sprintf("%d rows came where %d were announced", g.rows, g.most)}
	}
	return fell, nil
}

// LoopError ends a walk that Intercom would not let end.
type LoopError struct{ Feed, What string }

func (e *LoopError) Error() string {
	return fmt.Sprintf("the walk over %s does not end: %s", e.Feed, e.What)
}

// MovingError ends a window whose rows kept slipping away while it was read.
type MovingError struct {
	Feed   string
	Window span
}

func (e *MovingError) Error() string {
	return fmt.Sprintf("%s from second %d on kept changing while they were read; what was read so far is kept, run again", e.Feed, e.Window.lo)
}

// feedWalk reads one feed for its streams: the only signature by which the engine fetches.
type feedWalk func(context.Context, *feedRun) error

// childFetch emits the children of one row of its stream's feed.
type childFetch func(ctx context.Context, f *feedRun, e *emitter, row gjson.Result) error

// contentOf hashes a row as it came.
func contentOf(row gjson.Result) uint64 { return protocol.Fingerprint(raw(row)) }
