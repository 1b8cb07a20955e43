package protocol

import (
	"bytes"
	"encoding/json"
	"maps"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"github.com/tidwall/gjson"
	"github.com/xeipuuv/gojsonschema"
	"pgregory.net/rapid"
)

var noon = time.Date(2026, 3, 4, 12, 0, 0, 123456789, time.UTC)

func mustEncoder(t testing.TB, d Dialect, s Stream, drop ...FieldPath) *Encoder {
	t.Helper()
	e, err := d.Encoder(s, drop)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// encode returns one record's line, checked to be one line, and the record's own JSON in it.
func encode(t rapid.TB, e *Encoder, raw string, inject ...Inject) (line, data string) {
	t.Helper()
	before := "earlier\n"
	dst, span := e.Append([]byte(before), raw, inject, noon)
	line = string(dst[len(before):])
	if strings.Count(line, "\n") != 1 || !strings.HasSuffix(line, "\n") || strings.Contains(line, "\r") {
		t.Fatalf("not one line: %q", line)
	}
	if !json.Valid([]byte(line)) || !utf8.ValidString(line) {
		t.Fatalf("not valid JSON in UTF-8: %q\nfrom %q", line, raw)
	}
	data = string(dst[span.Start:span.End])
	path := "record"
	if e.airbyte {
		path = "record.data"
	}
	if got := gjson.Get(line, path).Raw; got != data {
		t.Fatalf("the span is %q, the line's record %q", data, got)
	}
	return line, data
}

func dialects() []Dialect { return []Dialect{Airbyte{}, Singer{}} }

// Whatever comes, the encoder says the same as the slow reference.
func TestEncoderEqualsReference(t *testing.T) {
	for _, d := range dialects() {
		t.Run(d.Name(), rapid.MakeCheck(func(t *rapid.T) {
			root := genRoot(t)
			singer := d.Name() == "singer"
			ref := newReference(singer)
			var drop []FieldPath
			for range rapid.IntRange(0, 2).Draw(t, "drops") {
				path := rapid.SliceOfN(rapid.SampledFrom(append(fieldNames[:3:3], root.names...)), 1, 2).Draw(t, "drop")
				if strings.Contains(strings.Join(path, ""), ".") {
					continue // the reference could not tell a.b from a, b
				}
				if p := root.props[path[0]]; len(path) == 2 && p != nil && p.typ != "object" && p.typ != "array" && p.typ != "" {
					continue // nothing is below a scalar
				}
				drop = append(drop, path)
				ref.drop[strings.Join(path, ".")] = true
			}
			raw := genObject(t, root, style{stray: 25, broken: true, space: true})
			in, err := decode([]byte(raw))
			if err != nil {
				t.Fatalf("generated %q: %v", raw, err)
			}
			if singer {
				in = withoutNUL(in).(map[string]any)
			}
			want := ref.object(in, root, "")

			e, err := d.Encoder(Stream{Name: "s", Schema: root.json()}, drop)
			if err != nil {
				t.Fatal(err)
			}
			line, data := encode(t, e, raw)
			got, err := decode([]byte(data))
			if err != nil {
				t.Fatal(err)
			}
			about := "schema " + string(root.json()) + "\nraw " + raw
			if diff := cmp.Diff(canonicalTexts(want), canonicalTexts(got)); diff != "" {
				t.Fatalf("record (-want +got):\n%s\n%s", diff, about)
			}
			if diff := cmp.Diff(ref.drift, e.Drift()); diff != "" {
				t.Fatalf("drift (-want +got):\n%s\n%s", diff, about)
			}
			if diff := cmp.Diff(ref.nulled, e.Nulled()); diff != "" {
				t.Fatalf("nulled (-want +got):\n%s\n%s", diff, about)
			}
			var fields []string
			for _, change := range gjson.Get(line, "record.meta.changes").Array() {
				fields = append(fields, change.Get("field").Str)
			}
			slices.Sort(fields)
			if want := slices.Sorted(maps.Keys(ref.nulled)); !singer && !slices.Equal(fields, want) {
				t.Fatalf("meta.changes names %q, want %q\n%s", fields, want, about)
			}
		}))
	}
}

// What the schema agrees with is not touched, down to white space and digits.
func TestConformingRecordStaysByteIdentical(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		root := genRoot(t)
		raw := genObject(t, root, style{space: true})
		e, err := Airbyte{}.Encoder(Stream{Name: "s", Schema: root.json()}, nil)
		if err != nil {
			t.Fatal(err)
		}
		if _, data := encode(t, e, raw); data != raw {
			t.Fatalf("changed\n%s\nto\n%s", raw, data)
		}
	})
}

