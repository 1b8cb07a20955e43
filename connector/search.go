package connector

import (
	"context"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"source-intercom/intercom"

	"github.com/tidwall/gjson"
	"golang.org/x/sync/errgroup"
)

const (
	windowPages   = 20 // a closed window is cut until it holds no more pages
	fewPages      = 3  // a range of so few pages is read as the open window alone
	windowsAtOnce = 4
	rewalks       = 5  // walks of one uncuttable window before its stream is given up
	retakes       = 3  // how often the clock is read again when the closed windows took long
	followUps     = 50 // walks down the open window
)

// The contacts search up to API 2.16 compares whole days in the workspace's zone. Which zone that is
// need not be known: these margins cover every one.
const (
	daysAbove = 26 * 60 * 60 // what a closed window asks for above its end
	// daysOpen is how far the open window reaches down. What a closed window asks for must end before
	// now, or a row that is edited would stay inside, the count would not fall, and a cursor that is an
	// offset would skip another row unseen.
	daysOpen = 48 * 60 * 60
	// founded is the beginning of 2011, the year in which Intercom was founded.
	founded = 1293840000
)

// A searchRun is one search feed in one run.
//
// A range is read as closed windows up to the server's clock less the index lag, several at a time,
// and then as one open window from there upwards, newest first, which catches whatever was edited,
// and so moved up, meanwhile.
type searchRun struct {
	*feedRun
	days  bool
	zone  *time.Location
	young atomic.Int64 // the clock less the index lag: rows from here on are emitted wherever they are met
	need  ranges
}

// walkSearch reads a search feed.
func walkSearch(ctx context.Context, f *feedRun) error {
	s := &searchRun{feedRun: f, zone: f.workspace.TimeZone}
	s.days = f.feed.Days && !intercom.Version(f.Config.APIVersion).SearchesExactSeconds()
	if s.zone == nil {
		s.zone = time.UTC
	}
	for _, run := range f.runs {
		s.need = s.need.union(run.plan.need)
	}
	if len(s.need) == 0 {
		return nil
	}
	if f.upper <= s.border(f.clock) || f.upper <= f.clock && !s.days {
		s.young.Store(f.upper)
		return s.closed(ctx, s.need.within(span{0, f.upper}))
	}
	return s.toTheTop(ctx, f.clock)
}

// border is where, at that time of the server's clock, the closed windows end and the open one begins.
func (s *searchRun) border(clock int64) int64 {
	if s.days {
		return clock - daysOpen
	}
	return clock - s.lag()
}

func (s *searchRun) lag() int64 { return int64(s.Config.IndexLag / time.Second) }

// toTheTop reads all that is needed, without an upper limit.
func (s *searchRun) toTheTop(ctx context.Context, clock int64) error {
	lowest := s.need[0].lo
	s.young.Store(clock - s.lag())
	small, first, err := s.small(ctx, lowest, clock)
	if err != nil {
		return err
	}
	if small {
		return s.open(ctx, lowest, first)
	}
	from := int64(0)
	for again := 0; ; again++ {
		if err := s.closed(ctx, s.need.within(span{from, s.border(clock)})); err != nil {
			return err
		}
		now := s.client.Now().Unix()
		if now-clock <= s.lag() || again == retakes {
			break
		}
		from, clock = s.border(clock), now
		s.young.Store(clock - s.lag())
		s.bookmark = min(clock, s.upper-1)
	}
	return s.open(ctx, max(s.border(clock), lowest), nil)
}

// small tells whether the range from lo upwards is so short that closed windows would only cost
// calls. The page by which it told is the open window's first.
func (s *searchRun) small(ctx context.Context, lo, clock int64) (bool, *intercom.SearchPage, error) {
	if s.days && lo >= clock-daysOpen {
		return true, nil, nil // the walk is left at the first page below lo, whatever the count
	}
	first, err := s.search(ctx, s.upwards(lo), "descending", "", s.Config.PageSize)
	if err != nil {
		return false, nil, err
	}
	return first.Total <= int64(fewPages*s.Config.PageSize), first, nil
}

// closed reads closed windows, several at a time.
func (s *searchRun) closed(ctx context.Context, spans ranges) error {
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(windowsAtOnce)
	var cut error
	for _, sp := range spans {
		var n int64
		if n, cut = s.count(ctx, window{span: sp}, false); cut != nil {
			break
		}
		if cut = s.split(ctx, group, window{span: sp}, n); cut != nil {
			break
		}
	}
	if err := group.Wait(); err != nil {
		return err // the cut then failed because the group's context was cancelled
	}
	return cut
}

