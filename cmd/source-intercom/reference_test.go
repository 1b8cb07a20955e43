package main

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"source-intercom/connector"

	"github.com/google/go-cmp/cmp"
)

const reference = "../../docs/streams.md"

// docs/streams.md says what the stream table says. UPDATE=1 rewrites it.
func TestStreamReferenceIsInStep(t *testing.T) {
	is := document(t, reference)
	want := is
	for name, text := range map[string]string{"reference": referenceTable(), "diagram": entityDiagram()} {
		want = replaceGenerated(t, want, name, text)
	}
	if os.Getenv("UPDATE") != "" {
		if err := os.WriteFile(reference, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if diff := cmp.Diff(want, is); diff != "" {
		t.Errorf("docs/streams.md differs from the program; UPDATE=1 go test ./cmd/source-intercom -run TestStreamReference rewrites it:\n%s", diff)
	}
}

func referenceTable() string {
	var b strings.Builder
	b.WriteString("| stream | call | calls for 1,000 | primary key | cursor | how an incremental read works | how deletions show | permission of the app | API from | read by default |\n|---|---|---|---|---|---|---|---|---|---|\n")
	for i := range connector.Streams {
		s := &connector.Streams[i]
		cursor, since, chosen := facts(s)
		price := s.Price()
		if s.Parent != "" && s.Fetched() {
			price += " " + s.Feed.Name
		}
		fmt.Fprintf(&b, "| `%s` | `%s` | %s | %s | %s | %s | %s | %s | %s | %s |\n",
			s.Name, s.Source(), price, code(s.Key...), cursor, cell(s.Method), cell(s.Deletions()), cell(s.Permission), since, chosen)
	}
	return b.String()
}

// entityDiagram shows which stream's rows refer to which other's.
func entityDiagram() string {
	var b strings.Builder
	b.WriteString("```mermaid\nerDiagram\n")
	for i := range connector.Streams {
		s := &connector.Streams[i]
		if s.Parent != "" {
			fmt.Fprintf(&b, "  %s ||--o{ %s : %s_id\n", s.Feed.Name, s.Name, s.Parent)
		}
	}
	for _, join := range joins {
		fmt.Fprintf(&b, "  %s ||--o{ %s : %s\n", join[0], join[1], join[2])
	}
	b.WriteString("```\n")
	return b.String()
}

// joins are the references that do not follow from how the streams are read: one, many, by which field.
var joins = [][3]string{
	{"contacts", "conversation_contacts", "id"},
	{"tags", "conversation_tags", "id"},
	{"tags", "contact_tags", "id"},
	{"tags", "company_tags", "id"},
	{"companies", "contact_companies", "id"},
	{"segments", "contact_segments", "id"},
	{"segments", "company_segments", "id"},
	{"contacts", "company_contacts", "id"},
	{"subscription_types", "contact_subscriptions", "id"},
	{"admins", "team_members", "admin_id"},
	{"admins", "team_metrics", "admin_id"},
	{"admins", "conversation_teammates", "id"},
	{"admins", "conversations", "admin_assignee_id"},
	{"teams", "conversations", "team_assignee_id"},
	{"admins", "activity_logs", "performed_by_id"},
	{"ticket_types", "tickets", "ticket_type_id"},
	{"ticket_states", "tickets", "ticket_state_id"},
	{"conversations", "calls", "conversation_id"},
	{"calls", "call_transcripts", "id"},
	{"collections", "articles", "parent_ids"},
	{"help_centers", "collections", "help_center_id"},
	{"content_import_sources", "external_pages", "source_id"},
	{"help_centers", "brands", "help_center_id"},
	{"brands", "emails", "brand_id"},
	{"conversations", "data_connector_executions", "conversation_id"},
	{"conversations", "deleted_conversations", "id"},
	{"contacts", "contact_activities", "contact_id"},
	{"contacts", "content_export_receipts", "user_id"},
	{"content_export_receipts", "content_export_opens", "receipt_id"},
	{"content_export_receipts", "content_export_clicks", "receipt_id"},
	{"content_export_receipts", "content_export_replies", "receipt_id"},
}
