package protocol

import (
	"encoding/json"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/rs/zerolog"
	"github.com/tidwall/gjson"
	"github.com/xeipuuv/gojsonschema"
	"gopkg.in/yaml.v3"
)

// protocolSchema is Airbyte's own definition of one message.
func protocolSchema(t *testing.T) *gojsonschema.Schema {
	t.Helper()
	text, err := os.ReadFile("testdata/airbyte_protocol.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var doc map[string]any
	if err := yaml.Unmarshal(text, &doc); err != nil {
		t.Fatal(err)
	}
	definitions, err := json.Marshal(doc["definitions"])
	if err != nil {
		t.Fatal(err)
	}
	schema, err := gojsonschema.NewSchema(gojsonschema.NewStringLoader(
		`{"$ref":"#/definitions/AirbyteMessage","definitions":` + string(definitions) + `}`))
	if err != nil {
		t.Fatal(err)
	}
	return schema
}

func people() Stream {
	return Stream{Name: "people", Key: []string{"id"}, Cursor: "updated_at", Default: true, Schema: json.RawMessage(`{
		"$schema": "http://json-schema.org/draft-07/schema#",
		"type": "object", "additionalProperties": true,
		"properties": {
			"id": {"type": "string", "description": "who"},
			"updated_at": {"type": ["null", "integer"], "x-unix": true, "description": "when"},
			"state": {"type": ["null", "object"], "x-wrap": "name", "properties": {"name": {"type": ["null", "string"]}, "x-ray": {"type": ["null", "string"]}}},
			"tags": {"type": ["null", "array"], "items": {"type": ["null", "object"], "properties": {"at": {"type": ["null", "integer"], "x-unix": true}}}}
		}}`)}
}

func colours() Stream {
	return Stream{Name: "colours", Key: []string{"shelf", "name"},
		Schema: json.RawMessage(`{"type":"object","properties":{"shelf":{"type":"string"},"name":{"type":"string"}}}`)}
}

// airbyteLines renders one message of every kind, from texts that are hard to put on a line.
func airbyteLines(t *testing.T) map[string]string {
	t.Helper()
	const nasty = "two\nlines, \"quotes\", \x00, \xff and <tags>"
	a := Airbyte{}
	catalog, err := a.Catalog([]Stream{people(), colours()})
	if err != nil {
		t.Fatal(err)
	}
	record, _ := mustEncoder(t, a, people()).Append(nil, `{"id":"1","state":[]}`, nil, noon)
	state := States{Streams: []StreamState{{"other", nil}, {"people", json.RawMessage("{\n \"updated_at\": 7\n}")}}}
	return map[string]string{
		"catalog":        string(catalog),
		"record":         string(record),
		"state":          string(a.AppendState(nil, "people", 12, state)),
		"state of none":  string(a.AppendState(nil, "colours", 0, state)),
		"status":         string(a.AppendStatus(nil, "people", Incomplete, noon)),
		"failure":        string(a.AppendFailure(nil, Failure{Stream: "people", Kind: ConfigError, Message: nasty, Detail: nasty}, noon)),
		"failure of all": string(a.AppendFailure(nil, Failure{Kind: SystemError, Message: "no"}, noon)),
		"log":            string(a.AppendLog(nil, zerolog.WarnLevel, nasty)),
		"spec":           string(a.AppendSpec(nil, json.RawMessage("{\n \"connectionSpecification\": {\"type\": \"object\"}\n}\n"))),
		"connected":      string(a.AppendConnectionStatus(nil, true, "")),
		"not connected":  string(a.AppendConnectionStatus(nil, false, nasty)),
	}
}

func TestAirbyteLinesFollowTheProtocol(t *testing.T) {
	schema := protocolSchema(t)
	for name, line := range airbyteLines(t) {
		if strings.Count(line, "\n") != 1 || !strings.HasSuffix(line, "\n") {
			t.Errorf("%s is not one line: %q", name, line)
		}
		result, err := schema.Validate(gojsonschema.NewStringLoader(line))
		if err != nil {
			t.Errorf("%s: %v", name, err)
		} else if !result.Valid() {
			t.Errorf("%s: %v", name, result.Errors())
		}
	}
	result, err := schema.Validate(gojsonschema.NewStringLoader(`{"type":"TRACE","trace":{"type":"STREAM_STATUS"}}`))
	if err != nil || result.Valid() {
		t.Fatalf("the check itself lets a wrong message pass: %v", err)
	}
}

func TestAirbyteLines(t *testing.T) {
	const nasty = `"two\nlines, \"quotes\", \u0000, ` + "\ufffd" + ` and \u003ctags\u003e"`
	want := map[string]string{
		"record": `{"type":"RECORD","record":{"stream":"people","data":{"id":"1","state":null},"emitted_at":1772625600123,` +
			`"meta":{"changes":[{"field":"state","change":"NULLED","reason":"SOURCE_SERIALIZATION_ERROR"}]}}}`,
		"state":          `{"type":"STATE","state":{"type":"STREAM","stream":{"stream_descriptor":{"name":"people"},"stream_state":{"updated_at":7}},"sourceStats":{"recordCount":12.0}}}`,
		"state of none":  `{"type":"STATE","state":{"type":"STREAM","stream":{"stream_descriptor":{"name":"colours"}},"sourceStats":{"recordCount":0.0}}}`,
		"status":         `{"type":"TRACE","trace":{"type":"STREAM_STATUS","emitted_at":1772625600123,"stream_status":{"stream_descriptor":{"name":"people"},"status":"INCOMPLETE"}}}`,
		"failure":        `{"type":"TRACE","trace":{"type":"ERROR","emitted_at":1772625600123,"error":{"message":` + nasty + `,"internal_message":` + nasty + `,"failure_type":"config_error","stream_descriptor":{"name":"people"}}}}`,
		"failure of all": `{"type":"TRACE","trace":{"type":"ERROR","emitted_at":1772625600123,"error":{"message":"no","failure_type":"system_error"}}}`,
		"log":            `{"type":"LOG","log":{"level":"WARN","message":` + nasty + `}}`,
		"spec":           `{"type":"SPEC","spec":{"connectionSpecification":{"type":"object"}}}`,
		"connected":      `{"type":"CONNECTION_STATUS","connectionStatus":{"status":"SUCCEEDED"}}`,
		"not connected":  `{"type":"CONNECTION_STATUS","connectionStatus":{"status":"FAILED","message":` + nasty + `}}`,
		"catalog": `{"type":"CATALOG","catalog":{"streams":[` +
			`{"name":"people","json_schema":{"$schema":"http://json-schema.org/draft-07/schema#","type":"object","additionalProperties":true,"properties":{` +
			`"id":{"type":"string","description":"who"},"updated_at":{"type":["null","integer"],"description":"when"},` +
			`"state":{"type":["null","object"],"properties":{"name":{"type":["null","string"]},"x-ray":{"type":["null","string"]}}},` +
			`"tags":{"type":["null","array"],"items":{"type":["null","object"],"properties":{"at":{"type":["null","integer"]}}}}}},` +
			`"supported_sync_modes":["full_refresh","incremental"],"source_defined_cursor":true,"default_cursor_field":["updated_at"],"source_defined_primary_key":[["id"]],"is_resumable":true},` +
			`{"name":"colours","json_schema":{"type":"object","properties":{"shelf":{"type":"string"},"name":{"type":"string"}}},"supported_sync_modes":["full_refresh"],"source_defined_primary_key":[["shelf"],["name"]]}]}}`,
	}
	got := airbyteLines(t)
	for name := range want {
		want[name] += "\n"
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("lines (-want +got):\n%s", diff)
	}
}

func TestSingerLines(t *testing.T) {
	schema, err := Singer{}.AppendSchema(nil, people(), []FieldPath{{"state", "name"}, {"id"}})
	if err != nil {
		t.Fatal(err)
	}
	record, _ := mustEncoder(t, Singer{}, people()).Append(nil, `{"id":"1","updated_at":7}`, nil, noon.In(time.FixedZone("", 3600)))
	all := States{
		Streams: []StreamState{{"people", json.RawMessage("{\"updated_at\":\n 7}")}, {"colours", nil}, {"gone", json.RawMessage(`"2020"`)}},
		Extra:   []StreamState{{"theirs", json.RawMessage(`[1]`)}},
	}
	tests := []struct{ name, got, want string }{
		{"schema", string(schema), `{"type":"SCHEMA","stream":"people","schema":{"type":"object","additionalProperties":true,"properties":{` +
			`"id":{"type":"string","description":"who"},"updated_at":{"type":["null","string"],"format":"date-time","description":"when"},` +
			`"state":{"type":["null","object"],"properties":{"x-ray":{"type":["null","string"]}}},` +
			`"tags":{"type":["null","array"],"items":{"type":["null","object"],"properties":{"at":{"type":["null","string"],"format":"date-time"}}}}}},` +
			`"key_properties":["id"],"bookmark_properties":["updated_at"]}` + "\n"},
		{"record", string(record), `{"type":"RECORD","stream":"people","record":{"id":"1","updated_at":"1970-01-01T00:00:07Z"},"time_extracted":"2026-03-04T12:00:00.123456Z"}` + "\n"},
		{"state", string(Singer{}.AppendState(nil, "people", 3, all)), `{"type":"STATE","value":{"bookmarks":{"people":{"updated_at":7},"gone":"2020"},"theirs":[1]}}` + "\n"},
		{"no state", string(Singer{}.AppendState(nil, "people", 3, States{})), `{"type":"STATE","value":{"bookmarks":{}}}` + "\n"},
		{"status", string(Singer{}.AppendStatus(nil, "people", Started, noon)), ""},
		{"failure", string(Singer{}.AppendFailure(nil, Failure{Message: "no"}, noon)), ""},
		{"log", string(Singer{}.AppendLog(nil, zerolog.InfoLevel, "no")), ""},
	}
	for _, tt := range tests {
		if diff := cmp.Diff(tt.want, tt.got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tt.name, diff)
		}
	}
}

