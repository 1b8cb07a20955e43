package connector

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"
	"testing"

	"source-intercom/protocol"
	"source-intercom/schemas"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/tidwall/gjson"
	"github.com/xeipuuv/gojsonschema"
)

// publishedIn says where Intercom's OpenAPI files show an answer that holds a stream's rows.
var publishedIn = map[string][3]string{
	"activity_logs":      {"GET", "/admins/activity_logs", "activity_logs"},
	"admins":             {"GET", "/admins", "admins"},
	"tags":               {"GET", "/tags", "data"},
	"teams":              {"GET", "/teams", "teams"},
	"segments":           {"GET", "/segments", "segments"},
	"companies":          {"GET", "/companies/scroll", "data"},
	"company_attributes": {"GET", "/data_attributes", "data"},
	"contact_attributes": {"GET", "/data_attributes", "data"},
	"company_segments":   {"GET", "/companies/{company_id}/segments", "data"},
	"contacts":           {"POST", "/contacts/search", "data"},
	"conversations":      {"POST", "/conversations/search", "conversations"},
	"conversation_parts": {"GET", "/conversations/{conversation_id}", "conversation_parts.conversation_parts"},
	"tickets":            {"POST", "/tickets/search", "tickets"},
}

// TestPublishedAnswersComeOutWhole sends the answers that Intercom itself published through the
// record path of both protocols: nothing is lost, nothing is nulled, and all of it fits the schema.
func TestPublishedAnswersComeOutWhole(t *testing.T) {
	for _, version := range []string{"2.10", "2.11", "2.12", "2.13", "2.14", "2.15", "2.16"} {
		t.Run(version, func(t *testing.T) {
			t.Parallel()
			doc := published(t, version)
			rows := 0
			for i := range Streams {
				rows += publishedRows(t, doc, &Streams[i])
			}
			if rows < 20 {
				t.Errorf("only %d rows were found", rows)
			}
		})
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

func publishedRows(t *testing.T, doc *openapi3.T, s *Stream) (n int) {
	where := publishedIn[s.Name]
	path := doc.Paths.Find(where[1])
	if path == nil {
		t.Fatalf("%s: no path %s", s.Name, where[1])
	}
	for name, example := range path.GetOperation(where[0]).Responses.Value("200").Value.Content["application/json"].Examples {
		text, err := json.Marshal(example.Value.Value)
		if err != nil {
			t.Fatal(err)
		}
		for _, row := range gjson.GetBytes(text, where[2]).Array() {
			if s.Feed.Cursor == "" && strings.HasSuffix(s.Name, "_attributes") && !strings.HasPrefix(s.Name, row.Get("model").Str) {
				continue
			}
			n++
			for _, d := range []protocol.Dialect{protocol.Airbyte{}, protocol.Singer{}} {
				comesOutWhole(t, d, s, fmt.Sprintf("%s, example %q, %s", s.Name, name, d.Name()), row)
			}
		}
	}
	return n
}

func comesOutWhole(t *testing.T, d protocol.Dialect, s *Stream, where string, row gjson.Result) {
	t.Helper()
	encoder, err := d.Encoder(s.Described(), nil)
	if err != nil {
		t.Fatal(err)
	}
	var inject []protocol.Inject
	if s.Child != nil {
		inject = []protocol.Inject{{Name: map[string]string{"company_segments": "company_id", "conversation_parts": "conversation_id"}[s.Name], JSON: `"1"`}}
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
