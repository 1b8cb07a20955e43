package connector

import (
	"regexp"
	"slices"
	"strings"
	"testing"

	"source-intercom/emulator"
	"source-intercom/intercom"
	"source-intercom/protocol"
	"source-intercom/schemas"

	"github.com/tidwall/gjson"
	"github.com/xeipuuv/gojsonschema"
)

// neverFilled are fields that no row of the emulator has, and why.
var neverFilled = []struct{ fields, why string }{
	{`data_connectors: (audiences|body|bypass_authentication|client_function_\w+|configuration_response_type|customer_authentication|data_inputs|` +
		`data_transformation_type|execution_type|headers|object_mappings|response_fields|token_ids|url|validate_missing_attributes)(\..*)?`,
		"shown by GET /data_connectors/{id} alone"},
	{`data_connector_executions: \w+_body`, "shown on request, and of other people's systems"},
	{`articles: (statistics|audience_ids)(\..*)?`, "shown by GET /articles/{id} alone"},
	{`article_versions: (body|body_markdown|updated_at)`, "shown by GET /articles/{id}/versions/{id} alone"},
	{`conversations: (monitor_evaluations|scorecards)(\..*)?`, "shown on request, where the plan has them"},
	{`contacts: merged_into|normalized_conversations: deleted_at`, "in tombstones alone"},
	{`\w+: (.*\.)?translations`, "shown on request"},
	{`\w+: (.*\.)?count`, "shown on request: the truth leaves it out, the stream segments asks"},
	{`ticket_types: ticket_type_attributes\.ticket_type_attributes(\..*)?`, "the list's name in the files; in the examples it is data"},
	{`(companies: |conversations: company\.)notes\.(data(\..*)?|has_more|total_count|url)`, "the shape of a contact's list, which some versions of the files give to companies"},
	{`\w+: (.*\.)?author\.avatar\.type`, "in the files alone"},
	{`company_notes: contact(\..*)?`, "in notes about contacts"},
	{`contact_notes: company(\..*)?`, "in notes about companies"},
	{`activity_logs: metadata\.message(\..*)?`, "of kinds of events that the emulator has none of"},
	{`contacts: (enabled_push_messaging|location\.continent_code|sms_consent|unsubscribed_from_sms)`, "seen in practice, in no file"},
	{`conversations: (assignee(\..*)?|redacted|sent_at|ticket|statistics\.last_closed_by(\..*)?|teammates\.admins(\..*)?)`, "of older versions, or seen in practice"},
	{`contacts: merged_into|normalized_conversations: deleted_at`, "of tombstones alone"},
	{`conversation_parts: _parts_missing`, "ours: no thread of the emulator's truth is short"},
}

// TestEveryFieldIsFilled: the emulator's rows fill every field of every schema in some API version, and what comes of
// them fits the schema that goes out, in both protocols.
func TestEveryFieldIsFilled(t *testing.T) {
	if testing.Short() {
		t.Skip("takes seconds")
	}
	filled := map[string]map[string]bool{}
	for _, version := range emulator.Versions() {
		size := emulator.Size{Admins: 6, Teams: 3, Tags: 16, Segments: 8, Companies: 40, Contacts: 70, Conversations: 60, Tickets: 30, ActivityLogs: 90, PartsPerConversation: 2, LongConversations: 1}
		w := newWorld(t, version, emulator.Options{Seed: 12, Size: size})
		if version == "2.16" { // the others have them in Markdown
			w.settings = &Config{TranscriptFormat: "messages"}
		}
		w.Edit(func(world *emulator.World) {
			for _, id := range world.IDs("conversations")[:9] {
				world.DeleteConversation(id)
			}
			people := world.IDs("contacts")
			for i := range 4 {
				world.MergeContacts(people[2*i], people[2*i+1])
			}
		})
		for _, s := range append(streamsOf(version), customObjectStream("order")) {
			if !s.in(intercom.Version(version)) {
				continue
			}
			if filled[s.Name] == nil {
				filled[s.Name] = map[string]bool{}
			}
			for _, d := range []protocol.Dialect{protocol.Airbyte{}, protocol.Singer{}} {
				w.fills(t, &s, d, filled[s.Name])
			}
		}
	}
	for _, s := range append(streamsOf("Preview"), customObjectStream("order")) {
		schema := gjson.ParseBytes(s.Described().Schema)
		for _, path := range properties(schema, "") {
			name, excused := s.Name+": "+path, false
			for _, e := range neverFilled {
				excused = excused || regexp.MustCompile(`^(?:`+e.fields+`)$`).MatchString(name)
			}
			if !excused && !filled[s.Name][path] {
				t.Errorf("%s is never filled in", name)
			}
		}
	}
}

// fills validates what a stream's rows become, and notes the paths that are not null.
func (w *world) fills(t *testing.T, s *Stream, d protocol.Dialect, paths map[string]bool) {
	t.Helper()
	rows, err := w.Truth(s.Name, w.version)
	if err != nil {
		t.Fatal(err)
	}
	encoder, err := d.Encoder(s.Described(), nil)
	if err != nil {
		t.Fatal(err)
	}
	published, err := d.Catalog([]protocol.Stream{s.Described()})
	if err != nil {
		t.Fatal(err)
	}
	schema := gjson.GetBytes(published, "catalog.streams.0.json_schema")
	if !schema.Exists() {
		schema = gjson.GetBytes(published, "streams.0.schema")
	}
	compiled, err := schemas.Compile([]byte(schema.Raw))
	if err != nil {
		t.Fatal(err)
	}
	for key, row := range rows {
		line, at := encoder.Append(nil, string(asRecord(s, row)), nil, born)
		record := line[at.Start:at.End]
		if result, err := compiled.Validate(gojsonschema.NewBytesLoader(record)); err != nil || !result.Valid() {
			t.Fatalf("%s %s in %s, %s: %v %v", s.Name, key, w.version, d.Name(), err, result.Errors())
		}
		note(gjson.ParseBytes(record), "", paths)
	}
}

// note collects the paths of all that is not null; items share the path of their array.
func note(v gjson.Result, path string, into map[string]bool) {
	switch {
	case v.Type == gjson.Null:
		return
	case v.IsObject():
		v.ForEach(func(name, child gjson.Result) bool {
			note(child, strings.TrimPrefix(path+"."+name.Str, "."), into)
			return true
		})
	case v.IsArray():
		v.ForEach(func(_, child gjson.Result) bool {
			note(child, path, into)
			return true
		})
	}
	into[path] = true
}

// properties are the paths of a schema's properties.
func properties(schema gjson.Result, path string) []string {
	var out []string
	schema.Get("properties").ForEach(func(name, property gjson.Result) bool {
		child := strings.TrimPrefix(path+"."+name.Str, ".")
		out = append(append(out, child), properties(property, child)...)
		return true
	})
	if items := schema.Get("items"); items.Exists() {
		out = append(out, properties(items, path)...)
	}
	slices.Sort(out)
	return slices.Compact(out)
}
