package intercom

import (
	"fmt"
	"iter"
	"math"
	"net/http"
	"strings"
	"time"

	"github.com/tidwall/gjson"
)

// Answer is what a call brought. It belongs to the caller, who must Release it, and, but for that, is not
// safe for concurrent use.
type Answer struct {
	Body   string    // valid JSON, checked once
	At     time.Time // the server's clock when it answered: its Date header, else an estimate
	Header http.Header

	stream   string
	contents contents
	memory   share
}

// Release gives the memory of the answer back to the client, for which other calls may be waiting. Whoever
// got an answer must call it, once the answer and its rows are not needed any more; a second call does
// nothing. It is safe for concurrent use.
func (a *Answer) Release() { a.memory.release() }

// Get returns the value at path, in which dots lead into objects ("statistics.count_assignments"). Of a
// member that the top level has twice it takes the last one.
func (a *Answer) Get(path string) gjson.Result {
	first, rest, nested := strings.Cut(path, ".")
	value := gjson.Parse(a.contents.get(first))
	if nested {
		return value.Get(rest)
	}
	return value
}

// Members are the names and values of the top level, as JSON, in their order.
func (a *Answer) Members() iter.Seq2[string, string] {
	return func(yield func(name, value string) bool) {
		for _, m := range a.contents.members {
			if !yield(m.name, a.contents.text[m.at:m.end]) {
				return
			}
		}
	}
}

func (a *Answer) shape(path, want string, found gjson.Result) *ShapeError {
	return &ShapeError{Stream: a.stream, Path: path, Want: want, Found: describe(found)}
}

// Rows returns the objects of the array at path ("data", "conversation_parts.conversation_parts"), which has
// one dot at most; "" is the answer itself. What is not there, is no array, or holds something else than objects is a *ShapeError. Raw
// of each row is a part of Body, not a copy.
func (a *Answer) Rows(path string) ([]gjson.Result, error) {
	list, found := a.contents.list(path)
	if !found {
		return nil, a.shape(path, "an array", a.Get(path))
	}
	rows := make([]gjson.Result, len(list))
	for i, row := range list {
		if row[0] != '{' {
			return nil, a.shape(fmt.Sprintf("%s.%d", path, i), "an object", gjson.Parse(row))
		}
		rows[i] = gjson.Result{Type: gjson.JSON, Raw: row}
	}
	return rows, nil
}

// maxCount is more than there is of anything, and far from where sums of counts overflow.
const maxCount = 1e12

// count reads how many there are of something, as a number or as a text. false: it is none, or absurd.
func count(v gjson.Result) (int64, bool) {
	f := v.Float()
	ok := (v.Type == gjson.Number || v.Type == gjson.String) && f >= 0 && f <= maxCount && f == math.Trunc(f)
	if !ok {
		return 0, false
	}
	return int64(f), true
}

// Total is total_count: how many objects matched when this page was made. false: the answer has none, or one
// that cannot be.
func (a *Answer) Total() (int64, bool) {
	total := a.Get("total_count")
	n, ok := count(total)
	return n, ok && total.Type == gjson.Number
}

// Pages returns the number of this page and of all pages, 0 where the answer does not say, or says what
// cannot be. Some lists write them as strings, and some beside their rows: audiences, content snippets.
func (a *Answer) Pages() (page, totalPages int) {
	this, all := a.Get("page"), a.Get("total_pages")
	if pages := a.Get("pages"); pages.Exists() {
		this, all = pages.Get("page"), pages.Get("total_pages")
	}
	number, _ := count(this)
	of, _ := count(all)
	return int(number), int(of)
}

// Next says where the following page is. Only what the API gave is set; the zero value means the end.
type Next struct {
	StartingAfter string // cursor lists and searches
	URL           string // lists by page number; for Client.FollowURL
	Page          int
}

// Next reads pages.next in all its forms: an object, a URL, null, or nothing at all.
func (a *Answer) Next() (Next, error) {
	pages := a.Get("pages")
	if pages.Exists() && !pages.IsObject() && pages.Type != gjson.Null {
		return Next{}, a.shape("pages", "an object or null", pages)
	}
	next := pages.Get("next")
	switch {
	case next.Type == gjson.Null: // absent, too
		return Next{}, nil
	case next.Type == gjson.String:
		return Next{URL: next.Str}, nil
	case next.IsObject():
		after := next.Get("starting_after")
		if after.IsObject() || after.IsArray() || after.IsBool() {
			return Next{}, a.shape("pages.next.starting_after", "a text", after)
		}
		page, _ := count(next.Get("page"))
		n := Next{StartingAfter: after.String(), Page: int(page)}
		if n == (Next{}) {
			return Next{}, a.shape("pages.next", "an object with starting_after or page", next)
		}
		return n, nil
	}
	return Next{}, a.shape("pages.next", "an object, a URL or null", next)
}
