package connector

import (
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"

	"source-intercom/emulator"
	"source-intercom/protocol"

	"github.com/tidwall/gjson"
)

const testKey = "a key of this test, and of no other"

// ruled is a configuration with rules.
func ruled(rules ...PrivacyRule) func(*Config) {
	return func(c *Config) { c.PrivacyRules, c.PrivacyKey = rules, testKey }
}

// TestPrivacySettings holds what is wrong with rules, and how it is told.
func TestPrivacySettings(t *testing.T) {
	rule := func(stream, field, action string) string {
		return `"privacy_rules":[{"stream":"` + stream + `","field":"` + field + `","action":"` + action + `"}]`
	}
	key := `,"privacy_key":"0123456789abcdef"`
	tests := map[string]struct{ settings, want string }{
		"a rule":                   {rule("contacts", "email", "hash") + key, ""},
		"as text":                  {`"privacy_rules":"[{\"stream\":\"contacts\",\"field\":\"email\",\"action\":\"mask\"}]"`, ""},
		"every stream":             {rule("*", "**.email", "mask"), ""},
		"an attribute":             {rule("contacts", "custom_attributes.Tax number", "drop"), ""},
		"below a list":             {rule("conversations", "contacts.contacts.external_id", "drop"), ""},
		"a text key":               {rule("contacts", "id", "hash") + key, ""},
		"keys are spared":          {rule("*", "*", "scrub"), ""},
		"a report":                 {rule("reporting_conversation", "anything", "drop"), ""},
		"a pattern":                {`"privacy_patterns":["a+"]`, ""},
		"no such field":            {rule("contacts", "emial", "mask"), `privacy_rules.0.field: found "emial", expected a field of contacts`},
		"no such field anywhere":   {rule("*", "emial", "mask"), `privacy_rules.0.field: found "emial", expected a field of some stream`},
		"nothing below it":         {rule("contacts", "email.x", "mask"), `privacy_rules.0.field: found "email.x"`},
		"no such stream":           {rule("contact", "email", "mask"), `privacy_rules.0.stream: found "contact", expected a stream of this configuration, or *`},
		"no such action":           {rule("contacts", "email", "blur"), `privacy_rules.0.action: found "blur", expected one of drop, mask, hash, scrub`},
		"an empty name":            {rule("contacts", "a..b", "mask"), `privacy_rules.0.field: found "a..b", expected names with dots between`},
		"any depth, of a report":   {rule("reporting_conversation", "**", "mask"), `privacy_rules.0.field: found "**"`},
		"any depth, alone":         {rule("contacts", "**", "mask"), `privacy_rules.0.field: found "**"`},
		"any depth in the middle":  {rule("contacts", "a.**.b", "mask"), `privacy_rules.0.field: found "a.**.b"`},
		"the key":                  {rule("contacts", "id", "mask"), `privacy_rules.0.action: found "mask" of id, expected hash, or another field: by this one rows`},
		"a key that is a number":   {rule("contact_events", "position", "hash") + key, `privacy_rules.0.action: found "hash" of position, expected another field`},
		"ids that are swept":       {rule("conversations", "id", "hash") + key + `,"id_sweep":["conversations"]`, "id_sweep: found conversations, expected streams whose ids no rule hashes"},
		"ids swept elsewhere":      {rule("companies", "id", "hash") + key + `,"id_sweep":["conversations"]`, ""},
		"the cursor":               {rule("contacts", "updated_at", "hash") + key, `privacy_rules.0.action: found "hash" of updated_at, expected another field: by this one the stream is read on`},
		"no key":                   {rule("contacts", "email", "hash"), "privacy_key: found nothing, expected a secret for the rules that hash"},
		"a short key":              {`"privacy_key":"short"`, "privacy_key: found a short text, expected a secret of at least 16 characters"},
		"a broken pattern":         {`"privacy_patterns":["ok","(a"]`, `privacy_patterns.1: found "(a", expected a regular expression of RE2: error parsing regexp: missing closing )`},
		"a rule without an action": {`"privacy_rules":[{"stream":"contacts","field":"email"}]`, "privacy_rules.0.action: found nothing"},
		"one name too many":        {`"privacy_rules":[{"stream":"contacts","field":"email","action":"mask","with":"x"}]`, "privacy_rules: found the name"},
		"no list":                  {`"privacy_rules":{"stream":"contacts"}`, "privacy_rules: found an object"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			cfg, err := LoadConfig([]Source{{Name: "config.json", Data: []byte(`{"access_token":"dG9rOmludmVudGVk","start_date":"2026-01-01",` + test.settings + `}`)}}, false, born)
			if test.want == "" {
				if err != nil {
					t.Fatal(err)
				}
				text, _ := json.Marshal(cfg)
				if strings.Contains(string(text), "0123456789abcdef") {
					t.Errorf("the key is shown: %s", text)
				}
				return
			}
			if _, is := errors.AsType[*ConfigError](err); !is || !strings.Contains(err.Error(), test.want) {
				t.Errorf("error %v\nwant one that says %s", err, test.want)
			}
		})
	}
}

