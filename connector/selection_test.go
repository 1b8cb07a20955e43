package connector

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"source-intercom/emulator"
	"source-intercom/protocol"

	"github.com/rs/zerolog"
	"github.com/tidwall/gjson"
)

func catalogOf(t *testing.T, text string) *protocol.Selection {
	t.Helper()
	selection, err := protocol.ParseCatalog([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return selection
}

// tapCatalog is a catalog as singer-io's tap writes it and a user edits it: its key, its schema, its
// metadata. Each entry is "stream", or "stream FULL_TABLE", or with a minus before it deselected.
func tapCatalog(entries ...string) string {
	var streams []string
	for _, entry := range entries {
		name, method, _ := strings.Cut(strings.TrimPrefix(entry, "-"), " ")
		if method == "" {
			method = "INCREMENTAL"
		}
		streams = append(streams, fmt.Sprintf(`{"stream":%q,"tap_stream_id":%q,"key_properties":["id"],
			"schema":{"type":["null","object"],"additionalProperties":false,"properties":{"id":{"type":["null","string"]},"name":{"type":["null","string"]},"updated_at":{"type":["null","string"],"format":"date-time"}}},
			"metadata":[{"breadcrumb":[],"metadata":{"table-key-properties":["id"],"forced-replication-method":"INCREMENTAL","replication-method":%q,"valid-replication-keys":["updated_at"],"inclusion":"available","selected":%t}},
			{"breadcrumb":["properties","id"],"metadata":{"inclusion":"automatic","selected":false}},
			{"breadcrumb":["properties","name"],"metadata":{"inclusion":"available","selected":false}},
			{"breadcrumb":["properties","custom_attributes"],"metadata":{"inclusion":"available","selected":false}},
			{"breadcrumb":["properties","updated_at"],"metadata":{"inclusion":"available","selected":false}}]}`,
			name, name, method, !strings.HasPrefix(entry, "-")))
	}
	return `{"streams":[` + strings.Join(streams, ",") + `]}`
}

// airbyteCatalog is a catalog that a platform configured from the other source's discovery.
func airbyteCatalog(entries ...string) string {
	var streams []string
	for _, entry := range entries {
		name, mode, _ := strings.Cut(entry, " ")
		streams = append(streams, fmt.Sprintf(`{"stream":{"name":%q,"json_schema":{"type":"object","properties":{"id":{"type":"string"}}},"supported_sync_modes":["full_refresh","incremental"],
			"source_defined_cursor":true,"default_cursor_field":["updated_at"],"source_defined_primary_key":[["id"]]},
			"sync_mode":%q,"cursor_field":["updated_at"],"destination_sync_mode":"append_dedup","primary_key":[["id"]],"generation_id":1,"minimum_generation_id":0,"sync_id":3}`, name, mode))
	}
	return `{"streams":[` + strings.Join(streams, ",") + `]}`
}

// TestTapIntercomsCatalog: its selection and methods are taken; schema and keys are ours.
func TestTapIntercomsCatalog(t *testing.T) {
	bubble(t, "2.16", emulator.Options{Size: snapshotWorld}, func(t *testing.T, w *world) {
		r := reading{dialect: protocol.Singer{}, selected: catalogOf(t, tapCatalog("contacts", "companies FULL_TABLE", "-tickets", "conversation_parts"))}
		first := w.read(t, r)
		var schemas []string
		for _, line := range first.lines {
			if line.Get("type").Str == "SCHEMA" {
				schemas = append(schemas, line.Get("stream").Str)
				if line.Get("schema.properties.name").Exists() || !line.Get("schema.properties.id").Exists() || !line.Get("schema.properties.updated_at").Exists() {
					t.Errorf("%s: properties %s, want id and updated_at, and no name", line.Get("stream"), clip(line.Get("schema.properties").Raw))
				}
			}
		}
		if want := []string{"contacts", "companies", "conversation_parts"}; !slices.Equal(schemas, want) {
			t.Errorf("streams %q, want %q", schemas, want)
		}
		for _, stream := range schemas {
			w.holdsAll(t, first, stream)
			for id, row := range first.records[stream] {
				record := gjson.ParseBytes(row)
				if record.Get("name").Exists() || record.Get("custom_attributes").Exists() || !record.Get("id").Exists() || !record.Get("updated_at").Exists() {
					t.Fatalf("%s: record %s holds a deselected field or lacks its key or cursor: %s", stream, id, clip(record.Raw))
				}
			}
		}
		time.Sleep(time.Hour)
		r.state = first.State
		second := w.read(t, r)
		w.holdsAll(t, second, "companies")
		if second.counts["contacts"]+second.counts["conversation_parts"] != 0 {
			t.Errorf("emitted %v, want the companies alone", second.counts)
		}
	})
}

// TestTapIntercomsCompanySegments: there it is a table of segments, and the message says where to find that.
func TestTapIntercomsCompanySegments(t *testing.T) {
	_, err := TableOf(nil).checkSelection(catalogOf(t, tapCatalog("contacts", "company_segments")), zerolog.Nop())
	var e *CatalogError
	if !errors.As(err, &e) || e.Stream != "company_segments" || !strings.Contains(err.Error(), `"segments"`) {
		t.Errorf("error %v, want a *CatalogError that names segments", err)
	}
	if _, err := TableOf(nil).checkSelection(catalogOf(t, tapCatalog("contacts", "-company_segments")), zerolog.Nop()); err != nil {
		t.Errorf("deselected: %v", err)
	}
	ours, err := Discover(t.Context(), protocol.Singer{}, nil, zerolog.Nop())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := TableOf(nil).checkSelection(catalogOf(t, string(ours)), zerolog.Nop()); err != nil {
		t.Errorf("our own catalog: %v", err)
	}
}

// TestAirbytesCatalog: company_segments brings every membership in each run, under either mode, and
// streams keep our keys.
func TestAirbytesCatalog(t *testing.T) {
	for _, mode := range []string{"incremental", "full_refresh"} {
		t.Run(mode, func(t *testing.T) {
			bubble(t, "2.16", emulator.Options{Size: snapshotWorld}, func(t *testing.T, w *world) {
				r := reading{selected: catalogOf(t, airbyteCatalog("company_segments "+mode, "tickets incremental"))}
				first := w.read(t, r)
				w.holdsAll(t, first, "company_segments", "tickets")
				var firm, segment string
				w.Edit(func(world *emulator.World) {
					// An old segment gets a company: no time stamp of the segment tells.
					firm, segment = world.IDs("companies")[4], world.IDs("segments")[3]
					world.AddCompanySegment(firm, segment)
				})
				time.Sleep(time.Hour)
				r.state = first.State
				*r.selected.Streams[0].SyncID = 4
				second := w.read(t, r)
				second.onlyOnce(t)
				w.holdsAll(t, second, "company_segments")
				if second.records["company_segments"][firm+"/"+segment] == nil {
					t.Error("the new membership is missing")
				}
				if n := second.counts["tickets"]; n != 0 {
					t.Errorf("%d tickets", n)
				}
			})
		})
	}
}

// TestMembershipsKnowNoStartDate: those of companies that have not changed for long come too.
func TestMembershipsKnowNoStartDate(t *testing.T) {
	bubble(t, "2.16", emulator.Options{Size: snapshotWorld}, func(t *testing.T, w *world) {
		out := w.read(t, reading{streams: []string{"companies", "company_segments"}, config: from(born.Add(-24 * time.Hour))})
		w.holdsAll(t, out, "company_segments")
		w.emitted(t, out, span{born.Unix() - 86_400, forever}, "companies")
	})
}

// TestDeselectedFields: what is deselected is gone, at any depth, but neither keys nor the cursor, and
// the engine still reads what it needs.
func TestDeselectedFields(t *testing.T) {
	for _, def := range streamsOf("2.16") {
		t.Run(def.Name, func(t *testing.T) {
			bubble(t, "2.16", emulator.Options{Size: snapshotWorld}, func(t *testing.T, w *world) {
				properties := gjson.GetBytes(def.Described().Schema, "properties").Map()
				var drop []protocol.FieldPath
				for name := range properties {
					drop = append(drop, protocol.FieldPath{name})
				}
				r := reading{selected: &protocol.Selection{Form: protocol.SingerCatalog, Streams: []protocol.Selected{{Stream: def.Name, Drop: drop}}}}
				first := w.read(t, r)
				w.holdsAll(t, first, def.Name)
				want := slices.Clone(def.Key)
				if def.Cursor != "" {
					want = append(want, def.Cursor)
				}
				slices.Sort(want)
				for id, row := range first.records[def.Name] {
					var got []string
					for name := range gjson.ParseBytes(row).Map() {
						if _, known := properties[name]; known { // what the schema does not know cannot be deselected
							got = append(got, name)
						}
					}
					if slices.Sort(got); !slices.Equal(got, want) {
						t.Fatalf("row %s has the fields %q, want %q", id, got, want)
					}
				}
				time.Sleep(time.Hour)
				r.state = first.State
				if second := w.read(t, r); def.Cursor != "" && second.total() != 0 {
					t.Errorf("a quiet run emitted %v", second.counts)
				}
			})
		})
	}
}

// TestChildWithoutItsParent: each stream comes whole when it is the only one.
func TestChildWithoutItsParent(t *testing.T) {
	for _, name := range streamsOf("2.16").names() {
		t.Run(name, func(t *testing.T) {
			bubble(t, "2.16", emulator.Options{Size: snapshotWorld}, func(t *testing.T, w *world) {
				out := w.read(t, reading{streams: []string{name}, config: smallPages})
				out.onlyOnce(t)
				w.check(t, false, name)
				if len(out.records) > 1 || len(out.statuses) != 1 {
					t.Errorf("streams %v, statuses %v", out.counts, out.statuses)
				}
			})
		})
	}
}

// TestStreamSelectedLater gets everything, whatever its sibling has read before.
func TestStreamSelectedLater(t *testing.T) {
	for _, names := range [][2]string{{"conversations", "conversation_parts"}, {"conversation_parts", "conversations"}, {"company_segments", "companies"}} {
		t.Run(names[1], func(t *testing.T) {
			bubble(t, "2.16", emulator.Options{Size: snapshotWorld}, func(t *testing.T, w *world) {
				first := w.read(t, reading{streams: names[:1], config: smallPages})
				time.Sleep(time.Hour)
				second := w.read(t, reading{streams: names[:], config: smallPages, state: first.State})
				w.check(t, false, names[:]...)
				if n := second.counts[names[0]]; n != 0 && names[0] != "company_segments" {
					t.Errorf("%d records of %s a second time", n, names[0])
				}
			})
		})
	}
}

// TestSelectionErrors come before any call.
func TestSelectionErrors(t *testing.T) {
	for name, catalog := range map[string]string{
		"unknown stream":                   airbyteCatalog("tickets incremental", "ticket_pieces incremental"),
		"unknown stream of a tap":          tapCatalog("tickets", "Tickets"),
		"incremental without a cursor":     airbyteCatalog("tags incremental"),
		"incremental attributes":           airbyteCatalog("company_attributes incremental"),
		"incremental without one, tap's":   tapCatalog("admins INCREMENTAL"),
		"tap-intercom's company_segments":  tapCatalog("company_segments"),
		"the same under a full table read": tapCatalog("company_segments FULL_TABLE"),
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, "2.16", emulator.Options{Size: snapshotWorld}, func(t *testing.T, w *world) {
				out := w.read(t, reading{selected: catalogOf(t, catalog), failing: true})
				if e := errorAs[*CatalogError](t, out); e.Stream == "" {
					t.Errorf("error %v names no stream", e)
				}
				if Classify(out.err).Kind != protocol.ConfigError || len(out.requests) != 0 || out.total() != 0 {
					t.Errorf("kind %s, requests %v", Classify(out.err).Kind, out.requests)
				}
			})
		})
	}
}

// TestEmptySelection reads nothing and fails nothing: it is not the same as no catalog.
func TestEmptySelection(t *testing.T) {
	bubble(t, "2.16", emulator.Options{Size: snapshotWorld}, func(t *testing.T, w *world) {
		var out bytes.Buffer
		if got := w.read(t, reading{selected: catalogOf(t, `{"streams":[]}`), out: &out}); got.total() != 0 || out.Len() != 0 {
			t.Errorf("read %v", got.counts)
		}
	})
}
