package folder

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"

	"source-intercom/protocol"

	"github.com/tidwall/gjson"
)

// otherFields is the last column of every table: what a record has beside the schema, as one JSON object. So
// rows keep to their columns, whatever Intercom sends.
const otherFields = "_other_fields"

// bom tells spreadsheets that the text is UTF-8; Excel takes it for the machine's old code page without it.
const bom = "\ufeff"

// A table knows the columns of one CSV file.
type table struct {
	columns []string
	place   map[string]int
	key     []int
	cursor  int   // -1: none
	deleted int   // -1: none
	moved   []int // new places of an old file's columns; nil: they are where they were
	oldSize int   // of a row of the old file

	cells  [][]byte // of the row at hand, as they are written; empty: there is no value
	record []byte
	values []string
}

// newTable has the schema's columns in their order, then those that only the old file has. A table never loses a
// column.
func newTable(s *stream, old *oldFile) (*table, error) {
	names := slices.DeleteFunc(slices.Clone(s.columns), func(name string) bool { return name == otherFields })
	var before []string
	if old != nil {
		var err error
		if before, err = old.header(); err != nil {
			return nil, err
		}
		for _, name := range before {
			if name != otherFields && !slices.Contains(names, name) {
				names = append(names, name)
			}
		}
	}
	t := &table{columns: append(names, otherFields), place: map[string]int{}, cursor: -1, deleted: -1, oldSize: len(before)}
	for i, name := range t.columns {
		t.place[name] = i
	}
	if old != nil && !slices.Equal(before, t.columns) {
		for _, name := range before {
			t.moved = append(t.moved, t.place[name])
		}
	}
	for _, field := range s.key {
		i, there := t.place[field]
		if !there {
			return nil, fmt.Errorf("stream %s: the schema lacks the key %s", s.name, field)
		}
		t.key = append(t.key, i)
	}
	if i, there := t.place[s.cursor]; there {
		t.cursor = i
	}
	if i, there := t.place[protocol.SingerDeleted]; there {
		t.deleted = i
	}
	t.cells = make([][]byte, len(t.columns))
	t.values = make([]string, len(t.key))
	return t, nil
}

func (t *table) header() []byte {
	for i, name := range t.columns {
		t.cells[i] = appendCell(t.cells[i][:0], name)
	}
	return append([]byte(bom), t.join()...)
}

// row makes a record's row.
func (t *table) row(record gjson.Result) row {
	for i := range t.cells {
		t.cells[i] = t.cells[i][:0]
	}
	other := t.cells[len(t.cells)-1]
	var extra []byte
	record.ForEach(func(name, value gjson.Result) bool {
		if i, known := t.place[name.String()]; known && i < len(t.cells)-1 {
			t.cells[i] = appendValue(t.cells[i][:0], value)
			return true
		}
		if extra = append(extra, ','); len(extra) == 1 {
			extra[0] = '{'
		}
		extra = append(append(append(extra, name.Raw...), ':'), value.Raw...)
		return true
	})
	if len(extra) > 0 {
		t.cells[len(t.cells)-1] = appendCell(other, string(append(extra, '}')))
	}
	return t.made(t.join())
}

// oldRow is a row of the old file, with the new one's columns.
func (t *table) oldRow(record []byte) (row, error) {
	for i := range t.cells {
		t.cells[i] = t.cells[i][:0]
	}
	n := 0
	for rest := bytes.TrimSuffix(record, []byte(lineEnd)); ; n++ {
		end := cellEnd(rest)
		if n < t.oldSize {
			i := n
			if t.moved != nil {
				i = t.moved[n]
			}
			t.cells[i] = append(t.cells[i], rest[:end]...)
		}
		if end == len(rest) {
			break
		}
		rest = rest[end+1:]
	}
	if n+1 != t.oldSize {
		return row{}, fmt.Errorf("found a row of %d values, expected %d", n+1, t.oldSize)
	}
	if t.moved == nil {
		return t.made(record), nil
	}
	return t.made(t.join()), nil
}

// made is the row whose line was made of the cells.
func (t *table) made(line []byte) row {
	r := row{line: line, key: t.values}
	for i, column := range t.key {
		t.values[i] = textOf(t.cells[column])
	}
	if t.cursor >= 0 {
		r.cursor = textOf(t.cells[t.cursor])
	}
	r.gone = t.deleted >= 0 && len(t.cells[t.deleted]) > 0
	return r
}

// lineEnd is RFC 4180's.
const lineEnd = "\r\n"

func (t *table) join() []byte {
	t.record = t.record[:0]
	for i, cell := range t.cells {
		if i > 0 {
			t.record = append(t.record, ',')
		}
		t.record = append(t.record, cell...)
	}
	t.record = append(t.record, lineEnd...)
	return t.record
}

// header reads the names of an old file's columns.
func (o *oldFile) header() (names []string, err error) {
	enough := errors.New("enough")
	err = o.records(func(record []byte) error {
		rest := bytes.TrimSuffix(bytes.TrimPrefix(record, []byte(bom)), []byte(lineEnd))
		for {
			end := cellEnd(rest)
			names = append(names, textOf(rest[:end]))
			if end == len(rest) {
				return enough
			}
			rest = rest[end+1:]
		}
	})
	switch {
	case err == nil: // not even a header
		return nil, changed(o.path)
	case !errors.Is(err, enough):
		return nil, err
	}
	return names, nil
}

// cellEnd is where the first cell of a record ends.
func cellEnd(record []byte) int {
	quoted := false
	for i, c := range record {
		switch {
		case c == '"':
			quoted = !quoted
		case c == ',' && !quoted:
			return i
		}
	}
	return len(record)
}

// textOf is what a cell holds.
func textOf(cell []byte) string {
	if len(cell) < 2 || cell[0] != '"' {
		return string(cell)
	}
	return strings.ReplaceAll(string(cell[1:len(cell)-1]), `""`, `"`)
}

// appendValue adds the cell of a value. Null is an empty cell, and so told from an empty text, which has quotes.
func appendValue(dst []byte, value gjson.Result) []byte {
	switch value.Type {
	case gjson.Null:
		return dst
	case gjson.String:
		return appendCell(dst, defuse(value.Str))
	case gjson.JSON:
		return appendCell(dst, value.Raw)
	}
	return append(dst, value.Raw...) // numbers keep every digit
}

// appendCell quotes where a reader needs it.
func appendCell(dst []byte, text string) []byte {
	if text != "" && text[0] != ' ' && text[len(text)-1] != ' ' && !strings.ContainsAny(text, ",;\"\r\n\t") {
		return append(dst, text...)
	}
	dst = append(dst, '"')
	dst = append(dst, strings.ReplaceAll(text, `"`, `""`)...)
	return append(dst, '"')
}

// defuse puts an apostrophe before a text that a spreadsheet would take for a formula, and calculate or send
// somewhere: https://owasp.org/www-community/attacks/CSV_Injection. Negative numbers stay numbers.
func defuse(text string) string {
	for _, start := range []string{"=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠"} {
		if strings.HasPrefix(text, start) && !isNumber(text) {
			return "'" + text
		}
	}
	return text
}

// isNumber knows a minus, digits, and perhaps a fraction.
func isNumber(text string) bool {
	digits, rest, point := strings.Cut(strings.TrimPrefix(text, "-"), ".")
	return isDigits(digits) && (!point || isDigits(rest))
}

func isDigits(text string) bool { return text != "" && strings.Trim(text, "0123456789") == "" }
