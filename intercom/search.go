package intercom

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"time"

	"github.com/tidwall/gjson"
)

// Search is one page of a POST search endpoint.
type Search struct {
	Path   string // "/conversations/search"
	Rows   string // where the rows are: "conversations"
	Stream string
	Query  string // the JSON of "query"

	SortField     string // "": Intercom's own order
	Order         string // "ascending" or "descending"
	PerPage       int    // 0: Intercom's default. One row is read whatever its size
	StartingAfter string // "": the first page
	Hasty         bool   // as in Request
}

// SearchPage is the answer to a Search. Rows refer to the answer's body and keep it alive. It must be
// released.
type SearchPage struct {
	Rows  []gjson.Result
	Total int64     // how many objects matched when the page was made
	Next  string    // the cursor of the next page, "" at the end
	At    time.Time // the server's clock when it answered
	Asked int       // rows that were asked for: Search.PerPage

	answer *Answer
}

// Release gives the page's memory back, as Answer.Release does. The rows must not be needed any more.
func (p *SearchPage) Release() {
	if p.answer != nil { // a page that a test made
		p.answer.Release()
	}
}

// Search reads one page. It fails with a *ShapeError rather than take a page for complete that may not be:
// rows, total_count and a readable pages.next must be there.
func (c *Client) Search(ctx context.Context, s Search) (*SearchPage, error) {
	body, err := s.body()
	if err != nil {
		return nil, err
	}
	a, err := c.Do(ctx, Request{Method: http.MethodPost, Path: s.Path, Body: body, Stream: s.Stream, Hasty: s.Hasty, Whole: s.PerPage == 1})
	if err != nil {
		return nil, err
	}
	page, err := s.page(a)
	if err != nil {
		a.Release()
		return nil, err
	}
	return page, nil
}

// page reads what a brought.
func (s Search) page(a *Answer) (*SearchPage, error) {
	rows, err := a.Rows(s.Rows)
	if err != nil {
		return nil, err
	}
	total, ok := a.Total()
	if !ok {
		return nil, a.shape("total_count", "a number", a.Get("total_count"))
	}
	next, err := a.Next()
	if err != nil {
		return nil, err
	}
	if next != (Next{}) && next.StartingAfter == "" {
		return nil, a.shape("pages.next", "an object with starting_after", a.Get("pages.next"))
	}
	if pages := a.Get("pages"); !pages.IsObject() && s.StartingAfter == "" && int64(len(rows)) < total {
		return nil, a.shape("pages", "an object, for there are more rows", pages)
	}
	return &SearchPage{Rows: rows, Total: total, Next: next.StartingAfter, At: a.At, Asked: s.PerPage, answer: a}, nil
}

func (s Search) body() ([]byte, error) {
	type pagination struct {
		PerPage       int    `json:"per_page,omitempty"`
		StartingAfter string `json:"starting_after,omitempty"`
	}
	type sort struct {
		Field string `json:"field"`
		Order string `json:"order,omitempty"`
	}
	document := struct {
		Query      json.RawMessage `json:"query"`
		Pagination pagination      `json:"pagination"`
		Sort       *sort           `json:"sort,omitempty"`
	}{
		Query:      json.RawMessage(s.Query),
		Pagination: pagination{s.PerPage, s.StartingAfter},
	}
	if s.SortField != "" {
		document.Sort = &sort{s.SortField, s.Order}
	}
	body, err := json.Marshal(document)
	if err != nil {
		return nil, fmt.Errorf("%s: the query is no JSON: %w", s.Stream, err)
	}
	return body, nil
}
