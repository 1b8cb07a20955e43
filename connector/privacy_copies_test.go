package connector

import (
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"source-intercom/emulator"

	"github.com/tidwall/gjson"
)

// TestNoCopyIsLeft reads everything with one rule at a time, for a field of contacts, and looks for its values everywhere.
func TestNoCopyIsLeft(t *testing.T) {
	bubble(t, "2.16", emulator.Options{Seed: 9, Size: littleWorld, ExportForm: "zip"}, noCopyIsLeft)
}

func noCopyIsLeft(t *testing.T, w *world) {
	streams := everything(t, w)
	plain := w.read(t, reading{streams: streams, either: true, config: everywhere})
	names := valuesOf(plain, "contacts", "name")
	for name := range valuesOf(plain, "admins", "name") { // which a rule for contacts leaves in their own place
		delete(names, name)
	}
	tests := []struct {
		field  string
		values func(text string) []string
	}{
		{"email", matches(`person\d+@mail\.example\.com`)},
		{"external_id", among(valuesOf(plain, "contacts", "external_id"))},
		{"phone", matches(`\+3535550\d+`)},
		{"avatar", matches(`static\.example\.com/people/`)},
		{"id", among(valuesOf(plain, "contacts", "id"))},
		{"name", containing(names)},
	}
	for _, test := range tests {
		func() { // a bubble knows no subtests
			shown := 0
			for _, rows := range plain.records {
				for _, row := range rows {
					eachText(gjson.ParseBytes(row), "", func(_, text string) { shown += len(test.values(text)) })
				}
			}
			if shown < 10 {
				t.Fatalf("%s: the world shows such values %d times", test.field, shown)
			}
			out := w.read(t, reading{streams: streams, either: true, config: func(c *Config) {
				ruled(PrivacyRule{"contacts", test.field, "hash"})(c)
				everywhere(c)
			}})
			told := map[string]bool{}
			for stream, rows := range out.records {
				for _, row := range rows {
					eachText(gjson.ParseBytes(row), "", func(path, text string) {
						for _, value := range test.values(text) {
							if place := stream + "." + path; !told[place] {
								told[place] = true
								t.Errorf("%s is hashed, and %s shows %s", test.field, place, value)
							}
						}
					})
				}
			}
		}()
	}
}

// TestCopiesAreListed holds the list in docs/privacy.md. UPDATE=1 rewrites it.
func TestCopiesAreListed(t *testing.T) {
	const file, begin, end = "../docs/privacy.md", "<!-- copies: written by a test from the program's table -->\n", "<!-- /copies -->"
	var list strings.Builder
	list.WriteString("| a rule for | acts on |\n|---|---|\n")
	cells := func(places []string) string { return "`" + strings.Join(places, "`, `") + "`" }
	for _, c := range listedCopies {
		note := ""
		switch {
		case c.scrubbed:
			note = " (`scrub`; other actions act on what they are made of)"
		case c.below:
			note = ", each field in it"
		}
		list.WriteString("| " + cells(c.from) + " | " + cells(c.to) + note + " |\n")
	}
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, _ := strings.Cut(string(data), begin)
	_, after, ok := strings.Cut(rest, end)
	want := before + begin + list.String() + end + after
	switch {
	case !ok:
		t.Fatal("docs/privacy.md has no place for the list")
	case os.Getenv("UPDATE") != "":
		err = os.WriteFile(file, []byte(want), 0o600)
	case want != string(data):
		t.Error("docs/privacy.md does not list the copies; UPDATE=1 go test ./connector -run TestCopiesAreListed rewrites it")
	}
	if err != nil {
		t.Fatal(err)
	}
}