// split cuts a window by the counts that the API reports until each piece is a few pages long, and
// has the pieces walked in ascending order. A window that counts nothing is finished.
func (s *searchRun) split(ctx context.Context, group *errgroup.Group, w window, n int64) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if n == 0 && s.days { // the zone may be wrong: ask for all that a walk would show
		all, err := s.count(ctx, w, true)
		if err != nil {
			return err
		}
		n = min(all, 1)
	}
	if n == 0 {
		return s.finished(ctx, w.span)
	}
	low, high, ok := s.halves(w)
	if n <= int64(windowPages*s.Config.PageSize) || !ok || low.created != w.created {
		group.Go(func() error { return s.window(ctx, w, n) })
		return nil
	}
	below, err := s.count(ctx, low, false)
	if err != nil {
		return err
	}
	if err := s.split(ctx, group, low, below); err != nil {
		return err
	}
	above := n - below
	if above <= 0 || s.days { // counts of whole days overlap, and a live world moves: ask
		if above, err = s.count(ctx, high, false); err != nil {
			return err
		}
	}
	return s.split(ctx, group, high, above)
}

// window reads one closed window. One that is crowded with contacts of a single day is cut by the day of
// their creation; where some have none it is read as one chain.
func (s *searchRun) window(ctx context.Context, w window, n int64) error {
	met := newSeen()
	if !s.days || n <= int64(windowPages*s.Config.PageSize) {
		return s.walkClosed(ctx, w, met, 0)
	}
	dated, err := s.dated(ctx, w)
	if err != nil {
		return err
	}
	if !dated {
		return s.walkClosed(ctx, w, met, 0)
	}
	if err := s.crowded(ctx, w, met, n); err != nil {
		return err
	}
	return s.finished(ctx, w.span)
}

// dated tells whether all rows that walking a window would show have a day of creation, so that its
// pieces by that day lack none.
func (s *searchRun) dated(ctx context.Context, w window) (bool, error) {
	all, err := s.count(ctx, w, true)
	if err != nil {
		return false, err
	}
	w.created = span{founded + 1, forever}
	dated, err := s.count(ctx, w, true)
	return dated >= all, err
}

// crowded walks a window's pieces by day of creation. They share their bounds, since the API's days
// begin at a midnight that need not be known.
func (s *searchRun) crowded(ctx context.Context, w window, met *seen, n int64) error {
	low, high, ok := s.halves(w)
	if n <= int64(windowPages*s.Config.PageSize) || !ok {
		return s.walkClosed(ctx, w, met, 0)
	}
	below, err := s.count(ctx, low, false)
	if err != nil {
		return err
	}
	above, err := s.count(ctx, high, false)
	if err != nil {
		return err
	}
	if below+above > n+n/2 {
		return s.walkClosed(ctx, w, met, 0) // the crowd was created on the day that both halves share
	}
	if err := s.crowded(ctx, low, met, below); err != nil {
		return err
	}
	return s.crowded(ctx, high, met, above)
}

// finished notes for every live stream that a span has been read.
func (s *searchRun) finished(ctx context.Context, sp span) error {
	for _, run := range s.live() {
		if err := s.writer.send(ctx, batch{run: run, then: func(p *progress) { p.finishRange(sp) }}); err != nil {
			return err
		}
	}
	return nil
}

// A window is a piece of a search: a span of the cursor, and for crowded days of contacts a span of
// days of creation, whose bounds neighbours share.
type window struct {
	span
	created span // zero: all
}

// halves cuts a window in two, where it can be cut: at a second, or, where the API compares days, at
// a midnight and then by days of creation.
func (s *searchRun) halves(w window) (low, high window, ok bool) {
	low, high = w, w
	if !s.days {
		mid := w.lo + (min(w.hi, s.client.Now().Unix()+1)-w.lo)/2
		low.hi, high.lo = mid, mid
		return low, high, w.lo < mid && mid < w.hi
	}
	if mid := s.midnight(w.lo + (w.hi-w.lo)/2); w.created == (span{}) && w.lo < mid && mid < w.hi {
		low.hi, high.lo = mid, mid
		return low, high, true
	}
	created := w.created
	if created == (span{}) {
		// Intercom was founded in 2011; what claims to be older stays in the lowest piece, whose
		// query has no lower bound, as the highest has no upper one.
		created = span{founded, s.client.Now().Unix() + daysOpen}
	}
	mid := s.midnight(created.lo + (created.hi-created.lo)/2)
	low.created, high.created = span{created.lo, mid}, span{mid, created.hi}
	return low, high, created.lo < mid && mid < created.hi
}

