package connector

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"source-intercom/intercom"

	"github.com/tidwall/gjson"
)

// rowIDField is the key, or a part of it, of rows that Intercom gives none: a hash of what tells a row from others.
const rowIDField = "_row_id"

// A csvColumn is what a column of a file becomes.
type csvColumn struct {
	property string
	time     bool // Unix seconds, whatever the form that Intercom writes times in
}

// csvRow makes records of a file's rows.
type csvRow struct {
	columns []csvColumn // by their places
	buf     []byte
}

// begin starts a record.
func (r *csvRow) begin() { r.buf = append(r.buf[:0], '{') }

// text adds a property; an empty text is null.
func (r *csvRow) text(property, value string) {
	r.name(property)
	if value == "" {
		r.buf = append(r.buf, "null"...)
		return
	}
	r.buf = appendText(r.buf, value)
}

// time adds a time, in Unix seconds where it can be read. A zero is no time.
func (r *csvRow) time(property, value string) {
	at, ok := cellTime(value)
	switch {
	case !ok:
		r.text(property, value)
	case at.seconds == 0:
		r.text(property, "")
	default:
		r.name(property)
		r.buf = strconv.AppendInt(r.buf, at.seconds, 10)
	}
}

func (r *csvRow) name(property string) {
	if len(r.buf) > 1 {
		r.buf = append(r.buf, ',')
	}
	r.buf = append(appendText(r.buf, property), ':')
}

// all adds all cells of a row.
func (r *csvRow) all(cells []string) {
	for i, column := range r.columns {
		if column.time {
			r.time(column.property, cells[i])
		} else {
			r.text(column.property, cells[i])
		}
	}
}

// end returns the record.
func (r *csvRow) end() gjson.Result {
	return gjson.Result{Type: gjson.JSON, Raw: string(append(r.buf, '}'))}
}

// moment is a time that a cell tells.
type moment struct {
	seconds int64
	zoned   bool // else its zone is not known, and UTC was taken for it
}

// Forms of time with a zone and without. The OpenAPI files call the times of content exports integers; those that were
// seen are texts, as Ruby prints them. Reports have no zone: clients of the API have taken it for UTC and for the workspace's.
var (
	zonedLayouts = []string{time.RFC3339, "2006-01-02 15:04:05 UTC", "2006-01-02 15:04:05 -0700", "2006-01-02 15:04:05Z07:00", "2006-01-02T15:04:05Z0700"}
	bareLayouts  = []string{time.DateTime, "2006-01-02T15:04:05", "2006-01-02 15:04", time.DateOnly}
)

// cellTime reads a cell that tells a time.
func cellTime(text string) (moment, bool) {
	if text == "" {
		return moment{}, false
	}
	if n, err := strconv.ParseFloat(text, 64); err == nil {
		if n > 1e11 { // milliseconds
			n /= 1000
		}
		return moment{int64(n), true}, n >= 0 && n <= lastSecond
	}
	if len(text) < len(time.DateOnly) || text[4] != '-' {
		return moment{}, false
	}
	for i, layouts := range [][]string{zonedLayouts, bareLayouts} {
		for _, layout := range layouts {
			if t, err := time.Parse(layout, text); err == nil {
				return moment{t.Unix(), i == 0}, t.Unix() >= 0
			}
		}
	}
	return moment{}, false
}

// rowIDs makes ids of what tells rows apart. Of rows that are alike in all of it, the second and third get ids of their
// own: which is which does not matter.
type rowIDs map[uint64]int

// mostAlike bounds the rows whose likes are looked for. Beyond it they get one id.
const mostAlike = 1 << 20

func (ids rowIDs) of(parts ...string) string {
	h := sha256.New()
	var length [8]byte
	for _, part := range parts {
		binary.LittleEndian.PutUint64(length[:], uint64(len(part)))
		_, _ = h.Write(length[:]) // never fails
		_, _ = h.Write([]byte(part))
	}
	var sum [sha256.Size]byte
	h.Sum(sum[:0])
	id := hex.EncodeToString(sum[:16])
	key := binary.LittleEndian.Uint64(sum[16:])
	n, met := ids[key]
	if met || len(ids) < mostAlike {
		ids[key] = n + 1
	}
	if n > 0 {
		id += "-" + strconv.Itoa(n)
	}
	return id
}

// placeOf is where a header has a column, or -1.
func placeOf(header []string, column string) int {
	for i, name := range header {
		if strings.EqualFold(strings.TrimSpace(name), column) {
			return i
		}
	}
	return -1
}

// lacks is the error of a file without a column that its rows need: it must not pass for one without rows.
func lacks(stream, file, column string, header []string) error {
	return &intercom.ShapeError{Stream: stream, Path: "header of " + fileName(file), Want: "a row with the column " + column,
		Found: fmt.Sprintf("one of %d other columns", len(header))}
}

// malformed says in which file an error of its CSV is; other errors are left as they are.
func malformed(stream, file string, err error) error {
	bad, ok := errors.AsType[*csvError](err)
	if !ok {
		return err
	}
	return &intercom.ShapeError{Stream: stream, Path: fmt.Sprintf("row %d of %s", bad.row, fileName(file)), Want: "a row of a CSV", Found: bad.what}
}

func fileName(file string) string {
	if file == "" {
		return "the CSV"
	}
	return clip(file)
}
