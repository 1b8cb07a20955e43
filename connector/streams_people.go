package connector

import "source-intercom/intercom"

var (
	contacts = &Feed{Name: "contacts", Walk: walkSearch, Path: "/contacts/search", One: "/contacts/{id}", Rows: "data", PerPage: 150, Cursor: "updated_at", Days: true,
		Asks: "include_merge_history=true", AsksSince: intercom.V2_16,
		Deletions: listContactActivities, DeletionsSince: intercom.V2_16, TakenOver: mergedContacts}
	companies = &Feed{Name: "companies", Walk: walkScroll, Path: "/companies/scroll", One: "/companies/{id}", Rows: "data", PerPage: 100, Cursor: "updated_at", Probe: "/companies?per_page=1"}
	segments  = &Feed{Name: "segments", Walk: walkList, Path: "/segments?include_count=true", One: "/segments/{id}", Rows: "segments", Cursor: "updated_at"}
	tags      = &Feed{Name: "tags", Walk: walkList, Path: "/tags", Rows: "data"}

	subscriptionTypes = &Feed{Name: "subscription_types", Walk: walkList, Path: "/subscription_types", Rows: "data", Feature: true}
	contactActivities = &Feed{Name: "contact_activities", Walk: walkList, Path: "/contacts/activities?per_page=150", Rows: "data", Cursor: "created_at", Feature: true}
	companyAttributes = &Feed{Name: "company_attributes", Walk: walkList, Path: "/data_attributes?model=company&include_archived=true", Rows: "data"}
	contactAttributes = &Feed{Name: "contact_attributes", Walk: walkList, Path: "/data_attributes?model=contact&include_archived=true", Rows: "data"}
)

const readPeople = "Read and list users and companies"

// peopleStreams are contacts, companies, and what belongs to them.
var peopleStreams = []Stream{
	{Name: "contacts", Feed: contacts, Child: completeContact, Endpoint: "/contacts/{id}/tags", Whole: nestedWhole("tags", "companies", "notes"),
		Key: []string{"id"}, Cursor: "updated_at", Permission: readPeople, Epitaph: mergedInto,
		Method: "server-side search; whole days up to API 2.16, filtered to the second here; one call for each nested list of more than ten"},
	{Name: "contact_tags", Feed: contacts, Cut: &cut{at: []string{"tags.data"}}, Child: fetchList, Endpoint: "/contacts/{id}/tags", Rows: "data", Whole: nestedWhole("tags"),
		Parent: "contact", Key: []string{"contact_id", "id"}, Cursor: "contact_updated_at",
		Permission: readPeople, Method: "the tags of every changed contact; a call only for more than ten"},
	{Name: "contact_companies", Feed: contacts, Cut: &cut{at: []string{"companies.data"}}, Refers: "companies", Child: fetchList, Endpoint: "/contacts/{id}/companies?per_page=50", Rows: "data|companies", Whole: nestedWhole("companies"),
		Parent: "contact", Key: []string{"contact_id", "id"}, Cursor: "contact_updated_at",
		Permission: readPeople, Method: "the companies of every changed contact; a call only for more than ten"},
	{Name: "contact_notes", Feed: contacts, Cut: &cut{at: []string{"notes.data"}}, Child: fetchList, Endpoint: "/contacts/{id}/notes?per_page=50", Rows: "data", Whole: hasNone("notes"),
		Parent: "contact", Key: []string{"contact_id", "id"}, Cursor: "contact_updated_at", Costly: true,
		Permission: readPeople, Method: "one call for each changed contact that has notes"},
	{Name: "contact_segments", Feed: contacts, Child: fetchList, Endpoint: "/contacts/{id}/segments", Rows: "data",
		Parent: "contact", Key: []string{"contact_id", "id"}, Cursor: "contact_updated_at", Costly: true,
		Permission: readPeople, Method: "one call for each changed contact; joining a segment alone does not change one"},
	{Name: "contact_subscriptions", Feed: contacts, Child: fetchList, Endpoint: "/contacts/{id}/subscriptions", Rows: "data",
		Parent: "contact", Key: []string{"contact_id", "id"}, Cursor: "contact_updated_at", Costly: true,
		Permission: readPeople, Method: "one call for each changed contact; explicit choices only"},
	{Name: "contact_merges", Feed: contacts, Cut: &cut{at: []string{"merge_history"}},
		Parent: "contact", Key: []string{"contact_id", "source_contact_id"}, Cursor: "contact_updated_at", Since: intercom.V2_16,
		Permission: readPeople, Method: "what was merged into every changed contact"},
	{Name: "contact_events", Feed: contacts, Child: fetchList, Endpoint: "/events?type=user&intercom_user_id={id}", Rows: "events",
		Parent: "contact", Placed: true, Key: []string{"contact_id", "event_name", "created_at", "position"}, Cursor: "contact_updated_at", Costly: true,
		Permission: readPeople + ", Read events", Method: "one call or more for each changed contact: its events of the last 90 days"},
	{Name: "contact_activities", Feed: contactActivities, Key: []string{"id"}, Cursor: "created_at", Since: intercom.Preview,
		Permission: readPeople, Method: "whole list in each run; only new rows are emitted"},
	{Name: "contact_attributes", Feed: contactAttributes, Key: []string{"model", "full_name"},
		Permission: readPeople, Method: "read in full"},

	{Name: "companies", Feed: companies, Key: []string{"id"}, Cursor: "updated_at",
		Permission: readPeople, Method: "whole scroll in each run; only changed rows are emitted"},
	{Name: "company_tags", Feed: companies, Cut: &cut{at: []string{"tags.tags"}},
		Parent: "company", Key: []string{"company_id", "id"}, Cursor: "company_updated_at",
		Permission: readPeople, Method: "the tags of every changed company"},
	{Name: "company_segments", Feed: companies, Child: fetchList, Endpoint: "/companies/{id}/segments", Rows: "data", Parent: "company", Key: []string{"company_id", "id"},
		Permission: readPeople, Method: "read in full, one call a company: joining a segment leaves no time stamp"},
	{Name: "company_contacts", Feed: companies, Child: fetchList, Endpoint: "/companies/{id}/contacts?per_page=50", Rows: "data", Only: []string{"type", "id", "external_id", "workspace_id", "role"}, Parent: "company", Key: []string{"company_id", "id"}, Costly: true,
		Permission: readPeople, Method: "read in full, one call a company or more; contact_companies tells the same at no call"},
	{Name: "company_notes", Feed: companies, Child: fetchList, Endpoint: "/companies/{id}/notes?per_page=50", Rows: "data", Parent: "company", Key: []string{"company_id", "id"}, Since: intercom.V2_15, Costly: true,
		Permission: readPeople, Method: "read in full, one call a company"},
	{Name: "company_attributes", Feed: companyAttributes, Key: []string{"model", "full_name"},
		Permission: readPeople, Method: "read in full"},

	{Name: "segments", Feed: segments, Key: []string{"id"}, Cursor: "updated_at",
		Permission: readPeople, Method: "whole list in each run; only changed rows are emitted"},
	{Name: "tags", Feed: tags, Key: []string{"id"},
		Permission: "Read tags", Method: "read in full"},
	{Name: "subscription_types", Feed: subscriptionTypes, Key: []string{"id"},
		Permission: readPeople, Method: "read in full"},
}
