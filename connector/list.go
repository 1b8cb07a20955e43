package connector

import (
	"context"

	"source-intercom/intercom"

	"github.com/tidwall/gjson"
)

// walkList reads a list from its first page to its last. Lists know no order by time, so a stream
// with a cursor takes from the whole list what changed.
func walkList(ctx context.Context, f *feedRun) error {
	return f.listing(ctx, f.feed.Path, span{0, f.upper})
}

// listing reads a numbered list, with all children, and returns when all is handed on.
func (f *feedRun) listing(ctx context.Context, path string, w span) error {
	t, ctx := newTrail(ctx, nil)
	met := newSeen()
	return t.end(f.numbered(ctx, path, func(rows []gjson.Result, answer *intercom.Answer) error {
		return f.listed(ctx, t, rows, met, w, answer.Release)
	}))
}

// listed emits the rows of an unsorted page that lie in w and that a stream lacks, has the page released,
// and begins to fetch their children.
func (f *feedRun) listed(ctx context.Context, t *trail, rows []gjson.Result, met *seen, w span, release func()) error {
	h, err := f.list(ctx, rows, met, w)
	release()
	if err != nil {
		return err
	}
	return f.raise(ctx, t, h, nil)
}

// list judges the rows of an unsorted page and emits those that are records themselves.
func (f *feedRun) list(ctx context.Context, rows []gjson.Result, met *seen, w span) (*haul, error) {
	met.turn.Lock()
	defer met.turn.Unlock()
	h, err := f.newHaul()
	if err != nil {
		return nil, err
	}
	for _, row := range rows {
		content := contentOf(row)
		if met.again(rowKey(row), content) {
			continue
		}
		at, ok := int64(0), false
		if f.feed.Cursor != "" {
			at, ok = seconds(row.Get(f.feed.Cursor))
		}
		for i, run := range h.runs {
			// A child without a cursor of its own needs every parent.
			if ok && run.stream.Cursor != "" && !(w.contains(at) && run.plan.need.contains(at)) {
				continue
			}
			if err := f.blame(ctx, run, h.add(f, i, row, content)); err != nil {
				return nil, err
			}
		}
	}
	return h, f.emit(ctx, h)
}

// rowKey identifies a row of any list: not all have an id.
func rowKey(row gjson.Result) uint64 {
	if id := row.Get("id"); id.Exists() {
		return keyHash(id.String())
	}
	return keyHash(row.Get("model").String(), row.Get("full_name").String())
}
