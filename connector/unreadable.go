package connector

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"time"

	"source-intercom/intercom"

	"github.com/tidwall/gjson"
)

// UnreadableError tells of rows that Intercom cannot serve, even alone, while it answers other calls.
type UnreadableError struct {
	Where string // what is known of them
	Rows  int64  // at least
	Err   error  // of the last call

	at span // of the cursor, in which they lie: from what was shown below them to what was shown above, inclusive
}

func (e *UnreadableError) Error() string {
	return fmt.Sprintf("Intercom answers, but cannot serve %s, even alone (max_unreadable_rows lets a run leave such rows out): %v", e.Where, e.Err)
}

func (e *UnreadableError) Unwrap() error { return e.Err }

// rowsFault finds out whether a failure is about what was asked for: it is if Intercom answers a call to the
// same endpoint that needs no row. hasty tells that the call that failed was: then an outage is ridden out first.
func (f *feedRun) rowsFault(ctx context.Context, err error, hasty bool, probe, where string) error {
	if !intercom.Heavy(err) {
		return err
	}
	probed := f.feed.probe(ctx, f.client, probe, !hasty)
	switch {
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case probed != nil:
		return err
	}
	return &UnreadableError{Where: where, Rows: 1, Err: err}
}

// passOver leaves rows of a stream out, as far as the user allows it; else they end the stream.
func (f *feedRun) passOver(ctx context.Context, run *streamRun, e *UnreadableError) error {
	if run.unreadable.Add(e.Rows) > int64(f.Config.MaxUnreadable) {
		return f.blame(ctx, run, e)
	}
	f.Log.Warn().Str("stream", run.stream.Name).Int64("rows", e.Rows).Str("where", e.Where).AnErr("cause", e.Err).
		Msg("left out: Intercom cannot serve it, even alone")
	return nil
}

// A tally counts what walks are shown of a window that holds a row which Intercom cannot serve.
type tally struct {
	ids   map[uint64]struct{}
	total int64 // the most that the window held by any page
}

func newTally() *tally { return &tally{ids: map[uint64]struct{}{}} }

func (t *tally) note(page *intercom.SearchPage) {
	if t == nil {
		return
	}
	t.total = max(t.total, page.Total)
	for _, row := range page.Rows {
		t.ids[rowKey(row)] = struct{}{}
	}
}

// missing is how many rows were not shown, or left the window before they could be. One is missing for certain.
func (t *tally) missing() int64 { return max(t.total-int64(len(t.ids)), 1) }

// stopped is what ends a walk whose page could not be served: it lies in at, behind the row with the id
// before. Nobody knows the id of a row that was never served.
func (s *searchRun) stopped(ctx context.Context, err error, hasty bool, at span, order, before string) error {
	err = s.rowsFault(ctx, err, hasty, s.feed.Probe, "")
	if row, ok := errors.AsType[*UnreadableError](err); ok {
		row.at, row.Where = at, "a row with an "+s.feed.Cursor+" of "+strconv.FormatInt(at.lo, 10)+" or more"
		if at.hi != forever {
			row.Where += ", and " + strconv.FormatInt(at.hi, 10) + " or less"
		}
		if before != "" {
			row.Where += ", the next in " + order + " order after " + s.Config.shown(before)
		}
	}
	return err
}

// reach is what a walk over a window may be shown: where the API compares days, more than the window.
func (s *searchRun) reach(w window) span {
	if s.days {
		w.lo -= daysOpen
		if w.hi != forever {
			w.hi += daysAbove
		}
	}
	return w.span
}

// lastID is the id of a page's last row, "" where it has none. It does not keep the page in memory.
func lastID(rows []gjson.Result) string {
	if len(rows) == 0 {
		return ""
	}
	return strings.Clone(rows[len(rows)-1].Get("id").String())
}

