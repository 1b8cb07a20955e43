package connector

import (
	"bytes"
	"encoding/json"
	"maps"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"

	"source-intercom/emulator"
	"source-intercom/protocol"
	"source-intercom/schemas"

	"github.com/google/go-cmp/cmp"
	"github.com/tidwall/gjson"
	"github.com/xeipuuv/gojsonschema"
)

// readTyped brings the streams that hold attributes by a typed catalog.
func (w *world) readTyped(t *testing.T, d protocol.Dialect, catalog []byte, log *bytes.Buffer) *run {
	t.Helper()
	return w.read(t, reading{dialect: d, selected: selecting(t, catalog, slices.Sorted(maps.Keys(attributed))...), log: log})
}

// fitting says what a value of the truth becomes under a type, in words of its own: nil, false where it cannot.
func fitting(v gjson.Result, word string) (any, bool) {
	switch {
	case v.Type == gjson.Null:
		return nil, true
	case word == "":
		return v.Value(), true
	case word == "string" && v.Type == gjson.String:
		return v.Str, true
	case word == "string":
		return v.Raw, true
	case word == "number" && v.Type == gjson.String, word == "integer" && v.Type == gjson.String && len(v.Str) > 0 && v.Str[0] <= '9':
		at, isTime := parseTime(v.Str)
		if isTime && word == "integer" {
			return float64(at.Unix()), true
		}
		var n float64
		return n, json.Unmarshal([]byte(v.Str), &n) == nil && n == gjson.Parse(v.Str).Num
	case word == "date-time" && v.Type == gjson.Number:
		return v.Int(), true
	case word == "array of object" && v.IsObject():
		return []any{v.Value()}, true
	}
	fits := map[string]bool{"number": v.Type == gjson.Number, "integer": v.Type == gjson.Number, "boolean": v.IsBool(), "object": v.IsObject(),
		"array of object": v.IsArray(), "date-time": v.Type == gjson.String}[word]
	return v.Value(), fits
}

// TestTypedRecords: values have the types that the catalog gives them and are those of the truth; what does not fit is null
// and counted.
func TestTypedRecords(t *testing.T) {
	for _, version := range attributeVersions {
		for _, d := range bothDialects {
			t.Run(version+" "+d.Name(), func(t *testing.T) {
				w := newWorld(t, version, emulator.Options{Size: littleWorld})
				catalog := w.discover(t, d, "on")
				var log bytes.Buffer
				out := w.readTyped(t, d, catalog, &log)
				nulled := map[string]int64{}
				for stream, paths := range attributed {
					truth, err := w.Truth(stream, version)
					if err != nil {
						t.Fatal(err)
					}
					if len(truth) != len(out.records[stream]) || len(truth) == 0 {
						t.Errorf("%s: %d records, want %d", stream, len(out.records[stream]), len(truth))
					}
					schema, err := schemas.Compile([]byte(schemaIn(catalog, stream).Raw))
					if err != nil {
						t.Fatal(err)
					}
					for id, row := range out.records[stream] {
						if result, err := schema.Validate(gojsonschema.NewBytesLoader(row)); err != nil || !result.Valid() {
							t.Errorf("%s %s does not agree with its schema: %v %v", stream, id, err, result.Errors())
						}
					}
					for _, path := range paths {
						types := typesIn(schemaIn(catalog, stream), path)
						for id, row := range truth {
							if d.Name() == "singer" { // where no text holds a NUL
								row = bytes.ReplaceAll(row, []byte(`\u0000`), nil)
							}
							have := gjson.GetBytes(out.records[stream][id], path)
							gjson.GetBytes(row, path).ForEach(func(name, value gjson.Result) bool {
								checkValue(t, stream+"."+path, name.Str, value, memberOf(have, name.Str), types[name.Str], nulled)
								return true
							})
						}
					}
				}
				checkCounts(t, log.String(), nulled)
			})
		}
	}
}

func memberOf(object gjson.Result, name string) (found gjson.Result) {
	object.ForEach(func(key, value gjson.Result) bool {
		if key.Str == name {
			found = value
		}
		return true
	})
	return found
}

