package protocol

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/tidwall/gjson"
)

// things is a stream that holds attributes in two places.
var things = Stream{Name: "things", Key: []string{"id"}, Default: true, Schema: json.RawMessage(`{
	"$schema": "http://json-schema.org/draft-07/schema#", "type": "object", "additionalProperties": true,
	"properties": {
		"id": {"type": "string"},
		"owner": {"type": ["null", "object"], "properties": {
			"custom_attributes": {"type": ["null", "object"], "additionalProperties": true, "x-attributes": "person"}}},
		"custom_attributes": {"type": ["null", "object"], "additionalProperties": true, "x-attributes": "thing"}}}`)}

var (
	ofThing  = FieldPath{"custom_attributes"}
	ofPerson = FieldPath{"owner", "custom_attributes"}
)

// everyType has an attribute of each type, with names as people give them.
var everyType = []Attribute{
	{"Beta?", BooleanAttribute, ""}, {"Größe", NumberAttribute, "In \"cm\", or \\"}, {"Proof", ObjectsAttribute, "Files"}, {"Renewal Date", TimeAttribute, "Next one"},
	{"a.b", TextAttribute, "With a dot"}, {"order", ObjectAttribute, ""}, {"properties", TextAttribute, ""}, {"seats", IntegerAttribute, "Paid"}, {"type", TextAttribute, ""}, {"x-unix", TextAttribute, ""},
}

func withAttributes(s Stream, attributes []Attribute) Stream {
	return s.WithAttributes(func(model string, _ FieldPath) []Attribute {
		if model == "thing" {
			return attributes
		}
		return nil
	})
}

// asCatalogHas is the stream as a run sees it whose catalog is that one.
func asCatalogHas(t *testing.T, s Stream, catalog []byte) (Stream, Selected) {
	t.Helper()
	sel, err := ParseCatalog(catalog)
	if err != nil || len(sel.Streams) != 1 {
		t.Fatalf("%+v, error %v", sel, err)
	}
	selected := sel.Streams[0]
	return s.WithAttributes(func(_ string, path FieldPath) []Attribute { return selected.Attributes(path) }), selected
}

// What discovery prints comes back as it was, in Airbyte's catalogs with times as integers.
func TestAttributesComeBack(t *testing.T) {
	for _, d := range dialects() {
		catalog, err := d.Catalog([]Stream{withAttributes(things, everyType)})
		if err != nil {
			t.Fatal(err)
		}
		configured := catalog
		if d.Name() == "airbyte" {
			configured = []byte(catalogOf(`{"stream":` + gjson.GetBytes(catalog, "catalog.streams.0").Raw + `,"sync_mode":"full_refresh"}`))
		}
		for _, text := range [][]byte{catalog, configured} {
			again, selected := asCatalogHas(t, things, text)
			want := append([]Attribute(nil), everyType...)
			if d.Name() == "airbyte" {
				want[3].Type = IntegerAttribute
			}
			if diff := cmp.Diff(want, selected.Attributes(ofThing)); diff != "" {
				t.Errorf("%s (-want +got):\n%s", d.Name(), diff)
			}
			if got := selected.Attributes(ofPerson); got != nil {
				t.Errorf("%s: attributes %v where the catalog has none", d.Name(), got)
			}
			second, err := d.Catalog([]Stream{again})
			if diff := cmp.Diff(string(catalog), string(second)); diff != "" || err != nil {
				t.Errorf("%s: the catalog changed on its way, error %v:\n%s", d.Name(), err, diff)
			}
		}
	}
}

func TestSchemaWithoutAttributesStaysOpen(t *testing.T) {
	for _, d := range dialects() {
		static, err := d.Catalog([]Stream{things})
		if err != nil {
			t.Fatal(err)
		}
		filled, err := d.Catalog([]Stream{withAttributes(things, nil)})
		if err != nil || string(filled) != string(static) {
			t.Errorf("%s, error %v:\n%s\n%s", d.Name(), err, static, filled)
		}
		if strings.Contains(string(static), "x-attributes") {
			t.Errorf("%s publishes a keyword of ours", d.Name())
		}
		e := mustEncoder(t, d, things)
		const record = `{"id":"1","custom_attributes":{"anything":{"goes":[1,"2"]}}}`
		if _, data := encode(t, e, record); data != record || len(e.Drift()) > 0 {
			t.Errorf("%s: %s, drift %v", d.Name(), data, e.Drift())
		}
	}
}

