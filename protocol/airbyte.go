package protocol

import (
	"bytes"
	"encoding/json"
	"strconv"
	"time"

	"github.com/rs/zerolog"
	"github.com/tidwall/gjson"
)

// Airbyte is the dialect of the Airbyte protocol: everything, logs too, is a message on stdout.
type Airbyte struct{}

var _ Dialect = Airbyte{}

func (Airbyte) Name() string { return "airbyte" }

type airbyteCatalog struct {
	Streams []airbyteStream `json:"streams"`
}

type airbyteStream struct {
	Name           string          `json:"name"`
	Schema         json.RawMessage `json:"json_schema"`
	SyncModes      []SyncMode      `json:"supported_sync_modes"`
	DefinedCursor  bool            `json:"source_defined_cursor,omitempty"`
	DefaultCursor  []string        `json:"default_cursor_field,omitempty"`
	DefinedPrimary [][]string      `json:"source_defined_primary_key,omitempty"`
	Resumable      bool            `json:"is_resumable,omitempty"`
}

// Catalog is one CATALOG message.
func (Airbyte) Catalog(streams []Stream) ([]byte, error) {
	catalog := airbyteCatalog{Streams: []airbyteStream{}}
	for _, s := range streams {
		schema, err := appendSchema(nil, airbyteDeleted.in(s), nil, unixKind)
		if err != nil {
			return nil, err
		}
		a := airbyteStream{Name: s.Name, Schema: schema, SyncModes: []SyncMode{FullRefresh}}
		for _, field := range s.Key {
			a.DefinedPrimary = append(a.DefinedPrimary, []string{field})
		}
		if s.Cursor != "" {
			a.SyncModes = append(a.SyncModes, Incremental)
			a.DefinedCursor = true
			a.DefaultCursor = []string{s.Cursor}
			a.Resumable = true
		}
		catalog.Streams = append(catalog.Streams, a)
	}
	return marshal(struct {
		Type    string         `json:"type"`
		Catalog airbyteCatalog `json:"catalog"`
	}{"CATALOG", catalog})
}

// marshal is json.Marshal without the escapes that only HTML needs, and with a final newline.
func marshal(v any) ([]byte, error) {
	var out bytes.Buffer
	enc := json.NewEncoder(&out)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return nil, err
	}
	return out.Bytes(), nil
}

func (Airbyte) Encoder(s Stream, drop []FieldPath) (*Encoder, error) {
	return newEncoder(s, drop, true)
}

// AppendSchema adds nothing: destinations take the schema from the catalog.
func (Airbyte) AppendSchema(dst []byte, _ Stream, _ []FieldPath) ([]byte, error) {
	return dst, nil
}

func (Airbyte) AppendStatus(dst []byte, stream string, status Status, at time.Time) []byte {
	dst = appendTrace(dst, "STREAM_STATUS", at)
	dst = append(dst, `,"stream_status":{"stream_descriptor":{"name":`...)
	dst = gjson.AppendJSONString(dst, stream)
	dst = append(dst, `},"status":`...)
	dst = gjson.AppendJSONString(dst, string(status))
	return append(dst, "}}}\n"...)
}

func (Airbyte) AppendState(dst []byte, stream string, records int64, all States) []byte {
	dst = append(dst, `{"type":"STATE","state":{"type":"STREAM","stream":{"stream_descriptor":{"name":`...)
	dst = gjson.AppendJSONString(dst, stream)
	dst = append(dst, '}')
	for _, s := range all.Streams {
		if s.Stream == stream && len(s.Value) > 0 {
			dst = append(dst, `,"stream_state":`...)
			dst = append(dst, tidy(string(s.Value), false)...)
			break
		}
	}
	// The platform counts in floating point and asks for the decimal point.
	dst = append(dst, `},"sourceStats":{"recordCount":`...)
	dst = strconv.AppendInt(dst, records, 10)
	return append(dst, ".0}}}\n"...)
}

// AppendActivation adds nothing: destinations overwrite by the catalog.
func (Airbyte) AppendActivation(dst []byte, _ string, _ int64) []byte { return dst }

func (Airbyte) AppendFailure(dst []byte, f Failure, at time.Time) []byte {
	dst = appendTrace(dst, "ERROR", at)
	dst = append(dst, `,"error":{"message":`...)
	dst = gjson.AppendJSONString(dst, f.Message)
	if f.Detail != "" {
		dst = append(dst, `,"internal_message":`...)
		dst = gjson.AppendJSONString(dst, f.Detail)
	}
	dst = append(dst, `,"failure_type":`...)
	dst = gjson.AppendJSONString(dst, string(f.Kind))
	if f.Stream != "" {
		dst = append(dst, `,"stream_descriptor":{"name":`...)
		dst = gjson.AppendJSONString(dst, f.Stream)
		dst = append(dst, '}')
	}
	return append(dst, "}}}\n"...)
}

func appendTrace(dst []byte, kind string, at time.Time) []byte {
	dst = append(dst, `{"type":"TRACE","trace":{"type":"`...)
	dst = append(dst, kind...)
	dst = append(dst, `","emitted_at":`...)
	return strconv.AppendInt(dst, at.UnixMilli(), 10)
}

func (Airbyte) AppendLog(dst []byte, level zerolog.Level, message string) []byte {
	dst = append(dst, `{"type":"LOG","log":{"level":"`...)
	dst = append(dst, airbyteLevel(level)...)
	dst = append(dst, `","message":`...)
	dst = gjson.AppendJSONString(dst, message)
	return append(dst, "}}\n"...)
}

func airbyteLevel(level zerolog.Level) string {
	switch level {
	case zerolog.TraceLevel:
		return "TRACE"
	case zerolog.DebugLevel:
		return "DEBUG"
	case zerolog.WarnLevel:
		return "WARN"
	case zerolog.ErrorLevel:
		return "ERROR"
	case zerolog.FatalLevel, zerolog.PanicLevel:
		return "FATAL"
	}
	return "INFO"
}

// AppendSpec adds the SPEC message; spec is the whole ConnectorSpecification.
func (Airbyte) AppendSpec(dst []byte, spec json.RawMessage) []byte {
	dst = append(dst, `{"type":"SPEC","spec":`...)
	dst = append(dst, tidy(string(bytes.TrimSpace(spec)), false)...)
	return append(dst, "}\n"...)
}

// AppendConnectionStatus adds the answer to check; an empty message is left out.
func (Airbyte) AppendConnectionStatus(dst []byte, ok bool, message string) []byte {
	status := "FAILED"
	if ok {
		status = "SUCCEEDED"
	}
	dst = append(dst, `{"type":"CONNECTION_STATUS","connectionStatus":{"status":"`...)
	dst = append(dst, status...)
	dst = append(dst, '"')
	if message != "" {
		dst = append(dst, `,"message":`...)
		dst = gjson.AppendJSONString(dst, message)
	}
	return append(dst, "}}\n"...)
}
