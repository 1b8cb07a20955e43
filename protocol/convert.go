package protocol

import (
	"strconv"
	"strings"

	"github.com/tidwall/gjson"
)

// fits reports whether a scalar is already what its schema wants; integer tells that it is a number of
// digits alone. Null, and text where text is wanted, have been passed before.
func fits(k kind, raw string, integer bool) bool {
	switch k {
	case anyKind:
		return true
	case booleanKind:
		return raw[0] == 't' || raw[0] == 'f'
	case numberKind:
		return raw[0] == '-' || isDigit(raw[0])
	case integerKind, unixKind, wholeKind:
		return integer
	}
	return false
}

// appendConverted appends a scalar that does not fit as what its schema wants. Without ok, dst may
// have grown and must be cut back.
func appendConverted(dst []byte, k kind, raw string) (_ []byte, ok bool) {
	text := raw
	quoted := raw[0] == '"'
	if quoted {
		text = unquote(raw)
	}
	switch k {
	case stringKind:
		dst = append(dst, '"')
		dst = append(dst, raw...)
		return append(dst, '"'), true
	case booleanKind:
		return append(dst, text...), quoted && (text == "true" || text == "false")
	case numberKind:
		return append(dst, text...), isNumber(text)
	case integerKind:
		return appendInteger(dst, text)
	case wholeKind:
		if t, ok := parseTime(text); ok && quoted {
			return strconv.AppendInt(dst, t.Unix(), 10), true
		}
		return appendInteger(dst, text)
	case unixKind:
		return appendUnix(dst, text, quoted)
	case dateTimeKind:
		return appendDateTime(dst, text, quoted)
	}
	return dst, false
}

func unquote(raw string) string {
	if strings.IndexByte(raw, '\\') >= 0 {
		return gjson.Parse(raw).Str
	}
	return raw[1 : len(raw)-1]
}

// maxDigits bounds what an exponent may blow up to; warehouses hold no longer integers.
const maxDigits = 38

func appendInteger(dst []byte, text string) ([]byte, bool) {
	if isInteger(text) {
		return append(dst, text...), true
	}
	var d decimal
	if !d.parse(text) || d.point < d.n || d.point > maxDigits {
		return dst, false
	}
	return d.appendWhole(dst), true
}

// decimal is a number as 0.ddd * 10^point, exactly, without zeros at either end; zero has no digits.
type decimal struct {
	negative bool
	digits   [64]byte
	n        int
	point    int
}

// parse reads a JSON number; it refuses other texts, and more digits than it can hold.
func (d *decimal) parse(text string) bool {
	if !isNumber(text) {
		return false
	}
	if text[0] == '-' {
		d.negative = true
		text = text[1:]
	}
	mantissa, exponent := text, 0
	if e := strings.IndexAny(text, "eE"); e >= 0 {
		var err error
		if exponent, err = strconv.Atoi(text[e+1:]); err != nil || exponent > 1_000_000 || exponent < -1_000_000 {
			return false
		}
		mantissa = text[:e]
	}
	whole, fraction, _ := strings.Cut(mantissa, ".")
	d.point = len(whole) + exponent
	zeros := 0 // seen, and not yet known to be inside the number
	for _, part := range [...]string{whole, fraction} {
		for i := range len(part) {
			switch {
			case part[i] != '0':
				if d.n+zeros >= len(d.digits) {
					return false
				}
				for ; zeros > 0; zeros-- {
					d.digits[d.n] = '0'
					d.n++
				}
				d.digits[d.n] = part[i]
				d.n++
			case d.n == 0:
				d.point--
			default:
				zeros++
			}
		}
	}
	if d.n == 0 {
		d.point = 0
	}
	return true
}

// appendWhole appends the digits before the point.
func (d *decimal) appendWhole(dst []byte) []byte {
	if d.point <= 0 {
		return append(dst, '0')
	}
	if d.negative {
		dst = append(dst, '-')
	}
	return d.appendDigits(dst, 0, d.point)
}

// appendDigits appends the digits from place i to place j after the decimal's first.
func (d *decimal) appendDigits(dst []byte, i, j int) []byte {
	for ; i < j; i++ {
		if i >= 0 && i < d.n {
			dst = append(dst, d.digits[i])
		} else {
			dst = append(dst, '0')
		}
	}
	return dst
}

// split returns the number, which has at most maxSecondsDigits before the point, as the integer below
// it and the billionths above that.
func (d *decimal) split() (whole, billionths int64) {
	var buf [maxSecondsDigits + 1]byte
	whole, _ = strconv.ParseInt(string(d.appendWhole(buf[:0])), 10, 64)
	billionths, _ = strconv.ParseInt(string(d.appendDigits(buf[:0], d.point, d.point+9)), 10, 64)
	if d.negative && d.n > d.point {
		whole--
		billionths = 1_000_000_000 - billionths
		if d.n > d.point+9 { // there is more behind the billionths
			billionths--
		}
	}
	return whole, billionths
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }

// isInteger reports whether text is a JSON number of digits alone.
func isInteger(text string) bool {
	n := scanInteger(text)
	return n > 0 && n == len(text)
}

func isNumber(text string) bool {
	i := scanInteger(text)
	if i == 0 {
		return false
	}
	if i < len(text) && text[i] == '.' {
		n := digits(text[i+1:])
		if n == 0 {
			return false
		}
		i += 1 + n
	}
	if i < len(text) && (text[i] == 'e' || text[i] == 'E') {
		i++
		if i < len(text) && (text[i] == '+' || text[i] == '-') {
			i++
		}
		n := digits(text[i:])
		if n == 0 {
			return false
		}
		i += n
	}
	return i == len(text)
}

// scanInteger returns the length of the JSON integer that text begins with, or 0.
func scanInteger(text string) int {
	sign := 0
	if text != "" && text[0] == '-' {
		sign = 1
	}
	n := digits(text[sign:])
	switch {
	case n == 0:
		return 0
	case text[sign] == '0':
		n = 1 // no other digit may follow a leading zero
	}
	return sign + n
}

func digits(text string) int {
	i := 0
	for i < len(text) && isDigit(text[i]) {
		i++
	}
	return i
}