func TestSingerCatalog(t *testing.T) {
	text, err := Singer{}.Catalog([]Stream{people(), colours()})
	if err != nil {
		t.Fatal(err)
	}
	first, second := gjson.GetBytes(text, "streams.0"), gjson.GetBytes(text, "streams.1")
	tests := []struct{ name, got, want string }{
		{"id", first.Get("tap_stream_id").Raw, `"people"`},
		{"stream", first.Get("stream").Raw, `"people"`},
		{"key", second.Get("key_properties|@ugly").Raw, `["shelf","name"]`},
		{"method", first.Get("replication_method").Raw, `"INCREMENTAL"`},
		{"cursor", first.Get("replication_key").Raw, `"updated_at"`},
		{"method without cursor", second.Get("replication_method").Raw, `"FULL_TABLE"`},
		{"no cursor", second.Get("replication_key").Raw, ``},
		{"metadata", first.Get("metadata|@ugly").Raw, `[` +
			`{"breadcrumb":[],"metadata":{"inclusion":"available","selected-by-default":true,"table-key-properties":["id"],"valid-replication-keys":["updated_at"]}},` +
			`{"breadcrumb":["properties","id"],"metadata":{"inclusion":"automatic"}},` +
			`{"breadcrumb":["properties","updated_at"],"metadata":{"inclusion":"automatic"}},` +
			`{"breadcrumb":["properties","state"],"metadata":{"inclusion":"available"}},` +
			`{"breadcrumb":["properties","state","properties","name"],"metadata":{"inclusion":"available"}},` +
			`{"breadcrumb":["properties","state","properties","x-ray"],"metadata":{"inclusion":"available"}},` +
			`{"breadcrumb":["properties","tags"],"metadata":{"inclusion":"available"}},` +
			`{"breadcrumb":["properties","tags","items","properties","at"],"metadata":{"inclusion":"available"}}]`},
		{"metadata without cursor", second.Get("metadata.0.metadata|@ugly").Raw,
			`{"forced-replication-method":"FULL_TABLE","inclusion":"available","selected-by-default":false,"table-key-properties":["shelf","name"]}`},
	}
	for _, tt := range tests {
		if diff := cmp.Diff(tt.want, tt.got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tt.name, diff)
		}
	}
	if !strings.HasSuffix(string(text), "}\n") {
		t.Error("no final newline")
	}
}

