package connector

import (
	"bytes"
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"source-intercom/emulator"
	"source-intercom/protocol"

	"github.com/tidwall/gjson"
)

func TestDeletesInConfigurations(t *testing.T) {
	const told = "one of contacts, conversations, normalized_conversations, transcripts, or * for all of them"
	swept := "one of " + strings.Join(sweptStreams("2.16"), ", ") + ", or * for all of them"
	for _, c := range []struct{ setting, given, problem string }{
		{"deletes", `["conversations","contacts"]`, ``},
		{"deletes", `["*"]`, ``},
		{"deletes", `"[\"conversations\"]"`, ``},
		{"deletes", `["conversation"]`, `deletes.0: found "conversation", expected ` + told},
		{"deletes", `["conversations","conversation_tags"]`, `deletes.1: found "conversation_tags", expected ` + told + "; of conversation_tags is known: its rows go with those of conversations"},
		{"deletes", `["tags"]`, `deletes.0: found "tags", expected ` + told + "; of tags is known: all of it is read in each run: what does not come again is gone"},
		{"deletes", `["calls"]`, `deletes.0: found "calls", expected ` + told + "; of calls is known: `id_sweep`"},
		{"deletes", `[["tags"]]`, `deletes.0: found an array, expected a text`},
		{"deletes", `"conversations"`, `deletes: found "conversations", expected a list, of which each is a text`},
		{"deletes", `["` + testToken + `"]`, `deletes.0: found a secret, expected one of`},
		{"id_sweep", `["*"]`, ``},
		{"id_sweep", `["tickets","custom_objects_order"]`, ``},
		{"id_sweep", `["custom_objects_device"]`, `id_sweep.0: found "custom_objects_device", expected one of `},
		{"id_sweep", `["ticket_parts"]`, `id_sweep.0: found "ticket_parts", expected ` + strings.Replace(swept, ", or *", ", custom_objects_order, or *", 1) + "; of ticket_parts is known: its rows go with those of tickets"},
	} {
		_, err := loadJSON(false, string(settingsJSON(map[string]any{c.setting: json.RawMessage(c.given), "api_version": "2.16", "custom_object_types": "Order"})))
		if c.problem == "" && err != nil || c.problem != "" && (err == nil || !strings.Contains(err.Error(), c.problem)) {
			t.Errorf("%s: %v\nwant %s", c.given, err, c.problem)
		}
	}
	for problem, settings := range map[string]map[string]any{
		`deletes.0: found "transcripts", expected api_version 2.16 or later: no stream's deletions are told before`: {"deletes": []string{"transcripts"}, "api_version": "2.15"},
		`id_sweep: found the names of streams, expected none, or no end_date`:                                       {"id_sweep": []string{"tickets"}, "end_date": "2025-01-01"},
		`id_sweep: found streams of conversations, expected none, or no conversation_filters`:                       {"id_sweep": []string{"transcripts"}, "conversation_filters": map[string]any{"states": []string{"open"}}},
	} {
		if _, err := loadJSON(false, string(settingsJSON(settings))); err == nil || !strings.Contains(err.Error(), problem) {
			t.Errorf("%v, want %s", err, problem)
		}
	}
}

// A catalog that Airbyte made before deletions were asked for is refused: the destination would take tombstones for rows.
func TestCatalogWithoutTheDeletedField(t *testing.T) {
	w := newWorld(t, "2.16", emulator.Options{Seed: 3, Size: talks(3)})
	cfg := w.config()
	cfg.Deletes = []string{"conversations"}
	discovered, err := Discover(t.Context(), protocol.Airbyte{}, cfg, testLog)
	if err != nil {
		t.Fatal(err)
	}
	schema := gjson.GetBytes(discovered, `catalog.streams.#(name=="conversations").json_schema`).Raw
	if got := gjson.Get(schema, "properties._ab_cdc_deleted_at.airbyte_type").Str; got != "timestamp_with_timezone" {
		t.Fatalf("the catalog has the field as %q", got)
	}
	for _, other := range []string{"transcripts", "tickets"} {
		if bytes.Contains([]byte(gjson.GetBytes(discovered, `catalog.streams.#(name=="`+other+`")`).Raw), []byte("_ab_cdc_deleted_at")) {
			t.Errorf("%s has it, too", other)
		}
	}
	select1 := func(schema string) *protocol.Selection {
		return &protocol.Selection{Form: protocol.AirbyteConfigured, Streams: []protocol.Selected{{Stream: "conversations", Mode: protocol.Incremental, Schema: schema}}}
	}
	r := reading{config: func(c *Config) { c.Deletes = cfg.Deletes }, selected: select1(schema)}
	w.read(t, r)
	r.selected, r.failing = select1(`{"properties":{"id":{}}}`), true
	out := w.read(t, r)
	wrong, ok := errors.AsType[*CatalogError](out.err)
	if !ok || wrong.Found != "a schema without _ab_cdc_deleted_at" || out.Summary != nil {
		t.Errorf("error %v", out.err)
	}
}

// In Singer's catalog the field cannot be deselected.
func TestDeletedFieldStaysSelected(t *testing.T) {
	w := newWorld(t, "2.16", emulator.Options{Seed: 3, Size: talks(3)})
	r := reading{dialect: protocol.Singer{}, config: func(c *Config) { c.Deletes = []string{"*"} },
		selected: &protocol.Selection{Form: protocol.SingerCatalog, Streams: []protocol.Selected{{Stream: "conversations", Drop: []protocol.FieldPath{{"_sdc_deleted_at"}, {"title"}}}}}}
	out := w.read(t, r)
	if fields := out.lines[0].Get("schema.properties"); !fields.Get("_sdc_deleted_at").Exists() || fields.Get("title").Exists() {
		t.Errorf("the schema has %s", fields.Get("@keys"))
	}
	for id, row := range out.records["conversations"] {
		if v := gjson.GetBytes(row, "_sdc_deleted_at"); v.Type != gjson.Null || !v.Exists() {
			t.Errorf("%s says %q", id, v.Raw)
		}
	}
}
