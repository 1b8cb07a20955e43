package connector

import (
	"iter"
	"strconv"
	"sync"
	"unicode/utf8"
	"unsafe"

	"github.com/tidwall/gjson"
)

// A rowWriter writes rows in columns of our own, as JSON. What stands for unknown becomes null: nil, "" of a text, 0 of a
// time. encoding/json would write the very same and take several times as long, which is most of what derived streams cost.
type rowWriter struct {
	buf   []byte
	began int   // where the row begins that is being written
	ends  []int // of the rows that are written

	scratch []byte // memory for whoever writes a row
}

var rowWriters = sync.Pool{New: func() any { return &rowWriter{buf: make([]byte, 0, childBytes)} }}

func newRows() *rowWriter {
	w, _ := rowWriters.Get().(*rowWriter)
	w.buf, w.began, w.ends = w.buf[:0], 0, w.ends[:0]
	return w
}

// release gives the memory back. The rows must not be used any more.
func (w *rowWriter) release() {
	if cap(w.buf)+cap(w.scratch) <= batchBytes {
		rowWriters.Put(w)
	}
}

// all are the rows, until they are released.
func (w *rowWriter) all() iter.Seq[gjson.Result] {
	return func(yield func(gjson.Result) bool) {
		from := 0
		for _, end := range w.ends {
			if !yield(gjson.Result{Type: gjson.JSON, Raw: inPlace(w.buf[from:end])}) {
				return
			}
			from = end
		}
	}
}

// inPlace is a text that is not copied: for as long as the bytes stay as they are.
func inPlace(b []byte) string { return unsafe.String(unsafe.SliceData(b), len(b)) }

// end ends a row; the next column begins another one.
func (w *rowWriter) end() {
	w.buf = append(w.buf, '}')
	w.began = len(w.buf)
	w.ends = append(w.ends, w.began)
}

// column writes a name, and the value where that is null.
func (w *rowWriter) column(name string, null bool) (told bool) {
	sign := byte(',')
	if len(w.buf) == w.began {
		sign = '{'
	}
	w.buf = append(w.buf, sign, '"')
	w.buf = append(w.buf, name...)
	w.buf = append(w.buf, '"', ':')
	if null {
		w.buf = append(w.buf, "null"...)
	}
	return !null
}

// json writes a value that is JSON; "" is none.
func (w *rowWriter) json(name, value string) {
	if w.column(name, value == "") {
		w.buf = append(w.buf, value...)
	}
}

func (w *rowWriter) text(name, value string) {
	if w.column(name, value == "") {
		w.buf = appendText(w.buf, value)
	}
}

// textOrEmpty writes a text that is there, even if it is empty.
func (w *rowWriter) textOrEmpty(name, value string) {
	w.column(name, false)
	w.buf = appendText(w.buf, value)
}

func (w *rowWriter) time(name string, at int64) {
	if w.column(name, at == 0) {
		w.buf = strconv.AppendInt(w.buf, at, 10)
	}
}

func (w *rowWriter) number(name string, n *int64) {
	if w.column(name, n == nil) {
		w.buf = strconv.AppendInt(w.buf, *n, 10)
	}
}

func (w *rowWriter) count(name string, n int64) { w.number(name, &n) }

func (w *rowWriter) flag(name string, set *bool) {
	if w.column(name, set == nil) {
		w.buf = strconv.AppendBool(w.buf, *set)
	}
}

// texts writes a list, which is never null.
func (w *rowWriter) texts(name string, values []string) {
	w.column(name, false)
	w.buf = append(w.buf, '[')
	for i, value := range values {
		if i > 0 {
			w.buf = append(w.buf, ',')
		}
		w.buf = appendText(w.buf, value)
	}
	w.buf = append(w.buf, ']')
}

// objects writes a list of n objects, each of which has its columns written by one.
func (w *rowWriter) objects(name string, n int, one func(i int)) {
	w.column(name, false)
	w.buf = append(w.buf, '[')
	began := w.began
	for i := range n {
		if i > 0 {
			w.buf = append(w.buf, ',')
		}
		w.began = len(w.buf)
		one(i)
		w.buf = append(w.buf, '}')
	}
	w.began = began
	w.buf = append(w.buf, ']')
}

// appendText appends a text as encoding/json has it that leaves HTML as it is.
func appendText(dst []byte, s string) []byte {
	const hex = "0123456789abcdef"
	dst = append(dst, '"')
	from := 0 // s[from:i] is still to be copied
	for i := 0; i < len(s); {
		c := s[i]
		if c >= ' ' && c != '"' && c != '\\' && c < utf8.RuneSelf {
			i++
			continue
		}
		if c >= utf8.RuneSelf {
			switch r, n := utf8.DecodeRuneInString(s[i:]); {
			case r == utf8.RuneError && n == 1:
				dst = append(append(dst, s[from:i]...), `\ufffd`...)
				i++
				from = i
			case r == '\u2028' || r == '\u2029': // which JavaScript takes for line ends
				dst = append(append(dst, s[from:i]...), '\\', 'u', '2', '0', '2', hex[r&0xf])
				i += n
				from = i
			default:
				i += n
			}
			continue
		}
		dst = append(dst, s[from:i]...)
		switch c {
		case '"', '\\':
			dst = append(dst, '\\', c)
		case '\n':
			dst = append(dst, '\\', 'n')
		case '\r':
			dst = append(dst, '\\', 'r')
		case '\t':
			dst = append(dst, '\\', 't')
		case '\b':
			dst = append(dst, '\\', 'b')
		case '\f':
			dst = append(dst, '\\', 'f')
		default:
			dst = append(dst, '\\', 'u', '0', '0', hex[c>>4], hex[c&0xf])
		}
		i++
		from = i
	}
	return append(append(dst, s[from:]...), '"')
}
