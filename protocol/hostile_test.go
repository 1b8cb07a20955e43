package protocol

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"
)

// within fails the test when f takes so long that its time must grow with the square of its input.
func within(t *testing.T, what string, f func()) {
	t.Helper()
	done := make(chan struct{})
	go func() {
		defer close(done)
		f()
	}()
	select {
	case <-done:
	case <-time.After(30 * time.Second):
		t.Fatalf("%s: still at work", what)
	}
}

func skipShort(t *testing.T) {
	t.Helper()
	if testing.Short() {
		t.Skip("takes seconds")
	}
}

// numbered joins texts in which % is the number.
func numbered(n int, text string) string {
	var b strings.Builder
	for i := range n {
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteString(strings.ReplaceAll(text, "%", fmt.Sprint(i)))
	}
	return b.String()
}

// many is so large that what grows with its square takes minutes.
const many = 100_000

func TestHugeCatalogs(t *testing.T) {
	skipShort(t)
	tests := []struct {
		name, catalog string
		streams, drop int
	}{
		{"fields deselected in the schema", catalogOf(`{"stream":"a","selected":true,"schema":{"properties":{` + numbered(many, `"f%":{"selected":false}`) + `}}}`), 1, many},
		{"fields deselected in the metadata", catalogOf(singerEntry("a", `{"selected":true}`, numbered(many, field(`["properties","f%"]`, `{"selected":false}`)))), 1, many},
		{"one field deselected again and again", catalogOf(singerEntry("a", `{"selected":true}`, numbered(many, field(`["properties","f"]`, `{"selected":false}`)))), 1, 1},
		{"fields below a deselected one", catalogOf(singerEntry("a", `{"selected":true}`, field(`["properties","o"]`, `{"selected":false}`),
			numbered(many, field(`["properties","o","properties","f%"]`, `{"selected":false}`)))), 1, 1},
		{"streams", catalogOf(numbered(many, `{"stream":{"name":"s%"},"sync_mode":"incremental"}`)), many, 0},
		{"Singer's streams", catalogOf(numbered(many, `{"stream":"s%","selected":true}`)), many, 0},
		{"keys", catalogOf(`{"stream":{"name":"a"},"sync_mode":"full_refresh","primary_key":[` + numbered(many, `["f%"]`) + `]}`), 1, 0},
		{"members that nobody knows", catalogOf(`{"stream":{"name":"a"},"sync_mode":"full_refresh",` + numbered(many, `"x%":{}`) + `}`), 1, 0},
	}
	for _, test := range tests {
		within(t, test.name, func() {
			sel, err := ParseCatalog([]byte(test.catalog))
			if err != nil {
				t.Errorf("%s: %v", test.name, err)
				return
			}
			if len(sel.Streams) != test.streams || len(sel.Streams[0].Drop) != test.drop {
				t.Errorf("%s: %d streams, the first without %d fields; want %d and %d", test.name, len(sel.Streams), len(sel.Streams[0].Drop), test.streams, test.drop)
			}
		})
	}
}

// deep puts a schema into itself, each level by the text around %.
func deep(levels int, around string) string {
	before, after, _ := strings.Cut(around, "%")
	return strings.Repeat(before, levels) + "{}" + strings.Repeat(after, levels)
}

