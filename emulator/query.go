package emulator

import (
	"encoding/json"
	"fmt"
	"math"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

type fieldKind uint8

const (
	dateField fieldKind = iota
	numberField
	textField
	boolField
	listField // several ids; = means: contains
	idField   // text that can also be compared by order
)

// field tells how a search reads one property of a row. Only the getter of its kind is set; number returns false for null.
type field[R row] struct {
	kind       fieldKind
	number     func(R) (int64, bool)
	text       func(R) string
	list       func(R) []string
	equalOnly  bool // = and != alone
	zeroIsNull bool // 0 finds the rows without a value too
}

// grammar is what a search of one kind of object understands.
type grammar[R row] struct {
	fields    map[string]field[R]
	days      *time.Location // dates compare whole days in this zone, with = > < alone; nil: exact seconds
	inclusive bool           // > means >= on dates
}

// filter is a compiled query: match decides a row, span bounds the fields that have a sorted index.
type filter[R row] struct {
	match func(R) bool
	spans map[string]span
}

// span is a range of values, ends included. It is exact if it says all that the filter says.
type span struct {
	lo, hi int64
	exact  bool
}

var everything = span{math.MinInt64, math.MaxInt64, false}

func (f filter[R]) span(field string) span {
	if s, ok := f.spans[field]; ok {
		return s
	}
	return everything
}

type clause struct {
	Field    *string         `json:"field"`
	Operator string          `json:"operator"`
	Value    json.RawMessage `json:"value"`
}

const (
	maxNesting = 2
	maxFilters = 15
)

func invalidQuery(format string, args ...any) *apiError {
	return fail(http.StatusBadRequest, "bad_request", fmt.Sprintf(format, args...))
}

func (g grammar[R]) compile(raw json.RawMessage, level int) (filter[R], *apiError) {
	var c clause
	if json.Unmarshal(raw, &c) != nil {
		return filter[R]{}, badParameter("query", "query is not a filter object")
	}
	group := strings.ToUpper(c.Operator)
	if c.Field != nil {
		return g.leaf(*c.Field, c.Operator, c.Value)
	}
	if group != "AND" && group != "OR" {
		return filter[R]{}, invalidQuery("a group needs the operator AND or OR")
	}
	if level > maxNesting {
		return filter[R]{}, invalidQuery("only %d levels of nesting are allowed", maxNesting)
	}
	var members []json.RawMessage
	if json.Unmarshal(c.Value, &members) != nil || len(members) == 0 {
		return filter[R]{}, badParameter("value", "the value of a group must be a list of filters")
	}
	if len(members) > maxFilters {
		return filter[R]{}, invalidQuery("a group can hold at most %d filters", maxFilters)
	}
	filters := make([]filter[R], len(members))
	for i, m := range members {
		f, err := g.compile(m, level+1)
		if err != nil {
			return filter[R]{}, err
		}
		filters[i] = f
	}
	if group == "AND" {
		return all(filters), nil
	}
	return anyOf(filters), nil
}

func all[R row](filters []filter[R]) filter[R] {
	out := filter[R]{spans: map[string]span{}, match: func(r R) bool {
		for _, f := range filters {
			if !f.match(r) {
				return false
			}
		}
		return true
	}}
	for _, name := range indexed {
		s := span{math.MinInt64, math.MaxInt64, true}
		for _, f := range filters {
			m := f.span(name)
			s = span{max(s.lo, m.lo), min(s.hi, m.hi), s.exact && m.exact}
		}
		out.spans[name] = s
	}
	return out
}

func anyOf[R row](filters []filter[R]) filter[R] {
	out := filter[R]{spans: map[string]span{}, match: func(r R) bool {
		return slices.ContainsFunc(filters, func(f filter[R]) bool { return f.match(r) })
	}}
	for _, name := range indexed {
		s := filters[0].span(name)
		for _, f := range filters[1:] {
			s = s.union(f.span(name))
		}
		out.spans[name] = s
	}
	return out
}

// union is the hull of both; it stays exact while no value between them is left out.
func (s span) union(o span) span {
	if s.lo > o.lo {
		s, o = o, s
	}
	touching := s.hi == math.MaxInt64 || o.lo <= s.hi+1
	return span{s.lo, max(s.hi, o.hi), s.exact && o.exact && touching}
}

// indexed are the fields with a sorted index. Their spans make a walk in time windows cheap.
var indexed = []string{"updated_at", "created_at"}

func (g grammar[R]) leaf(name, op string, raw json.RawMessage) (filter[R], *apiError) {
	f, ok := g.fields[name]
	if !ok {
		err := fail(http.StatusBadRequest, "invalid_field", fmt.Sprintf("field %q cannot be searched", name))
		err.field = name
		return filter[R]{}, err
	}
	if !g.allows(f, op) {
		return filter[R]{}, badParameter(name, fmt.Sprintf("operator %q is not valid for field %s", op, name))
	}
	values, err := operands(name, op, raw)
	if err != nil {
		return filter[R]{}, err
	}
	switch f.kind {
	case dateField, numberField, boolField:
		return g.numberLeaf(name, f, op, values)
	case listField:
		return filter[R]{match: func(r R) bool {
			hit := slices.ContainsFunc(f.list(r), func(id string) bool { return slices.Contains(values, id) })
			return hit == (op == "=" || op == "IN")
		}}, nil
	}
	return textLeaf(name, f, op, values), nil
}

func (g grammar[R]) allows(f field[R], op string) bool {
	if f.equalOnly {
		return op == "=" || op == "!="
	}
	switch f.kind {
	case dateField:
		if g.days != nil {
			return op == "=" || op == ">" || op == "<"
		}
		return slices.Contains([]string{"=", "!=", ">", "<", ">=", "<=", "IN", "NIN"}, op)
	case numberField:
		return slices.Contains([]string{"=", "!=", ">", "<", ">=", "<=", "IN", "NIN"}, op)
	case boolField:
		return op == "=" || op == "!="
	case listField:
		return slices.Contains([]string{"=", "!=", "IN", "NIN"}, op)
	case idField:
		return slices.Contains([]string{"=", "!=", "IN", "NIN", ">", "<"}, op)
	}
	return slices.Contains([]string{"=", "!=", "IN", "NIN", "~", "!~", "^", "$"}, op)
}

// operands reads a value as text: clients send numbers as numbers, floats and strings, and null for nobody.
func operands(name, op string, raw json.RawMessage) ([]string, *apiError) {
	many := op == "IN" || op == "NIN"
	list := []json.RawMessage{raw}
	if isList := len(raw) > 0 && raw[0] == '['; isList != many {
		return nil, badParameter(name, fmt.Sprintf("operator %s wants a different kind of value for %s", op, name))
	} else if isList && json.Unmarshal(raw, &list) != nil {
		return nil, badParameter(name, "value is not valid")
	}
	out := make([]string, 0, len(list))
	for _, v := range list {
		var text string
		switch {
		case len(v) == 0 || v[0] == '{' || v[0] == '[':
			return nil, badParameter(name, "value of "+name+" is missing or not simple")
		case v[0] == '"':
			if json.Unmarshal(v, &text) != nil {
				return nil, badParameter(name, "value is not valid")
			}
		case string(v) != "null":
			text = string(v)
		}
		out = append(out, text)
	}
	return out, nil
}

func parseNumber(s string) (int64, bool) {
	switch s {
	case "true":
		return 1, true
	case "false":
		return 0, true
	}
	if n, err := strconv.ParseInt(s, 10, 64); err == nil {
		return n, true
	}
	f, err := strconv.ParseFloat(s, 64)
	if err != nil || math.Abs(f) > 1<<62 {
		return 0, false
	}
	return int64(math.Floor(f)), true
}

func (g grammar[R]) numberLeaf(name string, f field[R], op string, values []string) (filter[R], *apiError) {
	var spans []span
	null := false // null stands for rows without a value
	for _, text := range values {
		n, ok := parseNumber(text)
		if !ok && text == "" && f.kind != dateField {
			null = true
			continue
		}
		if !ok {
			return filter[R]{}, badParameter(name, fmt.Sprintf("value %q of %s is not a number", text, name))
		}
		null = null || n == 0 && f.zeroIsNull
		spans = append(spans, g.reach(f.kind, op, n))
	}
	match := func(r R) bool {
		n, ok := f.number(r)
		if !ok {
			return null
		}
		return slices.ContainsFunc(spans, func(s span) bool { return s.lo <= n && n <= s.hi })
	}
	if op == "!=" || op == "NIN" {
		return filter[R]{match: func(r R) bool { return !match(r) }}, nil
	}
	out := filter[R]{match: match}
	if slices.Contains(indexed, name) && len(spans) == 1 {
		out.spans = map[string]span{name: spans[0]}
	}
	return out, nil
}

// reach is the range of values that an operator accepts; for != and NIN, the range that it refuses.
func (g grammar[R]) reach(kind fieldKind, op string, n int64) span {
	first, last := n, n
	if kind == dateField && g.days != nil {
		day := time.Unix(n, 0).In(g.days)
		first = time.Date(day.Year(), day.Month(), day.Day(), 0, 0, 0, 0, g.days).Unix()
		last = time.Date(day.Year(), day.Month(), day.Day()+1, 0, 0, 0, 0, g.days).Unix() - 1
	}
	switch op {
	case ">":
		if kind == dateField && g.inclusive {
			return span{first, math.MaxInt64, true}
		}
		return span{last + 1, math.MaxInt64, true}
	case ">=":
		return span{first, math.MaxInt64, true}
	case "<":
		return span{math.MinInt64, first - 1, true}
	case "<=":
		return span{math.MinInt64, last, true}
	}
	return span{first, last, true}
}

func textLeaf[R row](name string, f field[R], op string, values []string) filter[R] {
	compare := func(test func(have, want string) bool, want bool) filter[R] {
		return filter[R]{match: func(r R) bool {
			have := f.text(r)
			return slices.ContainsFunc(values, func(x string) bool { return test(have, x) }) == want
		}}
	}
	equal := func(a, b string) bool { return strings.EqualFold(a, b) }
	contains := func(a, b string) bool { return strings.Contains(strings.ToLower(a), strings.ToLower(b)) }
	switch op {
	case "=", "IN":
		return compare(equal, true)
	case "!=", "NIN":
		return compare(equal, false)
	case "~":
		return compare(contains, true)
	case "!~":
		return compare(contains, false)
	case "^":
		return compare(func(a, b string) bool { return strings.HasPrefix(strings.ToLower(a), strings.ToLower(b)) }, true)
	case "$":
		return compare(func(a, b string) bool { return strings.HasSuffix(strings.ToLower(a), strings.ToLower(b)) }, true)
	case ">":
		return compare(func(a, b string) bool { return a > b }, true)
	}
	return compare(func(a, b string) bool { return a < b }, true)
}