func TestWrongSchemas(t *testing.T) {
	for _, schema := range []string{``, `{`, `[]`, `{"type":"string"}`, `{}`} {
		for _, d := range dialects() {
			s := Stream{Name: "s", Schema: json.RawMessage(schema)}
			if _, err := d.Encoder(s, nil); err == nil {
				t.Errorf("%s makes an encoder of %q", d.Name(), schema)
			}
			if _, err := d.Catalog([]Stream{s}); err == nil {
				t.Errorf("%s makes a catalog of %q", d.Name(), schema)
			}
		}
	}
}

func TestFingerprint(t *testing.T) {
	const signed = `{"url":"https://downloads.intercomcdn.com/i/o/1/a.png?expires=1&signature=aa&req=x","body":"<a href=\"https:\/\/x.intercom-attachments-9.com\/b?a=1&amp;signature=1\u0026X-Amz-Date=1#end\">"}`
	same := []string{
		strings.Replace(signed, "expires=1&signature=aa", "expires=2&signature=bbbb", 1),
		strings.Replace(signed, "req=x", "req=y", 1),
		strings.Replace(signed, "signature=1", "signature=", 1),
		strings.Replace(signed, "X-Amz-Date=1", "X-Amz-Date=20260304", 1),
	}
	for _, other := range same {
		if Fingerprint([]byte(signed)) != Fingerprint([]byte(other)) {
			t.Errorf("signed anew, and taken for another content: %s", other)
		}
	}
	different := []string{
		strings.Replace(signed, "a.png", "c.png", 1),
		strings.Replace(signed, "?a=1", "?a=2", 1),
		strings.Replace(signed, "#end", "#start", 1),
		strings.Replace(signed, "intercomcdn", "example", 1),
		strings.Replace(signed, `\">"}`, `\"> "}`, 1),
		strings.Replace(signed, "&signature=aa", "", 1),
	}
	seen := map[uint64]string{Fingerprint([]byte(signed)): signed}
	for _, other := range different {
		f := Fingerprint([]byte(other))
		if before, ok := seen[f]; ok {
			t.Errorf("the same fingerprint:\n%s\n%s", before, other)
		}
		seen[f] = other
	}
	elsewhere := `{"url":"https://example.com/?signature=1"}`
	if Fingerprint([]byte(elsewhere)) == Fingerprint([]byte(strings.Replace(elsewhere, "=1", "=2", 1))) {
		t.Error("a signature of others is content")
	}
}

func TestFingerprintOfPlainRecordsAllocatesNothing(t *testing.T) {
	data := []byte(benchRecord())
	if n := testing.AllocsPerRun(100, func() { Fingerprint(data) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
