package protocol

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/tidwall/gjson"
)

// benchRecord looks like a conversation from a search: some 5 KB, a long body, many short members,
// fifteen timestamps.
func benchRecord() string {
	var b strings.Builder
	body := strings.Repeat(`<p class=\"no-margin\">Where is the order from last week? It should have come on Monday.</p>`, 12)
	fmt.Fprintf(&b, `{"type":"conversation","id":"120000000001","created_at":1700000000,"updated_at":1700000900,"waiting_since":null,"snoozed_until":null,`+
		`"source":{"type":"conversation","id":"230000001","delivered_as":"customer_initiated","subject":"","body":"%s","author":{"type":"user","id":"64a000000000000000000001","name":"Ada Example","email":"ada@example.com"},"attachments":[],"url":null,"redacted":false},`, body)
	for i := range 12 {
		fmt.Fprintf(&b, `"at_%d":%d,`, i, 1700000000+i*3600)
	}
	b.WriteString(`"contacts":{"type":"contact.list","contacts":[{"type":"contact","id":"64a000000000000000000001","external_id":null}]},"tags":{"type":"tag.list","tags":[`)
	for i := range 4 {
		fmt.Fprintf(&b, `{"type":"tag","id":"%d","name":"tag number %d","applied_at":1700000300,"applied_by":{"type":"admin","id":"100%d"}},`, 9000+i, i, i)
	}
	text := strings.TrimSuffix(b.String(), ",")
	b.Reset()
	b.WriteString(text + `]},"statistics":{"type":"conversation_statistics"`)
	for i := range 24 {
		fmt.Fprintf(&b, `,"time_to_something_%d":%d`, i, i*977)
	}
	b.WriteString(`},"custom_attributes":{"Plan":"gold","Seats":12,"Beta":true},"ai_agent_participated":false,"linked_objects":{"type":"list","data":[],"total_count":0,"has_more":false}`)
	for i := range 20 {
		fmt.Fprintf(&b, `,"member_number_%d":"a value of middling length %d"`, i, i)
	}
	return b.String() + "}"
}

// schemaOf infers a schema that a record agrees with.
func schemaOf(v gjson.Result, name string) map[string]any {
	s := map[string]any{"type": []string{"null", "string"}}
	switch {
	case name == "custom_attributes":
		s["type"] = []string{"null", "object"}
	case v.IsObject():
		s["type"] = []string{"null", "object"}
		properties := map[string]any{}
		v.ForEach(func(name, member gjson.Result) bool {
			properties[name.Str] = schemaOf(member, name.Str)
			return true
		})
		s["properties"] = properties
	case v.IsArray():
		s["type"] = []string{"null", "array"}
		s["items"] = schemaOf(v.Get("0"), "")
	case v.IsBool():
		s["type"] = []string{"null", "boolean"}
	case v.Type == gjson.Number:
		s["type"] = []string{"null", "integer"}
		if strings.Contains(name, "at_") || strings.HasSuffix(name, "_at") {
			s["x-unix"] = true
		}
	}
	return s
}

func BenchmarkEncoder(b *testing.B) {
	raw := benchRecord()
	schema, err := json.Marshal(schemaOf(gjson.Parse(raw), ""))
	if err != nil {
		b.Fatal(err)
	}
	s := Stream{Name: "conversations", Schema: schema}
	dst := make([]byte, 0, 2*len(raw))

	b.Run("floor: ValidBytes and copy", func(b *testing.B) {
		b.SetBytes(int64(len(raw)))
		body := []byte(raw)
		for b.Loop() {
			if !gjson.ValidBytes(body) {
				b.Fatal("invalid")
			}
			dst = append(dst[:0], body...)
		}
	})
	b.Run("decode-encode: encoding/json through a map", func(b *testing.B) {
		b.SetBytes(int64(len(raw)))
		b.ReportAllocs()
		body := []byte(raw)
		for b.Loop() {
			var record map[string]any
			if err := json.Unmarshal(body, &record); err != nil {
				b.Fatal(err)
			}
			if _, err := json.Marshal(record); err != nil {
				b.Fatal(err)
			}
		}
	})
	for _, d := range dialects() {
		e := mustEncoder(b, d, s)
		b.Run(d.Name(), func(b *testing.B) {
			b.SetBytes(int64(len(raw)))
			b.ReportAllocs()
			for b.Loop() {
				dst, _ = e.Append(dst[:0], raw, nil, noon)
			}
		})
	}
	altered := s.WithAlterations([]Alteration{masks("source", "author", "email"), hashes("contacts", "contacts", "id"), scrubs("custom_attributes")}, nil)
	everywhere := s.WithAlterations([]Alteration{masks("**", "email"), scrubs("**", "subject")}, nil)
	for name, s := range map[string]Stream{"altered": altered, "altered at any depth": everywhere} {
		e := mustEncoder(b, Airbyte{}, s)
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(raw)))
			b.ReportAllocs()
			for b.Loop() {
				dst, _ = e.Append(dst[:0], raw, nil, noon)
			}
		})
	}
	b.Run("fingerprint", func(b *testing.B) {
		b.SetBytes(int64(len(raw)))
		b.ReportAllocs()
		body := []byte(raw)
		for b.Loop() {
			Fingerprint(body)
		}
	})
}
