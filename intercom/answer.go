package intercom

import (
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/tidwall/gjson"
)

// Answer is what a call brought. It belongs to the caller and is not safe for concurrent use.
type Answer struct {
	Body   string    // valid JSON, checked once
	At     time.Time // the server's clock when it answered: its Date header, else an estimate
	Header http.Header

	stream string
	fields map[string]gjson.Result // of the top level; the rows are skipped over only once
}

func (a *Answer) field(name string) gjson.Result {
	if a.fields == nil {
		a.fields = make(map[string]gjson.Result, 8)
		gjson.Parse(a.Body).ForEach(func(key, value gjson.Result) bool {
			a.fields[key.String()] = value
			return true
		})
	}
	return a.fields[name]
}

func (a *Answer) shape(path, want string, found gjson.Result) *ShapeError {
	return &ShapeError{Stream: a.stream, Path: path, Want: want, Found: describe(found)}
}

// Rows returns the objects of the array at path ("data", "conversation_parts.conversation_parts"). What
// is not there, is no array, or holds something else than objects is a *ShapeError. Raw of each row is
// a part of Body, not a copy.
func (a *Answer) Rows(path string) ([]gjson.Result, error) {
	first, rest, nested := strings.Cut(path, ".")
	list := a.field(first)
	if nested {
		list = list.Get(rest)
	}
	if !list.IsArray() {
		return nil, a.shape(path, "an array", list)
	}
	rows := list.Array()
	for i, row := range rows {
		if !row.IsObject() {
			return nil, a.shape(fmt.Sprintf("%s.%d", path, i), "an object", row)
		}
	}
	return rows, nil
}

// Total is total_count: how many objects matched when this page was made. false: the answer has none.
func (a *Answer) Total() (int64, bool) {
	total := a.field("total_count")
	return total.Int(), total.Type == gjson.Number
}

// Pages returns the number of this page and of all pages, 0 where the answer does not say. Some lists
// write them as strings.
func (a *Answer) Pages() (page, totalPages int) {
	pages := a.field("pages")
	return int(pages.Get("page").Int()), int(pages.Get("total_pages").Int())
}

// Next says where the following page is. Only what the API gave is set; the zero value means the end.
type Next struct {
	StartingAfter string // cursor lists and searches
	URL           string // lists by page number; for Client.FollowURL
	Page          int
}

// Next reads pages.next in all its forms: an object, a URL, null, or nothing at all.
func (a *Answer) Next() (Next, error) {
	pages := a.field("pages")
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
		n := Next{StartingAfter: next.Get("starting_after").String(), Page: int(next.Get("page").Int())}
		if n == (Next{}) {
			return Next{}, a.shape("pages.next", "an object with starting_after or page", next)
		}
		return n, nil
	}
	return Next{}, a.shape("pages.next", "an object, a URL or null", next)
}
