package emulator

import (
	"cmp"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"sync"
	"time"
)

// searchable is one kind of object as searches and cursor lists serve it.
type searchable[R row] struct {
	table       *table[R]
	grammar     func(v version) grammar[R]
	fields      map[string]field[R]
	scale       int64 // of the sort value inside a cursor
	defaultSort string
	badCursor   *apiError

	mu      sync.Mutex // guards what follows
	results map[string]result
	held    int // entries in results, and their overhead
}

func newSearchable[R row](t *table[R], fields map[string]field[R], sort string, scale int64,
	days func(version) *time.Location, inclusive bool, badCursor *apiError) *searchable[R] {
	return &searchable[R]{table: t, fields: fields, defaultSort: sort, scale: scale, badCursor: badCursor,
		grammar: func(v version) grammar[R] { return grammar[R]{fields: fields, days: days(v), inclusive: inclusive} }}
}

// result remembers what a filter found, for the next pages of the same walk.
type result struct {
	generation uint64
	entries    []entry
}

// pageRequest is one page asked of a searchable.
type pageRequest struct {
	query      json.RawMessage // nil: all rows
	sortField  string
	descending bool
	perPage    int
	after      string // cursor
	offsets    bool   // cursors hold positions
}

type page struct {
	ords    []int32
	number  int
	perPage int
	total   int
	next    string // cursor; "" at the end
}

// rows answers a page of the index as it is now. The caller holds the world's read lock.
func (s *searchable[R]) rows(req pageRequest, v version) (page, *apiError) {
	f := all[R](nil)
	if req.query != nil {
		compiled, err := s.grammar(v).compile(req.query, 1)
		if err != nil {
			return page{}, err
		}
		f = compiled
	}
	list := s.list(f, req, v)
	return s.cut(list, req)
}

// list returns the matching entries, ascending by the sort field.
func (s *searchable[R]) list(f filter[R], req pageRequest, v version) []entry {
	t := s.table
	updated, created := f.span("updated_at"), f.span("created_at")
	byUpdated := within(t.byUpdated, updated.lo, updated.hi)
	byCreated := within(t.byCreated, created.lo, created.hi)
	switch {
	case req.sortField == "updated_at" && updated.exact:
		return byUpdated
	case req.sortField == "created_at" && created.exact:
		return byCreated
	}
	name := fmt.Sprintf("%d %s %s", v, req.sortField, req.query)
	s.mu.Lock()
	known, ok := s.results[name]
	s.mu.Unlock()
	if ok && known.generation == t.generation {
		return known.entries
	}
	candidates, sorted := byUpdated, "updated_at"
	if len(byCreated) < len(byUpdated) {
		candidates, sorted = byCreated, "created_at"
	}
	sortKey := s.sortKey(req.sortField)
	var out []entry
	for _, e := range candidates {
		if r := t.index.rows[e.ord]; f.match(r) {
			out = append(out, entry{sortKey(r), e.ord})
		}
	}
	if sorted != req.sortField {
		slices.SortFunc(out, compareEntries)
	}
	s.remember(name, result{t.generation, out})
	return out
}

func (s *searchable[R]) remember(name string, r result) {
	const most, overhead = 4 << 20, 64 // entries, together 64 MB; what a result without any costs
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.results == nil || s.held+len(r.entries)+overhead > most {
		s.results, s.held = map[string]result{}, 0
	}
	if old, ok := s.results[name]; ok {
		s.held -= len(old.entries) + overhead
	}
	s.held += len(r.entries) + overhead
	s.results[name] = r
}

// sortKey orders rows by a field's number; rows without one sort as -1, and ids sort by ordinal.
func (s *searchable[R]) sortKey(name string) func(R) int64 {
	f := s.fields[name]
	if f.number == nil {
		return func(R) int64 { return 0 }
	}
	return func(r R) int64 {
		if n, ok := f.number(r); ok {
			return n
		}
		return -1
	}
}

func (s *searchable[R]) sortable(name string) bool {
	f, ok := s.fields[name]
	return ok && (f.number != nil || f.kind == idField)
}

func (s *searchable[R]) cut(list []entry, req pageRequest) (page, *apiError) {
	out := page{number: 1, perPage: req.perPage, total: len(list)}
	from := 0
	if req.after != "" {
		var ok bool
		if from, out.number, ok = s.position(list, req); !ok {
			return page{}, s.badCursor
		}
	}
	to := min(from+req.perPage, len(list))
	nth := func(i int) entry {
		if req.descending {
			i = len(list) - 1 - i
		}
		return list[i]
	}
	for i := from; i < to; i++ {
		out.ords = append(out.ords, nth(i).ord)
	}
	if to < len(list) {
		mark := [3]any{to, "", out.number + 1}
		if !req.offsets {
			last := nth(to - 1)
			value := last.key
			if value > 0 {
				value *= s.scale
			}
			mark = [3]any{value, strconv.Itoa(int(last.ord)), out.number + 1}
		}
		raw, _ := json.Marshal(mark) // numbers and a string
		out.next = base64.StdEncoding.EncodeToString(raw)
	}
	return out, nil
}