// Whatever comes, what goes out agrees with the schema that went out. Fields that must not be null
// are left out: they are keys, and stay as they came.
func TestOutputAgreesWithPublishedSchema(t *testing.T) {
	for _, d := range dialects() {
		t.Run(d.Name(), rapid.MakeCheck(func(t *rapid.T) {
			root := genRoot(t)
			makeNullable(root)
			s := Stream{Name: "s", Schema: root.json()}
			times := unixKind
			if d.Name() == "singer" {
				times = dateTimeKind
			}
			published, err := appendSchema(nil, s, nil, times)
			if err != nil {
				t.Fatal(err)
			}
			schema, err := gojsonschema.NewSchema(gojsonschema.NewBytesLoader(published))
			if err != nil {
				t.Fatal(err)
			}
			e, err := d.Encoder(s, nil)
			if err != nil {
				t.Fatal(err)
			}
			_, data := encode(t, e, genObject(t, root, style{stray: 40, broken: true}))
			result, err := schema.Validate(gojsonschema.NewStringLoader(data))
			if err != nil {
				t.Fatal(err)
			}
			if !result.Valid() {
				t.Fatalf("%v\nrecord %s\nschema %s", result.Errors(), data, published)
			}
		}))
	}
}

func makeNullable(s *shape) {
	for _, p := range s.props {
		p.nullable = true
		makeNullable(p)
	}
	if s.items != nil {
		makeNullable(s.items) // its own nullability stays: items that fit nowhere leave the array
	}
}