// TestHashesJoin holds that what was equal has equal hashes, in all streams.
func TestHashesJoin(t *testing.T) {
	bubble(t, "2.16", emulator.Options{Seed: 9, Size: littleWorld, ExportForm: "zip"}, func(t *testing.T, w *world) {
		places := map[string][]string{
			"contacts": {"id", "email", "external_id"}, "conversations": {"source.author.id", "source.author.email"},
			"conversation_parts": {"author.id", "author.email"}, "normalized_conversations": {"contact_id", "contact_email"},
			"ticket_events": {"contact_id", "contact_email", "contact_external_id"}, "transcripts": {"contact_id"},
			"contact_events": {"contact_id", "intercom_user_id", "email", "user_id"}, "conversation_contacts": {"id", "external_id"},
			"contact_tags": {"contact_id"}, "company_contacts": {"id", "external_id"}, "content_export_receipts": {"user_id", "email", "user_external_id"},
		}
		r := reading{streams: slices.Sorted(maps.Keys(places)), config: everywhere}
		plain := w.read(t, r)
		r.config = func(c *Config) {
			ruled(PrivacyRule{"contacts", "id", "hash"}, PrivacyRule{"contacts", "email", "hash"}, PrivacyRule{"contacts", "external_id", "hash"})(c)
			everywhere(c)
		}
		hashed := w.read(t, r)
		hash := hasher(testKey)
		for stream, paths := range places {
			if len(plain.records[stream]) != len(hashed.records[stream]) {
				t.Errorf("%s: %d records, hashed %d", stream, len(plain.records[stream]), len(hashed.records[stream]))
			}
			for _, path := range paths {
				want, got := map[string]int{}, map[string]int{}
				for _, row := range plain.records[stream] {
					if v := gjson.GetBytes(row, path); v.String() != "" {
						want[gjson.Parse(string(hash(nil, v.Raw))).Str]++
					}
				}
				for _, row := range hashed.records[stream] {
					if v := gjson.GetBytes(row, path); v.String() != "" {
						got[v.Str]++
					}
				}
				if len(want) == 0 || !maps.Equal(got, want) {
					t.Errorf("%s.%s: %v\nwant %v", stream, path, got, want)
				}
			}
		}
	})
}

// everywhere is a configuration that offers all streams.
func everywhere(c *Config) {
	withinRetention(c)
	c.CustomObjects, c.Deletes = []string{"order"}, []string{everyStream}
	c.Enrich = "api"
}

// everything is all streams of a world, reports included.
func everything(t *testing.T, w *world) (all []string) {
	for _, s := range streamsOf(w.version) {
		all = append(all, s.Name)
	}
	return slices.Concat(all, []string{"custom_objects_order"}, w.reports(t))
}

func valuesOf(r *run, stream, field string) map[string]bool {
	all := map[string]bool{}
	for _, row := range r.records[stream] {
		if v := gjson.GetBytes(row, field).Str; v != "" {
			all[v] = true
		}
	}
	return all
}

// among finds the values that a text has as words, or consists of.
func among(values map[string]bool) func(text string) []string {
	return func(text string) (found []string) {
		for _, word := range append(strings.FieldsFunc(text, func(r rune) bool { return strings.ContainsRune("/ .:,", r) }), text) {
			if values[word] {
				found = append(found, word)
			}
		}
		return found
	}
}

// containing finds values anywhere in a text.
func containing(values map[string]bool) func(text string) []string {
	return func(text string) (found []string) {
		for value := range values {
			if strings.Contains(text, value) {
				found = append(found, value)
			}
		}
		return found
	}
}

func matches(pattern string) func(text string) []string {
	re := regexp.MustCompile(pattern)
	return func(text string) []string { return re.FindAllString(text, -1) }
}

// eachText calls f with each text in a value, and with the path to it.
func eachText(v gjson.Result, path string, f func(path, text string)) {
	switch {
	case v.IsArray():
		for _, item := range v.Array() {
			eachText(item, path, f)
		}
	case v.IsObject():
		v.ForEach(func(name, member gjson.Result) bool {
			eachText(member, strings.TrimPrefix(path+"."+name.Str, "."), f)
			return true
		})
	default:
		f(path, v.String())
	}
}
