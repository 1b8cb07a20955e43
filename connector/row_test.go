package connector

import (
	"bytes"
	"encoding/json"
	"testing"

	"pgregory.net/rapid"
)

// TestTextsAreAsEncodingJSONHasThem: what was written before a change of the program has the same fingerprint after it.
func TestTextsAreAsEncodingJSONHasThem(t *testing.T) {
	odd := rapid.SampledFrom([]string{"\"", "\\", "\n", "\r\t", "\b\f", "\x00", "\x1f", "\x7f", "é", "\u2028", "\u2029", "\ufffd", "\ufeff", "👩‍💻", "<p>&", "\xff", "\xe2\x80", "\xf0\x9f", "plain"})
	text := rapid.OneOf(rapid.String(), rapid.Custom(func(t *rapid.T) string {
		return string(bytes.Join(rapid.SliceOf(rapid.Map(odd, func(s string) []byte { return []byte(s) })).Draw(t, "pieces"), nil))
	}))
	rapid.Check(t, func(t *rapid.T) {
		s := text.Draw(t, "text")
		var b bytes.Buffer
		encoder := json.NewEncoder(&b)
		encoder.SetEscapeHTML(false)
		if err := encoder.Encode(s); err != nil {
			t.Fatal(err)
		}
		if got, want := string(appendText(nil, s)), string(bytes.TrimSuffix(b.Bytes(), []byte("\n"))); got != want {
			t.Fatalf("%s, want %s", got, want)
		}
	})
}

// TestRowWriter: rows, and objects within them, come apart as they were written; what stands for unknown is null.
func TestRowWriter(t *testing.T) {
	w := newRows()
	no := false
	for range 2 {
		w.text("a", "")
		w.textOrEmpty("b", "")
		w.time("c", 0)
		w.number("d", nil)
		w.count("e", 0)
		w.flag("f", nil)
		w.flag("g", &no)
		w.texts("h", nil)
		w.texts("i", []string{"x", "y"})
		w.objects("j", 2, func(i int) { w.count("k", int64(i)); w.json("l", "{}") })
		w.json("m", "")
		w.end()
	}
	const want = `{"a":null,"b":"","c":null,"d":null,"e":0,"f":null,"g":false,"h":[],"i":["x","y"],"j":[{"k":0,"l":{}},{"k":1,"l":{}}],"m":null}`
	n := 0
	for row := range w.all() {
		if n++; row.Raw != want {
			t.Errorf("%s\nwant %s", row.Raw, want)
		}
	}
	if n != 2 {
		t.Errorf("%d rows", n)
	}
}
