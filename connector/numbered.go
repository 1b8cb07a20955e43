package connector

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"time"

	"source-intercom/intercom"

	"github.com/tidwall/gjson"
	"golang.org/x/sync/errgroup"
)

// pagesAtOnce bounds the pages of one numbered list that are asked for at a time.
const pagesAtOnce = 8

// A numberedList is a list whose pages have numbers.
type numberedList struct {
	method, path string
	rows         string // where an answer has its rows; "": it is the array itself; "a|b" as in Feed.Rows
	single       bool   // one object lies there
	entry        string // plain values lie there, each of which becomes this field of a row
	stream       string // for errors and counters
	serial       bool   // page by page
	nameless     bool   // its rows have no id of their own
	size         int    // rows of a page, where they can be fewer and more; 0: they cannot
	steady       bool   // the list ends in no errLargerPages
	hasty        bool   // something else can be asked for: pages that cannot be served are given up early
	// capped says that the API may refuse pages that it announced: the list ends before the first of them.
	capped bool
	// enough tells, after a page, that no later one is needed; nil: all are.
	enough func(rows []gjson.Result) bool
}

// numbered walks a list, and returns its last walk. page may be called from several goroutines. On data that
// moves such a list repeats rows and skips others, so it is walked again when its length or its first row
// changed on the way. A list that does not say whose it is is the feed's.
func (f *feedRun) numbered(ctx context.Context, list numberedList, page takePage) (*numberedWalk, error) {
	if list.stream == "" {
		list.stream, list.rows, list.single, list.entry = f.feed.Name, f.feed.Rows, f.feed.Single, f.feed.Entry
	}
	for try := 0; ; try++ {
		w := &numberedWalk{feedRun: f, numberedList: list, page: page, asked: map[string]bool{}, known: map[uint64]struct{}{}}
		moved, err := w.all(ctx)
		if err != nil || !moved {
			return w, err
		}
		if try == rewalks {
			return w, &MovingError{Feed: list.stream}
		}
		f.Log.Info().Str("feed", list.stream).Msg("the list changed while it was read: reading it again")
	}
}

// takePage is what a walk does with the rows of an answer. It must release them when it needs them no more.
type takePage func(rows []gjson.Result, release func()) error

// A numberedWalk is one walk over a numbered list.
type numberedWalk struct {
	*feedRun
	numberedList
	page takePage

	mu        sync.Mutex
	asked     map[string]bool
	known     map[uint64]struct{} // rows
	first     listHead
	read      int64 // rows
	announced int64 // the largest number of rows that a page announced
	moved     bool
	refused   bool      // a page that was announced
	left      bool      // before its end, for what followed is not needed
	guessing  bool      // more rows are announced than have come, and nothing tells where they are
	at        time.Time // of the first answer: no row is from before it
}

// all reads the list, and tells whether it changed meanwhile.
func (w *numberedWalk) all(ctx context.Context) (moved bool, err error) {
	for at, n := w.path, 1; at != "" && !w.moved; n++ {
		next, err := w.take(ctx, at, 0)
		if err != nil {
			return false, err
		}
		if n == 1 && w.countable(next) {
			if err := w.rest(ctx, next); err != nil {
				return false, err
			}
			break
		}
		if at = next; at == "" && w.lacks() {
			w.guessing = true
			at = w.addressOf(n + 1)
		}
	}
	if asked := int64(len(w.asked)); asked < w.first.pages && !w.moved && !w.refused && !w.left {
		return false, &intercom.ShapeError{Stream: w.stream, Path: "pages.next", Want: fmt.Sprintf("where page %d of %d is", asked+1, w.first.pages), Found: "nothing"}
	}
	if w.moved || len(w.asked) == 1 {
		return w.moved, nil // one page is one moment
	}
	now, err := w.again(ctx)
	return now != w.first, err
}

// countable tells whether the pages after the first can be asked for by their numbers.
func (w *numberedWalk) countable(second string) bool {
	u, err := url.Parse(second)
	return err == nil && u.Query().Get("page") == "2" && w.first.pages > 2 && !w.serial
}

