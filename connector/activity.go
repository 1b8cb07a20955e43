package connector

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strconv"
	"time"

	"source-intercom/intercom"

	"golang.org/x/sync/errgroup"
)

const (
	logWindowsAtOnce = 8
	searchPage       = 150 // the most rows of a page of searches, and what page_size is unless it is set

	// maxLogPage is the most rows of a page of activity logs.
	// https://developers.intercom.com/docs/references/rest-api/api.intercom.io/admins/listactivitylogs
	maxLogPage = 250
)

// A logRun is the activity logs in one run.
type logRun struct {
	*feedRun
	safe int64 // logs younger than the index lag may not be there yet: only the end of the whole walk speaks for them
	gaps gapList
}

// walkActivityLogs reads the activity logs in windows of time, several at once. Inside a window they
// come newest first, so that a window counts only when it has ended.
func walkActivityLogs(ctx context.Context, f *feedRun) error {
	var need ranges
	for _, run := range f.runs {
		need = need.union(run.plan.need)
	}
	f.pages = newPageSize(f.logPage())
	l := &logRun{feedRun: f, safe: f.clock - int64(f.Config.IndexLag/time.Second)}
	step := int64(f.Config.ActivityLogStep / time.Second)
	group, reading := errgroup.WithContext(ctx)
	group.SetLimit(logWindowsAtOnce)
	for _, part := range need.within(span{0, f.bookmark + 1}) {
		for lo := part.lo; lo < part.hi && reading.Err() == nil; lo += step {
			w := span{lo, min(lo+step, part.hi)}
			group.Go(func() error { return l.window(reading, w, newSeen()) })
		}
	}
	if err := group.Wait(); err != nil {
		return err
	}
	return context.Cause(ctx) // windows that were never begun have no error of their own
}

// window reads the logs of w, passes over those that were met before, and notes w as finished.
func (l *logRun) window(ctx context.Context, w span, met *seen) error {
	size := l.pages.get()
	err := l.listing(ctx, l.logPath(w, size), w, met, size > 1)
	switch {
	case err == nil:
		l.pages.answered(size)
		return l.finished(ctx, span{w.lo, min(w.hi, l.safe)})
	case l.shrinks(err, size):
		return l.window(ctx, w, met)
	}
	err = l.rowsFault(ctx, err, fmt.Sprintf("an activity log with a created_at of %d or more, and %d or less", w.lo-1, w.hi))
	row, stopped := errors.AsType[*UnreadableError](err)
	switch mid := w.lo + (w.hi-w.lo)/2; {
	case !stopped || l.Config.MaxUnreadable == 0:
		return err
	case mid > w.lo:
		if err := l.window(ctx, span{w.lo, mid}, met); err != nil {
			return err
		}
		return l.window(ctx, span{mid, w.hi}, met)
	}
	if err := l.stepOver(ctx, w, met, row); err != nil {
		return err
	}
	return l.finished(ctx, span{w.lo, min(w.hi, l.safe)})
}

// stepOver reads a window's rows one by one, and leaves out those that Intercom cannot serve.
func (l *logRun) stepOver(ctx context.Context, w span, met *seen, row *UnreadableError) (err error) {
	t, ctx := newTrail(ctx, nil)
	defer func() { err = t.end(err) }()
	missing := int64(0)
	for n, pages := 1, 1; n <= pages; n++ {
		path := l.logPath(w, 1) + "&page=" + strconv.Itoa(n)
		answer, err := l.client.Do(ctx, intercom.Request{Method: "GET", Path: path, Stream: l.feed.Name, Hasty: true})
		if intercom.Heavy(err) && missing <= int64(l.Config.MaxUnreadable) {
			missing++
			pages = max(pages, n+1) // how many there are is told by those that come
			continue
		}
		if err != nil {
			return err
		}
		rows, err := answer.Rows(l.feed.Rows)
		if err == nil {
			_, pages = answer.Pages()
			err = l.listed(ctx, t, rows, met, w, answer.Release)
		}
		answer.Release()
		if err != nil {
			return err
		}
	}
	// The windows before and after, which are asked for a second more, meet the same row.
	if row.Rows = l.gaps.add(span{w.lo - 1, w.hi}, missing, true); row.Rows == 0 {
		return nil
	}
	return l.passAllOver(ctx, row)
}

// logPath asks for a window. Whether the API's bounds belong to it is not documented, so it is asked for a
// second more at both ends.
func (l *logRun) logPath(w span, perPage int) string {
	query := url.Values{
		"created_at_after":  {strconv.FormatInt(w.lo-1, 10)},
		"created_at_before": {strconv.FormatInt(w.hi, 10)},
		"per_page":          {strconv.Itoa(perPage)},
	}
	return l.feed.Path + "?" + query.Encode()
}

// logPage is the size of a page of activity logs: they allow more rows than searches do.
func (f *feedRun) logPage() int {
	if f.Config.PageSize == searchPage {
		return maxLogPage
	}
	return f.Config.PageSize
}