// TestCopiesExist holds that the table of copies names fields that there are.
func TestCopiesExist(t *testing.T) {
	table := TableOf(&Config{APIVersion: "Preview", Deletes: []string{everyStream}})
	for _, c := range copies {
		for _, place := range slices.Concat(c.from, c.to) {
			stream, way, _ := strings.Cut(place, ".")
			if isReport(stream) || way == "" {
				continue
			}
			if s := table.Named(stream); s == nil || !s.Described().Reaches(strings.Split(way, ".")) {
				t.Errorf("%s is not a field", place)
			}
		}
	}
}

// TestRulesFindTheirCopies holds where rules act.
func TestRulesFindTheirCopies(t *testing.T) {
	tests := []struct {
		stream, field string
		in            string
		want          []string
	}{
		{"contacts", "email", "conversation_parts", []string{"author.email", "email_message_metadata.email_address_headers.email_address"}},
		{"contacts", "email", "contacts", []string{"email_domain", "notes.data.author.email"}},
		{"contacts", "*", "content_export_receipts", []string{"email", "name", "user_external_id", "user_id"}},
		{"companies", "custom_attributes.tier", "conversations", []string{"company.custom_attributes.tier"}},
		{"companies", "notes", "company_notes", []string{"*"}},
		{"companies", "notes.notes.body", "company_notes", []string{"body"}},
		{"ticket_parts", "body", "tickets", []string{"ticket_parts.ticket_parts.body"}},
		{"conversation_parts", "body", "tickets", []string{"ticket_parts.ticket_parts.body", "ticket_parts.ticket_parts.translations", "ticket_attributes._default_description_"}},
		{"contacts", "external_id", "conversation_contacts", []string{"external_id"}},
		{"contacts", "email", "reporting_conversation", []string{"contact_email", "email", "user_email"}},
		{"conversations", "source", "normalized_conversations", []string{"first_message_body", "url"}},
		{"contacts", "location.city", "conversations", nil},
		{"macros", "body", "transcripts", nil},
	}
	for _, test := range tests {
		var got []string
		for _, field := range copiesOf(PrivacyRule{Stream: test.stream, Field: test.field}, test.in) {
			got = append(got, strings.Join(field, "."))
		}
		slices.Sort(got)
		slices.Sort(test.want)
		if !slices.Equal(slices.Compact(got), test.want) {
			t.Errorf("%s.%s in %s: %v, want %v", test.stream, test.field, test.in, got, test.want)
		}
	}
}