// rest reads the pages after the first, several at a time: serial or not, what moves meanwhile shows in
// the list's length or in its first row.
func (w *numberedWalk) rest(ctx context.Context, second string) error {
	u, err := url.Parse(second)
	if err != nil {
		return err
	}
	query := u.Query()
	group, reading := errgroup.WithContext(ctx)
	group.SetLimit(pagesAtOnce)
	for n := int64(2); n <= w.first.pages && reading.Err() == nil && !w.isOver(); n++ {
		query.Set("page", strconv.FormatInt(n, 10))
		u.RawQuery = query.Encode()
		at := u.String()
		group.Go(func() error {
			_, err := w.take(reading, at, n)
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return err
	}
	return context.Cause(ctx) // pages that were never asked for have no error of their own
}

// take reads one page and returns the path of the next, "" after the last. number is what the page must
// be, if it says so; 0: whatever it is.
func (w *numberedWalk) take(ctx context.Context, at string, number int64) (next string, err error) {
	if !w.ask(at) {
		return "", w.loops("the page %s came a second time", w.Config.shown(clip(at)))
	}
	answer, err := w.client.Do(ctx, intercom.Request{Method: w.method, Path: at, Stream: w.stream, Hasty: w.hasty})
	if w.capped && at != w.path && intercom.KindOf(err) == intercom.BadRequest {
		w.refuse()
		return "", nil
	}
	if err != nil {
		return "", err
	}
	defer answer.Release()
	rows, err := w.rowsOf(answer)
	if err != nil {
		return "", err
	}
	if next, err = w.following(w.path, answer); err != nil {
		return "", err
	}
	if moved, err := w.check(number, next, answer, rows); err != nil || moved {
		return "", err
	}
	if w.enough != nil && w.enough(rows) {
		w.left, next = true, ""
	}
	larger := w.size > 0 && w.pages.answered(w.size)
	if err := w.page(rows, answer.Release); err != nil {
		return "", err
	}
	if larger && !w.steady && next != "" {
		return "", errLargerPages
	}
	return next, nil
}

// errLargerPages ends a walk over a list whose pages may be larger now, so that it is begun anew.
var errLargerPages = errors.New("larger pages may be asked for")

// ask notes a page that is asked for, and tells whether it is the first time.
func (w *numberedWalk) ask(at string) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	before := w.asked[at]
	w.asked[at] = true
	return !before
}

// check keeps the books of the walk, and ends one that has no end. It tells whether the list has moved.
func (w *numberedWalk) check(number int64, next string, answer *intercom.Answer, rows []gjson.Result) (moved bool, err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.at.IsZero() {
		w.at = answer.At
	}
	now := w.head(answer, rows)
	if len(w.asked) == 1 {
		w.first = now
	}
	page, pages := answer.Pages()
	switch {
	case number > 0 && now.pages != w.first.pages:
		w.moved = true
		return true, nil
	case number > 0 && page > 0 && int64(page) != number:
		return false, w.loops("page %d came where page %d was asked for", page, number)
	case number > 0 && !follows(next, number, w.first.pages):
		return false, w.loops("page %d of %d is followed by %q", number, w.first.pages, w.Config.shown(clip(next)))
	case pages > 0 && page > pages && now.pages < w.first.pages: // rows have gone meanwhile
		w.moved = true
		return true, nil
	case pages > 0 && page > pages:
		return false, w.loops("page %d came where %d were announced", page, pages)
	}
	w.announced = max(w.announced, now.total, now.pages*int64(len(rows)))
	if w.read += int64(max(len(rows), 1)); w.announced > 0 && w.read > 2*w.announced+10_000 {
		return false, w.loops("%d rows came where %d were announced", w.read, w.announced)
	}
	before := len(w.known)
	for _, row := range rows {
		w.known[w.key(row)] = struct{}{}
	}
	switch fresh := len(w.known) > before || len(w.asked) == 1; {
	case fresh:
	case w.guessing:
		w.left = true
	case len(rows) == 0 && next == "": // an empty page may end a list
	default:
		w.moved = true // by a page, or the list has no end
	}
	return w.moved, nil
}

// lacks tells whether the list has announced more rows than it has shown, and is not known to have shown its last page.
func (w *numberedWalk) lacks() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return !w.left && !w.moved && !w.refused && w.first.pages == 0 && w.first.total > int64(len(w.known)) && len(w.known) > 0
}