func TestConversions(t *testing.T) {
	const schema = `{"type":"object","properties":{
		"s":{"type":["null","string"]}, "i":{"type":["null","integer"]}, "n":{"type":["null","number"]}, "b":{"type":["null","boolean"]},
		"t":{"type":["null","integer"],"x-unix":true},
		"o":{"type":["null","object"],"x-wrap":"category","properties":{"category":{"type":["null","string"]}}},
		"l":{"type":["null","array"],"items":{"type":"string"}},
		"m":{"type":["null","array"],"items":{"type":["null","integer"]}},
		"free":{"type":["null","object"]}}}`
	tests := []struct {
		name, raw, airbyte, singer string // singer "": as airbyte
		nulled                     string // the field that was nulled, if any
	}{
		{name: "number to string keeps its digits", raw: `{"s":12345678901234567890.10}`, airbyte: `{"s":"12345678901234567890.10"}`},
		{name: "boolean to string", raw: `{"s":true}`, airbyte: `{"s":"true"}`},
		{name: "object is no string", raw: `{"s":{"a":1}}`, airbyte: `{"s":null}`, nulled: "s"},
		{name: "string to integer", raw: `{"i":"-42"}`, airbyte: `{"i":-42}`},
		{name: "integral float", raw: `{"i":3.0}`, airbyte: `{"i":3}`},
		{name: "integral exponent", raw: `{"i":"1.5e3"}`, airbyte: `{"i":1500}`},
		{name: "huge integer is kept", raw: `{"i":99999999999999999999999999999999999999999999}`, airbyte: `{"i":99999999999999999999999999999999999999999999}`},
		{name: "huge exponent is not blown up", raw: `{"i":4E313225}`, airbyte: `{"i":null}`, nulled: "i"},
		{name: "fraction is no integer", raw: `{"i":1.5}`, airbyte: `{"i":null}`, nulled: "i"},
		{name: "empty string is no integer", raw: `{"i":""}`, airbyte: `{"i":null}`, nulled: "i"},
		{name: "string to number", raw: `{"n":"1.50"}`, airbyte: `{"n":1.50}`},
		{name: "text is no number", raw: `{"n":"1,5"}`, airbyte: `{"n":null}`, nulled: "n"},
		{name: "string to boolean", raw: `{"b":"false"}`, airbyte: `{"b":false}`},
		{name: "number is no boolean", raw: `{"b":1}`, airbyte: `{"b":null}`, nulled: "b"},
		{name: "seconds", raw: `{"t":1700000000}`, airbyte: `{"t":1700000000}`, singer: `{"t":"2023-11-14T22:13:20Z"}`},
		{name: "seconds before 1970", raw: `{"t":-1}`, airbyte: `{"t":-1}`, singer: `{"t":"1969-12-31T23:59:59Z"}`},
		{name: "seconds as a string", raw: `{"t":"1700000000"}`, airbyte: `{"t":1700000000}`, singer: `{"t":"2023-11-14T22:13:20Z"}`},
		{name: "seconds as a float", raw: `{"t":1700000000.0}`, airbyte: `{"t":1700000000}`, singer: `{"t":"2023-11-14T22:13:20Z"}`},
		{name: "seconds with a fraction", raw: `{"t":1700000000.25}`, airbyte: `{"t":1700000000}`, singer: `{"t":"2023-11-14T22:13:20.25Z"}`},
		{name: "milliseconds", raw: `{"t":1700000000123}`, airbyte: `{"t":1700000000123}`, singer: `{"t":"2023-11-14T22:13:20.123Z"}`},
		{name: "milliseconds with a fraction", raw: `{"t":1700000000123.25}`, airbyte: `{"t":1700000000123}`, singer: `{"t":"2023-11-14T22:13:20.12325Z"}`},
		{name: "milliseconds before 1970", raw: `{"t":-1700000000123}`, airbyte: `{"t":-1700000000123}`, singer: `{"t":"1916-02-18T01:46:39.877Z"}`},
		{name: "ISO 8601 with a zone", raw: `{"t":"2023-11-15T00:13:20.5+02:00"}`, airbyte: `{"t":1700000000}`, singer: `{"t":"2023-11-14T22:13:20.5Z"}`},
		{name: "ISO 8601 without one", raw: `{"t":"2023-11-14T22:13:20"}`, airbyte: `{"t":1700000000}`, singer: `{"t":"2023-11-14T22:13:20Z"}`},
		{name: "a day", raw: `{"t":"2023-11-14"}`, airbyte: `{"t":1699920000}`, singer: `{"t":"2023-11-14T00:00:00Z"}`},
		{name: "text is no time", raw: `{"t":"yesterday"}`, airbyte: `{"t":null}`, nulled: "t"},
		{name: "old shape is wrapped", raw: `{"o":"submitted"}`, airbyte: `{"o":{"category":"submitted"}}`},
		{name: "wrapped value is converted", raw: `{"o":7}`, airbyte: `{"o":{"category":"7"}}`},
		{name: "new shape is kept", raw: `{"o":{"category":"submitted"}}`, airbyte: `{"o":{"category":"submitted"}}`},
		{name: "object where a list is wanted", raw: `{"l":{"type":"list"}}`, airbyte: `{"l":null}`, nulled: "l"},
		{name: "item that fits nowhere becomes null", raw: `{"m":[1,"x",3]}`, airbyte: `{"m":[1,null,3]}`, nulled: "m"},
		{name: "item that must not be null leaves", raw: `{"l":[{},"a",null,"b",[]]}`, airbyte: `{"l":["a","b"]}`, nulled: "l"},
		{name: "free object is left alone", raw: `{"free":{"s":1,"t":1700000000}}`, airbyte: `{"free":{"s":1,"t":1700000000}}`},
		{name: "duplicate names pass", raw: `{"s":1,"s":"b"}`, airbyte: `{"s":"1","s":"b"}`},
		{name: "lone surrogate", raw: `{"s":"a\ud800b"}`, airbyte: `{"s":"a\ufffdb"}`},
		{name: "bad UTF-8", raw: "{\"s\":\"a\xffb\"}", airbyte: `{"s":"a` + "\ufffd" + `b"}`},
		{name: "NUL", raw: `{"s":"a\u0000b","free":{"\u0000k":1}}`, airbyte: `{"s":"a\u0000b","free":{"\u0000k":1}}`, singer: `{"s":"ab","free":{"k":1}}`},
		{name: "escaped backslash before u0000", raw: `{"s":"a\\u0000"}`, airbyte: `{"s":"a\\u0000"}`},
		{name: "pretty-printed", raw: "{\n  \"s\": \"a  b\",\r\n  \"i\": 1\n}", airbyte: `{"s":"a  b","i":1}`},
	}
	for _, tt := range tests {
		for _, d := range dialects() {
			t.Run(tt.name+"/"+d.Name(), func(t *testing.T) {
				e := mustEncoder(t, d, Stream{Name: "s", Schema: json.RawMessage(schema)})
				want := tt.airbyte
				if d.Name() == "singer" && tt.singer != "" {
					want = tt.singer
				}
				line, got := encode(t, e, tt.raw)
				if got != want {
					t.Errorf("got %s, want %s", got, want)
				}
				if tt.nulled == "" && len(e.Nulled()) > 0 || tt.nulled != "" && e.Nulled()[tt.nulled] == 0 {
					t.Errorf("nulled is %v, want %q", e.Nulled(), tt.nulled)
				}
				change := gjson.Get(line, "record.meta.changes.0").Raw
				if wantChange := `{"field":"` + tt.nulled + `","change":"NULLED","reason":"SOURCE_SERIALIZATION_ERROR"}`; d.Name() == "airbyte" && tt.nulled != "" && change != wantChange {
					t.Errorf("change is %s, want %s", change, wantChange)
				}
			})
		}
	}
}

