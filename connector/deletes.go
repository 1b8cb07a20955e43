package connector

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"source-intercom/intercom"
	"source-intercom/protocol"

	"github.com/tidwall/gjson"
)

// checkDeletes holds the streams that deletions are asked for against those that can tell them.
func (l *loader) checkDeletes() {
	const name = "deletes"
	var asked []string
	l.into(name, &asked)
	version := intercom.Version(l.text("api_version"))
	for i, stream := range asked {
		problem := noDeletes(stream, version)
		switch path := fmt.Sprintf("%s.%d", name, i); {
		case problem == "":
		case l.isSecret(stream):
			l.addAt(name, path, "a secret", problem)
		default:
			l.addAt(name, path, clipped(strconv.Quote(stream)), problem)
		}
	}
}

// noDeletes says what is expected in the place of a stream that cannot tell its deletions; "" where it can.
func noDeletes(name string, version intercom.Version) string {
	s := Streams.Named(name)
	switch {
	case name == everyStream:
		return ""
	case s == nil:
		return "one of " + strings.Join(tellingDeletes(version), ", ") + ", or " + everyStream + " for all of them"
	case s.tellsDeletes() && !version.AtLeast(s.Feed.DeletionsSince):
		return fmt.Sprintf("api_version %s or later for it", s.Feed.DeletionsSince)
	case !s.tellsDeletes():
		return "one of " + strings.Join(tellingDeletes(version), ", ") + ": " + s.Deletions()
	}
	return ""
}

// tellingDeletes are the streams whose deletions Intercom tells.
func tellingDeletes(version intercom.Version) []string {
	names := []string{}
	for i := range Streams {
		if s := &Streams[i]; s.tellsDeletes() && version.AtLeast(s.Feed.DeletionsSince) {
			names = append(names, s.Name)
		}
	}
	return names
}

// Deletions says how one learns of deleted records, for the docs.
func (s *Stream) Deletions() string {
	switch {
	case s.tellsDeletes():
		return "tombstones, from API " + string(s.Feed.DeletionsSince) + " on"
	case s.Parent != "" && slices.Contains(s.Key, s.Parent+"_id"), s.Cut != nil:
		return "its rows go with those of " + s.Feed.Name
	case s.Cursor == "":
		return "all of it is read in each run: what does not come again is gone"
	}
	return "Intercom tells nothing"
}

// hasDeletedField refuses a catalog of Airbyte's from before deletions were asked for: to a destination that does not look for
// the field, a tombstone is a row of nulls.
func hasDeletedField(s protocol.Selected) error {
	fields := gjson.Get(s.Schema, "properties")
	if len(fields.Map()) == 0 || fields.Get(protocol.AirbyteDeleted).Exists() {
		return nil
	}
	return &CatalogError{Stream: s.Stream, Found: "a schema without " + protocol.AirbyteDeleted,
		Want: "one with it, since the setting deletes names the stream: refresh the schema of the source, and keep the field selected"}
}
