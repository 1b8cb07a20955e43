package emulator

import (
	"encoding/base64"
	"encoding/json"
	"math"
	"net/http"
	"slices"
	"sort"
	"strconv"
)

// pager answers with a page of rows. Each is one of the ways in which Intercom cuts lists.
type pager func(c *call, l *collection, rows rowSet) *apiError

// array writes the answer's type and the rows from one place to another, and leaves the object open.
func (c *call) array(l *collection, rows rowSet, from, to int) {
	kind, key := l.kind, l.key
	if kind == "" {
		kind = "list"
	}
	if key == "" {
		key = "data"
	}
	c.obj("")
	c.str("type", kind)
	c.arr(key)
	for i := from; i < to; i++ {
		rows.write(&c.printer, i)
	}
	c.endArr()
}

// unpaged lists come whole.
func unpaged(c *call, l *collection, rows rowSet) *apiError {
	c.array(l, rows, 0, rows.n)
	c.end()
	return nil
}

// untyped lists come whole and without a type.
func untyped(c *call, l *collection, rows rowSet) *apiError {
	c.obj("")
	c.arr(l.key)
	for i := range rows.n {
		rows.write(&c.printer, i)
	}
	c.endArr()
	c.end()
	return nil
}

// bare lists are an array and nothing around it.
func bare(c *call, _ *collection, rows rowSet) *apiError {
	c.arr("")
	for i := range rows.n {
		rows.write(&c.printer, i)
	}
	c.endArr()
	return nil
}

// limits are the default and the greatest per_page. What lies outside is refused only where the document of the operation
// has an answer 400 for it; elsewhere the nearest allowed value counts.
type limits struct {
	standard, most int
	strict         bool
}

func (n limits) of(c *call) (int, *apiError) {
	perPage, err := c.count("per_page", n.standard, n.most)
	if err == nil || n.strict {
		return perPage, err
	}
	if asked, ok := parseNumber(c.query.Get("per_page")); ok && asked > int64(n.most) {
		return n.most, nil
	}
	return n.standard, nil
}

// number is the page that is asked for.
func (n limits) number(c *call) (int, *apiError) {
	page, err := c.count("page", 1, math.MaxInt32)
	if err != nil && !n.strict {
		return 1, nil
	}
	return page, err
}

// numbers are lists by page number.
type numbers struct {
	limits
	next bool // a URL in pages.next
	text bool // the page fields repeat what the request said, as text
	flat bool // the page fields stand beside the rows, without a pages object
}

func (n numbers) page(c *call, l *collection, rows rowSet) *apiError {
	perPage, err := n.of(c)
	if err != nil {
		return err
	}
	page, err := n.number(c)
	if err != nil {
		return err
	}
	from := min((page-1)*perPage, rows.n)
	c.array(l, rows, from, min(from+perPage, rows.n))
	c.num("total_count", int64(rows.n))
	pages := totalPages(rows.n, perPage)
	switch {
	case n.next && !n.text:
		c.numberedPages(page, perPage, pages)
	case n.flat:
		c.pageNumbers(page, perPage, pages, n.text)
	default:
		c.obj("pages")
		c.str("type", "pages")
		if n.next && page < pages {
			c.str("next", c.nextURL(page+1))
		} else if n.next {
			c.null("next")
		}
		c.pageNumbers(page, perPage, pages, n.text)
		c.end()
	}
	c.end()
	return nil
}

func (c *call) pageNumbers(page, perPage, pages int, text bool) {
	one := func(name string, n int) {
		if text && c.query.Get(name) != "" {
			c.str(name, strconv.Itoa(n))
		} else {
			c.num(name, int64(n))
		}
	}
	one("page", page)
	one("per_page", perPage)
	c.num("total_pages", int64(pages))
}

// cursors are lists that go on behind a row: the cursor is its sort value and its id, in base64.
type cursors struct {
	limits
	ascending bool
	numeric   bool // the id in the cursor is a number
	counted   bool // with total_count and page numbers, as searches have them; the rows are ordered by id
	plain     bool // the cursor is the id itself
}

