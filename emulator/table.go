package emulator

import (
	"cmp"
	"slices"
	"time"
)

// rowKey holds what the sorted indexes need of a row.
type rowKey struct {
	ord              int32
	created, updated int64
}

// row is a searchable object: a pointer to a value that never changes once it is in a table.
type row interface {
	comparable
	key() rowKey
}

// table holds one kind of object in three states: as it is now, as single GETs answer, and as the search index
// shows it. Rows are replaced, never changed, so the older states cost a pointer each.
type table[R row] struct {
	live    []R // by ordinal; the zero R is a deleted row
	replica view[R]
	index   view[R]

	byUpdated, byCreated []entry // the index's rows in order
	generation           uint64  // counts changes of the index
}

// entry is a position in a sorted index; rows of one second are ordered by id.
type entry struct {
	key int64
	ord int32
}

func compareEntries(a, b entry) int {
	return cmp.Or(cmp.Compare(a.key, b.key), cmp.Compare(a.ord, b.ord))
}

// view is a delayed copy of the live rows.
type view[R row] struct {
	lag     time.Duration
	rows    []R
	pending []change[R]
}

type change[R row] struct {
	due time.Time
	ord int32
	row R
}

func newTable[R row](rows []R, indexLag, replicaLag time.Duration) *table[R] {
	t := &table[R]{live: rows}
	t.index = view[R]{lag: indexLag, rows: slices.Clone(rows)}
	t.replica = view[R]{lag: replicaLag, rows: slices.Clone(rows)}
	for _, r := range rows {
		k := r.key()
		t.byUpdated = append(t.byUpdated, entry{k.updated, k.ord})
		t.byCreated = append(t.byCreated, entry{k.created, k.ord})
	}
	slices.SortFunc(t.byUpdated, compareEntries)
	slices.SortFunc(t.byCreated, compareEntries)
	return t
}

// put replaces, adds or (with the zero R) deletes a row at the given moment.
func (t *table[R]) put(ord int32, r R, now time.Time) {
	t.live = place(t.live, ord, r)
	t.replica.push(ord, r, now)
	t.index.push(ord, r, now)
}

func (t *table[R]) get(ord int32) R { return at(t.live, ord) }

// due tells whether settle has something to do.
func (t *table[R]) due(now time.Time) bool { return t.index.due(now) || t.replica.due(now) }

// settle shows all changes whose time has come.
func (t *table[R]) settle(now time.Time) {
	for _, c := range t.replica.pull(now) {
		t.replica.rows = place(t.replica.rows, c.ord, c.row)
	}
	if changes := t.index.pull(now); len(changes) > 0 {
		t.generation++
		t.reindex(changes)
	}
}

func (t *table[R]) reindex(changes []change[R]) {
	var none R
	const few = 64 // beyond this, one merge is cheaper than moving the tail for each row
	if len(changes) > few {
		t.merge(changes)
		return
	}
	for _, c := range changes {
		if old := at(t.index.rows, c.ord); old != none {
			k := old.key()
			t.byUpdated = remove(t.byUpdated, entry{k.updated, k.ord})
			t.byCreated = remove(t.byCreated, entry{k.created, k.ord})
		}
		t.index.rows = place(t.index.rows, c.ord, c.row)
		if c.row != none {
			k := c.row.key()
			t.byUpdated = insert(t.byUpdated, entry{k.updated, k.ord})
			t.byCreated = insert(t.byCreated, entry{k.created, k.ord})
		}
	}
}

func (t *table[R]) merge(changes []change[R]) {
	var none R
	stale := make(map[int32]bool, len(changes))
	for _, c := range changes {
		stale[c.ord] = true
		t.index.rows = place(t.index.rows, c.ord, c.row)
	}
	var updated, created []entry
	for ord := range stale {
		if r := t.index.rows[ord]; r != none {
			k := r.key()
			updated = append(updated, entry{k.updated, k.ord})
			created = append(created, entry{k.created, k.ord})
		}
	}
	t.byUpdated = mergeEntries(t.byUpdated, stale, updated)
	t.byCreated = mergeEntries(t.byCreated, stale, created)
}

func mergeEntries(old []entry, stale map[int32]bool, fresh []entry) []entry {
	slices.SortFunc(fresh, compareEntries)
	out := make([]entry, 0, len(old)+len(fresh))
	for _, e := range old {
		if stale[e.ord] {
			continue
		}
		for len(fresh) > 0 && compareEntries(fresh[0], e) < 0 {
			out, fresh = append(out, fresh[0]), fresh[1:]
		}
		out = append(out, e)
	}
	return append(out, fresh...)
}

func (v *view[R]) push(ord int32, r R, now time.Time) {
	v.pending = append(v.pending, change[R]{due: now.Add(v.lag), ord: ord, row: r})
}

// due tells whether a change can be shown. A view without lag shows all, whatever the clock has been set to since.
func (v *view[R]) due(now time.Time) bool {
	return len(v.pending) > 0 && (v.lag == 0 || !v.pending[0].due.After(now))
}

// pull takes the changes that are due off the queue.
func (v *view[R]) pull(now time.Time) []change[R] {
	var due []change[R]
	for v.due(now) {
		due = append(due, v.pending[0])
		v.pending = v.pending[1:]
	}
	return due
}

// within returns the entries whose keys lie in [lo, hi].
func within(list []entry, lo, hi int64) []entry {
	if lo > hi {
		return nil
	}
	from, _ := slices.BinarySearchFunc(list, lo, func(e entry, k int64) int { return cmp.Compare(e.key, k) })
	rest := list[from:]
	to := len(rest)
	if n, found := slices.BinarySearchFunc(rest, hi, func(e entry, k int64) int {
		if e.key <= k {
			return -1
		}
		return 1
	}); !found {
		to = n
	}
	return rest[:to]
}

func insert(list []entry, e entry) []entry {
	i, _ := slices.BinarySearchFunc(list, e, compareEntries)
	return slices.Insert(list, i, e)
}

func remove(list []entry, e entry) []entry {
	i, found := slices.BinarySearchFunc(list, e, compareEntries)
	if !found {
		return list
	}
	return slices.Delete(list, i, i+1)
}

func place[R any](rows []R, ord int32, r R) []R {
	for int(ord) >= len(rows) {
		var none R
		rows = append(rows, none)
	}
	rows[ord] = r
	return rows
}

func at[R any](rows []R, ord int32) R {
	var none R
	if ord < 0 || int(ord) >= len(rows) {
		return none
	}
	return rows[ord]
}
