package connector

import "source-intercom/intercom"

var (
	conversations = &Feed{Name: "conversations", Walk: walkSearch, Path: "/conversations/search", One: "/conversations/{id}", Rows: "conversations", PerPage: 150, Cursor: "updated_at",
		Deletions: listDeletedConversations, DeletionsSince: intercom.V2_16}
	tickets = &Feed{Name: "tickets", Walk: walkSearch, Path: "/tickets/search", One: "/tickets/{id}", Rows: "tickets", PerPage: 150, Cursor: "updated_at"}

	deletedConversations   = &Feed{Name: "deleted_conversations", Walk: walkList, Path: "/conversations/deleted?per_page=60", Rows: "conversations", Cursor: "deleted_at", NewestFirst: true, Feature: true}
	conversationAttributes = &Feed{Name: "conversation_attributes", Walk: walkList, Path: "/conversations/attributes?include_archived=true", Rows: "data", Feature: true}

	ticketTypes  = &Feed{Name: "ticket_types", Walk: walkList, Path: "/ticket_types", Rows: "data|ticket_types", Feature: true}
	ticketStates = &Feed{Name: "ticket_states", Walk: walkList, Path: "/ticket_states", Rows: "data", Feature: true}
	phoneCalls   = &Feed{Name: "calls", Walk: walkList, Path: "/calls?per_page=25", One: "/calls/{id}", Rows: "data", Cursor: "updated_at", Feature: true}
)

const (
	readConversations = "Read conversations"
	readTickets       = "Read tickets"
	wholeList         = "whole list in each run; only changed rows are emitted"
)

// conversationStreams are conversations, tickets and calls, and what belongs to them.
var conversationStreams = []Stream{
	{Name: "conversations", Feed: conversations, Key: []string{"id"}, Cursor: "updated_at",
		Permission: readConversations, Method: "server-side search"},
	{Name: "conversation_parts", Feed: conversations, Thread: threadParts, Endpoint: "/conversations/{id}", Parent: "conversation", Key: []string{"id"}, Cursor: "updated_at",
		Permission: readConversations, Method: "all parts of every changed conversation, one call each"},
	lookingUp(normalizedConversations()),
	lookingUp(derivedStream("ticket_events", eventRows, "conversation_updated_at", "event_id")),
	derivedStream("transcripts", transcriptRow, "updated_at", "conversation_id"),
	conversationCut("conversation_tags", &cut{at: []string{"tags.tags"}}, "id"),
	conversationCut("conversation_contacts", &cut{at: []string{"contacts.contacts"}}, "id"),
	conversationCut("conversation_teammates", &cut{at: []string{"teammates.teammates", "teammates.admins"}}, "id"),
	conversationCut("conversation_linked_objects", &cut{at: []string{"linked_objects.data"}}, "type", "id"),
	conversationCut("conversation_ratings", &cut{at: []string{"conversation_rating"}}),
	{Name: "conversation_ai_content_sources", Feed: conversations, Cut: &cut{at: []string{"ai_agent.content_sources.content_sources"}}, Placed: true,
		Parent: "conversation", Key: []string{"conversation_id", "position"}, Cursor: "conversation_updated_at", Since: intercom.V2_11,
		Permission: readConversations, Method: "those of every changed conversation, at no call"},
	{Name: "conversation_handling_events", Feed: conversations, Child: fetchList, Endpoint: "/conversations/{id}/handling_events", Rows: "handling_events", Placed: true,
		Parent: "conversation", Key: []string{"conversation_id", "position"}, Cursor: "conversation_updated_at", Since: intercom.V2_15, Costly: true,
		Permission: readConversations, Method: "one call for each changed conversation"},
	{Name: "side_conversations", Feed: conversations, Child: fetchList, Endpoint: "/conversations/{id}/side_conversations?per_page=50", Rows: "side_conversations",
		Parent: "conversation", Key: []string{"conversation_id", "side_conversation_id"}, Cursor: "conversation_updated_at", Since: intercom.V2_16, Costly: true,
		Permission: readConversations, Method: "one call for each changed conversation"},
	{Name: "deleted_conversations", Feed: deletedConversations, Key: []string{"id"}, Cursor: "deleted_at", Since: intercom.V2_16,
		Permission: readConversations, Method: "the list from its newest row down to what was read before"},
	{Name: "conversation_attributes", Feed: conversationAttributes, Key: []string{"id"}, Since: intercom.V2_16,
		Permission: readConversations, Method: "read in full"},

	{Name: "tickets", Feed: tickets, Key: []string{"id"}, Cursor: "updated_at",
		Permission: readTickets, Method: "server-side search"},
	{Name: "ticket_parts", Feed: tickets, Cut: &cut{at: []string{"ticket_parts.ticket_parts"}},
		Parent: "ticket", Key: []string{"ticket_id", "id"}, Cursor: "ticket_updated_at",
		Permission: readTickets, Method: "all parts of every changed ticket"},
	{Name: "ticket_types", Feed: ticketTypes, Key: []string{"id"},
		Permission: readTickets, Method: "read in full"},
	{Name: "ticket_type_attributes", Feed: ticketTypes, Cut: &cut{at: []string{"ticket_type_attributes.data", "ticket_type_attributes.ticket_type_attributes"}}, Parent: "ticket_type", Key: []string{"ticket_type_id", "id"},
		Permission: readTickets, Method: "read in full"},
	{Name: "ticket_states", Feed: ticketStates, Key: []string{"id"}, Since: intercom.V2_12,
		Permission: readTickets, Method: "read in full"},

	{Name: "calls", Feed: phoneCalls, Key: []string{"id"}, Cursor: "updated_at", Since: intercom.V2_14,
		Permission: "Read calls", Method: wholeList},
	{Name: "call_transcripts", Feed: phoneCalls, Child: fetchTranscript, Endpoint: "/calls/search", Only: []string{"id", "conversation_id", "transcript", "transcript_status", "updated_at"}, Via: "conversation_id", Probe: "/calls/0", Key: []string{"id"}, Cursor: "updated_at", Since: intercom.V2_14, Costly: true,
		Permission: "Read calls", Method: "one call for each changed call"},
	{Name: "fin_voice_calls", Feed: conversations, Child: fetchList, Endpoint: "/fin_voice/conversation/{id}",
		Parent: "conversation", Key: []string{"conversation_id", "id"}, Cursor: "conversation_updated_at", Since: intercom.V2_15, Costly: true,
		Permission: readConversations, Method: "one call for each changed conversation"},
}

// conversationCut is a stream of what a conversation's row holds, keyed by the conversation and more fields.
func conversationCut(name string, c *cut, key ...string) Stream {
	return Stream{Name: name, Feed: conversations, Cut: c, Parent: "conversation", Key: append([]string{"conversation_id"}, key...), Cursor: "conversation_updated_at",
		Permission: readConversations, Method: "those of every changed conversation, at no call"}
}

// derivedStream is a stream that is made of whole conversations, by the calls that conversation_parts makes.
func derivedStream(name string, makes func(*rowWriter, *conversation, *Config), cursor string, key ...string) Stream {
	return Stream{Name: name, Feed: conversations, Thread: threadDerived, Makes: makes, Endpoint: "/conversations/{id}", Parent: "conversation", Key: key, Cursor: cursor,
		Permission: readConversations, Method: "every changed conversation, by the calls of conversation_parts"}
}

func lookingUp(s Stream) Stream {
	s.LooksUp = true
	return s
}

func normalizedConversations() Stream {
	s := derivedStream("normalized_conversations", normalizedRow, "updated_at", "conversation_id")
	s.Epitaph = deletedAt
	return s
}
