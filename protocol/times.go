package protocol

import (
	"strconv"
	"time"
)

// appendUnix appends whole seconds; a fraction is rounded down.
func appendUnix(dst []byte, text string, quoted bool) ([]byte, bool) {
	if isInteger(text) {
		return append(dst, text...), true
	}
	var d decimal
	if d.parse(text) {
		if d.point > maxSecondsDigits {
			return dst, false
		}
		sec, _ := d.split()
		return strconv.AppendInt(dst, sec, 10), true
	}
	t, ok := parseTime(text)
	if !quoted || !ok {
		return dst, false
	}
	return strconv.AppendInt(dst, t.Unix(), 10), true
}

// maxSecondsDigits keeps Unix times, in seconds or milliseconds, well inside an int64.
const maxSecondsDigits = 18

// Above this, a Unix time is in milliseconds: as seconds it would lie past the year 5100, as
// milliseconds it is 1973.
const firstMilli = 100_000_000_000

func appendDateTime(dst []byte, text string, quoted bool) ([]byte, bool) {
	if sec, ok := plainSeconds(text); ok {
		return appendPlainSeconds(dst, sec), true
	}
	var t time.Time
	var d decimal
	switch {
	case isInteger(text) && len(text) <= maxSecondsDigits:
		sec, err := strconv.ParseInt(text, 10, 64)
		if err != nil {
			return dst, false
		}
		t = unixTime(sec, 0)
	case d.parse(text):
		if d.point > maxSecondsDigits {
			return dst, false
		}
		t = unixTime(d.split())
	case quoted:
		var ok bool
		if t, ok = parseTime(text); !ok {
			return dst, false
		}
	default:
		return dst, false
	}
	t = t.UTC()
	if year := t.Year(); year < 1 || year > 9999 {
		return dst, false
	}
	dst = append(dst, '"')
	dst = t.AppendFormat(dst, time.RFC3339Nano)
	return append(dst, '"'), true
}

// plainDigits is how many digits the seconds of nearly all times have, up to the year 2286.
const plainDigits = 10

// plainSeconds reads the form in which nearly all times come.
func plainSeconds(text string) (sec int64, ok bool) {
	if len(text) != plainDigits || text[0] == '0' {
		return 0, false
	}
	for i := range plainDigits {
		if !isDigit(text[i]) {
			return 0, false
		}
		sec = 10*sec + int64(text[i]-'0')
	}
	return sec, true
}

// appendPlainSeconds appends what plainSeconds read as the general way does it, in half the time.
func appendPlainSeconds(dst []byte, sec int64) []byte {
	t := time.Unix(sec, 0).UTC()
	year, month, day := t.Date()
	hour, minute, second := t.Clock()
	dst = append(dst, '"')
	dst = appendPair(dst, year/100)
	dst = appendPair(dst, year%100)
	dst = appendPair(append(dst, '-'), int(month))
	dst = appendPair(append(dst, '-'), day)
	dst = appendPair(append(dst, 'T'), hour)
	dst = appendPair(append(dst, ':'), minute)
	dst = appendPair(append(dst, ':'), second)
	return append(dst, `Z"`...)
}

// appendPair appends a number below 100 as two digits.
func appendPair(dst []byte, n int) []byte { return append(dst, byte('0'+n/10), byte('0'+n%10)) }

// unixTime takes whole seconds or milliseconds and billionths of one.
func unixTime(whole, billionths int64) time.Time {
	if whole > firstMilli || whole < -firstMilli {
		return time.UnixMilli(whole).Add(time.Duration(billionths / 1000))
	}
	return time.Unix(whole, billionths)
}

// Forms of time that versions of the API, and the languages it is written in, print. A time without
// a zone is UTC.
var timeLayouts = []string{
	time.RFC3339,
	"2006-01-02T15:04:05",
	"2006-01-02T15:04:05Z0700",
	"2006-01-02 15:04:05 UTC",
	"2006-01-02 15:04:05 -0700",
	"2006-01-02 15:04:05Z07:00",
	"2006-01-02 15:04:05",
	"2006-01-02",
}

func parseTime(text string) (time.Time, bool) {
	if len(text) < len("2006-01-02") || text[4] != '-' {
		return time.Time{}, false
	}
	for _, layout := range timeLayouts {
		if t, err := time.Parse(layout, text); err == nil {
			return t, true
		}
	}
	return time.Time{}, false
}