// short is how many rows were announced and are nowhere to be found.
func (w *numberedWalk) short() int64 {
	if !w.guessing || !w.left {
		return 0
	}
	return w.first.total - int64(len(w.known))
}

// addressOf is the address of the n-th page.
func (w *numberedWalk) addressOf(n int) string {
	sign := "?"
	if strings.Contains(w.path, "?") {
		sign = "&"
	}
	return w.path + sign + "page=" + strconv.Itoa(n)
}

// follows tells whether next is what comes after a page of that many.
func follows(next string, number, pages int64) bool {
	if number == pages {
		return next == ""
	}
	u, err := url.Parse(next)
	return err == nil && u.Query().Get("page") == strconv.FormatInt(number+1, 10)
}

// isOver tells whether no further page is of use.
func (w *numberedWalk) isOver() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.moved || w.refused
}

func (w *numberedWalk) refuse() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.refused = true
}

func (w *numberedWalk) loops(what string, args ...any) error {
	return &LoopError{Feed: w.stream, What: fmt.Sprintf(what, args...)}
}

// again asks for the first page once more, to see what has changed.
func (w *numberedWalk) again(ctx context.Context) (listHead, error) {
	answer, err := w.client.Do(ctx, intercom.Request{Method: w.method, Path: w.path, Stream: w.stream, Hasty: w.hasty})
	if err != nil {
		return listHead{}, err
	}
	defer answer.Release()
	rows, err := w.rowsOf(answer)
	return w.head(answer, rows), err
}

// key tells rows apart.
func (l *numberedList) key(row gjson.Result) uint64 {
	if l.nameless {
		return contentOf(row)
	}
	return rowKey(row)
}

// rowsOf are the rows of an answer: what must be there and is not is an unexpected shape, never no rows.
func (l *numberedList) rowsOf(answer *intercom.Answer) ([]gjson.Result, error) {
	path, other, either := strings.Cut(l.rows, "|")
	v := answer.Get(path)
	if either && !v.Exists() && answer.Get(other).Exists() {
		path, v = other, answer.Get(other)
	}
	switch {
	case l.single && v.IsObject():
		return []gjson.Result{v}, nil
	case l.single && v.Type == gjson.Null: // or nothing: a token may belong to no app, of which the run has warned
		return nil, nil
	case l.single:
		return nil, &intercom.ShapeError{Stream: l.stream, Path: path, Want: "an object", Found: found(v)}
	case l.entry == "":
		return answer.Rows(path)
	case !v.IsArray():
		return nil, &intercom.ShapeError{Stream: l.stream, Path: path, Want: "an array", Found: found(v)}
	}
	rows := v.Array()
	for i, row := range rows {
		if !row.IsObject() {
			rows[i] = entryRow(l.entry, row)
		}
	}
	return rows, nil
}

// A listHead is what changes when a list gains or loses rows.
type listHead struct {
	row          uint64
	pages, total int64
}

func (l *numberedList) head(answer *intercom.Answer, rows []gjson.Result) listHead {
	_, pages := answer.Pages()
	h := listHead{pages: int64(pages)}
	h.total, _ = answer.Total()
	if len(rows) > 0 {
		h.row = l.key(rows[0])
	}
	return h
}

// following returns the path of the next page, "" after the last.
func (f *feedRun) following(path string, answer *intercom.Answer) (string, error) {
	next, err := answer.Next()
	if err != nil {
		return "", err
	}
	if next == (intercom.Next{}) {
		// Some lists only number their pages: calls, redirects, side conversations, audiences.
		page, pages := answer.Pages()
		if page == 0 || page >= pages {
			return "", nil
		}
		next.Page = page + 1
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
