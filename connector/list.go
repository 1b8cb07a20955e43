package connector

import (
	"context"
	"fmt"
	"net/url"
	"strconv"
	"sync"
	"time"

	"source-intercom/intercom"

	"github.com/tidwall/gjson"
	"golang.org/x/sync/errgroup"
)

// walkList reads a list from its first page to its last. Lists know no order by time, so a stream
// with a cursor takes from the whole list what changed.
func walkList(ctx context.Context, f *feedRun) error {
	met := newSeen()
	return f.numbered(ctx, f.feed.Path, func(rows []gjson.Result) error {
		return f.listed(ctx, rows, met, span{0, f.upper})
	})
}

// listed emits the rows of an unsorted page that lie in w and that a stream lacks.
func (f *feedRun) listed(ctx context.Context, rows []gjson.Result, met *seen, w span) error {
	runs := f.live()
	wanted := make([][]gjson.Result, len(runs))
	for _, row := range rows {
		if met.again(rowKey(row), contentOf(row)) {
			continue
		}
		at, ok := int64(0), false
		if f.feed.Cursor != "" {
			at, ok = seconds(row.Get(f.feed.Cursor))
		}
		for i, run := range runs {
			// A child without a cursor of its own needs every parent.
			if !ok || run.stream.Cursor == "" || w.contains(at) && run.plan.need.contains(at) {
				wanted[i] = append(wanted[i], row)
			}
		}
	}
	errs := make([]error, len(runs))
	var units sync.WaitGroup
	for i, run := range runs {
		units.Go(func() { errs[i] = f.emit(ctx, run, wanted[i]) })
	}
	units.Wait()
	return f.blame(ctx, runs, errs)
}

// rowKey identifies a row of any list: not all have an id.
func rowKey(row gjson.Result) uint64 {
	if id := row.Get("id"); id.Exists() {
		return keyHash(id.String())
	}
	return keyHash(row.Get("model").String(), row.Get("full_name").String())
}

// walkActivityLogs reads the activity logs in windows of time, several at once. Inside a window they
// come newest first, so that a window counts only when it has ended.
func walkActivityLogs(ctx context.Context, f *feedRun) error {
	var need ranges
	for _, run := range f.runs {
		need = need.union(run.plan.need)
	}
	// Logs younger than the index lag may not be there yet: only the end of the whole walk speaks for them.
	safe := f.clock - int64(f.Config.IndexLag/time.Second)
	step := int64(f.Config.ActivityLogStep / time.Second)
	group, reading := errgroup.WithContext(ctx)
	group.SetLimit(windowsAtOnce)
	for _, part := range need.within(span{0, f.bookmark + 1}) {
		for lo := part.lo; lo < part.hi && reading.Err() == nil; lo += step {
			w := span{lo, min(lo+step, part.hi)}
			group.Go(func() error { return f.activityWindow(reading, w, span{w.lo, min(w.hi, safe)}) })
		}
	}
	if err := group.Wait(); err != nil {
		return err
	}
	return context.Cause(ctx) // windows that were never begun have no error of their own
}

// activityWindow reads the window w, and notes done as finished. Whether the API's bounds belong to
// the window is not documented, so it is asked for a second more at both ends and cut here.
func (f *feedRun) activityWindow(ctx context.Context, w, done span) error {
	query := url.Values{
		"created_at_after":  {strconv.FormatInt(w.lo-1, 10)},
		"created_at_before": {strconv.FormatInt(w.hi, 10)},
		"per_page":          {strconv.Itoa(f.Config.PageSize)},
	}
	met := newSeen()
	err := f.numbered(ctx, f.feed.Path+"?"+query.Encode(), func(rows []gjson.Result) error {
		return f.listed(ctx, rows, met, w)
	})
	if err != nil {
		return err
	}
	for _, run := range f.live() {
		if err := f.writer.send(ctx, batch{run: run, then: func(p *progress) { p.finishRange(done) }}); err != nil {
			return err
		}
	}
	return nil
}