// A mistake is told in a few words, whatever it is made of.
func TestHostileCatalogs(t *testing.T) {
	long := strings.Repeat("é", 1<<20)
	schema := func(text string) string { return catalogOf(`{"stream":"a","selected":true,"schema":` + text + `}`) }
	const tooDeep = "nested more than 32 levels deep"
	tests := []struct{ name, catalog, want string }{
		{"deep objects", schema(deep(4000, `{"selected":false,"properties":{"p":%}}`)), tooDeep},
		{"deep objects of which none says anything", schema(deep(4000, `{"properties":{"p":%}}`)), tooDeep},
		{"deep arrays", schema(deep(4000, `{"items":%}`)), tooDeep},
		{"deep in another stream's", catalogOf(`{"stream":"a","schema":` + deep(4000, `{"items":%}`) + `}`), tooDeep},
		{"deeper than JSON may be", schema(strings.Repeat("[", 1_000_000)), "exceeded max depth"},
		{"long crumbs", catalogOf(singerEntry("a", `{}`, field(`["properties","`+long+`","x"]`, `{}`))), "pairs of"},
		{"many crumbs", catalogOf(singerEntry("a", `{}`, field(`[`+numbered(1000, `"properties","%"`)+`]`, `{}`))), "a path of 2000 names"},
		{"a long name", catalogOf(`{"stream":{"name":"` + long + `"},"sync_mode":"incremental"}`), "a stream's name"},
		{"a long field", schema(`{"properties":{"` + long + `":{"selected":7}}}`), "true or false"},
		{"a long mode", catalogOf(`{"stream":{"name":"a"},"sync_mode":"` + long + `"}`), "full_refresh or incremental"},
		{"a number without end", catalogOf(`{"stream":{"name":"a"},"sync_mode":"full_refresh","sync_id":` + strings.Repeat("9", 1<<20) + `}`), "an integer"},
		{"a number beyond all", catalogOf(`{"stream":{"name":"a"},"sync_mode":"full_refresh","sync_id":1e999999999}`), "1e999999999"},
		{"a second stream among many", catalogOf(numbered(many, `{"name":"s%"}`), `{"name":"s77"}`), fmt.Sprintf(`streams[%d].name in the catalog is "s77" a second time`, many)},
		{"NULs", "\x00\x00", "not JSON from line 1, column 1"},
		{"half a character set", "\xff\xfe{\x00}\x00", "not JSON from line 1, column 1"},
		{"documents", strings.Repeat("{}\n", many), fmt.Sprintf("%d JSON documents", many)},
	}
	for _, test := range tests {
		within(t, test.name, func() {
			_, err := ParseCatalog([]byte(test.catalog))
			if _, is := errors.AsType[*InputError](err); !is || !strings.Contains(err.Error(), test.want) || len(err.Error()) > 1000 {
				t.Errorf("%s: error %.1000v, want one that says %q in a few words", test.name, err, test.want)
			}
		})
	}
}

// Names are what they are: a NUL or half a surrogate pair names another stream, and no other form of JSON
// comes through as it.
func TestCatalogNamesOfAnyCharacters(t *testing.T) {
	sel, err := ParseCatalog([]byte("\ufeff" + catalogOf(`{"name":"a\u0000"}`, `{"name":"a\ud800"}`, `{"name":"a\ufffd\ufffd"}`, `{"n\u0061me":"b","name":"c"}`)))
	if err != nil || len(sel.Streams) != 4 || sel.Streams[0].Stream != "a\x00" || sel.Streams[3].Stream != "b" {
		t.Errorf("%+v, error %v", sel, err)
	}
}

func TestHugeStates(t *testing.T) {
	skipShort(t)
	tests := []struct {
		name, state    string
		streams, extra int
	}{
		{"bookmarks", `{"bookmarks":{` + numbered(many, `"s%":{"x":1}`) + `}}`, many, 0},
		{"keys of others", `{"bookmarks":{},` + numbered(many, `"k%":1`) + `}`, 0, many},
		{"legacy", `{` + numbered(many, `"s%":{}`) + `}`, many, 0},
		{"a list", `[` + numbered(many, `{"type":"STREAM","stream":{"stream_descriptor":{"name":"s%"},"stream_state":{}}}`) + `]`, many, 0},
		{"one stream again and again", strings.Repeat(streamState("a", `{"x":1}`)+"\n", many), 1, 0},
		{"one bookmark again and again", `{"bookmarks":{` + strings.Repeat(`"a":{"x":1},`, many) + `"a":{}}}`, 1, 0},
		{"states one after the other", strings.Repeat(`{"bookmarks":{"a":{},"b":{}}}`+"\n", many), 2, 0},
		{"a long value", `{"bookmarks":{"a":{"fingerprints":"` + strings.Repeat("A", 20_000_000) + `"}}}`, 1, 0},
		{"a list of ranges", `{"bookmarks":{"a":{"done":[` + numbered(many, `[%,%]`) + `]}}}`, 1, 0},
	}
	for _, test := range tests {
		within(t, test.name, func() {
			got, err := ParseState([]byte(test.state))
			if err != nil || len(got.Streams) != test.streams || len(got.Extra) != test.extra {
				t.Errorf("%s: %d streams and %d more, error %v; want %d and %d", test.name, len(got.Streams), len(got.Extra), err, test.streams, test.extra)
			}
		})
	}
}

