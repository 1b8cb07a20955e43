package protocol

import (
	"strconv"
	"testing"
	"time"

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