func TestTimeOutsideTheCalendar(t *testing.T) {
	schema := json.RawMessage(`{"type":"object","properties":{"t":{"type":["null","integer"],"x-unix":true}}}`)
	for _, seconds := range []string{"-62135596801", "253402300800000", "99999999999999999999"} {
		e := mustEncoder(t, Singer{}, Stream{Name: "s", Schema: schema})
		if _, got := encode(t, e, `{"t":`+seconds+`}`); got != `{"t":null}` || e.Nulled()["t"] != 1 {
			t.Errorf("%s became %s, nulled %v", seconds, got, e.Nulled())
		}
	}
}

func TestKeyThatCannotBeConvertedStays(t *testing.T) {
	s := Stream{Name: "s", Key: []string{"id"}, Schema: json.RawMessage(`{"type":"object","properties":{"id":{"type":"string"}}}`)}
	if _, got := encode(t, mustEncoder(t, Airbyte{}, s), `{"id":{"odd":1}}`); got != `{"id":{"odd":1}}` {
		t.Errorf("got %s", got)
	}
}

func TestInject(t *testing.T) {
	s := Stream{Name: "s", Key: []string{"id"}, Schema: json.RawMessage(`{"type":"object","properties":{
		"id":{"type":"string"},"conversation_id":{"type":"string"},"seen":{"type":["null","integer"],"x-unix":true},"gone":{"type":["null","integer"]}}}`)}
	fields := []Inject{{"conversation_id", `"9"`}, {"seen", `1700000000`}, {"gone", `1`}, {"extra", `{"a":1}`}}
	tests := []struct{ raw, want string }{
		{`{}`, `{"conversation_id":"9","seen":"2023-11-14T22:13:20Z","extra":{"a":1}}`},
		{` { "id" : "1" } `, `{ "id" : "1" ,"conversation_id":"9","seen":"2023-11-14T22:13:20Z","extra":{"a":1}}`},
		{`{"conversation_id":9,"id":"1"}`, `{"id":"1","conversation_id":"9","seen":"2023-11-14T22:13:20Z","extra":{"a":1}}`},
		{`{"id":"1","extra":0}`, `{"id":"1","conversation_id":"9","seen":"2023-11-14T22:13:20Z","extra":{"a":1}}`},
	}
	for _, tt := range tests {
		e := mustEncoder(t, Singer{}, s, FieldPath{"gone"})
		if _, got := encode(t, e, tt.raw, fields...); got != tt.want {
			t.Errorf("%s became %s, want %s", tt.raw, got, tt.want)
		}
		if len(e.Drift()) > 0 {
			t.Errorf("our own fields count as drift: %v", e.Drift())
		}
	}
}

func TestDrop(t *testing.T) {
	s := Stream{Name: "s", Key: []string{"id"}, Cursor: "at", Schema: json.RawMessage(`{"type":"object","properties":{
		"id":{"type":"string"},"at":{"type":"integer"},
		"source":{"type":["null","object"],"properties":{"body":{"type":["null","string"]},"kind":{"type":["null","string"]}}},
		"parts":{"type":["null","array"],"items":{"type":["null","object"],"properties":{"body":{"type":["null","string"]}}}},
		"custom":{"type":["null","object"]}}}`)}
	drop := []FieldPath{{"id"}, {"at"}, {"source", "body"}, {"parts", "body"}, {"custom", "ssn"}, {"unknown"}}
	raw := `{"unknown":1,"id":"1","at":2,"source":{"body":"x","kind":"y"},"parts":[{"body":"z"},{"b":1,"b\u006fdy":"z"}],"custom":{"ssn":1,"n":2}}`
	want := `{"id":"1","at":2,"source":{"kind":"y"},"parts":[{},{"b":1}],"custom":{"n":2}}`
	e := mustEncoder(t, Airbyte{}, s, drop...)
	if _, got := encode(t, e, raw); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if diff := cmp.Diff(map[string]int64{"parts.b": 1}, e.Drift()); diff != "" {
		t.Errorf("drift (-want +got):\n%s", diff)
	}
}

