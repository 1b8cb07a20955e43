package protocol

import (
	"encoding/json"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"pgregory.net/rapid"
)

// The short way for plain seconds writes what the general way does.
func TestPlainSecondsEqualTheGeneralWay(t *testing.T) {
	check := func(t rapid.TB, sec int64) {
		t.Helper()
		got, ok := appendDateTime(nil, strconv.FormatInt(sec, 10), false)
		if want := time.Unix(sec, 0).UTC().Format(`"` + time.RFC3339Nano + `"`); !ok || string(got) != want {
			t.Fatalf("%d became %s, want %s", sec, got, want)
		}
	}
	const day = 24 * 60 * 60
	for sec := int64(0); sec < 10_000_000_000+day; sec += day { // each day of 316 years, and beyond ten digits
		check(t, sec)
		check(t, sec+day-1)
	}
	rapid.Check(t, func(t *rapid.T) {
		check(t, rapid.Int64Range(0, 100_000_000_000).Draw(t, "seconds"))
	})
}

func TestPlainSecondsReadsNothingElse(t *testing.T) {
	for _, text := range []string{"", "0", "0123456789", "123456789", "12345678901", "-123456789", "123456789.", "12345e6789", "12345 6789", "/234567890", "123456789:"} {
		if sec, ok := plainSeconds(text); ok {
			t.Errorf("%q was read as %d", text, sec)
		}
	}
}

// Of any text the rewriter makes the same time as the slow reference, or none.
func FuzzTimes(f *testing.F) {
	for _, text := range strayTexts {
		f.Add(strings.Trim(text, `"`), text[0] == '"')
	}
	for _, text := range []string{"9999999999", "10000000000", "100000000000", "100000000001", "-100000000001", "253402300799", "253402300800", "-62135596801",
		"999999999999999999", "1000000000000000000", "1e18", "0.9e18", "-0.0000000001", "1700000000.9999999999", "0.1e-400", "1e+10", "-0e5", "2024-02-29T24:00:00Z",
		"2024-02-29T23:59:60Z", "2024-02-29T12:00:00,5Z", "2024-02-29T12:00:00.Z", "2024-02-29T12:00:00+24:00", "2024-2-9", "2024-02-29T12:00:00.5 +0200", "2024-02-29T2:00:00.00", "0000-01-01", "9999-12-31T23:59:59-01:00"} {
		f.Add(text, true)
		f.Add(text, false)
	}
	exponent := regexp.MustCompile(`[eE][-+]?0*[0-9]{4,}$`)
	f.Fuzz(func(t *testing.T, text string, quoted bool) {
		number := jsonNumber.MatchString(text)
		if len(text) > 60 || exponent.MatchString(text) || !number && !quoted || !utf8.ValidString(text) {
			return // more digits than are kept, or more than the reference has the time for, or no JSON
		}
		for _, singer := range []bool{false, true} {
			got, ok := appendUnix(nil, text, quoted)
			if singer {
				got, ok = appendDateTime(nil, text, quoted)
			}
			want, wanted := newReference(singer).time(text, number, quoted)
			if ok != wanted {
				t.Fatalf("%q, Singer %v: %s %v, want %v %v", text, singer, got, ok, want, wanted)
			}
			if encoded, err := json.Marshal(want); ok && (err != nil || string(got) != string(encoded)) {
				t.Fatalf("%q, Singer %v: %s, want %s", text, singer, got, encoded)
			}
		}
	})
}
