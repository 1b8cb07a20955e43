package protocol

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/tidwall/gjson"
	"pgregory.net/rapid"
)

// Strings of every length, with an escape at every place and text of every length behind them, which
// decides whether the last bytes are read by the word.
func TestSkipStringAtEveryPlace(t *testing.T) {
	for length := range 20 {
		for at := range length + 1 {
			for _, escape := range []string{"", `\"`, `\\`, `\\\"`, `\u0022`, "é"} {
				text := strings.Repeat("x", length)
				text = `"` + text[:at] + escape + text[at:] + `"`
				for behind := range 10 {
					s := "[" + text + "," + strings.Repeat(`"`, behind)
					if got := skipString(s, 1); got != 1+len(text) {
						t.Fatalf("skipString(%s) ends at %d, want %d", s, got, 1+len(text))
					}
				}
			}
		}
	}
}

// Of any value the scanners find the same end as a decoder.
func TestSkipValueEqualsDecoder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		shape := genShape(t, 3)
		text := genText(t, shape, style{stray: 20, space: true})
		var decoded json.RawMessage
		if err := json.NewDecoder(strings.NewReader(text)).Decode(&decoded); err != nil {
			t.Fatal(err)
		}
		tail := rapid.SampledFrom([]string{",", "]", "}", " ,", `,"a":[{"`, `]}]}]}"`}).Draw(t, "tail")
		if got := skipValue("["+text+tail, 1); got != 1+len(decoded) {
			t.Fatalf("skipValue(%q) ends at %d, want %d", text+tail, got, 1+len(decoded))
		}
	})
}

func TestSkipInteger(t *testing.T) {
	for text, want := range map[string]int{
		"0": 1, "-0": 2, "12": 2, "-12,": 3, "1700000000}": 10, "7]": 1, "7 ,": 1, "7\t": 1,
		"1.5": 0, "1e3": 0, "1E3": 0, "-1.5": 0, "-1e+3": 0, "true": 0, "null": 0, `"12"`: 0, "{}": 0, "[1]": 0,
	} {
		if got := skipInteger(text, 0); got != want {
			t.Errorf("skipInteger(%q) is %d, want %d", text, got, want)
		}
	}
}

// What tidy hands back untouched, mend would not have changed either.
func TestTidyPassesOverNothing(t *testing.T) {
	pieces := []string{
		"a", "é", "🙂", "\xff", "\xc3", "\xed\xa0\x80", "\x00ffd", `\\`, `\"`, `\n`, `\/`, `\u0000`, `\\u0000`, `\u00001`, `\u0041`, `\u000d`,
		`\ud83d\ude42`, `\uD83D\uDE42`, `\ud800`, `\uDC00`, `\\ud800`, `\\\ud800`, `\ud7ff`, `\udaffx`, strings.Repeat("long ", 7),
	}
	rapid.Check(t, func(t *rapid.T) {
		text := strings.Join(rapid.SliceOfN(rapid.SampledFrom(pieces), 0, 9).Draw(t, "pieces"), "")
		space := rapid.SampledFrom([]string{"", " ", "\n", "\r"}).Draw(t, "space")
		s := `{"k":` + space + `"` + strings.ReplaceAll(text, "\x00", "") + `"}`
		if !gjson.Valid(s) {
			t.Fatalf("generated %q", s)
		}
		for _, dropNUL := range []bool{false, true} {
			if got, want := tidy(s, dropNUL), mend(s, strings.ContainsAny(s, "\n\r"), dropNUL); got != want {
				t.Fatalf("tidy(%q) is %q, want %q", s, got, want)
			}
		}
	})
}