func TestDriftIsBounded(t *testing.T) {
	e := mustEncoder(t, Airbyte{}, Stream{Name: "s", Schema: json.RawMessage(`{"type":"object","properties":{}}`)})
	var raw bytes.Buffer
	raw.WriteString(`{"a":0`)
	for i := range 3 * maxPaths {
		raw.WriteString(`,"f` + strconv.Itoa(i) + `":1`)
	}
	raw.WriteString("}")
	encode(t, e, raw.String())
	drift := e.Drift()
	var sum int64
	for _, n := range drift {
		sum += n
	}
	if len(drift) > maxPaths+1 || sum != 3*maxPaths+1 {
		t.Errorf("%d paths, %d fields counted", len(drift), sum)
	}
}

func TestDeepNestingIsLinear(t *testing.T) {
	schema := json.RawMessage(`{"type":"object","properties":{"custom":{"type":["null","object"]},"list":{"type":["null","array"],"items":{"type":["null","string"]}}}}`)
	e := mustEncoder(t, Singer{}, Stream{Name: "s", Schema: schema})
	const depth = 9_000 // encoding/json, which checks the line, stops at 10,000
	nested := strings.Repeat(`{"a":[`, depth/2) + strings.Repeat(`]}`, depth/2)
	raw := `{"custom":` + nested + `,"unknown":` + nested + `,"list":[` + nested + `]}`
	if _, got := encode(t, e, raw); got != strings.Replace(raw, `"list":[`+nested, `"list":[null`, 1) {
		t.Error("the nested values changed")
	}
	wide := strings.Repeat("[", 2_000_000) + strings.Repeat("]", 2_000_000)
	e.Append(nil, `{"custom":`+wide+`,"u":"`+strings.Repeat(`\\`, 2_000_000)+`"}`, nil, noon)
}

func TestConcurrentAppend(t *testing.T) {
	s := Stream{Name: "s", Schema: json.RawMessage(`{"type":"object","properties":{"i":{"type":["null","integer"]}}}`)}
	e := mustEncoder(t, Airbyte{}, s)
	want, _ := e.Append(nil, `{"i":"x","new":1}`, nil, noon)
	done := make(chan bool)
	const workers, each = 4, 500
	for range workers {
		go func() {
			same := true
			for range each {
				got, _ := e.Append(nil, `{"i":"x","new":1}`, nil, noon)
				same = same && bytes.Equal(got, want)
			}
			done <- same
		}()
	}
	for range workers {
		if !<-done {
			t.Error("a line differs")
		}
	}
	if e.Drift()["new"] != workers*each+1 || e.Nulled()["i"] != workers*each+1 {
		t.Errorf("drift %v, nulled %v", e.Drift(), e.Nulled())
	}
}

func FuzzEncoder(f *testing.F) {
	for _, text := range append(brokenTexts, strayTexts...) {
		f.Add(`{"s":` + text + `,"t":` + text + `,"l":` + text + `,"u":` + text + `}`)
	}
	schema := json.RawMessage(`{"type":"object","properties":{"s":{"type":["null","string"]},"i":{"type":["null","integer"]},
		"t":{"type":["null","integer"],"x-unix":true},"o":{"type":["null","object"],"x-wrap":"s","properties":{"s":{"type":"string"}}},
		"l":{"type":["null","array"],"items":{"type":["null","number"]}}}}`)
	f.Fuzz(func(t *testing.T, raw string) {
		if !gjson.Valid(raw) || !gjson.Parse(raw).IsObject() {
			t.Skip()
		}
		for _, d := range dialects() {
			e := mustEncoder(t, d, Stream{Name: "s", Schema: schema}, FieldPath{"gone"})
			first, _ := encode(t, e, raw, Inject{"in", "1"})
			if again, _ := encode(t, e, raw, Inject{"in", "1"}); again != first {
				t.Errorf("%q became %q, then %q", raw, first, again)
			}
		}
	})
}
