package protocol

import (
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

func number(n int64) *int64 { return &n }

// singerEntry is a catalog entry with the given root metadata and further metadata entries.
func singerEntry(name, root string, more ...string) string {
	entries := append([]string{`{"breadcrumb":[],"metadata":` + root + `}`}, more...)
	return `{"tap_stream_id":"` + name + `","stream":"` + name + `","schema":{"type":"object"},"metadata":[` + strings.Join(entries, ",") + `]}`
}

func field(crumbs, metadata string) string {
	return `{"breadcrumb":` + crumbs + `,"metadata":` + metadata + `}`
}

func catalogOf(entries ...string) string {
	return `{"streams":[` + strings.Join(entries, ",") + `]}`
}

func TestParseCatalog(t *testing.T) {
	tests := []struct {
		name, catalog string
		want          Selection
	}{
		{
			"airbyte configured",
			catalogOf(
				`{"stream":{"name":"a","json_schema":{},"source_defined_primary_key":[["id"]]},"sync_mode":"incremental","destination_sync_mode":"append_dedup","sync_id":7,"generation_id":null}`,
				`{"stream":{"name":"b","namespace":"n"},"sync_mode":"full_refresh","primary_key":[["x","y"],["z"]],"sync_id":null}`),
			Selection{AirbyteConfigured, []Selected{
				{Stream: "a", Mode: Incremental, SyncID: number(7), Key: []string{"id"}},
				{Stream: "b", Mode: FullRefresh, Key: []string{"x.y", "z"}}}},
		},
		{"nothing at all", catalogOf(), Selection{Form: AirbyteConfigured}},
		{
			"airbyte discovered",
			"\ufeff" + catalogOf(`{"name":"a","source_defined_primary_key":[["id"]]}`, `{"name":"b"}`),
			Selection{AirbyteDiscovered, []Selected{{Stream: "a", Key: []string{"id"}}, {Stream: "b"}}},
		},
		{
			"the whole output of discover",
			`{"type":"LOG","log":{"level":"INFO","message":"hi"}}` + "\n" + `{"type":"CATALOG","catalog":` + catalogOf(`{"name":"a"}`) + "}\n",
			Selection{AirbyteDiscovered, []Selected{{Stream: "a"}}},
		},
		{
			"singer, selected one way or the other",
			catalogOf(singerEntry("a", `{"selected":true}`), singerEntry("b", `{"selected":"TRUE"}`), singerEntry("c", `{"selected":"false","selected-by-default":true}`),
				singerEntry("d", `{"selected-by-default":true}`), `{"stream":"e","selected":true}`, `{"stream":"f","schema":{"selected":"true"}}`,
				`{"tap_stream_id":"g","selected":true,"metadata":[{"breadcrumb":[],"metadata":{"selected":false}}]}`, singerEntry("h", `{"selected":true,"inclusion":"unsupported"}`)),
			Selection{SingerCatalog, []Selected{{Stream: "a"}, {Stream: "b"}, {Stream: "e"}, {Stream: "f"}}},
		},
		{
			"singer, as discover printed it",
			catalogOf(singerEntry("a", `{"selected-by-default":true}`), singerEntry("b", `{"selected-by-default":false}`), singerEntry("c", `{}`), `{"stream":"d"}`),
			Selection{SingerCatalog, []Selected{{Stream: "a"}, {Stream: "c"}, {Stream: "d"}}},
		},
		{
			"singer, a selection among the fields counts as one",
			catalogOf(singerEntry("a", `{"selected-by-default":true}`, field(`["properties","x"]`, `{"selected":false}`))),
			Selection{Form: SingerCatalog},
		},
		{
			"singer fields",
			catalogOf(singerEntry("a", `{"selected":true}`,
				field(`["properties","id"]`, `{"selected":false,"inclusion":"automatic"}`),
				field(`["properties","off"]`, `{"selected":"false","inclusion":"available"}`),
				field(`["properties","off","properties","below"]`, `{"selected":true}`),
				field(`["properties","off","properties","beside"]`, `{"selected":false}`),
				field(`["properties","odd"]`, `{"inclusion":"unsupported","selected":true}`),
				field(`["properties","items","items","properties","properties"]`, `{"selected":false}`),
				field(`["properties","on"]`, `{"selected":true}`),
				field(`["properties","silent"]`, `{"inclusion":"available"}`))),
			Selection{SingerCatalog, []Selected{{Stream: "a", Drop: []FieldPath{{"off"}, {"odd"}, {"items", "properties"}}}}},
		},
		{
			"singer fields in the old place",
			catalogOf(`{"stream":"a","schema":{"selected":true,"properties":{"id":{"inclusion":"automatic","selected":false},"off":{"selected":false},
				"again":{"selected":false},"list":{"items":{"properties":{"x":{"selected":"false"}}}}}},
				"metadata":[{"breadcrumb":["properties","again"],"metadata":{"selected":true}}]}`),
			Selection{SingerCatalog, []Selected{{Stream: "a", Drop: []FieldPath{{"off"}, {"list", "x"}}}}},
		},
		{
			"singer methods and keys",
			catalogOf(singerEntry("a", `{"selected":true,"replication-method":"FULL_TABLE","forced-replication-method":"INCREMENTAL","table-key-properties":["id"]}`),
				`{"stream":"b","selected":true,"replication_method":"INCREMENTAL","key_properties":["x","y"]}`,
				singerEntry("c", `{"selected":true,"forced-replication-method":"FULL_TABLE","replication-method":null}`)),
			Selection{SingerCatalog, []Selected{{Stream: "a", Mode: FullRefresh, Key: []string{"id"}},
				{Stream: "b", Mode: Incremental, Key: []string{"x", "y"}}, {Stream: "c", Mode: FullRefresh}}},
		},
		{
			"what is wrong with a stream that nobody selected does not matter",
			catalogOf(singerEntry("a", `{"selected":true}`), singerEntry("b", `{"selected":false,"replication-method":"LOG_BASED"}`)),
			Selection{SingerCatalog, []Selected{{Stream: "a"}}},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := ParseCatalog([]byte(tt.catalog))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(&tt.want, got, cmpopts.IgnoreFields(Selected{}, "Schema")); diff != "" {
				t.Errorf("selection (-want +got):\n%s", diff)
			}
		})
	}
}