// position finds where the page behind a cursor begins.
func (s *searchable[R]) position(list []entry, req pageRequest) (from, number int, ok bool) {
	raw, err := base64.StdEncoding.DecodeString(req.after)
	if err != nil {
		return 0, 0, false
	}
	var value int64
	var id string
	parts := []any{&value, &id, &number}
	if json.Unmarshal(raw, &parts) != nil || len(parts) != 3 || number < 2 {
		return 0, 0, false
	}
	if req.offsets {
		return int(min(max(value, 0), int64(len(list)))), number, id == ""
	}
	ord, err := strconv.ParseInt(id, 10, 32)
	if err != nil {
		return 0, 0, false
	}
	if value > 0 {
		value /= s.scale
	}
	last := entry{value, int32(ord)}
	i, found := slices.BinarySearchFunc(list, last, compareEntries)
	if req.descending {
		return len(list) - i, number, true
	}
	if found {
		i++
	}
	return i, number, true
}

type searchBody struct {
	Query      json.RawMessage `json:"query"`
	Pagination *struct {
		PerPage json.RawMessage `json:"per_page"`
		After   *string         `json:"starting_after"`
	} `json:"pagination"`
	Sort *struct {
		Field *string `json:"field"`
		Order *string `json:"order"`
	} `json:"sort"`
}

// parseSearch reads the body of a search.
func (s *searchable[R]) parseSearch(body []byte, perPage int) (pageRequest, *apiError) {
	req := pageRequest{sortField: s.defaultSort, descending: true, perPage: perPage}
	var b searchBody
	if err := json.Unmarshal(body, &b); err != nil {
		return req, badParameter("", "the request body is not valid JSON")
	}
	if len(b.Query) == 0 || string(b.Query) == "null" {
		return req, fail(http.StatusBadRequest, "parameter_not_found", "query not found")
	}
	req.query = b.Query
	if p := b.Pagination; p != nil {
		if p.After != nil {
			req.after = *p.After
		}
		if len(p.PerPage) > 0 && string(p.PerPage) != "null" {
			n, err := strconv.Atoi(string(trimQuotes(p.PerPage)))
			if err != nil || n < 1 || n > maxPerPage {
				return req, badPerPage(maxPerPage)
			}
			req.perPage = n
		}
	}
	if o := b.Sort; o != nil {
		if o.Field != nil {
			req.sortField = *o.Field
		}
		order := "descending"
		if o.Order != nil {
			order = *o.Order
		}
		if order != "ascending" && order != "descending" {
			return req, fail(http.StatusBadRequest, "invalid_sort_order", fmt.Sprintf("Invalid sort order '%s'. Must be one of: ascending, descending", order))
		}
		req.descending = order == "descending"
	}
	if !s.sortable(req.sortField) {
		return req, badParameter("sort", fmt.Sprintf("cannot sort by %q", req.sortField))
	}
	return req, nil
}

const maxPerPage = 150

func badPerPage(most int) *apiError {
	return badParameter("per_page", fmt.Sprintf("per_page must be a number between 1 and %d", most))
}

func trimQuotes(b []byte) []byte {
	if len(b) >= 2 && b[0] == '"' && b[len(b)-1] == '"' {
		return b[1 : len(b)-1]
	}
	return b
}

func totalPages(total, perPage int) int { return (total + perPage - 1) / cmp.Or(perPage, 1) }

func search[R row](c *call, s *searchable[R], kind, key string, perPage int, write func(R)) *apiError {
	req, err := s.parseSearch(c.body, perPage)
	if err != nil {
		return err
	}
	return cursorPage(c, s, req, kind, key, write)
}

func listByCursor[R row](c *call, s *searchable[R], kind, key string, perPage int, write func(R)) *apiError {
	n, err := c.count("per_page", perPage, maxPerPage)
	if err != nil {
		return err
	}
	req := pageRequest{sortField: s.defaultSort, descending: true, perPage: n, after: c.query.Get("starting_after")}
	return cursorPage(c, s, req, kind, key, write)
}

func cursorPage[R row](c *call, s *searchable[R], req pageRequest, kind, key string, write func(R)) *apiError {
	req.offsets = c.e.options.OffsetCursor
	p, err := s.rows(req, c.v)
	if err != nil {
		return err
	}
	c.obj("")
	c.str("type", kind)
	c.arr(key)
	for _, ord := range p.ords {
		write(s.table.index.rows[ord])
	}
	c.endArr()
	c.num("total_count", int64(p.total))
	c.obj("pages")
	c.str("type", "pages")
	if p.next != "" {
		c.obj("next")
		c.num("page", int64(p.number+1))
		c.num("per_page", int64(p.perPage))
		c.str("starting_after", p.next)
		c.end()
	}
	c.num("page", int64(p.number))
	c.num("per_page", int64(p.perPage))
	c.num("total_pages", int64(totalPages(p.total, p.perPage)))
	c.end()
	c.end()
	return nil
}
