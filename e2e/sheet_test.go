//go:build peers

package e2e

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"
)

// A sheet is what a report should show.
type sheet struct {
	columns []string
	rows    [][]any
}

func newSheet(columns string) *sheet { return &sheet{columns: strings.Fields(columns)} }

func (s *sheet) add(cells ...any) { s.rows = append(s.rows, cells) }

// sorted puts the rows into the order of these columns; "-" before one stands for the largest first. Null comes last.
func (s *sheet) sorted(columns ...string) *sheet {
	slices.SortFunc(s.rows, func(a, b []any) int {
		for _, name := range columns {
			name, down := strings.CutPrefix(name, "-")
			i := slices.Index(s.columns, name)
			order := compareCells(a[i], b[i])
			if down && a[i] != nil && b[i] != nil {
				order = -order
			}
			if order != 0 {
				return order
			}
		}
		return 0
	})
	return s
}

func (s *sheet) first(n int) *sheet {
	s.rows = s.rows[:min(n, len(s.rows))]
	return s
}

func compareCells(a, b any) int {
	switch {
	case a == nil && b == nil:
		return 0
	case a == nil:
		return 1
	case b == nil:
		return -1
	}
	if x, ok := a.(int); ok {
		return cmp.Compare(x, b.(int))
	}
	return cmp.Compare(a.(string), b.(string))
}

func (s *sheet) lines() []string {
	var lines []string
	for _, row := range s.rows {
		cells := make([]string, len(row))
		for i, v := range row {
			cells[i] = s.columns[i] + "=" + printed(v)
		}
		lines = append(lines, strings.Join(cells, " "))
	}
	return lines
}

// dull tells whether a column shows the same in every row: then the report would not show much if it were wrong. Here there is
// one agreement, and nothing of what those two count.
func (s *sheet) dull() bool {
	known := []string{"sla_name", "reopens_unknown", "first_contact_unknown"}
	for i := range s.columns {
		values := map[string]bool{}
		for _, row := range s.rows {
			values[printed(row[i])] = true
		}
		if len(values) < 2 && !slices.Contains(known, s.columns[i]) {
			return true
		}
	}
	return false
}

func printed(v any) string {
	switch v := v.(type) {
	case nil:
		return "null"
	case int:
		return strconv.Itoa(v)
	case float64:
		return strconv.FormatFloat(v, 'f', -1, 64)
	case string:
		return strings.TrimSuffix(v, " 00:00:00") // a date, as some write it
	}
	return fmt.Sprint(v)
}

// How reports cut time.
func dayOf(t time.Time) string   { return t.UTC().Format(time.DateOnly) }
func monthOf(t time.Time) string { return t.UTC().Format("2006-01") + "-01" }
func weekOf(t time.Time) string  { return dayOf(monday(t)) }

func monday(t time.Time) time.Time {
	t = t.UTC().Truncate(24 * time.Hour)
	return t.AddDate(0, 0, -(int(t.Weekday())+6)%7)
}

// Figures. What has nothing to stand on is null.

func rounded(x float64, digits int) any {
	shift := math.Pow10(digits)
	return math.Round(x*shift) / shift
}

func percent(part, of int) any {
	if of == 0 {
		return nil
	}
	return rounded(100*float64(part)/float64(of), 1)
}

// quantile lies between its neighbours.
func quantile(values []float64, q, unit float64) any {
	if len(values) == 0 {
		return nil
	}
	slices.Sort(values)
	place := q * float64(len(values)-1)
	below := int(place)
	above := min(below+1, len(values)-1)
	return rounded((values[below]+(values[above]-values[below])*(place-float64(below)))/unit, 1)
}

func average(values []float64) any {
	if len(values) == 0 {
		return nil
	}
	sum := 0.0
	for _, v := range values {
		sum += v
	}
	return rounded(sum/float64(len(values)), 2)
}
