package connector

import (
	"cmp"
	"slices"
	"strings"

	"source-intercom/protocol"
)

// A copy says that Intercom, or a derived stream, repeats the values of a field elsewhere. Places are a stream and a path;
// of a stream "reporting_*" are all reports.
type copied struct {
	from, to []string
	// below says that what lies below from lies below to as well.
	below bool
	// scrubbed says that only scrub needs to act there: what is made of the values is made of them as other rules leave them.
	scrubbed bool
}

// Wherever a person's name and address stand, in messages and in what is around them. Contacts and teammates share these
// places, so that a rule for either acts on both.
var (
	authors = []string{
		"conversations.source.author", "conversations.source.reply_to", "conversations.statistics.last_closed_by", "conversations.assignee",
		"conversation_parts.author", "side_conversations.conversation_parts.author", "ticket_parts.author",
		"contact_notes.author", "company_notes.author", "companies.notes.notes.author",
		"conversation_handling_events.teammate",
	}
	mailHeaders = []string{
		"conversations.source.email_message_metadata.email_address_headers", "conversation_parts.email_message_metadata.email_address_headers",
		"side_conversations.conversation_parts.email_message_metadata.email_address_headers",
	}
	noted   = []string{"contact_notes.author", "company_notes.author", "companies.notes.notes.author"}
	persons = []string{"contacts", "admins"}
	bodies  = []string{"conversations.source.body", "conversation_parts.body"}
	// texts are what is made of bodies, with the names of those who wrote them.
	texts = []string{"transcripts.markdown", "transcripts.messages.text"}
)

// copies is where values are repeated. Tests hold that the paths exist, and look for copies that are not here; docs/privacy.md lists
// those that people have to know.
var (
	copies = slices.Concat(listedCopies, cutCopies(), parentCopies())

	listedCopies = []copied{
		{from: inEach(persons, "email"), to: slices.Concat(inEach(authors, "email"), inEach(mailHeaders, "email_address"), []string{
			"conversations.source.recipients.email", "contacts.email_domain", "contact_events.email", "content_export_receipts.email",
			"activity_logs.performed_by.email",
			"normalized_conversations.contact_email", "ticket_events.contact_email", "reporting_*.email", "reporting_*.contact_email", "reporting_*.user_email"})},
		{from: inEach(persons, "name"), to: slices.Concat(inEach(authors, "name"), inEach(mailHeaders, "name"), []string{
			"content_export_receipts.name", "transcripts.messages.author", "activity_logs.metadata.update_by_name",
			"reporting_*.name", "reporting_*.contact_name", "reporting_*.user_name"})},
		{from: inEach(persons, "avatar"), to: inEach(noted, "avatar"), below: true},
		{from: []string{"admins.job_title"}, to: inEach(noted, "job_title")},
		{from: []string{"contacts.phone"}, to: []string{"contacts.formatted_phone", "calls.phone", "fin_voice_calls.user_phone_number", "reporting_*.phone"}},
		{from: []string{"contacts.external_id"}, to: []string{
			"conversations.contacts.contacts.external_id", "conversations.conversation_rating.contact.external_id", "tickets.contacts.contacts.external_id",
			"company_contacts.external_id", "contact_activities.external_id", "contact_events.user_id", "contact_events.id", "content_export_receipts.user_external_id",
			"ticket_events.contact_external_id", "activity_logs.metadata.external_id"}},
		{from: []string{"contacts.id"}, to: []string{
			"conversations.contacts.contacts.id", "conversations.conversation_rating.contact.id", "tickets.contacts.contacts.id", "company_contacts.id",
			"contact_activities.contact_id", "contact_events.intercom_user_id", "contact_merges.source_contact_id",
			"contacts.tags.url", "contacts.notes.url", "contacts.companies.url", "contacts.opted_out_subscription_types.url", "contacts.opted_in_subscription_types.url",
			"contact_notes.contact.id", "contacts.merged_into", "contacts.merge_history.source_contact_id", "contact_activities.merge_source_id", "contact_activities.merge_target_id",
			"conversations.source.author.id", "conversation_parts.author.id", "side_conversations.conversation_parts.author.id", "ticket_parts.author.id",
			"calls.contact_id", "content_export_receipts.user_id", "normalized_conversations.contact_id", "normalized_conversations.contact_ids",
			"ticket_events.contact_id", "ticket_events.actor_id", "transcripts.contact_id"}},
		{from: []string{"conversations.id"}, to: []string{"ticket_events.event_id", "calls.conversation_id", "content_export_receipts.conversation_id", "deleted_conversations.id"}},
		{from: []string{"companies.company_id"}, to: []string{"content_export_receipts.company_external_id", "normalized_conversations.company_external_id"}},
		{from: []string{"companies"}, to: []string{"conversations.company"}, below: true},
		{from: []string{"companies.notes.notes"}, to: []string{"company_notes"}, below: true},
		{from: bodies, to: texts, scrubbed: true},
		{from: bodies, to: []string{"normalized_conversations.first_message_body", "side_conversations.conversation_parts.body", "ticket_parts.body",
			"tickets.ticket_attributes._default_description_", "conversations.source.email_message_metadata.history",
			"conversation_parts.translations", "side_conversations.conversation_parts.translations", "ticket_parts.translations"}},
		{from: []string{"conversation_parts.attachments"}, to: []string{"side_conversations.conversation_parts.attachments", "ticket_parts.attachments"}, below: true},
		{from: []string{"conversations.title"}, to: []string{"normalized_conversations.title", "transcripts.title"}},
		{from: []string{"conversations.source.subject"}, to: []string{"conversations.source.email_message_metadata.subject", "conversation_parts.email_message_metadata.subject",
			"side_conversations.conversation_parts.email_message_metadata.subject", "reporting_*.subject"}},
		{from: []string{"conversations.source.url"}, to: []string{"normalized_conversations.url"}},
		{from: []string{"conversations.custom_attributes"}, to: []string{"normalized_conversations.custom_attributes"}, below: true},
		{from: []string{"conversations.conversation_rating.remark"}, to: []string{"normalized_conversations.rating_remark", "ticket_events.rating_remark"}},
		{from: []string{"conversations.ai_agent.rating_remark"}, to: []string{"normalized_conversations.ai_rating_remark"}},
		{from: []string{"call_transcripts.transcript"}, to: []string{"fin_voice_calls.call_transcript"}, below: true},
	}
)