// numbered walks a list whose pages have numbers. On data that moves such a list repeats rows and
// skips others, so it is walked again when its length or its first row changed on the way.
func (f *feedRun) numbered(ctx context.Context, path string, page func([]gjson.Result) error) error {
	for try := 0; ; try++ {
		moved, err := f.numberedOnce(ctx, path, page)
		if err != nil || !moved {
			return err
		}
		if try == rewalks {
			return &MovingError{Feed: f.feed.Name}
		}
		f.Log.Info().Str("feed", f.feed.Name).Msg("the list changed while it was read: reading it again")
	}
}

func (f *feedRun) numberedOnce(ctx context.Context, path string, page func([]gjson.Result) error) (moved bool, err error) {
	asked := map[string]bool{}
	var first listHead
	var read, announced int64
	known := map[uint64]struct{}{}
	for at := path; at != ""; {
		if asked[at] {
			return false, &LoopError{Feed: f.feed.Name, What: "the page " + clip(at) + " came a second time"}
		}
		asked[at] = true
		answer, rows, err := f.list(ctx, at)
		if err != nil {
			return false, err
		}
		if number, all := answer.Pages(); all > 0 && number > all {
			return false, &LoopError{Feed: f.feed.Name, What: fmt.Sprintf("page %d came where %d were announced", number, all)}
		}
		now := head(answer, rows)
		if at == path {
			first = now
		}
		announced = max(announced, now.total, now.pages*int64(len(rows)))
		if read += int64(max(len(rows), 1)); announced > 0 && read > 2*announced+10_000 {
			return false, &LoopError{Feed: f.feed.Name, What: fmt.Sprintf("%d rows came where %d were announced", read, announced)}
		}
		if !newRows(known, rows) && len(asked) > 1 {
			return true, nil // the list moved by a page, or has no end
		}
		if err := page(rows); err != nil {
			return false, err
		}
		if at, err = f.following(path, answer); err != nil {
			return false, err
		}
	}
	if len(asked) == 1 {
		return false, nil // one page is one moment
	}
	answer, rows, err := f.list(ctx, path)
	if err != nil {
		return false, err
	}
	return head(answer, rows) != first, nil
}

// newRows notes the rows of a page and tells whether one of them was new.
func newRows(known map[uint64]struct{}, rows []gjson.Result) bool {
	before := len(known)
	for _, row := range rows {
		known[rowKey(row)] = struct{}{}
	}
	return len(known) > before
}

func (f *feedRun) list(ctx context.Context, path string) (*intercom.Answer, []gjson.Result, error) {
	answer, err := f.client.Do(ctx, intercom.Request{Method: "GET", Path: path, Stream: f.feed.Name})
	if err != nil {
		return nil, nil, err
	}
	rows, err := answer.Rows(f.feed.Rows)
	return answer, rows, err
}

// A listHead is what changes when a list gains or loses rows.
type listHead struct {
	row          uint64
	pages, total int64
}

func head(answer *intercom.Answer, rows []gjson.Result) listHead {
	_, pages := answer.Pages()
	h := listHead{pages: int64(pages)}
	h.total, _ = answer.Total()
	if len(rows) > 0 {
		h.row = rowKey(rows[0])
	}
	return h
}

// following returns the path of the next page, "" after the last.
func (f *feedRun) following(path string, answer *intercom.Answer) (string, error) {
	next, err := answer.Next()
	if err != nil || next == (intercom.Next{}) {
		return "", err
	}
	if next.URL != "" {
		return f.client.FollowURL(next.URL)
	}
	u, err := url.Parse(path)
	if err != nil {
		return "", err
	}
	query := u.Query()
	if next.StartingAfter != "" {
		query.Set("starting_after", next.StartingAfter)
	} else {
		query.Set("page", strconv.Itoa(next.Page))
	}
	u.RawQuery = query.Encode()
	return u.String(), nil
}