// TestPrivacyRules reads with each action.
func TestPrivacyRules(t *testing.T) {
	w := newWorld(t, "2.16", emulator.Options{Seed: 9, Size: littleWorld})
	streams := []string{"contacts", "conversations", "conversation_parts", "tickets"}
	for _, d := range []protocol.Dialect{protocol.Airbyte{}, protocol.Singer{}} {
		plain := w.read(t, reading{streams: streams, dialect: d})
		out := w.read(t, reading{streams: streams, dialect: d, config: ruled(
			PrivacyRule{"conversation_parts", "author.email", "drop"},
			PrivacyRule{"contacts", "email", "hash"},
			PrivacyRule{"contacts", "name", "mask"},
			PrivacyRule{"contacts", "location", "drop"},
			PrivacyRule{"contacts", "custom_attributes.seats", "hash"},
			PrivacyRule{"*", "**.body", "scrub"},
		)})
		hash := hasher(testKey)
		for id, row := range plain.records["contacts"] {
			was, is := gjson.ParseBytes(row), gjson.ParseBytes(out.records["contacts"][id])
			if want := string(hash(nil, was.Get("email").Raw)); is.Get("email").Raw != want {
				t.Errorf("email %s, want %s", is.Get("email").Raw, want)
			}
			if was.Get("name").Str != "" && is.Get("name").Str != "***" || is.Get("location").Exists() {
				t.Errorf("%s", is.Raw)
			}
			if seats := was.Get("custom_attributes.seats"); seats.Exists() && is.Get("custom_attributes.seats").Raw != string(hash(nil, seats.Raw)) {
				t.Errorf("seats %s became %s", seats.Raw, is.Get("custom_attributes.seats").Raw)
			}
		}
		for id, row := range plain.records["conversations"] {
			was, is := gjson.ParseBytes(row).Get("source.author"), gjson.ParseBytes(out.records["conversations"][id]).Get("source.author")
			if want := string(hash(nil, was.Get("email").Raw)); was.Get("email").Type == gjson.String && is.Get("email").Raw != want {
				t.Errorf("author %s became %s, want the hash %s", was.Raw, is.Raw, want)
			}
		}
		for _, row := range out.records["conversation_parts"] {
			if author := gjson.GetBytes(row, "author"); author.Get("email").Exists() || author.Get("name").Str != "***" && author.Get("name").Str != "" {
				t.Errorf("the user's own rule did not win: %s", author.Raw)
			}
		}
	}
}

// TestOtherRulesEmitAnew holds that a run under other rules leaves nothing as it was that it reads again, and that one under
// the same rules is quiet.
func TestOtherRulesEmitAnew(t *testing.T) {
	w := newWorld(t, "2.16", emulator.Options{Seed: 9, Size: littleWorld})
	r := reading{streams: []string{"conversations", "conversation_parts", "transcripts"}, mode: protocol.Incremental}
	for _, action := range []string{"", "mask", "scrub"} {
		if action != "" {
			r.config = ruled(PrivacyRule{"*", "**.body", action}, PrivacyRule{"transcripts", "markdown", action})
		}
		first := w.read(t, r)
		again := w.read(t, reading{streams: r.streams, mode: r.mode, config: r.config, state: first.State})
		if again.total() > 0 {
			t.Errorf("under the rule %q: a quiet run emitted %v", action, again.counts)
		}
	}
	w.Edit(func(world *emulator.World) { world.Reply(world.IDs("conversations")[3]) })
	r.config = ruled(PrivacyRule{"*", "**.body", "mask"})
	out := w.read(t, r)
	r.state, r.config = out.State, nil
	if other := w.read(t, r); other.counts["conversation_parts"] == 0 || other.counts["conversations"] == 0 {
		t.Errorf("without the rules: %v", other.counts)
	}
}

// TestPublishedUnderRules holds that catalogs show what the rules leave.
func TestPublishedUnderRules(t *testing.T) {
	cfg := newWorld(t, "2.16", emulator.Options{Size: littleWorld}).config()
	ruled(PrivacyRule{"contacts", "phone", "drop"}, PrivacyRule{"contacts", "custom_attributes.age", "hash"}, PrivacyRule{"conversations", "created_at", "hash"})(cfg)
	for _, d := range []protocol.Dialect{protocol.Airbyte{}, protocol.Singer{}} {
		text, err := cfg.catalog(d, TableOf(cfg).Catalog())
		if err != nil {
			t.Fatal(err)
		}
		catalog := gjson.ParseBytes(text)
		schema := func(stream, field string) gjson.Result {
			for _, list := range []string{"catalog.streams", "streams"} {
				for _, s := range catalog.Get(list).Array() {
					if s.Get("name").Str == stream || s.Get("stream").Str == stream {
						return gjson.Parse(s.Get("json_schema").Raw + s.Get("schema").Raw).Get("properties." + field)
					}
				}
			}
			return gjson.Result{}
		}
		if schema("contacts", "phone").Exists() || schema("calls", "phone").Exists() || schema("contacts", "formatted_phone").Exists() {
			t.Errorf("%s: the catalog shows fields that are dropped", d.Name())
		}
		if at := schema("conversations", "created_at"); at.Get("type.1").Str != "string" || at.Get("format").Exists() {
			t.Errorf("%s: a hashed time is %s", d.Name(), at.Raw)
		}
		if !schema("contacts", "custom_attributes").Exists() {
			t.Errorf("%s: the attributes are gone", d.Name())
		}
	}
}