// Our own catalogs select, without a change, what is read by default.
func TestParseCatalogReadsOurOwn(t *testing.T) {
	want := map[string][]string{"airbyte": {"people", "colours"}, "singer": {"people"}}
	for _, d := range dialects() {
		text, err := d.Catalog([]Stream{people(), colours()})
		if err != nil {
			t.Fatal(err)
		}
		sel, err := ParseCatalog(text)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, s := range sel.Streams {
			got = append(got, s.Stream)
			if len(s.Drop) > 0 {
				t.Errorf("%s: %s lacks %v", d.Name(), s.Stream, s.Drop)
			}
		}
		if diff := cmp.Diff(want[d.Name()], got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", d.Name(), diff)
		}
	}
}

func TestParseCatalogErrors(t *testing.T) {
	tests := []struct{ catalog, want string }{
		{``, `the catalog is empty, but should be a JSON object with streams`},
		{`{} {}`, `the catalog is 2 JSON documents, but should be a JSON object with streams`},
		{"{\n \"streams\": [,]}", `the catalog is not JSON from line 2, column 14 on (invalid character ',' looking for beginning of value), but should be JSON`},
		{`{"streams":[`, `the catalog is cut off in the middle, but should be JSON`},
		{`[]`, `the catalog is an array, but should be an object with streams`},
		{`{}`, `streams in the catalog is missing, but should be a list`},
		{`{"streams":{}}`, `streams in the catalog is an object, but should be a list`},
		{catalogOf(`7`), `streams[0] in the catalog is 7, but should be an object`},
		{catalogOf(`{"stream":{},"sync_mode":"full_refresh"}`), `streams[0].stream.name in the catalog is missing, but should be a stream's name`},
		{catalogOf(`{"sync_mode":"full_refresh"}`), `streams[0].stream in the catalog is missing, but should be an object with the stream's name`},
		{catalogOf(`{"stream":{"name":"a"},"sync_mode":"weekly"}`), `streams[0].sync_mode in the catalog is "weekly", but should be full_refresh or incremental`},
		{catalogOf(`{"stream":{"name":"a"}}`), `streams[0].sync_mode in the catalog is missing, but should be full_refresh or incremental`},
		{catalogOf(`{"stream":{"name":"a"},"sync_mode":"full_refresh","sync_id":"1"}`), `streams[0].sync_id in the catalog is "1", but should be an integer`},
		{catalogOf(`{"stream":{"name":"a"},"sync_mode":"full_refresh","primary_key":["id"]}`), `streams[0].primary_key[0] in the catalog is "id", but should be a list of field names`},
		{catalogOf(`{"name":"a"}`, `{"name":"a"}`), `streams[1].name in the catalog is "a" a second time, but should be there once`},
		{catalogOf(`{"name":7}`), `streams[0].name in the catalog is 7, but should be a stream's name`},
		{catalogOf(singerEntry("", `{}`)), `streams[0].tap_stream_id in the catalog is "", but should be a stream's name`},
		{catalogOf(singerEntry("a", `{"selected":"maybe"}`)), `streams[0].metadata[0].metadata.selected in the catalog is "maybe", but should be true or false`},
		{catalogOf(singerEntry("a", `{"selected":true,"replication-method":"LOG_BASED"}`)), `streams[0].metadata.replication-method in the catalog is "LOG_BASED", but should be FULL_TABLE or INCREMENTAL`},
		{catalogOf(singerEntry("a", `{}`, field(`["fields","x"]`, `{}`))), `streams[0].metadata[1].breadcrumb in the catalog is ["fields","x"], but should be pairs of "properties" and a field's name`},
		{catalogOf(singerEntry("a", `{}`, field(`"x"`, `{}`))), `streams[0].metadata[1].breadcrumb in the catalog is "x", but should be a list`},
		{catalogOf(`{"stream":"a","metadata":{}}`), `streams[0].metadata in the catalog is an object, but should be a list`},
		{catalogOf(`{"stream":"a","metadata":[7]}`), `streams[0].metadata[0].metadata in the catalog is missing, but should be an object`},
		{catalogOf(`{"stream":"a","selected":true,"key_properties":[7]}`), `streams[0].key_properties[0] in the catalog is 7, but should be a field's name`},
		{strings.Repeat("[", 1_000_000), `the catalog is not JSON from line 1, column 10001 on (invalid character '[' exceeded max depth), but should be JSON`},
	}
	for _, tt := range tests {
		_, err := ParseCatalog([]byte(tt.catalog))
		var input *InputError
		if !errors.As(err, &input) {
			t.Errorf("%.80s: %v is no InputError", tt.catalog, err)
		} else if input.Error() != tt.want {
			t.Errorf("%.80s:\n got %s\nwant %s", tt.catalog, input, tt.want)
		}
	}
}

