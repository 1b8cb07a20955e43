package emulator

import (
	"net/url"
	"slices"
	"strings"
)

// collection is one list of the API. The table collections describes nearly all of them; the searches, the scroll and the
// activity log have handlers of their own.
type collection struct {
	stream string // the name that Truth knows the rows by
	path   string // with {id} for the object that the rows belong to
	of     string // the stream of those objects
	scope  string
	since  version
	kind   string // the answer's type; "" means list
	key    string // of the array; "" means data
	rows   func(c *call) (rowSet, *apiError)
	page   pager
	single bool   // path/{id} answers one row
	whole  string // the query that leaves no row out
	inject string // fields that Truth adds to a row
}

// rowSet is the rows of a list in order. Lists can be long and pages are short, so a row is looked at when it is asked for.
type rowSet struct {
	n     int
	id    func(i int) string
	at    func(i int) int64 // the time that the rows are ordered by; nil: another order
	write func(p *printer, i int)
}

func rowsOf[T any](list []T, id func(T) string, write func(*printer, T)) rowSet {
	return rowSet{n: len(list), id: func(i int) string { return id(list[i]) }, write: func(p *printer, i int) { write(p, list[i]) }}
}

func (l *collection) routes() []route {
	out := []route{{"GET " + l.path, l.scope, l.list}}
	if l.single {
		out = append(out, route{"GET " + l.path + "/{id}", l.scope, l.get})
	}
	return out
}

func collectionRoutes() []route {
	var out []route
	for i := range collections {
		out = append(out, collections[i].routes()...)
	}
	return out
}

func resourceNotFound() *apiError { return notFound("not_found", "Resource Not Found") }

func (l *collection) list(c *call) *apiError {
	if c.v < l.since {
		return resourceNotFound()
	}
	rows, err := l.rows(c)
	if err != nil {
		return err
	}
	return l.page(c, l, rows)
}

// get answers one row of the list, whatever the list leaves out without being asked for it.
func (l *collection) get(c *call) *apiError {
	if c.v < l.since {
		return resourceNotFound()
	}
	id := c.id
	if i := strings.LastIndexByte(id, '/'); i >= 0 {
		c.id, id = id[:i], id[i+1:]
	}
	c.query = l.everything()
	rows, err := l.rows(c)
	if err != nil {
		return err
	}
	for i := range rows.n {
		if rows.id(i) == id {
			c.single = true
			rows.write(&c.printer, i)
			return nil
		}
	}
	return resourceNotFound()
}

func (l *collection) everything() url.Values {
	q, _ := url.ParseQuery(l.whole) // written in the table
	return q
}

// order puts items into the order of a list.
type order func(list []*item) []*item

func byID(list []*item) []*item { return list }

func newest(list []*item) []*item {
	list = slices.Clone(list)
	slices.Reverse(list)
	return list
}

// lastUpdated is the order of a list that is read "in descending order on the updated_at attribute".
func lastUpdated(list []*item) []*item {
	list = newest(list)
	slices.SortStableFunc(list, func(a, b *item) int { return int(b.updated - a.updated) })
	return list
}

// items lists a shelf.
func items(name string, in order) func(*call) (rowSet, *apiError) {
	return func(c *call) (rowSet, *apiError) { return c.itemRows(name, in(c.w.shelves[name].items)), nil }
}

// itemsUnder lists what belongs to the object in the path.
func itemsUnder(name string, in order) func(*call) (rowSet, *apiError) {
	return func(c *call) (rowSet, *apiError) {
		list, err := c.children(name)
		return c.itemRows(name, in(list)), err
	}
}

func (c *call) children(name string) ([]*item, *apiError) {
	sh := c.w.shelves[name]
	parent := c.w.shelves[sh.under].find(c.id)
	if parent == nil {
		return nil, resourceNotFound()
	}
	return filtered(sh.items, func(x *item) bool { return x.parent == parent.ord }), nil
}

func (c *call) itemRows(name string, list []*item) rowSet {
	rows := rowsOf(list, func(x *item) string { return x.id }, c.w.shelves[name].write)
	rows.at = func(i int) int64 { return list[i].updated }
	return rows
}

func filtered[T any](list []T, keep func(T) bool) []T {
	var out []T
	for _, x := range list {
		if keep(x) {
			out = append(out, x)
		}
	}
	return out
}