func checkValue(t *testing.T, where, name string, truth, have gjson.Result, word string, nulled map[string]int64) {
	t.Helper()
	want, ok := fitting(truth, word)
	if !ok {
		nulled[where+"."+name]++
		want = nil
	}
	got := have.Value()
	if at, isTime := parseTime(have.Str); word == "date-time" && isTime {
		got = at.Unix()
		if text, is := want.(string); is {
			day, _ := parseTime(text)
			want = day.Unix()
		}
	}
	if files := word == "array of object" || word == ""; files { // their addresses are signed anew in each answer
		clean := func(v any) any {
			text, err := json.Marshal(v)
			if err != nil {
				t.Fatal(err)
			}
			return string(emulator.StripSignatures(text))
		}
		got, want = clean(got), clean(want)
	}
	if word == "integer" && truth.Type == gjson.Number && have.Raw != truth.Raw {
		t.Errorf("%s.%s: %s, want the digits of %s", where, name, have.Raw, truth.Raw)
	}
	if !have.Exists() || !reflect.DeepEqual(got, want) {
		t.Errorf("%s.%s: %s is emitted as %s, want %v (%s)", where, name, truth.Raw, have.Raw, want, word)
	}
}

// checkCounts compares the values that were nulled with what the log says of them.
func checkCounts(t *testing.T, log string, want map[string]int64) {
	t.Helper()
	got := map[string]int64{}
	for line := range strings.Lines(log) {
		if m := gjson.Parse(line); strings.Contains(m.Get("message").Str, "are null") {
			got[m.Get("stream").Str+"."+m.Get("field").Str] = m.Get("records").Int()
		}
	}
	if diff := cmp.Diff(want, got); diff != "" || len(got) == 0 {
		t.Errorf("values that became null (-want +told):\n%s", diff)
	}
}

// TestSchemaMessageIsTheCatalogs: what Singer's targets are told is what discovery printed.
func TestSchemaMessageIsTheCatalogs(t *testing.T) {
	w := newWorld(t, "2.16", emulator.Options{Size: littleWorld})
	catalog := w.discover(t, protocol.Singer{}, "on")
	out := w.readTyped(t, protocol.Singer{}, catalog, &bytes.Buffer{})
	found := 0
	for _, line := range out.lines {
		if line.Get("type").Str != "SCHEMA" {
			continue
		}
		found++
		var said bytes.Buffer
		if err := json.Compact(&said, []byte(schemaIn(catalog, line.Get("stream").Str).Raw)); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(said.String(), line.Get("schema").Raw); diff != "" {
			t.Errorf("%s (-discovered +told):\n%s", line.Get("stream").Str, diff)
		}
	}
	if found != len(attributed) {
		t.Errorf("%d schemas", found)
	}
}

