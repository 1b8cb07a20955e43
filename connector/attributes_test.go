package connector

import (
	"bytes"
	"maps"
	"slices"
	"strings"
	"testing"

	"source-intercom/emulator"
	"source-intercom/intercom"
	"source-intercom/protocol"

	"github.com/google/go-cmp/cmp"
	"github.com/tidwall/gjson"
)

// attributed are the streams whose records hold attributes of the workspace's own, and where.
var attributed = map[string][]string{
	"contacts": {"custom_attributes"}, "companies": {"custom_attributes"}, "tickets": {"ticket_attributes"},
	"conversations": {"custom_attributes", "company.custom_attributes"},
}

var bothDialects = []protocol.Dialect{protocol.Airbyte{}, protocol.Singer{}}

// discover prints the world's catalog, with or without types of custom attributes.
func (w *world) discover(t *testing.T, d protocol.Dialect, setting string) []byte {
	t.Helper()
	cfg := w.config()
	cfg.TypedAttributes = setting
	catalog, err := Discover(t.Context(), d, cfg, testLog)
	if err != nil {
		t.Fatal(err)
	}
	return catalog
}

// selecting is what a platform makes of a discovered catalog when somebody selects streams.
func selecting(t *testing.T, catalog []byte, streams ...string) *protocol.Selection {
	t.Helper()
	sel, err := protocol.ParseCatalog(catalog)
	if err != nil {
		t.Fatal(err)
	}
	sel.Streams = slices.DeleteFunc(sel.Streams, func(s protocol.Selected) bool { return !slices.Contains(streams, s.Stream) })
	return sel
}

// schemaIn is the schema that a catalog of either form has of a stream.
func schemaIn(catalog []byte, stream string) gjson.Result {
	for _, s := range append(gjson.GetBytes(catalog, "catalog.streams").Array(), gjson.GetBytes(catalog, "streams").Array()...) {
		switch stream {
		case s.Get("name").Str:
			return s.Get("json_schema")
		case s.Get("stream").Str:
			return s.Get("schema")
		}
	}
	return gjson.Result{}
}

// typesIn are the types of the attributes in a schema, by name, as one word each.
func typesIn(schema gjson.Result, path string) map[string]string {
	out := map[string]string{}
	path = "properties." + strings.ReplaceAll(path, ".", ".properties.") + ".properties"
	schema.Get(path).ForEach(func(name, property gjson.Result) bool {
		word := property.Get("type.1").Str
		if items := property.Get("items.type.1"); items.Exists() {
			word += " of " + items.Str
		}
		if format := property.Get("format"); format.Exists() {
			word = format.Str
		}
		out[name.Str] = word
		return true
	})
	return out
}

var attributeVersions = []string{"2.10", "2.15", "2.16", "2.17", "Preview"}

// TestDiscoveryTypesAttributes: each attribute that Intercom lists has a type of its own, wherever its values come, and
// two discoveries print the same bytes.
func TestDiscoveryTypesAttributes(t *testing.T) {
	common := map[string]string{"tier": "string", "seats": "integer", "score": "number", "beta": "boolean", "renewal_at": "integer", "old_code": "string"}
	with := func(more map[string]string) map[string]string {
		all := maps.Clone(common)
		maps.Copy(all, more)
		return all
	}
	for _, version := range attributeVersions {
		w := newWorld(t, version, emulator.Options{Size: littleWorld})
		for _, d := range bothDialects {
			t.Run(version+" "+d.Name(), func(t *testing.T) {
				catalog := w.discover(t, d, "on")
				if again := w.discover(t, d, "on"); !bytes.Equal(catalog, again) {
					t.Error("two discoveries differ")
				}
				company := with(map[string]string{"contract": "string", "revision": "string"})
				want := map[string]map[string]string{
					"contacts custom_attributes":  with(map[string]string{"account_number": "integer", "Nöte to self": "string", "revision": "integer", "Trial ends": "integer"}),
					"companies custom_attributes": company, "conversations company.custom_attributes": company,
					"conversations custom_attributes": with(map[string]string{"account_number": "integer", "stamped": "integer", "summary": "string"}),
					"tickets ticket_attributes": {"_default_title_": "string", "_default_description_": "string", "Severity": "string", "Urgent?": "boolean",
						"Areas": "string", "Due date": "integer", "Screenshots": "array of object", "Effort": "number", "Big number": "integer", "Revision": "integer"},
				}
				if v := intercom.Version(version); v.AtLeast(intercom.V2_16) {
					maps.Copy(want["conversations custom_attributes"], map[string]string{"orders": "object", "contract": "array of object"})
				}
				if d.Name() == "singer" {
					for _, types := range want {
						for _, name := range []string{"renewal_at", "Trial ends", "Due date"} {
							if types[name] != "" {
								types[name] = "date-time"
							}
						}
					}
				}
				got := map[string]map[string]string{}
				for stream, paths := range attributed {
					for _, path := range paths {
						got[stream+" "+path] = typesIn(schemaIn(catalog, stream), path)
						holder := schemaIn(catalog, stream).Get("properties." + strings.ReplaceAll(path, ".", ".properties."))
						var names []string
						holder.Get("properties").ForEach(func(name, _ gjson.Result) bool { names = append(names, name.Str); return true })
						if !slices.IsSorted(names) || !holder.Get("additionalProperties").Bool() {
							t.Errorf("%s %s: names %q, open %s", stream, path, names, holder.Get("additionalProperties").Raw)
						}
					}
				}
				if diff := cmp.Diff(want, got); diff != "" {
					t.Errorf("types (-want +got):\n%s", diff)
				}
				tier := schemaIn(catalog, "contacts").Get("properties.custom_attributes.properties.tier")
				if tier.Get("description").Str != "Chosen by sales" {
					t.Errorf("description %s", tier.Raw)
				}
			})
		}
	}
}

// TestWithoutTypes: off, and auto for Singer, print the static catalog, and nobody is asked.
func TestWithoutTypes(t *testing.T) {
	w := newWorld(t, "2.16", emulator.Options{Size: littleWorld})
	for _, d := range bothDialects {
		static := w.discover(t, d, "off")
		auto := w.discover(t, d, "auto")
		if asked := len(w.Requests()) > 0; asked == (d.Name() == "singer") || bytes.Equal(static, auto) == asked {
			t.Errorf("%s: with auto Intercom is asked: %v; the catalog is the static one: %v", d.Name(), asked, bytes.Equal(static, auto))
		}
		w.ResetRequests()
		nobodys, err := Discover(t.Context(), d, nil, testLog)
		if err != nil || !bytes.Equal(static, nobodys) {
			t.Errorf("%s: without settings the catalog differs, error %v", d.Name(), err)
		}
	}
}
