package protocol

import (
	"encoding/json"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/tidwall/gjson"
)

// catalogWith is an Airbyte catalog whose things have the attributes' schema text.
func catalogWith(properties string) []byte {
	return []byte(catalogOf(`{"stream":{"name":"things","json_schema":{"type":"object","properties":{"custom_attributes":{"type":["null","object"],"properties":` +
		properties + `}}}},"sync_mode":"full_refresh"}`))
}

// A catalog may be anybody's: whatever its schema holds, time and memory stay within bounds.
func TestHostileAttributes(t *testing.T) {
	skipShort(t)
	long := strings.Repeat("é", 1<<20)
	tests := []struct {
		name, properties string
		want             int
	}{
		{"as many as are taken", `{` + numbered(maxAttributes, `"a%":{"type":"string"}`) + `}`, maxAttributes},
		{"more than are taken", `{` + numbered(maxAttributes+1, `"a%":{"type":"string"}`) + `}`, 0},
		{"many more", `{` + numbered(many, `"a%":{"type":"string"}`) + `}`, 0},
		{"many others", `{` + numbered(many, `"a%":{}`) + `}`, 0},
		{"one many times", `{` + strings.Repeat(`"a":{"type":"string"},`, 5000) + `"b":{"type":"string"}}`, 2},
		{"long names", `{` + numbered(5000, `"%`+long[:900]+`":{"type":"string"}`) + `}`, 5000},
		{"an endless name", `{"` + long + `":{"type":"string"},"a":{"type":"string"}}`, 1},
		{"an endless description", `{"a":{"type":"string","description":"` + long + `"}}`, 1},
		{"endless types", `{"a":{"type":[` + strings.Repeat(`"string",`, many) + `"null"]}}`, 0},
		{"deep objects", `{"a":` + deep(4000, `{"type":"object","properties":{"p":%}}`) + `,"b":{"type":"string"}}`, 1},
		{"deep lists", `{"a":` + deep(4000, `{"type":"array","items":%}`) + `}`, 0},
		{"deep values", `{"a":{"type":` + strings.Repeat("[", 4000) + strings.Repeat("]", 4000) + `}}`, 0},
		{"attributes in attributes", `{"a":{"type":"object","x-attributes":"thing"}}`, 0},
	}
	for _, test := range tests {
		within(t, test.name, func() {
			var before, after runtime.MemStats
			catalog := catalogWith(test.properties)
			runtime.ReadMemStats(&before)
			s, selected := asCatalogHas(t, things, catalog)
			if got := len(selected.Attributes(ofThing)); got != test.want {
				t.Errorf("%s: %d attributes, want %d", test.name, got, test.want)
			}
			e := mustEncoder(t, Airbyte{}, s)
			encode(t, e, `{"id":"1","custom_attributes":{"a":[{"p":1}],"b":"x"}}`)
			runtime.ReadMemStats(&after)
			if used := int(after.TotalAlloc - before.TotalAlloc); used > 64<<20+16*len(catalog) {
				t.Errorf("%s: %d bytes for a catalog of %d", test.name, used, len(catalog))
			}
		})
	}
}

// FuzzAttributes: a catalog's schema of attributes, whatever it is, gives schemas and lines that are valid, and what
// was taken from it is taken again.
func FuzzAttributes(f *testing.F) {
	for _, d := range dialects() {
		catalog, err := d.Catalog([]Stream{withAttributes(things, everyType)})
		if err != nil {
			f.Fatal(err)
		}
		path := map[string]string{"airbyte": "catalog.streams.0.json_schema", "singer": "streams.0.schema"}[d.Name()]
		f.Add(gjson.GetBytes(catalog, path+".properties.custom_attributes.properties").Raw, `["x"]`)
	}
	f.Add(`{"a":{"anyOf":[{"type":"string"}]},"b":{"type":["null","string"],"format":"date-time"}}`, `"2024-02-29"`)
	f.Add(`{"\ud800":{"type":"string","description":"\u0000"}}`, `{"a":"\ud800"}`)
	f.Fuzz(func(t *testing.T, properties, value string) {
		sel, err := ParseCatalog(catalogWith(properties))
		if err != nil || len(sel.Streams) != 1 {
			return
		}
		if !json.Valid([]byte(value)) || len(value) > 1000 {
			value = "1e3"
		}
		attributes := sel.Streams[0].Attributes(ofThing)
		if !slices.IsSortedFunc(attributes, func(a, b Attribute) int { return strings.Compare(a.Name, b.Name) }) {
			t.Errorf("not in order: %v", attributes)
		}
		s := withAttributes(things, attributes)
		for _, d := range dialects() {
			catalog, err := d.Catalog([]Stream{s})
			if err != nil || !json.Valid(catalog) {
				t.Fatalf("catalog %s, error %v", catalog, err)
			}
			_, selected := asCatalogHas(t, things, catalog)
			if again := selected.Attributes(ofThing); len(again) != len(attributes) {
				t.Errorf("%d attributes come back as %d", len(attributes), len(again))
			}
			e := mustEncoder(t, d, s)
			for _, a := range attributes {
				record := gjson.AppendJSONString([]byte(`{"id":"1","custom_attributes":{`), a.Name)
				encode(t, e, string(record)+":"+value+"}}")
			}
		}
	})
}