// retyped is a catalog in which the schemas of attributes were replaced, "" by nothing.
func retyped(t *testing.T, catalog []byte, schemas map[string]string) []byte {
	t.Helper()
	var document any
	if err := json.Unmarshal(catalog, &document); err != nil {
		t.Fatal(err)
	}
	var walk func(v any)
	walk = func(v any) {
		switch v := v.(type) {
		case []any:
			for _, item := range v {
				walk(item)
			}
		case map[string]any:
			for name, member := range v {
				schema, wanted := schemas[name]
				if property, is := member.(map[string]any); wanted && is && property["type"] != nil {
					delete(v, name)
					if schema != "" {
						v[name] = json.RawMessage(schema)
					}
					continue
				}
				walk(member)
			}
		}
	}
	walk(document)
	out, err := json.Marshal(document)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// TestCatalogsTypesHold: a read goes by the catalog, whatever the workspace has made of its attributes since. What still
// can be told in the old type is; the rest is null and counted, and marked where the protocol has a place for it. An
// attribute that the catalog does not know comes as it is.
func TestCatalogsTypesHold(t *testing.T) {
	for _, d := range bothDialects {
		t.Run(d.Name(), func(t *testing.T) {
			w := newWorld(t, "2.16", emulator.Options{Size: littleWorld})
			catalog := retyped(t, w.discover(t, d, "on"), map[string]string{
				"tier": `{"type":["null","integer"]}`, "seats": `{"type":["null","string"]}`, "score": "", "beta": `{"anyOf":[{"type":"boolean"}]}`,
			})
			var log bytes.Buffer
			out := w.read(t, reading{dialect: d, selected: selecting(t, catalog, "companies"), log: &log})
			truth, err := w.Truth("companies", "2.16")
			if err != nil {
				t.Fatal(err)
			}
			typed := int64(0)
			for id, row := range truth {
				want, have := gjson.GetBytes(row, "custom_attributes"), gjson.GetBytes(out.records["companies"][id], "custom_attributes")
				if !want.Get("tier").Exists() {
					continue
				}
				typed++
				if have.Get("tier").Raw != "null" || have.Get("seats").Str != want.Get("seats").String() || have.Get("seats").Type != gjson.String ||
					have.Get("score").Raw != want.Get("score").Raw || have.Get("beta").Raw != want.Get("beta").Raw {
					t.Errorf("%s: %s\nis emitted as %s", id, want.Raw, have.Raw)
				}
			}
			checkCounts(t, log.String(), map[string]int64{"companies.custom_attributes.tier": typed})
			for _, name := range []string{"score", "beta"} {
				if !strings.Contains(log.String(), `"field":"custom_attributes.`+name+`","records":`+strconv.FormatInt(typed, 10)+`,"message":"Intercom sends a field that the schema does not know`) {
					t.Errorf("%s is not counted as unknown:\n%s", name, log.String())
				}
			}
			marked := int64(0)
			for _, line := range out.lines {
				if line.Get(`record.meta.changes.#(field=="custom_attributes.tier").change`).Str == "NULLED" {
					marked++
				}
			}
			if want := map[string]int64{"airbyte": typed}[d.Name()]; marked != want {
				t.Errorf("%d changes are marked, want %d", marked, want)
			}
		})
	}
}

// TestForeignAttributes: what other connectors' catalogs say of custom attributes changes nothing.
func TestForeignAttributes(t *testing.T) {
	forms := map[string]string{
		"tap-intercom": `{"type":["null","object"],"patternProperties":{".+":{"type":["null","integer","string"]}}}`,
		"Airbyte":      `{"type":["null","object"],"additionalProperties":true}`,
		"a union":      `{"anyOf":[{"type":"object","properties":{"seats":{"type":"string"}}},{"type":"null"}]}`,
		"a text":       `{"type":["null","string"]}`,
		"true":         `true`,
	}
	w := newWorld(t, "2.16", emulator.Options{Size: littleWorld})
	for _, d := range bothDialects {
		static := w.readTyped(t, d, w.discover(t, d, "off"), &bytes.Buffer{})
		for name, form := range forms {
			t.Run(d.Name()+" "+name, func(t *testing.T) {
				var log bytes.Buffer
				out := w.readTyped(t, d, retyped(t, w.discover(t, d, "on"), map[string]string{"custom_attributes": form, "ticket_attributes": form}), &log)
				for stream, rows := range static.records {
					for id, row := range rows {
						if !bytes.Equal(emulator.StripSignatures(row), emulator.StripSignatures(out.records[stream][id])) {
							t.Errorf("%s %s: %s\nbecomes %s", stream, id, row, out.records[stream][id])
						}
					}
				}
				if strings.Contains(log.String(), "_attributes") {
					t.Errorf("something is said of attributes:\n%s", log.String())
				}
			})
		}
	}
}

// TestQuietRunStaysQuiet: typed records are known by what was emitted, so a run with nothing new brings nothing.
func TestQuietRunStaysQuiet(t *testing.T) {
	for _, d := range bothDialects {
		w := newWorld(t, "2.16", emulator.Options{Size: littleWorld})
		selected := selecting(t, w.discover(t, d, "on"), slices.Sorted(maps.Keys(attributed))...)
		for i := range selected.Streams {
			selected.Streams[i].Mode = protocol.Incremental
		}
		first := w.read(t, reading{dialect: d, selected: selected})
		second := w.read(t, reading{dialect: d, selected: selected, state: first.State})
		if first.total() == 0 || second.total() != 0 {
			t.Errorf("%s: %d records, then %d", d.Name(), first.total(), second.total())
		}
	}
}