func (n cursors) page(c *call, l *collection, rows rowSet) *apiError {
	perPage, err := n.of(c)
	if err != nil {
		return err
	}
	from, page := 0, 1
	if after := c.query.Get("starting_after"); after != "" {
		at, id, number, ok := n.read(after)
		if !ok {
			return fail(http.StatusBadRequest, "client_error", "Invalid starting_after param, please use the cursor of the previous page")
		}
		page = number
		from = sort.Search(rows.n, func(i int) bool { return n.behind(rows, i, at, id) })
	} else if n.counted { // "page accepted in old versions"
		if page, err = n.number(c); err != nil {
			return err
		}
		from = min((page-1)*perPage, rows.n)
	}
	to := min(from+perPage, rows.n)
	c.array(l, rows, from, to)
	if n.counted {
		c.num("total_count", int64(rows.n))
	}
	c.obj("pages")
	c.str("type", "pages")
	c.num("per_page", int64(perPage))
	if n.counted {
		c.num("page", int64(page))
		c.num("total_pages", int64(totalPages(rows.n, perPage)))
	}
	if to < rows.n {
		c.obj("next")
		if n.counted {
			c.num("per_page", int64(perPage))
		}
		c.str("starting_after", n.mark(rows, to-1, page+1))
		c.end()
	} else {
		c.null("next")
	}
	c.end()
	c.end()
	return nil
}

// mark is the cursor of what follows a row.
func (n cursors) mark(rows rowSet, i, page int) string {
	id := rows.id(i)
	text := `"` + id + `"`
	switch {
	case n.plain:
		return id
	case n.counted:
		text = "[-1," + text + "," + strconv.Itoa(page) + "]"
	case n.numeric:
		text = "[" + strconv.FormatInt(rows.at(i), 10) + ".0," + id + "]"
	default:
		text = "[" + strconv.FormatInt(rows.at(i), 10) + ".0," + text + "]"
	}
	return base64.StdEncoding.EncodeToString([]byte(text))
}

func (n cursors) read(after string) (at int64, id string, page int, ok bool) {
	if n.plain {
		return 0, after, 1, len(after) == len("1717000000000.0000a1") && after[13] == '.'
	}
	raw, err := base64.StdEncoding.DecodeString(after)
	if err != nil {
		return 0, "", 0, false
	}
	var value float64
	var name json.RawMessage
	page = 1
	parts := []any{&value, &name}
	if n.counted {
		parts = append(parts, &page)
	}
	if want := len(parts); json.Unmarshal(raw, &parts) != nil || len(parts) != want {
		return 0, "", 0, false
	}
	return int64(value), string(trimQuotes(name)), page, true
}

// behind tells whether a row comes after that of a cursor. Ids are numbers, or texts of one length.
func (n cursors) behind(rows rowSet, i int, at int64, id string) bool {
	mine, own := int64(0), rows.id(i)
	if !n.plain && !n.counted {
		mine = rows.at(i)
	} else {
		at = 0
	}
	if mine == at {
		mine, at = int64(len(own)), int64(len(id))
	}
	if mine == at {
		if n.ascending {
			return own > id
		}
		return own < id
	}
	return (mine > at) == n.ascending
}

// mergePages are those of a contact's merge history: next_cursor and has_more beside the rows.
func mergePages(c *call, l *collection, rows rowSet) *apiError {
	perPage, _ := limits{50, 150, false}.of(c)
	from := 0
	if cursor := c.query.Get("cursor"); cursor != "" {
		raw, err := base64.RawURLEncoding.DecodeString(cursor)
		var last []string
		if err != nil || json.Unmarshal(raw, &last) != nil || len(last) != 1 {
			return badParameter("cursor", "cursor is not valid")
		}
		all := make([]string, rows.n)
		for i := range all {
			all[i] = rows.id(i)
		}
		from = slices.Index(all, last[0]) + 1
	}
	to := min(from+perPage, rows.n)
	c.array(l, rows, from, to)
	if to < rows.n {
		c.str("next_cursor", base64.RawURLEncoding.EncodeToString([]byte(`["`+rows.id(to-1)+`"]`)))
	}
	c.flag("has_more", to < rows.n)
	c.end()
	return nil
}
