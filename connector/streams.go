package connector

import (
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"source-intercom/intercom"
	"source-intercom/protocol"
	"source-intercom/schemas"

	"github.com/tidwall/gjson"
)

// A Stream is one table. It is cut from a feed: the walk over the API that its rows, or its parents'
// rows, come from.
type Stream struct {
	Name string
	Feed *Feed
	// Cut takes the records out of a row of the feed; nil: the row is the record.
	Cut *cut
	// Child fetches the records that belong to one row of the feed; nil where no call is needed. It asks at
	// Endpoint, in which {id} stands for the row's id, and finds them at Rows: "" is the answer itself, and "a|b" as in
	// Feed.
	Child childFetch
	// Thread makes the records of a conversation with all its parts, which is the answer at Endpoint. It takes the place of
	// Child: the streams of one feed that have a Thread share the call.
	Thread   threadMaker
	Endpoint string
	Rows     string
	// Whole tells whether a row holds all that belongs to it, so that Child is not called; nil: none does.
	Whole func(row gjson.Result) bool
	// Parent is what the feed's rows are to the records of Cut and Child ("conversation"): each record gets its
	// parent's id as conversation_id, and, where Cursor is conversation_updated_at, its parent's time of change.
	Parent string
	// Placed records have no id of their own: each gets its place among those of its parent that share the rest of
	// its key as position.
	Placed bool
	// Only are the fields that Child takes of what it is sent; nil: all.
	Only []string
	// Refers says that Child is sent whole objects of this kind ("companies"), of which the records are references.
	Refers string
	// Every says that Child is asked for each row, changed or not: Cursor is its records' own.
	Every bool
	// Via is the field of a parent by which Child asks; "": its id.
	Via string
	// Probe is a GET that needs the children's permission and no row, where that is not the GET at Endpoint for a
	// parent that does not exist.
	Probe string
	Key   []string
	// Cursor is the field that tells when a record changed last, in Unix seconds; "" where the API
	// shows none that could be trusted, so that the stream is read in full.
	Cursor string
	// Since is the first API version that has the stream; "": all that can be asked for.
	Since intercom.Version
	// Costly streams are read only when they are chosen.
	Costly bool
	// Makes writes the rows of a derived stream, in columns of our own, of a whole conversation. Derived streams, too, are read
	// only when they are chosen.
	Makes func(w *rowWriter, c *conversation, cfg *Config)
	// LooksUp says that it shows what the setting enrich asks for.
	LooksUp bool
	// Schema names the schema of streams that share one; "": it has the stream's name.
	Schema string
	// Dataset is what a report is made of; nil: the stream is none.
	Dataset *dataset
	// Told says that the deletions of which Intercom tells are to be told, and Swept that others are to be found out. Both are the
	// configuration's; the table has them off.
	Told, Swept bool
	Epitaph     *epitaph // what tombstones say beside when; nil: nothing
	// Permission is what the token needs, as Intercom's Developer Hub words it.
	Permission string
	// Method says in a few words what an incremental read costs and means; for the docs.
	Method string
}

// A Feed is one walk over the API. All streams that are cut from it share the walk.
type Feed struct {
	Name string
	Walk feedWalk
	Path string // with the query that never changes
	Rows string // where the array of rows lies in an answer; "a|b": in a, or in b where there is no a
	// PerPage is how many rows a page has, where Path does not ask for them; 0: all that there are.
	PerPage int
	// Single says that one object lies there, not an array.
	Single bool
	// Entry is, where the array holds plain values, the field that a row has each of them in.
	Entry string
	// Cursor is the field by which a search is cut into windows and sorted.
	Cursor string
	// Asks is what calls ask for beside, in their query, from the API version AsksSince on.
	Asks      string
	AsksSince intercom.Version
	// Days says that searches compare whole days in the workspace's zone up to API 2.16.
	Days bool
	// Again is how far back every run reads again, at least, whatever lookback_window is.
	Again time.Duration
	// Probe is a cheap GET that needs the same permission, where Path itself must not be tried.
	Probe string
	// NewestFirst says that a list is sorted by Cursor, and is left where all that follows was read before.
	NewestFirst bool
	// Deletions is what Intercom tells of rows that were deleted, from the API version DeletionsSince on; nil: nothing.
	Deletions      deletionList
	DeletionsSince intercom.Version
	// One is where a single row is found, for those that are missed by a sweep; "": nowhere.
	One string
	// TakenOver are the rows that were merged into a row, by what it says; nil: it says nothing.
	TakenOver func(f *feedRun, row gjson.Result) []deletion
	// Feature lists belong to a part of Intercom that not every workspace has: a 404 says that this one has not.
	Feature bool
}

// Streams is the stream table, in the order in which catalogs list it. It is read-only.
//
// Intercom's documentation: https://developers.intercom.com/docs/references/rest-api/api.intercom.io
var Streams = Table(slices.Concat(workspaceStreams, peopleStreams, conversationStreams, contentStreams, exportStreams))

// A Table is every stream that a configuration offers, in the order of catalogs.
type Table []Stream