func TestHostileStates(t *testing.T) {
	long := strings.Repeat("x", 1<<20)
	for name, state := range map[string]string{
		"deep":                 strings.Repeat(`{"bookmarks":`, 500_000),
		"deep and whole":       `{"bookmarks":{"a":` + strings.Repeat("[", 1_000_000) + strings.Repeat("]", 1_000_000) + `}}`,
		"a long name":          `{"` + long + `":7}`,
		"a long type":          `{"type":"` + long + `"}`,
		"a long value":         `[{"type":"STREAM","stream":{"stream_descriptor":{"name":"a"},"stream_state":"` + long + `"}}]`,
		"NULs":                 "\x00{}",
		"two byte order marks": "\ufeff\ufeff{}",
		"UTF-16":               "\xff\xfe{\x00}\x00",
		"binary":               "\x1f\x8b\x08\x00",
	} {
		within(t, name, func() {
			_, err := ParseState([]byte(state))
			if _, is := errors.AsType[*InputError](err); !is || len(err.Error()) > 1000 {
				t.Errorf("%s: error %.1000v, want an InputError in a few words", name, err)
			}
		})
	}
}

// The line of a record is valid, and its memory stays near its size, whatever the record holds.
func TestHugeRecords(t *testing.T) {
	skipShort(t)
	s := Stream{Name: "s", Key: []string{"id"}, Schema: json.RawMessage(`{"type":"object","properties":{"id":{"type":"string"},"n":{"type":["null","integer"]},
		"at":{"type":["null","integer"],"x-unix":true},"body":{"type":["null","string"]},"list":{"type":["null","array"],"items":{"type":["null","object"],"properties":{}}},
		"custom_attributes":{"type":["null","object"],"properties":{}}}}`)}
	digits := strings.Repeat("7", 100_000)
	for name, record := range map[string]string{
		"a long text":            `{"id":"1","body":"` + strings.Repeat("é", 3_000_000) + `"}`,
		"a long text of escapes": `{"id":"1","body":"` + strings.Repeat(`\ud800\u0000`, 1_000_000) + `"}`,
		"a long broken text":     `{"id":"1","body":"` + strings.Repeat("\xff", 1_000_000) + `"}`,
		"custom attributes":      `{"id":"1","custom_attributes":{` + numbered(300_000, `"a%":"%"`) + `}}`,
		"members":                `{"id":"1",` + numbered(300_000, `"a%":null`) + `}`,
		"objects":                `{"id":"1","list":[` + strings.Repeat("{},", 1_000_000) + `{}]}`,
		"depth":                  `{"id":"1","x":` + strings.Repeat("[", 1_000_000) + strings.Repeat("]", 1_000_000) + `}`,
		"depth in a list":        `{"id":"1","list":[{"x":` + strings.Repeat(`{"x":`, 900) + "1" + strings.Repeat("}", 900) + `}]}`,
		"digits":                 `{"id":"1","n":` + digits + `.0,"at":` + digits + `.5}`,
		"exponents":              `{"id":"1","n":1e` + digits + `,"at":-1e999999}`,
		"digits in texts":        `{"id":"1","n":"` + digits + `e5","at":"` + digits + `.` + digits + `"}`,
		"one member many times":  `{` + strings.Repeat(`"id":"1","n":"x",`, 300_000) + `"id":"2"}`,
	} {
		for _, d := range dialects() {
			within(t, name, func() {
				e, err := d.Encoder(s, nil)
				if err != nil {
					t.Error(err)
					return
				}
				line, at := e.Append(nil, record, nil, noon)
				if strings.Count(string(line), "\n") != 1 || name != "depth" && !json.Valid(line) {
					t.Errorf("%s: %s wrote no valid line: %.200s", name, d.Name(), line)
				}
				if at.End-at.Start > len(record)+len(record)/8 && name != "a long broken text" { // U+FFFD is three bytes
					t.Errorf("%s: %s made %d bytes of %d", name, d.Name(), at.End-at.Start, len(record))
				}
				if n := len(e.Drift()); n > maxPaths+1 {
					t.Errorf("%s: %d fields are counted one by one", name, n)
				}
			})
		}
	}
}