// around reads what can be read of a closed window that holds a row which Intercom cannot serve: in halves,
// down to where it cannot be cut any more, and there from both ends.
func (s *searchRun) around(ctx context.Context, sw *sweep, w window, row *UnreadableError) error {
	shown := w.shown
	w.doubted, w.shown = true, nil
	low, high, cut, err := s.halved(ctx, w)
	switch {
	case err != nil:
		return err
	case cut && sw != nil && w.crowd == nil:
		sw.add(low, high)
		return nil
	case cut:
		err = s.walkBoth(ctx, low, high)
	case shown == nil:
		w.shown = newTally() // and what is shown of this very window is counted
		return s.walkClosed(ctx, nil, w, 0)
	default:
		w.shown = shown
		err = s.fromTheOtherEnd(ctx, w, row)
	}
	if err != nil {
		return err
	}
	return s.complete(ctx, w)
}

// fromTheOtherEnd reads the rows of a window that lie behind the one that stopped the walk up, and leaves
// out what no walk was shown.
func (s *searchRun) fromTheOtherEnd(ctx context.Context, w window, row *UnreadableError) error {
	w.steady = true // or sizes that grow begin a long second anew for ever
	for attempt := 0; ; {
		down, err := s.descend(ctx, nil, w, w.lo, nil)
		above, stopped := errors.AsType[*UnreadableError](err)
		switch {
		case err != nil && !stopped:
			return err
		case err == nil && down.again:
		case err == nil && !down.fell:
			return nil // it can be served again
		case down.fell && attempt < rewalks:
			attempt++
		case down.fell:
			return &MovingError{Feed: s.feed.Name, Window: w.span}
		default:
			row.at.hi = above.at.hi
			if row.Rows = s.gaps.add(gap{row.at, w.created, w.shown.missing()}, s.days); row.Rows == 0 {
				return nil
			}
			return s.passAllOver(ctx, row)
		}
	}
}

// passAllOver leaves rows of the feed out for all its streams.
func (f *feedRun) passAllOver(ctx context.Context, row *UnreadableError) error {
	for _, run := range f.live() {
		if err := f.passOver(ctx, run, row); err != nil {
			return err
		}
	}
	return nil
}

// under reads what an open window holds below the rows that a walk down was shown before it met one that
// Intercom cannot serve. It returns from where on the open window goes on.
//
// What is edited must leave a window that is read upwards, or a cursor that is an offset would skip a row
// unseen. Seconds of the past are left; what the index has not shown yet can only be younger than the index
// lag, where the next run looks again. Whole days are not left: there the row ends the stream, until it is so
// old that closed windows meet it.
func (s *searchRun) under(ctx context.Context, w window, bound int64, row *UnreadableError) (int64, error) {
	if s.days {
		return bound, row
	}
	now := s.client.Now().Unix()
	hi := min(row.at.hi, now-1) + 1
	if hi <= bound {
		return bound, pause(ctx, time.Second) // the row's second is not over
	}
	border := max(bound, min(hi, now-s.lag()))
	for _, sp := range []span{{bound, border}, {border, hi}} {
		below := window{span: sp, created: w.created, met: w.met, doubted: true}
		if sp.lo == sp.hi {
			continue
		}
		if err := s.walkClosed(ctx, nil, below, 0); err != nil {
			return bound, err
		}
	}
	return hi, nil
}

// A gapList holds the places of rows that were left out.
type gapList struct {
	mu   sync.Mutex
	left []gap
}

type gap struct {
	at      span // of the cursor
	created span // zero: all days
	rows    int64
}

// add notes rows that were left out, and returns how many of them are new. Where the API compares days, several
// windows meet the same row: with overlap, those at a place that was noted before are the same.
func (g *gapList) add(now gap, overlap bool) int64 {
	g.mu.Lock()
	defer g.mu.Unlock()
	for i := range g.left {
		if before := &g.left[i]; overlap && before.at.touches(now.at) && (before.created == now.created || before.created.touches(now.created)) {
			fresh := max(now.rows-before.rows, 0)
			before.rows += fresh
			return fresh
		}
	}
	g.left = append(g.left, now)
	return now.rows
}

// touches tells whether two spans share a second, their ends included.
func (s span) touches(other span) bool { return s.lo <= other.hi && other.lo <= s.hi }
