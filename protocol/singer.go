package protocol

import (
	"bytes"
	"encoding/json"
	"strconv"
	"time"

	"github.com/rs/zerolog"
	"github.com/tidwall/gjson"
)

// Singer is the dialect of the Singer specification: schemas, records and states on stdout, logs on
// stderr.
type Singer struct{}

var _ Dialect = Singer{}

func (Singer) Name() string { return "singer" }

type singerStream struct {
	ID       string           `json:"tap_stream_id"`
	Stream   string           `json:"stream"`
	Key      []string         `json:"key_properties"`
	Cursor   string           `json:"replication_key,omitempty"`
	Method   string           `json:"replication_method"`
	Schema   json.RawMessage  `json:"schema"`
	Metadata []singerMetadata `json:"metadata"`
}

type singerMetadata struct {
	Breadcrumb []string       `json:"breadcrumb"`
	Metadata   map[string]any `json:"metadata"`
}

const (
	fullTable   = "FULL_TABLE"
	incremental = "INCREMENTAL"
)

// Catalog is the indented catalog document.
func (Singer) Catalog(streams []Stream) ([]byte, error) {
	entries := []singerStream{}
	for _, s := range streams {
		s = singerDeleted.in(s)
		schema, err := appendSchema(nil, s, nil, dateTimeKind)
		if err != nil {
			return nil, err
		}
		entry := singerStream{ID: s.Name, Stream: s.Name, Key: s.Key, Cursor: s.Cursor, Schema: schema, Method: fullTable}
		if s.Cursor != "" {
			entry.Method = incremental
		}
		entry.Metadata = append(entry.Metadata, streamMetadata(s))
		entry.Metadata = fieldMetadata(entry.Metadata, s, gjson.ParseBytes(schema), nil)
		entries = append(entries, entry)
	}
	line, err := marshal(struct {
		Streams []singerStream `json:"streams"`
	}{entries})
	if err != nil {
		return nil, err
	}
	var out bytes.Buffer
	err = json.Indent(&out, line, "", "  ")
	return out.Bytes(), err
}

// streamMetadata forces no method on a stream that has a cursor, so that a user may choose.
func streamMetadata(s Stream) singerMetadata {
	values := map[string]any{
		"inclusion":            "available",
		"selected-by-default":  s.Default,
		"table-key-properties": s.Key,
	}
	if s.Cursor == "" {
		values["forced-replication-method"] = fullTable
	} else {
		values["valid-replication-keys"] = []string{s.Cursor}
	}
	return singerMetadata{Breadcrumb: []string{}, Metadata: values}
}

// fieldMetadata appends an entry for every property below schema. Without one, Meltano takes a
// top-level field for automatic, and it could not be deselected.
func fieldMetadata(entries []singerMetadata, s Stream, schema gjson.Result, crumbs []string) []singerMetadata {
	schema.Get("properties").ForEach(func(name, property gjson.Result) bool {
		here := append(crumbs[:len(crumbs):len(crumbs)], "properties", name.Str)
		inclusion := "available"
		if len(crumbs) == 0 && automatic(s, name.Str) {
			inclusion = "automatic"
		}
		entries = append(entries, singerMetadata{Breadcrumb: here, Metadata: map[string]any{"inclusion": inclusion}})
		entries = fieldMetadata(entries, s, property, here)
		return true
	})
	if items := schema.Get("items"); items.IsObject() {
		entries = fieldMetadata(entries, s, items, append(crumbs[:len(crumbs):len(crumbs)], "items"))
	}
	return entries
}

func (Singer) Encoder(s Stream, drop []FieldPath) (*Encoder, error) {
	return newEncoder(s, drop, false)
}

func (Singer) AppendSchema(dst []byte, s Stream, drop []FieldPath) ([]byte, error) {
	start := len(dst)
	dst = append(dst, `{"type":"SCHEMA","stream":`...)
	dst = gjson.AppendJSONString(dst, s.Name)
	dst = append(dst, `,"schema":`...)
	dst, err := appendSchema(dst, singerDeleted.in(s), drop, dateTimeKind)
	if err != nil {
		return dst[:start], err
	}
	dst = append(dst, `,"key_properties":[`...)
	for i, field := range s.Key {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = gjson.AppendJSONString(dst, field)
	}
	dst = append(dst, ']')
	if s.Cursor != "" {
		dst = append(dst, `,"bookmark_properties":[`...)
		dst = gjson.AppendJSONString(dst, s.Cursor)
		dst = append(dst, ']')
	}
	return append(dst, "}\n"...), nil
}

// AppendStatus adds nothing: Singer has no such message.
func (Singer) AppendStatus(dst []byte, _ string, _ Status, _ time.Time) []byte { return dst }

// AppendState adds the whole of all: a target keeps only the last state that it saw.
func (Singer) AppendState(dst []byte, _ string, _ int64, all States) []byte {
	dst = append(dst, `{"type":"STATE","value":{"bookmarks":{`...)
	dst = appendMembers(dst, all.Streams, false)
	dst = append(dst, '}')
	dst = appendMembers(dst, all.Extra, true)
	return append(dst, "}}\n"...)
}

func appendMembers(dst []byte, members []StreamState, comma bool) []byte {
	for _, m := range members {
		if len(m.Value) == 0 {
			continue
		}
		if comma {
			dst = append(dst, ',')
		}
		comma = true
		dst = gjson.AppendJSONString(dst, m.Stream)
		dst = append(dst, ':')
		dst = append(dst, tidy(string(m.Value), false)...)
	}
	return dst
}

// AppendActivation adds the message by which targets that know it drop the rows of other versions. It is no part of
// Singer's specification.
func (Singer) AppendActivation(dst []byte, stream string, version int64) []byte {
	dst = append(dst, `{"type":"ACTIVATE_VERSION","stream":`...)
	dst = gjson.AppendJSONString(dst, stream)
	dst = append(dst, `,"version":`...)
	return append(strconv.AppendInt(dst, version, 10), "}\n"...)
}

// AppendFailure adds nothing: callers log failures, and the log is where Singer platforms look.
func (Singer) AppendFailure(dst []byte, _ Failure, _ time.Time) []byte { return dst }

// AppendLog adds nothing: logs go to stderr.
func (Singer) AppendLog(dst []byte, _ zerolog.Level, _ string) []byte { return dst }