// midnight is the last midnight of the workspace's zone that is not after t. Bounds on midnights only
// save pages; no row depends on the zone being right.
func (s *searchRun) midnight(t int64) int64 {
	y, m, d := time.Unix(t, 0).In(s.zone).Date()
	return time.Date(y, m, d, 0, 0, 0, 0, s.zone).Unix()
}

// query renders a window. The lower bound is asked for explicitly, since nobody knows whether the
// API's `>` includes it: the documents and the connectors in use disagree.
//
// all asks for what every zone puts into the window, as walks must; without it the workspace's zone
// decides, which is good enough for planning.
func (s *searchRun) query(w window, all bool) string {
	hi := w.hi
	switch {
	case !s.days || hi == forever:
	case all:
		hi += daysAbove
	default:
		hi = s.midnight(hi + 24*60*60 - 1)
	}
	filters := []string{orEqual(s.feed.Cursor, ">", w.lo)}
	if hi != forever {
		filters = append(filters, filter(s.feed.Cursor, "<", hi))
	}
	if w.created != (span{}) {
		if w.created.lo > founded {
			filters = append(filters, orEqual("created_at", ">", w.created.lo))
		}
		if w.created.hi < s.client.Now().Unix() {
			filters = append(filters, orEqual("created_at", "<", w.created.hi))
		}
	}
	return `{"operator":"AND","value":[` + strings.Join(filters, ",") + `]}`
}

func filter(field, op string, at int64) string {
	return `{"field":"` + field + `","operator":"` + op + `","value":` + strconv.FormatInt(at, 10) + `}`
}

func orEqual(field, op string, at int64) string {
	return `{"operator":"OR","value":[` + filter(field, op, at) + `,` + filter(field, "=", at) + `]}`
}

// count asks how many rows a window holds; with days, by the workspace's zone, or all that walking it
// would show.
func (s *searchRun) count(ctx context.Context, w window, all bool) (int64, error) {
	page, err := s.client.Search(ctx, s.request(s.query(w, all), "ascending", "", 1))
	if err != nil {
		return 0, err
	}
	return page.Total, nil
}

func (s *searchRun) search(ctx context.Context, w window, order, after string, perPage int) (*intercom.SearchPage, error) {
	return s.client.Search(ctx, s.request(s.query(w, true), order, after, perPage))
}

func (s *searchRun) request(query, order, after string, perPage int) intercom.Search {
	return intercom.Search{
		Path: s.feed.Path, Rows: s.feed.Rows, Stream: s.feed.Name, Query: query,
		SortField: s.feed.Cursor, Order: order, PerPage: perPage, StartingAfter: after,
	}
}

// wants tells whether a stream takes a row that its window answers for.
func (s *searchRun) wants(run *streamRun, at int64, ok bool) bool {
	return !ok || at < s.upper && run.plan.need.contains(at) // without a cursor value nothing can be judged
}

// page emits a page's rows, with all their children, and returns when all is handed on: how many of
// them had not been met before. Of rows that lie in another closed window it emits none, for that
// window will; those above the closed windows are emitted wherever they are met.
func (s *searchRun) page(ctx context.Context, w span, page *intercom.SearchPage, met *seen) (fresh int, err error) {
	runs := s.live()
	wanted := make([][]gjson.Result, len(runs))
	fresh = 0
	for _, row := range page.Rows {
		key := keyHash(row.Get("id").String())
		at, ok := seconds(row.Get(s.feed.Cursor))
		if ok && !w.contains(at) && at < s.young.Load() {
			continue // another window's
		}
		if met.again(key, contentOf(row)) {
			continue
		}
		fresh++
		for i, run := range runs {
			if s.wants(run, at, ok) {
				wanted[i] = append(wanted[i], row)
			}
		}
	}
	var units sync.WaitGroup
	errs := make([]error, len(runs))
	for i, run := range runs {
		units.Go(func() { errs[i] = s.emit(ctx, run, wanted[i]) })
	}
	units.Wait()
	return fresh, s.blame(ctx, runs, errs)
}
