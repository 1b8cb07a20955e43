package connector

import (
	"math"
	"sort"
)

// forever is the upper end of a span that has none.
const forever = math.MaxInt64

// A span is a stretch of Unix seconds: lo belongs to it, hi does not.
type span struct{ lo, hi int64 }

func (s span) empty() bool           { return s.lo >= s.hi }
func (s span) contains(t int64) bool { return s.lo <= t && t < s.hi }

// ranges are spans in ascending order that neither touch nor overlap.
type ranges []span

// add returns r with s in it. r itself stays as it is.
func (r ranges) add(s span) ranges {
	if s.empty() {
		return r
	}
	out := make(ranges, 0, len(r)+1)
	i := 0
	for ; i < len(r) && r[i].hi < s.lo; i++ {
		out = append(out, r[i])
	}
	for ; i < len(r) && r[i].lo <= s.hi; i++ {
		s.lo, s.hi = min(s.lo, r[i].lo), max(s.hi, r[i].hi)
	}
	out = append(out, s)
	return append(out, r[i:]...)
}

// within returns what of r lies inside s.
func (r ranges) within(s span) ranges {
	var out ranges
	for _, x := range r {
		x = span{max(x.lo, s.lo), min(x.hi, s.hi)}
		if !x.empty() {
			out = append(out, x)
		}
	}
	return out
}

// without returns what of r lies outside all spans of other.
func (r ranges) without(other ranges) ranges {
	var out ranges
	for _, x := range r {
		for _, o := range other {
			if o.hi <= x.lo || o.lo >= x.hi {
				continue
			}
			if before := (span{x.lo, o.lo}); !before.empty() {
				out = append(out, before)
			}
			x.lo = o.hi
		}
		if !x.empty() {
			out = append(out, x)
		}
	}
	return out
}

func (r ranges) contains(t int64) bool {
	i := sort.Search(len(r), func(i int) bool { return r[i].hi > t })
	return i < len(r) && r[i].lo <= t
}

// union returns what lies in r, in other, or in both.
func (r ranges) union(other ranges) ranges {
	for _, s := range other {
		r = r.add(s)
	}
	return r
}
