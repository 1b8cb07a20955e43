package connector

import (
	"strings"

	"source-intercom/protocol"
	"source-intercom/schemas"
)

// A Stream is one table. It is cut from a feed: the walk over the API that its rows, or its parents'
// rows, come from.
type Stream struct {
	Name string
	Feed *Feed
	// Child fetches the records that belong to one row of the feed; nil where the rows are the records.
	Child childFetch
	// Probe is a GET to the endpoint of the children that needs no row: that of a parent that does not exist.
	Probe string
	Key   []string
	// Cursor is the field that tells when a record changed last, in Unix seconds; "" where the API
	// shows none that could be trusted, so that the stream is read in full.
	Cursor string
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
	Rows string // where the array of rows lies in an answer
	// Cursor is the field by which a search is cut into windows and sorted.
	Cursor string
	// Days says that searches compare whole days in the workspace's zone up to API 2.16.
	Days bool
	// Probe is a cheap GET that needs the same permission, where Path itself must not be tried.
	Probe string
}

// Intercom's documentation: https://developers.intercom.com/docs/references/rest-api/api.intercom.io
var (
	conversations = &Feed{Name: "conversations", Walk: walkSearch, Path: "/conversations/search", Rows: "conversations", Cursor: "updated_at"}
	tickets       = &Feed{Name: "tickets", Walk: walkSearch, Path: "/tickets/search", Rows: "tickets", Cursor: "updated_at"}
	contacts      = &Feed{Name: "contacts", Walk: walkSearch, Path: "/contacts/search", Rows: "data", Cursor: "updated_at", Days: true}
	activityLogs  = &Feed{Name: "activity_logs", Walk: walkActivityLogs, Path: "/admins/activity_logs", Rows: "activity_logs", Cursor: "created_at",
		Probe: "/admins/activity_logs?created_at_after=4102444800&created_at_before=4102444801&per_page=1"}
	companies = &Feed{Name: "companies", Walk: walkScroll, Path: "/companies/scroll", Rows: "data", Cursor: "updated_at", Probe: "/companies?per_page=1"}
	segments  = &Feed{Name: "segments", Walk: walkList, Path: "/segments?include_count=true", Rows: "segments", Cursor: "updated_at"}
	admins    = &Feed{Name: "admins", Walk: walkList, Path: "/admins", Rows: "admins"}
	tags      = &Feed{Name: "tags", Walk: walkList, Path: "/tags", Rows: "data"}
	teams     = &Feed{Name: "teams", Walk: walkList, Path: "/teams", Rows: "teams"}

	companyAttributes = &Feed{Name: "company_attributes", Walk: walkList, Path: "/data_attributes?model=company&include_archived=true", Rows: "data"}
	contactAttributes = &Feed{Name: "contact_attributes", Walk: walkList, Path: "/data_attributes?model=contact&include_archived=true", Rows: "data"}
)

// Streams is the stream table, in the order in which catalogs list it. It is read-only.
var Streams = []Stream{
	{Name: "activity_logs", Feed: activityLogs, Key: []string{"id"}, Cursor: "created_at",
		Permission: "Read admin activity logs", Method: "server-side time windows"},
	{Name: "admins", Feed: admins, Key: []string{"id"},
		Permission: "Read admins", Method: "read in full"},
	{Name: "tags", Feed: tags, Key: []string{"id"},
		Permission: "Read tags", Method: "read in full"},
	{Name: "teams", Feed: teams, Key: []string{"id"},
		Permission: "Read admins", Method: "read in full"},
	{Name: "segments", Feed: segments, Key: []string{"id"}, Cursor: "updated_at",
		Permission: "Read and list users and companies", Method: "whole list in each run; only changed rows are emitted"},
	{Name: "companies", Feed: companies, Key: []string{"id"}, Cursor: "updated_at",
		Permission: "Read and list users and companies", Method: "whole scroll in each run; only changed rows are emitted"},
	{Name: "company_attributes", Feed: companyAttributes, Key: []string{"model", "full_name"},
		Permission: "Read and list users and companies", Method: "read in full"},
	{Name: "contact_attributes", Feed: contactAttributes, Key: []string{"model", "full_name"},
		Permission: "Read and list users and companies", Method: "read in full"},
	{Name: "company_segments", Feed: companies, Child: fetchCompanySegments, Probe: "/companies/0/segments", Key: []string{"company_id", "id"},
		Permission: "Read and list users and companies", Method: "read in full, one call a company: joining a segment leaves no time stamp"},
	{Name: "contacts", Feed: contacts, Key: []string{"id"}, Cursor: "updated_at",
		Permission: "Read and list users and companies", Method: "server-side search; whole days up to API 2.16, filtered to the second here"},
	{Name: "conversations", Feed: conversations, Key: []string{"id"}, Cursor: "updated_at",
		Permission: "Read conversations", Method: "server-side search"},
	{Name: "conversation_parts", Feed: conversations, Child: fetchConversationParts, Probe: "/conversations/0", Key: []string{"id"}, Cursor: "updated_at",
		Permission: "Read conversations", Method: "all parts of every changed conversation, one call each"},
	{Name: "tickets", Feed: tickets, Key: []string{"id"}, Cursor: "updated_at",
		Permission: "Read tickets", Method: "server-side search"},
}

// streamNamed returns the stream of that name, or nil.
func streamNamed(name string) *Stream {
	for i := range Streams {
		if Streams[i].Name == name {
			return &Streams[i]
		}
	}
	return nil
}

// Described is the stream as a catalog shows it.
func (s *Stream) Described() protocol.Stream {
	schema, _ := schemas.Get(s.Name) // a test holds that every stream has one
	return protocol.Stream{Name: s.Name, Schema: schema, Key: s.Key, Cursor: s.Cursor, Default: true}
}

// Catalog is every stream as catalogs show them.
func Catalog() []protocol.Stream {
	out := make([]protocol.Stream, len(Streams))
	for i := range Streams {
		out[i] = Streams[i].Described()
	}
	return out
}

// searches tells whether the feed is a POST search.
func (f *Feed) searches() bool { return strings.HasSuffix(f.Path, "/search") }
