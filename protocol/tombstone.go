package protocol

import (
	"slices"

	"github.com/tidwall/gjson"
)

// The fields by which destinations of either protocol tell tombstones: records that say when their row was deleted. Of the
// row nothing is left in them but the key.
const (
	AirbyteDeleted = "_ab_cdc_deleted_at"
	SingerDeleted  = "_sdc_deleted_at"
)

// IsTombstone tells whether a record of either protocol says that its row is gone.
func IsTombstone(record gjson.Result) bool {
	return record.Get(AirbyteDeleted).Type == gjson.String || record.Get(SingerDeleted).Type == gjson.String
}

// A column is a nullable top-level field that records have beside those of their schema.
type column struct{ name, schema string }

var (
	airbyteDeleted = column{AirbyteDeleted, `{"type":["null","string"],"format":"date-time","airbyte_type":"timestamp_with_timezone",` + whenDeleted}
	singerDeleted  = column{SingerDeleted, `{"type":["null","string"],"format":"date-time",` + whenDeleted}
)

const whenDeleted = `"description":"When the row was deleted; null while it is there."}`

// in returns the stream with the column, if tombstones may come among its records. No alteration concerns it.
func (c column) in(s Stream) Stream {
	at := gjson.GetBytes(s.Schema, "properties")
	if !s.Tombstones || !at.IsObject() || s.always != "" {
		return s
	}
	end := at.Index + len(at.Raw) - 1 // before the closing brace
	var more []byte
	if len(at.Map()) > 0 {
		more = append(more, ',')
	}
	more = append(append(gjson.AppendJSONString(more, c.name), ':'), c.schema...)
	s.Schema = slices.Concat(s.Schema[:end], more, s.Schema[end:])
	s.always = c.name
	if s.altered != nil {
		s.altered.known[c.name] = nil
	}
	return s
}

// Deleted is the field whose value makes a tombstone of a record; "" where the stream has none. Records that
// do not bring it get it as null, so that a row which comes back is seen to be there.
func (e *Encoder) Deleted() string { return e.deleted }
