package emulator

import (
	"slices"
	"strconv"
)

// item is a small object that comes from a list: reference data, a call, an instance of a custom object. There are few of
// them, so they are kept whole and change in place, under the world's lock. Lists show changes at once, whatever the lags.
type item struct {
	ord              int32
	parent           int32  // ordinal of what it belongs to; -1 for nothing
	number           int64  // its id
	name             string // its id, if that is not a number
	s                seed
	created, updated int64
	settled          int64   // the last moment of its generated history
	edits            []int64 // when it was edited
}

// kind is what the items of one shelf have in common.
type kind struct {
	name  string // in World.IDs; where a stream has the same rows, the stream's
	base  int64  // ids follow this number
	count func(z Size) int
	write func(p *printer, x *item)

	under string                                    // the kind of the objects they belong to
	owner func(w *World, ord int) int32             // or the place of what they belong to
	born  func(w *World, s seed, ord, of int) int64 // when they were created; nil: evenly over the world's life
}

// shelf holds the items of one kind, ascending by ordinal.
type shelf struct {
	*kind
	place int // among the kinds
	items []*item
	next  int32
}

func fixed(n int) func(Size) int  { return func(Size) int { return n } }
func atMost(n int) func(Size) int { return func(z Size) int { return min(n, z.Reference) } }
func times(n int) func(Size) int  { return func(z Size) int { return n * z.Reference } }

// derived sets the numbers that were left zero in proportion to the others. A workspace of admins alone stays empty.
func (s Size) derived() Size {
	if s.Reference == 0 && s.Companies+s.Contacts+s.Conversations+s.Tickets > 0 {
		s.Reference = min(12+s.Conversations/500, 48)
	}
	if s.Calls == 0 {
		s.Calls = min(max(s.Conversations/8, min(s.Conversations, 12)), 20_000)
	}
	if s.CustomObjects == 0 {
		s.CustomObjects = min(max(s.Contacts/4, min(s.Contacts, 10)), 20_000)
	}
	return s
}

func (w *World) makeItems() {
	w.shelves = map[string]*shelf{}
	for i := range kinds {
		sh := &shelf{kind: &kinds[i], place: i}
		w.shelves[sh.name] = sh
		block := make([]item, sh.count(w.size))
		for i := range block {
			w.addItem(sh, &block[i], len(block))
		}
	}
}

// addItem puts the next item on a shelf that is to hold so many.
func (w *World) addItem(sh *shelf, x *item, of int) {
	ord := int(sh.next)
	sh.next++
	s := w.seed.at(ofItem).at(sh.place).at(ord)
	*x = item{ord: int32(ord), parent: -1, number: sh.base + int64(ord), s: s}
	if sh.born != nil {
		x.created = sh.born(w, s, ord, of)
	} else {
		x.created = w.birthTime(ord, of)
	}
	x.updated = w.lastTouch(s, x.created)
	if sh.born != nil {
		x.updated = x.created
	}
	x.settled = x.updated
	switch {
	case sh.owner != nil:
		x.parent = sh.owner(w, ord)
	case sh.under != "":
		x.parent = spread(ord, sh.under, w)
	}
	if sh.name == "brands" && ord == 0 {
		x.name = w.workspace // "The default brand id always matches the workspace"
	}
	sh.items = append(sh.items, x)
}

func (x *item) id() string {
	if x.name != "" {
		return x.name
	}
	return strconv.FormatInt(x.number, 10)
}

// spread gives half of all children to the first parent, the last parent none, and the others the rest.
func spread(ord int, under string, w *World) int32 {
	if ord%2 == 0 {
		return 0
	}
	return int32(ord % max(len(w.shelves[under].items)-1, 1))
}

// find returns the item with an id, or nil.
func (sh *shelf) find(id string) *item {
	if i, ok := slices.BinarySearchFunc(sh.items, fromNumericID(sh.base, id), func(x *item, ord int32) int { return int(x.ord - ord) }); ok {
		return sh.items[i]
	}
	if i := slices.IndexFunc(sh.items, func(x *item) bool { return x.name != "" && x.name == id }); i >= 0 {
		return sh.items[i]
	}
	return nil
}

// idOf is the id that an item of this kind has or had.
func (w *World) idOf(name string, ord int32) int64 { return w.shelves[name].base + int64(ord) }

// some picks up to n ordinals of a kind, beginning with one that follows from the ordinal of who refers to them.
func (w *World) some(name string, n, from int) []int64 {
	size := w.shelves[name].count(w.size)
	out := make([]int64, min(n, size))
	for i := range out {
		out[i] = w.idOf(name, int32((from+i)%size))
	}
	return out
}

// one is the id of a kind's object, even where it has none.
func (w *World) one(name string, from int) int64 {
	return w.idOf(name, int32(from%max(w.shelves[name].count(w.size), 1)))
}

func (p *printer) nums(key string, list []int64) {
	p.arr(key)
	for _, n := range list {
		p.num("", n)
	}
	p.endArr()
}

// adminOf draws the id of a teammate.
func (p *printer) adminOf(s seed, k int) int64 { return adminBase + int64(s.n(k, p.w.size.Admins)) }

// revised adds the number of edits to a text.
func (x *item) revised(text string) string {
	if n := len(x.edits); n > 0 {
		return text + " (rev " + strconv.Itoa(n) + ")"
	}
	return text
}