func TestAttributesTakenFromCatalogs(t *testing.T) {
	properties := func(text string) string {
		return `{"properties":{"custom_attributes":{"type":["null","object"],"properties":{` + text + `}}}}`
	}
	one := func(typ AttributeType) []Attribute { return []Attribute{{Name: "a", Type: typ}} }
	long := strings.Repeat("x", 2000)
	tests := []struct {
		name, schema string
		want         []Attribute
	}{
		{"nothing", ``, nil},
		{"no object", `"properties"`, nil},
		{"a list", `[{"properties":{}}]`, nil},
		{"properties that are a list", `{"properties":[{"custom_attributes":{}}]}`, nil},
		{"an open object", `{"properties":{"custom_attributes":{"type":["null","object"]}}}`, nil},
		{"true", `{"properties":{"custom_attributes":true}}`, nil},
		{"properties of another kind", `{"properties":{"custom_attributes":{"properties":"a"}}}`, nil},
		{"pattern properties, as tap-intercom has them", `{"properties":{"custom_attributes":{"type":["null","object"],"patternProperties":{".+":{"type":["null","integer","string"]}}}}}`, nil},

		{"a bare type", properties(`"a":{"type":"string"}`), one(TextAttribute)},
		{"a list of one", properties(`"a":{"type":["integer"]}`), one(IntegerAttribute)},
		{"null last", properties(`"a":{"type":["number","null"]}`), one(NumberAttribute)},
		{"a time", properties(`"a":{"format":"date-time","type":["null","string"]}`), one(TimeAttribute)},
		{"with what Singer's old catalogs say", properties(`"a":{"type":["null","boolean"],"selected":true,"inclusion":"available"}`), one(BooleanAttribute)},
		{"an object", properties(`"a":{"type":["null","object"]}`), one(ObjectAttribute)},
		{"a list of objects", properties(`"a":{"type":["null","array"],"items":{"type":["null","object"]}}`), one(ObjectsAttribute)},
		{"twice", properties(`"a":{"type":"string"},"a":{"type":"integer"}`), one(TextAttribute)},
		{"a long description", properties(`"a":{"type":"string","description":"` + long + `"}`), one(TextAttribute)},
		{"a description that is none", properties(`"a":{"type":"string","description":{}}`), one(TextAttribute)},
		{"by name", properties(`"b":{"type":"string"},"B":{"type":"string"},"a":{"type":"string"}`), []Attribute{{"B", TextAttribute, ""}, {"a", TextAttribute, ""}, {"b", TextAttribute, ""}}},
		{"some of many", properties(`"a":{"type":"string"},"b":{"type":["string","integer"]}`), one(TextAttribute)},

		{"two types", properties(`"a":{"type":["null","string","integer"]}`), nil},
		{"null alone", properties(`"a":{"type":["null"]}`), nil},
		{"no type", properties(`"a":{}`), nil},
		{"a type that does not exist", properties(`"a":{"type":"text"}`), nil},
		{"a type that is none", properties(`"a":{"type":{"type":"string"}}`), nil},
		{"no schema", properties(`"a":true,"b":"string","c":null,"d":["string"]`), nil},
		{"a combinator", properties(`"a":{"anyOf":[{"type":"string"}]},"b":{"type":"string","anyOf":[]}`), nil},
		{"a reference", properties(`"a":{"$ref":"#/definitions/a"}`), nil},
		{"a closed list", properties(`"a":{"type":"string","enum":["x"]}`), nil},
		{"another format", properties(`"a":{"type":"string","format":"uri"}`), nil},
		{"a format of another type", properties(`"a":{"type":"integer","format":"date-time"}`), nil},
		{"an object that lists its own", properties(`"a":{"type":"object","properties":{}}`), nil},
		{"a closed object", properties(`"a":{"type":"object","additionalProperties":false}`), nil},
		{"a list of texts", properties(`"a":{"type":"array","items":{"type":"string"}}`), nil},
		{"a list of anything", properties(`"a":{"type":"array"}`), nil},
		{"items of a text", properties(`"a":{"type":"string","items":{"type":"object"}}`), nil},
		{"no name", properties(`"":{"type":"string"}`), nil},
		{"a long name", properties(`"` + long + `":{"type":"string"}`), nil},
		{"a NUL in the name", properties(`"a\u0000":{"type":"string"}`), nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := Selected{Schema: tt.schema}.Attributes(ofThing)
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// Values that fit stay byte for byte, others are converted where nothing is lost: text holds anything. What is left
// over is null and counted, for what goes out must agree with the schema that went out.
func TestAttributeValues(t *testing.T) {
	const null = "null"
	tests := []struct {
		name, value, airbyte, singer string // "": as it came
		nulled                       bool
	}{
		{"Beta?", `true`, ``, ``, false},
		{"Beta?", `"false"`, `false`, `false`, false},
		{"Beta?", `"maybe"`, null, null, true},
		{"Beta?", `1`, null, null, true},
		{"Größe", `1.50`, ``, ``, false},
		{"Größe", `"12.5"`, `12.5`, `12.5`, false},
		{"Größe", `"n/a"`, null, null, true},
		{"Größe", `[1]`, null, null, true},
		{"seats", `9007199254740993`, ``, ``, false},
		{"seats", `3.0`, `3`, `3`, false},
		{"seats", `3.5`, null, null, true},
		{"seats", `"12"`, `12`, `12`, false},
		{"seats", `"many"`, null, null, true},
		{"seats", `{"n":1}`, null, null, true},
		{"seats", `null`, ``, ``, false},
		{"a.b", `"text \u00e9"`, ``, ``, false},
		{"a.b", `12`, `"12"`, `"12"`, false},
		{"a.b", `true`, `"true"`, `"true"`, false},
		{"a.b", `["x", "y\""]`, `"[\"x\", \"y\\\"\"]"`, `"[\"x\", \"y\\\"\"]"`, false},
		{"a.b", `{"id":1}`, `"{\"id\":1}"`, `"{\"id\":1}"`, false},
		{"Renewal Date", `1677923174`, ``, `"2023-03-04T09:46:14Z"`, false},
		{"Renewal Date", `"2023-03-04T09:46:14Z"`, `1677923174`, `"2023-03-04T09:46:14Z"`, false},
		{"Renewal Date", `"2023-03-04T10:46:14+01:00"`, `1677923174`, `"2023-03-04T09:46:14Z"`, false},
		{"Renewal Date", `"2023-03-04"`, `1677888000`, `"2023-03-04T00:00:00Z"`, false},
		{"Renewal Date", `"soon"`, null, null, true},
		{"order", `{"type":"Order.list","instances":[{"id":"21"}]}`, ``, ``, false},
		{"order", `"21"`, null, null, true},
		{"Proof", `[{"name":"a.png"}, {}]`, ``, ``, false},
		{"Proof", `{"name":"a.png"}`, `[{"name":"a.png"}]`, `[{"name":"a.png"}]`, false},
		{"Proof", `[]`, ``, ``, false},
		{"Proof", `["a.png"]`, `[null]`, `[null]`, true},
		{"Proof", `"a.png"`, null, null, true},
	}
	for _, d := range dialects() {
		catalog, err := d.Catalog([]Stream{withAttributes(things, everyType)})
		if err != nil {
			t.Fatal(err)
		}
		s, _ := asCatalogHas(t, things, catalog)
		for _, tt := range tests {
			want := tt.airbyte
			if d.Name() == "singer" {
				want = tt.singer
			}
			if want == "" {
				want = tt.value
			}
			e := mustEncoder(t, d, s)
			line, data := encode(t, e, fmt.Sprintf(`{"id":"1","custom_attributes":{"%s":%s}}`, tt.name, tt.value))
			if got := member(gjson.Get(data, "custom_attributes"), tt.name).Raw; got != want {
				t.Errorf("%s: %s %s becomes %s, want %s", d.Name(), tt.name, tt.value, got, want)
			}
			if path := "custom_attributes." + tt.name; (e.Nulled()[path] == 1) != tt.nulled || len(e.Drift()) > 0 {
				t.Errorf("%s: %s %s: nulled %v, drift %v", d.Name(), tt.name, tt.value, e.Nulled(), e.Drift())
			}
			if change := gjson.Get(line, "record.meta.changes.0.field").Str; (change == "custom_attributes."+tt.name) != (tt.nulled && d.Name() == "airbyte") {
				t.Errorf("%s: %s %s: no change is told, or too much: %s", d.Name(), tt.name, tt.value, line)
			}
		}
	}
}

func TestUnknownAttributeIsDrift(t *testing.T) {
	for _, d := range dialects() {
		e := mustEncoder(t, d, withAttributes(things, everyType))
		const record = `{"id":"1","custom_attributes":{"seats":1,"New":{"a":[1]}},"owner":{"custom_attributes":{"any":1}}}`
		if _, data := encode(t, e, record); data != record {
			t.Errorf("%s: %s", d.Name(), data)
		}
		if diff := cmp.Diff(map[string]int64{"custom_attributes.New": 1}, e.Drift()); diff != "" {
			t.Errorf("%s: drift (-want +got):\n%s", d.Name(), diff)
		}
	}
}

// What is deselected in an attribute does not get out in a value of another type either.
func TestDeselectedInsideAttributes(t *testing.T) {
	for _, d := range dialects() {
		for _, name := range []string{"Beta?", "a.b", "order", "Proof", "New"} {
			e := mustEncoder(t, d, withAttributes(things, everyType), FieldPath{"custom_attributes", name, "secret"}, FieldPath{"custom_attributes", "seats"})
			for _, value := range []string{`{"secret":"S3CRET"}`, `[{"secret":"S3CRET"}]`, `[[{"secret":"S3CRET"}]]`} {
				if name == "New" && value[0] == '[' {
					continue // no schema tells what is in it
				}
				_, data := encode(t, e, fmt.Sprintf(`{"id":"1","custom_attributes":{"seats":"S3CRET","%s":%s}}`, name, value))
				if strings.Contains(data, "S3CRET") {
					t.Errorf("%s: %s is let out", d.Name(), data)
				}
			}
		}
	}
}
