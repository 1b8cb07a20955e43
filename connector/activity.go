package connector

import (
	"context"
	"net/url"
	"strconv"
	"time"

	"golang.org/x/sync/errgroup"
)

const (
	logWindowsAtOnce = 8
	searchPage       = 150 // the most rows of a page of searches, and what page_size is unless it is set

	// maxLogPage is the most rows of a page of activity logs.
	// https://developers.intercom.com/docs/references/rest-api/api.intercom.io/admins/listactivitylogs
	maxLogPage = 250
)

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
	group.SetLimit(logWindowsAtOnce)
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
		"per_page":          {strconv.Itoa(f.logPage())},
	}
	if err := f.listing(ctx, f.feed.Path+"?"+query.Encode(), w); err != nil {
		return err
	}
	return f.finished(ctx, done)
}

// logPage is the size of a page of activity logs: they allow more rows than searches do.
func (f *feedRun) logPage() int {
	if f.Config.PageSize == searchPage {
		return maxLogPage
	}
	return f.Config.PageSize
}