func FuzzParseCatalog(f *testing.F) {
	f.Add([]byte(catalogOf(`{"stream":{"name":"a"},"sync_mode":"incremental","sync_id":7}`)))
	f.Add([]byte(catalogOf(`{"stream":{"name":"a"},"sync_mode":"full_refresh","sync_id":1e3,"primary_key":[["a","b"],[]]}`)))
	f.Add([]byte(catalogOf(`{"name":"a"}`)))
	f.Add([]byte(catalogOf(singerEntry("a", `{"selected":true}`, field(`["properties","x","items"]`, `{"selected":false}`), field(`["properties","x","properties","y"]`, `{"inclusion":"unsupported"}`)))))
	f.Add([]byte(catalogOf(`{"stream":"a","selected":"true","schema":{"properties":{"x":{"selected":false,"items":{"properties":{"1:y":{"selected":false}}}}}}}`)))
	f.Add([]byte(`{"type":"CATALOG"} null`))
	f.Fuzz(func(t *testing.T, data []byte) {
		sel, err := ParseCatalog(data)
		if err != nil {
			if input, is := errors.AsType[*InputError](err); !is || input.Found == "" || input.Want == "" || len(err.Error()) > 1000 {
				t.Fatalf("%v does not say in a few words what was found and expected", err)
			}
			return
		}
		if !json.Valid(data) && !strings.Contains(string(data), "CATALOG") && !strings.HasPrefix(string(data), "\ufeff") {
			t.Fatalf("read %d streams from what is no JSON", len(sel.Streams))
		}
		names := map[string]bool{}
		for _, s := range sel.Streams {
			if names[s.Stream] || s.Stream == "" {
				t.Fatalf("stream %q a second time, or without a name", s.Stream)
			}
			names[s.Stream] = true
			for i, path := range s.Drop {
				for j, other := range s.Drop {
					if i != j && len(path) <= len(other) && slices.Equal(path, other[:len(path)]) {
						t.Fatalf("%q and %q are dropped, of which one holds the other", path, other)
					}
				}
			}
		}
		if sel.Form == AirbyteConfigured {
			compareConfigured(t, data, sel)
		}
	})
}

// compareConfigured demands what encoding/json finds in a configured catalog.
func compareConfigured(t *testing.T, data []byte, sel *Selection) {
	var doc struct {
		Streams []struct {
			Stream struct{ Name string }
			Mode   SyncMode `json:"sync_mode"`
			SyncID *int64   `json:"sync_id"`
		}
	}
	// encoding/json takes the last of two members of a name, whatever its case, gjson the first.
	if !utf8.Valid(data) || doubled(data) || json.Unmarshal(data, &doc) != nil {
		return
	}
	if len(doc.Streams) != len(sel.Streams) {
		t.Fatalf("%d streams, want %d", len(sel.Streams), len(doc.Streams))
	}
	for i, want := range doc.Streams {
		got := sel.Streams[i]
		if got.Stream != want.Stream.Name || got.Mode != want.Mode || (got.SyncID == nil) != (want.SyncID == nil) || got.SyncID != nil && *got.SyncID != *want.SyncID {
			t.Fatalf("stream %d is %+v, want %+v", i, got, want)
		}
	}
}

// doubled tells whether one of the names that matter may be there twice in an object, or the whole is one
// message of discover.
func doubled(data []byte) bool {
	text := strings.ToLower(string(data))
	if strings.Contains(text, `\`) || strings.Contains(text, `"type"`) || strings.Count(text, `"streams"`) > 1 {
		return true
	}
	for _, name := range []string{`"stream"`, `"name"`, `"sync_mode"`, `"sync_id"`} {
		if strings.Count(text, name) > strings.Count(text, `{"stream":{"name":`) {
			return true
		}
	}
	return false
}
