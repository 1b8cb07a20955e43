package emulator

import (
	"strconv"
	"unicode/utf8"
)

// encoder appends JSON in the order of its calls. An empty key means: inside an array, or the root.
// Commas need no state, because only an opening bracket or a colon can precede a first value.
type encoder struct{ b []byte }

func (e *encoder) key(k string) {
	if n := len(e.b); n > 0 && e.b[n-1] != '{' && e.b[n-1] != '[' && e.b[n-1] != ':' {
		e.b = append(e.b, ',')
	}
	if k != "" {
		e.b = append(e.b, '"')
		e.b = append(e.b, k...)
		e.b = append(e.b, '"', ':')
	}
}

func (e *encoder) obj(k string) { e.key(k); e.b = append(e.b, '{') }
func (e *encoder) end()         { e.b = append(e.b, '}') }
func (e *encoder) arr(k string) { e.key(k); e.b = append(e.b, '[') }
func (e *encoder) endArr()      { e.b = append(e.b, ']') }

func (e *encoder) raw(k, json string) { e.key(k); e.b = append(e.b, json...) }
func (e *encoder) null(k string)      { e.raw(k, "null") }

func (e *encoder) num(k string, n int64) { e.key(k); e.b = strconv.AppendInt(e.b, n, 10) }

func (e *encoder) flag(k string, v bool) { e.key(k); e.b = strconv.AppendBool(e.b, v) }

func (e *encoder) str(k, s string) { e.key(k); e.b = appendQuoted(e.b, s) }

// strOrNull writes an empty string as null.
func (e *encoder) strOrNull(k, s string) {
	if s == "" {
		e.null(k)
		return
	}
	e.str(k, s)
}

// numOrNull writes zero as null.
func (e *encoder) numOrNull(k string, n int64) {
	if n == 0 {
		e.null(k)
		return
	}
	e.num(k, n)
}

func (e *encoder) strs(k string, list ...string) {
	e.arr(k)
	for _, s := range list {
		e.str("", s)
	}
	e.endArr()
}

func appendQuoted(b []byte, s string) []byte {
	const hex = "0123456789abcdef"
	b = append(b, '"')
	start := 0
	for i := 0; i < len(s); {
		c := s[i]
		if c >= utf8.RuneSelf {
			r, size := utf8.DecodeRuneInString(s[i:])
			if r == utf8.RuneError && size == 1 {
				b = append(append(b, s[start:i]...), `\ufffd`...)
				start = i + 1
			}
			i += size
			continue
		}
		if c >= ' ' && c != '"' && c != '\\' {
			i++
			continue
		}
		b = append(b, s[start:i]...)
		switch c {
		case '"', '\\':
			b = append(b, '\\', c)
		case '\n':
			b = append(b, '\\', 'n')
		default:
			b = append(b, '\\', 'u', '0', '0', hex[c>>4], hex[c&15])
		}
		i++
		start = i
	}
	return append(append(b, s[start:]...), '"')
}