// cutCopies are the streams whose records also lie inside those of others.
func cutCopies() (all []copied) {
	for _, s := range slices.Concat(peopleStreams, conversationStreams) {
		if s.Cut == nil || s.Cut.entry != "" {
			continue
		}
		for _, at := range s.Cut.at {
			inside := []string{s.Feed.Name + "." + at}
			all = append(all, copied{from: inside, to: []string{s.Name}, below: true}, copied{from: []string{s.Name}, to: inside, below: true})
		}
	}
	return all
}

// parentCopies are the ids of parents that we give to what belongs to them.
func parentCopies() (all []copied) {
	for _, s := range Streams {
		if s.Parent != "" {
			all = append(all, copied{from: []string{s.Feed.Name + ".id"}, to: []string{s.Name + "." + s.Parent + "_id"}})
		}
	}
	return all
}

func inEach(places []string, field string) []string {
	all := make([]string, len(places))
	for i, place := range places {
		all[i] = place + "." + field
	}
	return all
}

// A repetition is one line of the table: what lies in one place lies in another one too.
type repetition struct {
	copied
	names []string
	in    string // the other place's stream
	way   string // and path in it
}

// repetitions is the table by the streams that values are repeated from.
var repetitions = func() map[string][]repetition {
	all := map[string][]repetition{}
	for _, c := range copies {
		for _, from := range c.from {
			stream, way, deep := strings.Cut(from, ".")
			r := repetition{copied: c}
			if deep {
				r.names = strings.Split(way, ".")
			}
			for _, to := range c.to {
				r.in, r.way, _ = strings.Cut(to, ".")
				all[stream] = append(all[stream], r)
			}
		}
	}
	return all
}()

// copiesOf are the fields of a stream that hold what a rule is about, because its values are repeated there, or what is
// repeated there is repeated once more.
func copiesOf(r PrivacyRule, stream string) []protocol.FieldPath {
	var found []protocol.FieldPath
	seen := map[PrivacyRule]bool{}
	todo := []PrivacyRule{r}
	for len(todo) > 0 {
		r, todo = todo[0], todo[1:]
		for _, next := range repeats(r) {
			if seen[next] {
				continue
			}
			seen[next] = true
			todo = append(todo, next)
			if reports, ok := strings.CutSuffix(next.Stream, "*"); next.Stream == stream || ok && strings.HasPrefix(stream, reports) {
				found = append(found, next.path())
			}
		}
	}
	return found
}

// repeats are where the values of a rule's field are repeated.
func repeats(r PrivacyRule) (found []PrivacyRule) {
	path := r.path()
	in := func(lines []repetition) {
		for _, c := range lines {
			if c.scrubbed && r.Action != "scrub" {
				continue
			}
			rests, covers := path.Behind(c.names...)
			if covers {
				found = append(found, PrivacyRule{c.in, cmp.Or(c.way, "*"), r.Action})
			}
			for _, rest := range rests {
				if c.below {
					found = append(found, PrivacyRule{c.in, strings.TrimPrefix(c.way+"."+strings.Join(rest, "."), "."), r.Action})
				}
			}
		}
	}
	if r.Stream != "*" {
		in(repetitions[r.Stream])
		return found
	}
	for _, lines := range repetitions {
		in(lines)
	}
	return found
}
