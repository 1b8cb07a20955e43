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
	l := &logRun{feedRun: f}
	step := int64(f.Config.ActivityLogStep / time.Second)
	group, reading := errgroup.WithContext(ctx)
	group.SetLimit(logWindowsAtOnce)
	for _, part := range need.within(span{0, f.bookmark + 1}) {
		for lo := part.lo; lo < part.hi && reading.Err() == nil; lo += step {
			w := span{lo, min(lo+step, part.hi)}
			group.Go(func() error { return l.window(reading, logWindow{span: w, met: newSeen()}) })
		}
	}
	if err := group.Wait(); err != nil {
		return err
	}
	return context.Cause(ctx) // windows that were never begun have no error of their own
}

// A logWindow is a piece of the activity logs.
type logWindow struct {
	span
	met     *seen // rows that an earlier look at the window has emitted already
	doubted bool  // it holds a row that Intercom cannot serve
}

// window reads the logs of w and notes it as finished. Pages whose size changes begin it anew.
func (l *logRun) window(ctx context.Context, w logWindow) error {
	for resized := 0; ; resized++ {
		size := l.pages.get()
		err := l.listing(ctx, numberedList{
			method: "GET", path: l.logPath(w.span, size), size: size, hasty: size > 1 || w.doubted, steady: resized >= mostResized,
		}, w.span, w.met)
		switch {
		case err == nil:
			return l.note(ctx, w.span)
		case !l.shrinks(err, size) && !errors.Is(err, errLargerPages):
			return l.around(ctx, w, err)
		}
	}
}

// note notes a window as finished. Logs younger than the index lag may not be there yet: only the end of the whole
// walk speaks for them.
func (l *logRun) note(ctx context.Context, w span) error {
	w.hi = min(w.hi, l.clock-l.lag(), l.settled())
	return l.finished(ctx, w)
}

// around reads what can be read of a window that ended in an error, if that is about one of its rows: in
// halves, down to a second.
func (l *logRun) around(ctx context.Context, w logWindow, err error) error {
	err = l.rowsFault(ctx, err, w.doubted, l.feed.Probe, fmt.Sprintf("an activity log with a created_at of %d or more, and %d or less", w.lo-1, w.hi))
	row, stopped := errors.AsType[*UnreadableError](err)
	if !stopped || l.Config.MaxUnreadable == 0 {
		return err
	}
	w.doubted = true
	if mid := w.lo + (w.hi-w.lo)/2; mid > w.lo {
		low, high := w, w
		low.hi, high.lo = mid, mid
		if err := l.window(ctx, low); err != nil {
			return err
		}
		return l.window(ctx, high)
	}
	if err := l.stepOver(ctx, w, row); err != nil {
		return err
	}
	return l.note(ctx, w.span)
}

// stepOver reads a window's rows one by one, and leaves out those that Intercom cannot serve.
func (l *logRun) stepOver(ctx context.Context, w logWindow, row *UnreadableError) (err error) {
	t, ctx := newTrail(ctx, nil)
	defer func() { err = t.end(err) }()
	missing := int64(0)
	for n, pages := 1, 0; pages == 0 || n <= pages; n++ {
		answer, err := l.log(ctx, w, n, row.Where)
		if _, gone := errors.AsType[*UnreadableError](err); gone && missing <= int64(l.Config.MaxUnreadable) {
			missing++
			continue
		}
		if kind := intercom.KindOf(err); pages == 0 && n > 1 && (kind == intercom.NotFound || kind == intercom.BadRequest) {
			break // there is no such page: all that there are cannot be served
		}
		if err != nil {
			return err
		}
		if pages, err = l.emitLog(ctx, t, w, answer); err != nil {
			return err
		}
	}
	// The windows before and after, which are asked for a second more, meet the same row.
	if row.Rows = l.gaps.add(gap{at: span{w.lo - 1, w.hi}, rows: missing}, true); row.Rows == 0 {
		return nil
	}
	return l.passAllOver(ctx, row)
}

// log asks for the n-th row of a window, and once more if it may have been in an outage that has ended.
func (l *logRun) log(ctx context.Context, w logWindow, n int, where string) (answer *intercom.Answer, err error) {
	for range 2 {
		answer, err = l.client.Do(ctx, intercom.Request{Method: "GET", Path: l.logPath(w.span, 1) + "&page=" + strconv.Itoa(n), Stream: l.feed.Name, Hasty: true})
		if err = l.rowsFault(ctx, err, true, l.feed.Probe, where); !intercom.Heavy(err) {
			break
		}
	}
	return answer, err
}

// emitLog emits a page of one row, and returns how many pages there are.
func (l *logRun) emitLog(ctx context.Context, t *trail, w logWindow, answer *intercom.Answer) (pages int, err error) {
	defer answer.Release()
	rows, err := answer.Rows(l.feed.Rows)
	if err != nil {
		return 0, err
	}
	_, pages = answer.Pages()
	return max(pages, 1), l.listed(ctx, t, rows, w.met, w.span, answer.Release)
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
