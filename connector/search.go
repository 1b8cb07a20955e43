package connector

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"source-intercom/intercom"
)

const (
	fewPages  = 3  // a range of so few pages is read as the open window alone
	rewalks   = 5  // walks of one uncuttable window before its stream is given up
	retakes   = 3  // how often the clock is read again when the closed windows took long
	followUps = 50 // walks down the open window
	// mostResized is how often a walk down is begun anew because larger pages may be asked for again.
	mostResized = 8
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
	gaps  gapList
	// clauses are what the search is asked for beside its windows.
	clauses []string
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
	if from := f.sweepFrom(); from < forever {
		s.need = s.need.union(ranges{{from, forever}})
	}
	if len(s.need) == 0 {
		return nil
	}
	if err := s.ask(ctx); err != nil {
		return err
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

// toTheTop reads all that is needed, without an upper limit.
func (s *searchRun) toTheTop(ctx context.Context, clock int64) error {
	lowest := s.need[0].lo
	s.young.Store(clock - s.lag())
	all := window{span: span{lowest, forever}}
	small, first, err := s.small(ctx, all, clock)
	switch {
	case err != nil:
		return err
	case small && first != nil:
		err := s.open(ctx, nil, all, first)
		if _, row := errors.AsType[*UnreadableError](err); !row || !s.days || s.Config.MaxUnreadable == 0 {
			return err
		}
		// Walks up closed windows find their way around a row that is not of the last days.
	case small:
		return s.sweep(ctx, all)
	}
	from := int64(0)
	for again := 0; ; again++ {
		if err := s.closed(ctx, s.need.within(span{from, s.border(clock)})); err != nil {
			return err
		}
		now := s.client.Cautious().Unix()
		if now-clock <= s.lag() || again == retakes {
			break
		}
		from, clock = s.border(clock), now
		s.young.Store(clock - s.lag())
		s.bookmark = min(clock, s.upper-1)
	}
	all.lo = max(s.border(clock), lowest)
	return s.sweep(ctx, all)
}

// small tells whether an open window is so short that closed windows would only cost calls. The page by
// which it told is the window's first.
func (s *searchRun) small(ctx context.Context, w window, clock int64) (bool, *intercom.SearchPage, error) {
	if s.days && w.lo >= clock-daysOpen {
		return true, nil, nil // the walk is left at the first page below, whatever the count
	}
	size := s.pages.get()
	first, err := s.search(ctx, s.upwards(w), "descending", "", size)
	for s.shrinks(err, size) {
		size = s.pages.get()
		first, err = s.search(ctx, s.upwards(w), "descending", "", size)
	}
	if err != nil {
		if _, rows := errors.AsType[*UnreadableError](s.rowsFault(ctx, err, false, s.feed.Probe, "")); rows {
			err = nil // walks will find their way around it
		}
		return false, nil, err
	}
	if first.Total > int64(fewPages*s.Config.PageSize) {
		first.Release()
		return false, nil, nil
	}
	return true, first, nil
}

// closed reads closed windows.
func (s *searchRun) closed(ctx context.Context, spans ranges) error {
	windows := make([]window, len(spans))
	for i, sp := range spans {
		windows[i] = window{span: sp}
	}
	return s.sweep(ctx, windows...)
}

// halves cuts a window in two, where it can be cut: at a second, or, where the API compares days, at
// a midnight and then by days of creation.
func (s *searchRun) halves(w window) (low, high window, ok bool) {
	mid := w.lo + (min(w.hi, s.client.Now().Unix()+1)-w.lo)/2
	if s.days {
		mid = s.midnight(mid)
	}
	if (!s.days || w.created == (span{})) && w.lo < mid && mid < w.hi {
		low, high = w, w
		low.hi, high.lo = mid, mid
		return low, high, true
	}
	if !s.days {
		return w, w, false
	}
	if pieces := s.byCreation(w, 2); len(pieces) == 2 {
		return pieces[0], pieces[1], true
	}
	return w, w, false
}

// byCreation cuts a window in so many pieces by days of creation, or fewer where there are fewer days. The
// pieces share their bounds, since the API's days begin at a midnight that need not be known.
func (s *searchRun) byCreation(w window, k int64) []window {
	created := w.created
	if created == (span{}) {
		created = s.everCreated()
	}
	var pieces []window
	from := created.lo
	for i := range k {
		end := created.hi
		if i < k-1 {
			end = s.midnight(created.lo + (created.hi-created.lo)*(i+1)/k)
		}
		if end > from {
			w.created = span{from, end}
			pieces = append(pieces, w)
			from = end
		}
	}
	return pieces
}

// everCreated spans all days of creation. Intercom was founded in 2011; what claims to be older stays in the
// lowest piece, whose query has no lower bound, as the highest has no upper one.
func (s *searchRun) everCreated() span { return span{founded, s.client.Now().Unix() + daysOpen} }

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
	filters := append(slices.Clip(s.clauses), orEqual(s.feed.Cursor, ">", w.lo))
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
// up would show.
func (s *searchRun) count(ctx context.Context, w window, all bool) (int64, error) {
	request := s.request(s.query(w, all), "ascending", "", 1)
	request.Hasty = true
	page, err := s.client.Search(ctx, request)
	if intercom.Heavy(err) { // perhaps it is only the first row that cannot be served
		request.Order, request.Hasty = "descending", w.doubted
		page, err = s.client.Search(ctx, request)
	}
	if err != nil {
		return 0, err
	}
	defer page.Release()
	return page.Total, nil
}

// search asks for a page. One of several rows is given up early when it cannot be served.
func (s *searchRun) search(ctx context.Context, w window, order, after string, perPage int) (*intercom.SearchPage, error) {
	request := s.request(s.query(w, true), order, after, perPage)
	request.Hasty = perPage > 1 || w.doubted
	return s.client.Search(ctx, request)
}

func (s *searchRun) request(query, order, after string, perPage int) intercom.Search {
	return intercom.Search{
		Path: s.address(), Rows: s.feed.Rows, Stream: s.feed.Name, Query: query,
		SortField: s.feed.Cursor, Order: order, PerPage: perPage, StartingAfter: after,
	}
}

// wants tells whether a stream takes a row that its window answers for.
func (s *searchRun) wants(run *streamRun, at int64, ok bool) bool {
	return !ok || at < s.upper && run.plan.need.contains(at) // without a cursor value nothing can be judged
}

// page emits a page's rows, gives the page back, and begins to fetch their children; note runs when all
// is handed on. It returns how many rows had not been met before. Of rows that lie in another closed
// window it emits none, for that window will; those above the closed windows are emitted wherever
// they are met.
func (s *searchRun) page(ctx context.Context, t *trail, w window, page *intercom.SearchPage, note func() error) (fresh int, err error) {
	h, fresh, err := s.rows(ctx, w, page)
	page.Release()
	if err != nil {
		return fresh, err
	}
	return fresh, s.raise(ctx, t, h, note)
}

// rows emits those rows of a page that are records themselves.
func (s *searchRun) rows(ctx context.Context, w window, page *intercom.SearchPage) (h *haul, fresh int, err error) {
	mine := func(at int64, dated bool) bool { return !dated || w.contains(at) || at >= s.young.Load() }
	return s.sift(ctx, page.Rows, w.met, mine, s.wants)
}
