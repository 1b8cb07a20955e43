// Package protocol turns records, catalogs, states, errors and log lines into Airbyte or Singer
// lines, and reads the catalogs and states that either kind of platform hands over. It knows no API.
package protocol

import (
	"encoding/json"
	"time"

	"github.com/rs/zerolog"
)

// Stream is what a catalog says about one stream.
type Stream struct {
	Name   string
	Schema json.RawMessage // as package schemas keeps it, with its x- keywords
	Key    []string        // top-level fields, never empty
	Cursor string          // top-level field; "" where the stream can only be read in full
	// Default says whether the stream is read when nobody chose streams.
	Default bool
	// Tombstones says that records may stand for deletions: the dialect adds the field that tells them.
	Tombstones bool
	// Version numbers a whole new table, which takes the place of the last one; 0: the records have none.
	Version int64

	always  string // a field that no record may lack, beside key and cursor
	altered *spot  // see WithAlterations
}

// FieldPath is a list of property names from the record's top; array items add no element.
type FieldPath []string

// Status is a stream's place in its life, as Airbyte names it.
type Status string

const (
	Started    Status = "STARTED"
	Running    Status = "RUNNING"
	Complete   Status = "COMPLETE"
	Incomplete Status = "INCOMPLETE"
)

// FailureKind says who can mend a failure, as Airbyte names it.
type FailureKind string

const (
	ConfigError    FailureKind = "config_error"    // the user: a setting, a token, a permission
	TransientError FailureKind = "transient_error" // time: try again later
	SystemError    FailureKind = "system_error"    // us, or Intercom
)

// Failure is an error for the platform. Stream is "" when the whole run failed.
type Failure struct {
	Stream  string
	Kind    FailureKind
	Message string // for the user
	Detail  string // for support; may be ""
}

// States is a whole state: one value per stream, in order, and the top-level keys of a Singer state
// that nobody here understands, kept as they came.
type States struct {
	Streams []StreamState
	Extra   []StreamState // name: the key; value: its JSON
}

// StreamState is one stream's bookmark; Value is opaque to this package.
type StreamState struct {
	Stream string
	Value  json.RawMessage
}

// SyncMode is how a stream is read, as Airbyte names it. Empty: the stream's best mode.
type SyncMode string

const (
	FullRefresh SyncMode = "full_refresh"
	Incremental SyncMode = "incremental"
)

// Form is the kind of catalog file that was recognised.
type Form string

const (
	AirbyteConfigured Form = "Airbyte configured catalog"
	AirbyteDiscovered Form = "Airbyte discovered catalog"
	SingerCatalog     Form = "Singer catalog"
)

// Selection is what a catalog file asks for.
type Selection struct {
	Form    Form
	Streams []Selected // in the catalog's order, only those selected
}

// Selected is one stream that a catalog asks for.
type Selected struct {
	Stream string
	Mode   SyncMode
	SyncID *int64      // Airbyte's sync_id; nil where absent
	Key    []string    // the key that the catalog declares; nil where it declares none
	Drop   []FieldPath // fields that are deselected
	Schema string      // the JSON Schema that the catalog has of the records; "" where it has none
}

// Dialect renders one protocol's lines. Every Append method adds whole lines, each ending in a
// newline, and returns dst unchanged where the protocol has no such message. Implementations are
// stateless and safe for concurrent use.
type Dialect interface {
	Name() string // "airbyte" or "singer"
	// Catalog is the document that discover prints, with its final newline.
	Catalog(streams []Stream) ([]byte, error)
	// Encoder makes the encoder of a stream's records, without the fields in drop.
	Encoder(s Stream, drop []FieldPath) (*Encoder, error)
	AppendSchema(dst []byte, s Stream, drop []FieldPath) ([]byte, error)
	AppendStatus(dst []byte, stream string, status Status, at time.Time) []byte
	// AppendState renders the state of one stream; records counts the stream's records since its
	// last state line. Singer prints the whole of all.
	AppendState(dst []byte, stream string, records int64, all States) []byte
	// AppendActivation says that all records of a table's version have come.
	AppendActivation(dst []byte, stream string, version int64) []byte
	AppendFailure(dst []byte, f Failure, at time.Time) []byte
	AppendLog(dst []byte, level zerolog.Level, message string) []byte
}

// Inject is a field that a record gets from us; JSON is its value. A field of that name in the raw
// record is replaced.
type Inject struct {
	Name string
	JSON string
}

// Encoded tells where in the line that was appended the record's own JSON lies.
type Encoded struct {
	Start, End int
}
