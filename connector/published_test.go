package connector

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"source-intercom/protocol"
	"source-intercom/schemas"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/tidwall/gjson"
	"github.com/xeipuuv/gojsonschema"
)

// noExamples are streams of whose rows Intercom's files show none in any version: lists that are empty there, or null.
var noExamples = []string{"team_members", "newsfeed_items", "fin_voice_calls", "conversation_teammates", "conversation_ratings",
	"conversation_linked_objects", "conversation_tags", "conversation_ai_content_sources", "contact_tags", "contact_notes", "contact_merges", "contact_events",
	"contact_companies", "contact_attributes", "company_tags", "company_segments", "company_contacts", "away_status_reasons"}

// TestPublishedAnswersComeOutWhole sends the answers that Intercom itself published through the
// record path of both protocols: nothing is lost, nothing is nulled, and all of it fits the schema.
func TestPublishedAnswersComeOutWhole(t *testing.T) {
	var turn sync.Mutex
	rows := map[string]int{}
	t.Run("versions", func(t *testing.T) {
		for _, version := range []string{"2.10", "2.11", "2.12", "2.13", "2.14", "2.15", "2.16", "Preview"} {
			t.Run(version, func(t *testing.T) {
				t.Parallel()
				doc := published(t, strings.ToLower(version))
				for _, s := range streamsOf(version) {
					n := publishedRows(t, doc, &s)
					turn.Lock()
					rows[s.Name] += n
					turn.Unlock()
				}
			})
		}
	})
	for _, s := range streamsOf("Preview") {
		if none := slices.Contains(noExamples, s.Name); none != (rows[s.Name] == 0) {
			t.Errorf("%s: %d rows are in the examples", s.Name, rows[s.Name])
		}
	}
}

func published(t *testing.T, version string) *openapi3.T {
	t.Helper()
	file, err := os.Open("../emulator/testdata/openapi/" + version + ".yaml.gz")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	packed, err := gzip.NewReader(file)
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(packed)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Contains(text, []byte("\n    custom_attributes:\n")) { // 2.10 and 2.11 refer to a schema that they lack
		text = bytes.Replace(text, []byte("\n  schemas:\n"), []byte("\n  schemas:\n    custom_attributes:\n      type: object\n"), 1)
	}
	doc, err := openapi3.NewLoader().LoadFromData(text)
	if err != nil {
		t.Fatal(err)
	}
	return doc
}

// publishedRows sends the examples of the call that a stream's rows come from through the record path.
func publishedRows(t *testing.T, doc *openapi3.T, s *Stream) (n int) {
	t.Helper()
	path, rows := s.Feed.Path, numberedList{rows: s.Feed.Rows, single: s.Feed.Single, entry: s.Feed.Entry}
	if s.Fetched() && s.Whole == nil {
		path, rows = s.Endpoint, numberedList{rows: s.Rows}
	}
	if s.Name == "conversation_parts" {
		rows.rows = "conversation_parts.conversation_parts"
	}
	if s.Name == "call_transcripts" {
		rows.rows = "data"
	}
	found := map[string][]gjson.Result{}
	for name, text := range examples(doc, path) {
		if s.Derived() {
			found[name] = derivedOf(t, s, text)
			continue
		}
		found[name] = rows.in(gjson.Parse(text))
	}
	if path == s.Feed.Path && !rows.single { // and what is shown of one alone
		base, _, _ := strings.Cut(strings.TrimSuffix(path, "/search"), "?")
		for name, text := range examples(doc, base+"/{id}") {
			if row := gjson.Parse(text); row.Get("id").Exists() && s.Feed != companies && s.Feed != conversations {
				found["one: "+name] = []gjson.Result{row}
			}
		}
	}
	for name, list := range found {
		for _, row := range list {
			if strings.HasSuffix(s.Name, "_attributes") && row.Get("model").Exists() && !strings.HasPrefix(s.Name, row.Get("model").Str) {
				continue
			}
			for _, record := range records(t, s, row) {
				n++
				for _, d := range []protocol.Dialect{protocol.Airbyte{}, protocol.Singer{}} {
					comesOutWhole(t, d, s, fmt.Sprintf("%s, example %q, %s", s.Name, name, d.Name()), record)
				}
			}
		}
	}
	return n
}

// derivedOf is what a derived stream makes of a conversation, given as Intercom answers it.
func derivedOf(t *testing.T, s *Stream, text string) []gjson.Result {
	t.Helper()
	return derivedWith(t, s, text, &Config{})
}

func derivedWith(t *testing.T, s *Stream, text string, cfg *Config) (rows []gjson.Result) {
	t.Helper()
	v := gjson.Parse(text)
	parts := v.Get("conversation_parts.conversation_parts").Array()
	missing := max(0, v.Get("statistics.count_conversation_parts").Int()-int64(len(parts)))
	var w rowWriter
	s.Makes(&w, newConversation(v.Get("id").String(), protocol.Members(text), parts, missing, born.Unix()), cfg)
	for row := range w.all() {
		if !gjson.Valid(row.Raw) {
			t.Fatalf("no JSON: %s", row.Raw)
		}
		rows = append(rows, row)
	}
	return rows
}

