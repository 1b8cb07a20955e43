package connector

import (
	"context"
	"slices"

	"github.com/tidwall/gjson"
)

// walkList reads a list from its first page to its last. Lists know no order by time, so a stream
// with a cursor takes from the whole list what changed.
func walkList(ctx context.Context, f *feedRun) error {
	list := numberedList{method: "GET", path: f.address()}
	if f.feed.NewestFirst {
		list.serial, list.enough = true, f.passed
	}
	return f.listing(ctx, list, span{0, f.upper}, newSeen())
}

// passed tells whether all of a page lies before what any stream lacks, and the page is in its order.
func (f *feedRun) passed(rows []gjson.Result) bool {
	from := int64(forever)
	for _, run := range f.runs {
		from = min(from, run.plan.need[0].lo)
	}
	return allBefore(rows, f.feed.Cursor, from)
}

// allBefore tells whether a page of a list that is newest first is in its order, and ends what is of from or later.
func allBefore(rows []gjson.Result, cursor string, from int64) bool {
	above := int64(forever)
	for _, row := range rows {
		at, dated := seconds(row.Get(cursor))
		if !dated || at > above || at >= from {
			return false
		}
		above = at
	}
	return len(rows) > 0
}

// listing reads a numbered list, with all children, and returns when all is handed on. Rows that were met
// before are passed over.
func (f *feedRun) listing(ctx context.Context, list numberedList, w span, met *seen) error {
	t, ctx := newTrail(ctx, nil)
	walk, err := f.numbered(ctx, list, func(rows []gjson.Result, release func()) error {
		return f.listed(ctx, t, rows, met, w, release)
	})
	if err == nil {
		f.withhold(walk.short(), f.live()...)
	}
	return t.end(err)
}

// withhold counts rows that a list announces and does not show.
func (f *feedRun) withhold(rows int64, from ...*streamRun) {
	if rows == 0 {
		return
	}
	for _, run := range from {
		run.withheld.Add(rows)
		f.Log.Warn().Str("stream", run.stream.Name).Int64("missing", rows).Msg("a list announces more rows than it shows")
	}
}

// listed emits the rows of an unsorted page that lie in w and that a stream lacks, has the page released,
// and begins to fetch their children.
func (f *feedRun) listed(ctx context.Context, t *trail, rows []gjson.Result, met *seen, w span, release func()) error {
	// What lies elsewhere must not be noted as met: windows that share what they met show each other's edges.
	mine := func(at int64, dated bool) bool { return !dated || w.contains(at) || f.undated() }
	// A child without a cursor of its own needs every parent.
	lacks := func(run *streamRun, at int64, dated bool) bool {
		return !dated || run.stream.everyRow() || w.contains(at) && run.plan.need.contains(at)
	}
	h, _, err := f.sift(ctx, rows, met, mine, lacks)
	release()
	if err != nil {
		return err
	}
	return f.raise(ctx, t, h, nil)
}

// undated tells whether a stream of the feed takes every row, whatever its time.
func (f *feedRun) undated() bool {
	return slices.ContainsFunc(f.runs, func(run *streamRun) bool { return run.stream.everyRow() })
}

// everyRow tells whether the stream needs every row of its feed in each run.
func (s *Stream) everyRow() bool { return s.Cursor == "" || s.Every }

// rowKey identifies a row of any list: not all have an id. Of those without, attributes have a name, and the others
// are what they say.
func rowKey(row gjson.Result) uint64 {
	if id := row.Get("id"); id.Exists() {
		return keyHash(id.String())
	}
	if name := row.Get("full_name"); name.Exists() {
		return keyHash(row.Get("model").String(), name.String())
	}
	return contentOf(row)
}