// TableOf is what a configuration offers: the streams of its API version, and one for each type of custom objects
// that it names. nil is a configuration that sets nothing.
func TableOf(cfg *Config) Table {
	version := intercom.DefaultVersion
	var customObjects, deletes, sweeps []string
	if cfg != nil {
		version, customObjects, deletes, sweeps = intercom.Version(cfg.APIVersion), cfg.CustomObjects, cfg.Deletes, cfg.IDSweep
	}
	all := slices.Clone(Streams)
	for _, kind := range customObjects {
		all = append(all, customObjectStream(kind))
	}
	for i := range all {
		all[i] = all[i].withTombstones(deletes, version).withSweep(sweeps)
	}
	return slices.DeleteFunc(all, func(s Stream) bool { return !s.in(version) })
}

// in tells whether an API version has the stream.
func (s *Stream) in(version intercom.Version) bool { return s.Since == "" || version.AtLeast(s.Since) }

// Named returns the stream of that name, or nil.
func (t Table) Named(name string) *Stream {
	for i := range t {
		if t[i].Name == name {
			return &t[i]
		}
	}
	return nil
}

// Described is the stream as a catalog shows it.
func (s *Stream) Described() protocol.Stream {
	name := s.Name
	if s.Schema != "" {
		name = s.Schema
	}
	schema, _ := schemas.Get(name) // a test holds that every stream has one
	if s.Dataset != nil {
		schema = s.Dataset.schema()
	}
	if s.Optional() {
		schema = slices.Concat([]byte(`{"description":`+quoted(s.warning())+`,`), schema[1:])
	}
	return protocol.Stream{Name: s.Name, Schema: schema, Key: s.Key, Cursor: s.Cursor, Default: !s.Optional(), Tombstones: s.Tombstones()}
}

// Catalog is every stream of the table as catalogs show them.
func (t Table) Catalog() []protocol.Stream {
	out := make([]protocol.Stream, len(t))
	for i := range t {
		out[i] = t[i].Described()
	}
	return out
}

// probe is a GET to the endpoint of the children that needs no row.
func (s *Stream) probe() string {
	if s.Probe != "" {
		return s.Probe
	}
	return strings.Replace(s.Endpoint, "{id}", "0", 1)
}

// Optional tells whether the stream is read only when it is chosen.
func (s *Stream) Optional() bool { return s.Costly || s.Derived() }

// Derived tells whether the records are of our own making.
func (s *Stream) Derived() bool { return s.Makes != nil }

// warning is what a catalog says of a stream that is read only when somebody chooses it.
func (s *Stream) warning() string {
	if s.Feed.exports() {
		return "Read only when it is selected: it comes by export jobs, of which Intercom runs few at a time."
	}
	if s.Derived() {
		return "Read only when it is selected: it is made of the calls that conversation_parts makes, and costs as much only without that stream."
	}
	return "Read only when it is selected: it costs " + s.Price() + " API calls for 1,000 " + s.Feed.Name + "."
}

// Price is how many calls a stream costs, for the docs.
func (s *Stream) Price() string {
	switch {
	case s.Fetched() && s.Whole != nil:
		return "up to 1,000"
	case s.Fetched():
		return "1,000"
	case s.Cut != nil:
		return "0"
	case s.Feed.exports():
		return "4 or more each"
	}
	per := s.Feed.PerPage
	if u, err := url.Parse(s.Feed.Path); err == nil && u.Query().Has("per_page") {
		per, _ = strconv.Atoi(u.Query().Get("per_page"))
	}
	if per == 0 {
		return "1 in all"
	}
	return strconv.Itoa((1000 + per - 1) / per)
}

// Fetched tells whether a call may be needed for each row of the feed.
func (s *Stream) Fetched() bool { return s.Child != nil || s.Thread != nil }

// Source is the call that the stream's records come from, and what they are cut from, for the docs.
func (s *Stream) Source() string {
	var calls []string
	for i, path := range []string{s.Feed.Path, s.Endpoint} {
		path, _, _ = strings.Cut(path, "?")
		switch {
		case path == "" || i == 0 && s.Fetched() && s.Whole == nil:
		case strings.HasSuffix(path, "/search"), s.Feed.exports():
			calls = append(calls, "POST "+path)
		default:
			calls = append(calls, "GET "+path)
		}
	}
	return strings.Join(calls, ", ")
}

// RecordKey is what tells a record from all others of its stream: its key, below its parent's id.
func (s *Stream) RecordKey(record gjson.Result) string {
	fields := s.Key
	if parent := s.Parent + "_id"; s.Parent != "" && fields[0] != parent {
		fields = append([]string{parent}, fields...)
	}
	parts := make([]string, len(fields))
	for i, name := range fields {
		parts[i] = record.Get(name).String()
		if at, err := time.Parse(time.RFC3339, parts[i]); err == nil { // as Singer has it
			parts[i] = strconv.FormatInt(at.Unix(), 10)
		}
	}
	return strings.Join(parts, "/")
}

// exports tells whether the feed is one of Intercom's export jobs.
func (f *Feed) exports() bool { return strings.HasPrefix(f.Path, "/export/") }

// searches tells whether the feed is a POST search.
func (f *Feed) searches() bool { return strings.HasSuffix(f.Path, "/search") }