// in is rowsOf for a text that is no answer.
func (l *numberedList) in(v gjson.Result) []gjson.Result {
	for _, path := range strings.Split(l.rows, "|") {
		list := v
		if path != "" {
			list = v.Get(path)
		}
		switch {
		case l.single && list.IsObject():
			return []gjson.Result{list}
		case list.IsArray():
			rows := list.Array()
			for i := range rows {
				if l.entry != "" {
					rows[i] = entryRow(l.entry, rows[i])
				}
			}
			return rows
		}
	}
	return nil
}

// records are what a stream makes of a row.
func records(t *testing.T, s *Stream, row gjson.Result) (all []gjson.Result) {
	t.Helper()
	switch {
	case s.Cut != nil:
		if err := s.Cut.records(s, row, func(record gjson.Result) error { all = append(all, record); return nil }); err != nil {
			t.Error(err)
		}
	case s.Only != nil:
		all = []gjson.Result{gjson.Parse(only(row, s.Only...))}
	default:
		all = []gjson.Result{row}
	}
	return all
}

// examples are the answers that a file shows for a path, by name.
func examples(doc *openapi3.T, path string) map[string]string {
	path, _, _ = strings.Cut(path, "?")
	parameter := regexp.MustCompile(`\{[^}]*\}`)
	all := map[string]string{}
	for template, item := range doc.Paths.Map() {
		if parameter.ReplaceAllString(template, "{id}") != path {
			continue
		}
		operation := item.Get
		if strings.HasSuffix(path, "/search") {
			operation = item.Post
		}
		if operation == nil || operation.Responses.Value("200") == nil || operation.Responses.Value("200").Value.Content["application/json"] == nil {
			continue
		}
		for name, example := range operation.Responses.Value("200").Value.Content["application/json"].Examples {
			if text, err := json.Marshal(example.Value.Value); err == nil {
				all[name] = string(text)
			}
		}
	}
	return all
}

func comesOutWhole(t *testing.T, d protocol.Dialect, s *Stream, where string, row gjson.Result) {
	t.Helper()
	encoder, err := d.Encoder(s.Described(), nil)
	if err != nil {
		t.Fatal(err)
	}
	p := parent{id: "1", updated: born.Unix(), dated: true}
	if own := row.Get(s.Parent + "_id"); own.Exists() {
		p.id = own.String()
	}
	inject := s.injected(p, row, places{})
	if s.Derived() {
		inject = nil
	}
	line, at := encoder.Append(nil, row.Raw, inject, born)
	out := gjson.ParseBytes(line[at.Start:at.End])
	if !gjson.ValidBytes(line) || bytes.Count(line, []byte("\n")) != 1 {
		t.Fatalf("%s: no JSON line: %s", where, line)
	}
	if n := encoder.Nulled(); len(n) > 0 {
		t.Errorf("%s: nulled %v", where, n)
	}
	if n := encoder.Drift(); len(n) > 0 {
		t.Errorf("%s: the schema does not know %v", where, n)
	}
	lost(t, d, where, row, out)
	if d.Name() == "singer" {
		schema := gjson.Get(singerSchema(t, s), "schema").Raw
		compiled, err := schemas.Compile([]byte(schema))
		if err != nil {
			t.Fatal(err)
		}
		result, err := compiled.Validate(gojsonschema.NewStringLoader(out.Raw))
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range result.Errors() {
			t.Errorf("%s: %s", where, e)
		}
	}
}

func singerSchema(t *testing.T, s *Stream) string {
	t.Helper()
	line, err := protocol.Singer{}.AppendSchema(nil, s.Described(), nil)
	if err != nil {
		t.Fatal(err)
	}
	return string(line)
}

// lost reports each value of the row that is not in the output: under its own name, or, where an
// older shape was wrapped, one name deeper. Singer's times are other texts for the same moments.
func lost(t *testing.T, d protocol.Dialect, where string, in, out gjson.Result) {
	t.Helper()
	switch {
	case in.IsObject() || in.IsArray():
		in.ForEach(func(key, value gjson.Result) bool {
			found := gjson.Result{}
			i := 0
			out.ForEach(func(k, v gjson.Result) bool {
				if in.IsArray() && i == int(key.Int()) || !in.IsArray() && k.Str == key.Str {
					found = v
				}
				i++
				return true
			})
			lost(t, d, where+"."+key.String(), value, found)
			return true
		})
	case in.Type == gjson.Null && out.Type == gjson.Null && out.Exists():
	case in.String() == out.String() && out.Exists():
	case out.IsObject():
		for _, v := range out.Map() {
			if v.String() == in.String() {
				return
			}
		}
		t.Errorf("%s: %s became %s", where, in.Raw, out.Raw)
	case d.Name() == "singer" && sameMoment(in, out):
	case d.Name() == "airbyte" && sameMoment(out, in):
	default:
		t.Errorf("%s: %s became %q", where, in.Raw, out.Raw)
	}
}

// sameMoment tells whether text is the time of a number of seconds.
func sameMoment(number, text gjson.Result) bool {
	a, okA := seconds(number)
	b, okB := seconds(text)
	return okA && okB && a == b && text.Type == gjson.String
}
