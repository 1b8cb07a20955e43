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

// checkDeletes holds the streams that deletions are asked for against those that can tell them, or let them be found.
func (l *loader) checkDeletes() {
	version := intercom.Version(l.text("api_version"))
	table := TableOf(&Config{APIVersion: string(version), CustomObjects: identifiers(l.text("custom_object_types"))})
	tells := func(s *Stream) bool { return s.tellsDeletes() && version.AtLeast(s.Feed.DeletionsSince) }
	l.checkStreams("deletes", table, tells)
	swept := l.checkStreams("id_sweep", table, (*Stream).sweepable)
	filters := l.filters()
	switch among := func(s Stream) bool { return slices.Contains(swept, s.Name) && s.Feed == conversations }; {
	case len(swept) > 0 && !l.date("end_date").IsZero():
		l.add("id_sweep", "the names of streams", "none, or no end_date: what changed after it would be missed")
	case slices.ContainsFunc(table, among) && filters.mark() != "":
		l.add("id_sweep", "streams of conversations", "none, or no conversation_filters: what does not match any more would be missed")
	}
}

// checkStreams returns the streams that a setting names, each of which must be able to do what it asks for.
func (l *loader) checkStreams(setting string, table Table, can func(*Stream) bool) (names []string) {
	l.into(setting, &names)
	var able []string
	for i := range table {
		if can(&table[i]) {
			able = append(able, table[i].Name)
		}
	}
	for i, name := range names {
		if name == everyStream || slices.Contains(able, name) {
			continue
		}
		if able == nil {
			l.addAt(setting, fmt.Sprintf("%s.%d", setting, i), clipped(strconv.Quote(name)), fmt.Sprintf("api_version %s or later: no stream's deletions are told before", intercom.V2_16))
			continue
		}
		want := "one of " + strings.Join(able, ", ") + ", or " + everyStream + " for all of them"
		if s := table.Named(name); s != nil {
			want += "; of " + name + " is known: " + s.Deletions()
		}
		found := clipped(strconv.Quote(name))
		if l.isSecret(name) {
			found = "a secret"
		}
		l.addAt(setting, fmt.Sprintf("%s.%d", setting, i), found, want)
	}
	if slices.Contains(names, everyStream) {
		return able
	}
	return names
}

// Deletions says how one learns of deleted records, for the docs.
func (s *Stream) Deletions() string {
	var ways []string
	switch {
	case s.tellsDeletes():
		ways = append(ways, "`deletes`, from API "+string(s.Feed.DeletionsSince)+" on")
		if s.Feed == contacts {
			ways[0] += " (merges alone, before Preview)"
		}
	case s.Feed.exports():
		return "its rows are events, and stay"
	case s.Cursor == "":
		return "all of it is read in each run: what does not come again is gone"
	case !s.keyedByRow():
		return "its rows go with those of " + s.Feed.Name
	}
	if s.sweepable() {
		ways = append(ways, "`id_sweep`")
	}
	if ways == nil {
		return "its rows stay"
	}
	return strings.Join(ways, "; ")
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
