package connector

import (
	"fmt"
	"math"
)

// A guard ends walks that would go on for ever.
type guard struct {
	feed  string
	asked map[string]bool
	total int64 // of the last page
	most  int64 // the largest total
	least int64 // the smallest
	last  int   // rows of the last page
	rows  int64
}

func newGuard(feed string) *guard {
	return &guard{feed: feed, asked: map[string]bool{}, total: -1, least: math.MaxInt64}
}

// page notes an answer. It tells whether the total fell since the page before.
func (g *guard) page(after string, total int64, rows int) (fell bool, err error) {
	if g.asked[after] {
		return false, &LoopError{Feed: g.feed, What: "a cursor came a second time"}
	}
	g.asked[after] = true
	g.last = rows
	fell = total < g.total
	g.total, g.most, g.least = total, max(g.most, total), min(g.least, total)
	if g.rows += int64(max(rows, 1)); g.rows > 2*g.most+10_000 {
		return false, &LoopError{Feed: g.feed, What: fmt.Sprintf("%d rows came where %d were announced", g.rows, g.most)}
	}
	return fell, nil
}

// LoopError ends a walk that Intercom would not let end.
type LoopError struct{ Feed, What string }

func (e *LoopError) Error() string {
	return fmt.Sprintf("the walk over %s does not end: %s", e.Feed, e.What)
}

// MovingError ends a window whose rows kept slipping away while it was read.
type MovingError struct {
	Feed   string
	Window span
}

func (e *MovingError) Error() string {
	return fmt.Sprintf("%s from second %d on kept changing while they were read; what was read so far is kept, run again", e.Feed, e.Window.lo)
}

// A shortage is what a walk lacks that came to its end before all announced rows had been shown.
type shortage struct {
	rows int64
	cut  bool // the last page was full: the walk was cut short, rather than the count too high
}

// short is the shortage of a walk, with pages of so many rows, that has come to its end.
func (g *guard) short(size int) shortage { return shortage{max(g.least-g.rows, 0), g.last >= size} }

// left is how many of the announced rows have not come yet.
func (g *guard) left() int64 { return max(g.total-g.rows, 0) }
