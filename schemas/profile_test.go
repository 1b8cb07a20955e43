package schemas

import (
	"encoding/json"
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// keys are the properties that make a record unique, in order: never null, and text, except times and places
// in a list.
var keys = map[string][]string{
	"activity_log_event_types":             {"name"},
	"activity_logs":                        {"id"},
	"admins":                               {"id"},
	"article_versions":                     {"article_id", "id"},
	"articles":                             {"id"},
	"audiences":                            {"id"},
	"away_status_reasons":                  {"id"},
	"brands":                               {"id"},
	"call_transcripts":                     {"id"},
	"calls":                                {"id"},
	"collections":                          {"id"},
	"companies":                            {"id"},
	"company_attributes":                   {"model", "full_name"}, // built-in attributes have no id
	"company_contacts":                     {"company_id", "id"},
	"company_notes":                        {"company_id", "id"},
	"company_segments":                     {"company_id", "id"},
	"company_tags":                         {"company_id", "id"},
	"contact_activities":                   {"id"},
	"contact_attributes":                   {"model", "full_name"},
	"contact_companies":                    {"contact_id", "id"},
	"contact_events":                       {"contact_id", "event_name", "created_at", "position"}, // events have no id of their own
	"contact_merges":                       {"contact_id", "source_contact_id"},
	"contact_notes":                        {"contact_id", "id"},
	"contact_segments":                     {"contact_id", "id"},
	"contact_subscriptions":                {"contact_id", "id"},
	"contact_tags":                         {"contact_id", "id"},
	"contacts":                             {"id"},
	"content_export_answers":               {"receipt_id", "_row_id"},
	"content_export_clicks":                {"receipt_id", "_row_id"},
	"content_export_completions":           {"receipt_id", "_row_id"},
	"content_export_dismissals":            {"receipt_id", "_row_id"},
	"content_export_goal_successes":        {"receipt_id", "_row_id"},
	"content_export_hard_bounces":          {"receipt_id", "_row_id"},
	"content_export_opens":                 {"receipt_id", "_row_id"},
	"content_export_reactions":             {"receipt_id", "_row_id"},
	"content_export_receipts":              {"receipt_id"},
	"content_export_replies":               {"receipt_id", "_row_id"},
	"content_export_series_completions":    {"receipt_id", "_row_id"},
	"content_export_series_disengagements": {"receipt_id", "_row_id"},
	"content_export_series_exits":          {"receipt_id", "_row_id"},
	"content_export_soft_bounces":          {"receipt_id", "_row_id"},
	"content_export_tour_step_failures":    {"receipt_id", "_row_id"},
	"content_export_tour_step_views":       {"receipt_id", "_row_id"},
	"content_export_unsubscribes":          {"receipt_id", "_row_id"},
	"content_import_sources":               {"id"},
	"content_snippets":                     {"id"},
	"conversation_ai_content_sources":      {"conversation_id", "position"},
	"conversation_attributes":              {"id"},
	"conversation_contacts":                {"conversation_id", "id"},
	"conversation_handling_events":         {"conversation_id", "position"},
	"conversation_linked_objects":          {"conversation_id", "type", "id"},
	"conversation_parts":                   {"conversation_id", "id"},
	"conversation_ratings":                 {"conversation_id"},
	"conversation_tags":                    {"conversation_id", "id"},
	"conversation_teammates":               {"conversation_id", "id"},
	"conversations":                        {"id"},
	"custom_objects":                       {"id"},
	"data_connector_executions":            {"data_connector_id", "id"},
	"data_connectors":                      {"id"},
	"deleted_conversations":                {"id"},
	"emails":                               {"id"},
	"external_pages":                       {"id"},
	"fin_voice_calls":                      {"conversation_id", "id"},
	"help_center_redirects":                {"help_center_id", "id"},
	"help_centers":                         {"id"},
	"internal_articles":                    {"id"},
	"macros":                               {"id"},
	"news_items":                           {"id"},
	"newsfeed_items":                       {"newsfeed_id", "id"},
	"newsfeeds":                            {"id"},
	"normalized_conversations":             {"conversation_id"},
	"office_hours_exceptions":              {"office_hours_schedule_id", "id"},
	"office_hours_schedules":               {"id"},
	"segments":                             {"id"},
	"side_conversations":                   {"conversation_id", "side_conversation_id"},
	"subscription_types":                   {"id"},
	"tags":                                 {"id"},
	"team_members":                         {"team_id", "admin_id"},
	"team_metrics":                         {"team_id", "admin_id"},
	"teams":                                {"id"},
	"ticket_events":                        {"event_id"},
	"ticket_parts":                         {"ticket_id", "id"},
	"ticket_states":                        {"id"},
	"ticket_type_attributes":               {"ticket_type_id", "id"},
	"ticket_types":                         {"id"},
	"tickets":                              {"id"},
	"transcripts":                          {"conversation_id"},
	"workspace":                            {"id_code"},
}

// node is one schema with every keyword that the profile knows. Decoding it
// strictly is what keeps all other keywords out.
type node struct {
	Schema      string           `json:"$schema"`
	Type        types            `json:"type"`
	Description string           `json:"description"`
	Additional  *bool            `json:"additionalProperties"`
	Properties  map[string]*node `json:"properties"`
	Items       *node            `json:"items"`
	Unix        bool             `json:"x-unix"`
	Wrap        string           `json:"x-wrap"`
	Attributes  string           `json:"x-attributes"`
	HTML        any              `json:"x-html"` // true, or where in an open object
}

// types is the type keyword; the root has a bare string, all others a list.
type types []string

func (l *types) UnmarshalJSON(b []byte) error {
	var one string
	if json.Unmarshal(b, &one) == nil {
		*l = types{one}
		return nil
	}
	return json.Unmarshal(b, (*[]string)(l))
}

// kind is the type that is not null.
func (n *node) kind() string { return n.Type[len(n.Type)-1] }

func parse(t *testing.T, stream string) *node {
	t.Helper()
	schema, ok := Get(stream)
	if !ok {
		t.Fatalf("no schema for %s", stream)
	}
	decoder := json.NewDecoder(strings.NewReader(string(schema)))
	decoder.DisallowUnknownFields()
	root := &node{}
	if err := decoder.Decode(root); err != nil {
		t.Fatalf("%s: %v", stream, err)
	}
	return root
}

func TestSafeProfile(t *testing.T) {
	for _, stream := range Names() {
		t.Run(stream, func(t *testing.T) {
			root := parse(t, stream)
			if root.Schema != "http://json-schema.org/draft-07/schema#" {
				t.Errorf("$schema = %q", root.Schema)
			}
			if !slices.Equal(root.Type, types{"object"}) {
				t.Errorf("root type = %v", root.Type)
			}
			checkObject(t, "", root)
			for name, property := range root.Properties {
				want := types{"null", property.kind()}
				if slices.Contains(keys[stream], name) {
					want = types{"string"}
					if name == "position" || property.Unix {
						want = types{"integer"}
					}
				}
				if !slices.Equal(property.Type, want) {
					t.Errorf("%s: type %v, want %v", name, property.Type, want)
				}
			}
			for _, key := range keys[stream] {
				if root.Properties[key] == nil {
					t.Errorf("key property %s is missing", key)
				}
			}
			schema, _ := Get(stream)
			if _, err := Compile(schema); err != nil {
				t.Error(err)
			}
		})
	}
}

var propertyName = regexp.MustCompile(`^_?[a-z][a-z0-9]*(_[a-z0-9]+)*$`)

func checkObject(t *testing.T, path string, n *node) {
	t.Helper()
	if n.Additional == nil || !*n.Additional {
		t.Errorf("%s: additionalProperties is not true", path)
	}
	if n.Items != nil || n.Unix {
		t.Errorf("%s: object with keywords of another type", path)
	}
	if _, inside := n.HTML.(string); n.HTML != nil && (!inside || n.Properties != nil) {
		t.Errorf("%s: x-html is %v on an object, or on one that lists properties", path, n.HTML)
	}
	if n.Attributes != "" && (n.Properties != nil || strings.Contains(path, "[]")) {
		t.Errorf("%s: x-attributes on an object that lists properties, or inside a list", path)
	}
	if n.Wrap != "" && n.Properties != nil && n.Properties[n.Wrap] == nil {
		t.Errorf("%s: x-wrap names no property: %s", path, n.Wrap)
	}
	// Names that match are lower case, and so unique whatever a target makes of case.
	for name, property := range n.Properties {
		child := strings.TrimPrefix(path+"."+name, ".")
		if !propertyName.MatchString(name) {
			t.Errorf("%s: not a lower_snake name", child)
		}
		if property.Description == "" || !strings.HasSuffix(property.Description, ".") {
			t.Errorf("%s: description %q is not a sentence", child, property.Description)
		}
		if path != "" && !slices.Equal(property.Type, types{"null", property.kind()}) {
			t.Errorf("%s: type %v is not nullable", child, property.Type)
		}
		checkMeaning(t, child, name, property)
		checkType(t, child, property)
	}
}

func checkType(t *testing.T, path string, n *node) {
	t.Helper()
	switch n.kind() {
	case "object":
		checkObject(t, path, n)
		return
	case "array":
		switch {
		case n.Items == nil || len(n.Items.Type) == 0:
			t.Errorf("%s: array without typed items", path)
		case !slices.Equal(n.Items.Type, types{"null", n.Items.kind()}):
			t.Errorf("%s: items of type %v", path, n.Items.Type)
		default:
			checkType(t, path+"[]", n.Items)
		}
		if n.Wrap+n.Attributes != "" || n.Unix || n.HTML != nil {
			t.Errorf("%s: array with keywords of another type", path)
		}
	case "string", "boolean", "number", "integer":
		if n.Items != nil || n.Wrap+n.Attributes != "" || n.Unix && n.kind() != "integer" {
			t.Errorf("%s: %s with keywords of another type", path, n.kind())
		}
		// The description is what people read.
		if want := n.kind() == "string" && strings.Contains(n.Description, "as HTML"); n.HTML != nil && n.HTML != true || want != (n.HTML == true) {
			t.Errorf("%s: x-html is %v, and it says %q", path, n.HTML, n.Description)
		}
	default:
		t.Errorf("%s: type %v", path, n.Type)
	}
	if n.Properties != nil || n.Additional != nil {
		t.Errorf("%s: %s with properties", path, n.kind())
	}
}

// Wherever a workspace's own attributes can come, the schema says whose they are.
func TestAttributesAreMarked(t *testing.T) {
	untold := map[string]string{
		"custom_objects.custom_attributes":    "Intercom has no list of them",
		"contact_companies.custom_attributes": "the stream holds references alone",
	}
	got := map[string]string{}
	var walk func(path string, n *node)
	walk = func(path string, n *node) {
		for name, property := range n.Properties {
			here := path + "." + name
			isHolder := (name == "custom_attributes" || name == "ticket_attributes") && untold[here] == ""
			if isHolder != (property.Attributes != "") {
				t.Errorf("%s: x-attributes is %q", here, property.Attributes)
			}
			if isHolder {
				got[here] = property.Attributes
			}
			walk(here, property)
		}
		if n.Items != nil {
			walk(path+"[]", n.Items)
		}
	}
	for _, stream := range Names() {
		walk(stream, parse(t, stream))
	}
	want := map[string]string{
		"contacts.custom_attributes": "contact", "companies.custom_attributes": "company", "conversations.custom_attributes": "conversation",
		"conversations.company.custom_attributes": "company", "tickets.ticket_attributes": "ticket",
		"normalized_conversations.custom_attributes": "conversation",
	}
	if !maps.Equal(got, want) {
		t.Errorf("marked are %v, want %v", got, want)
	}
}

// checkMeaning holds what a name promises: ids are text, so that tables join;
// times are marked, so that Singer gets them as dates.
func checkMeaning(t *testing.T, path, name string, n *node) {
	t.Helper()
	isID := name == "id" || strings.HasSuffix(name, "_id")
	isIDs := strings.HasSuffix(name, "_ids")
	isTime := strings.HasSuffix(name, "_at") || strings.HasSuffix(name, "_since") ||
		slices.Contains([]string{"snoozed_until", "custom_until_time", "timestamp"}, name) ||
		path == "messages[].time" || // of transcripts
		strings.HasPrefix(path, "first_") && n.kind() == "integer" // of receipts
	switch {
	case isIDs:
		if n.kind() != "array" || n.Items == nil || n.Items.kind() != "string" {
			t.Errorf("%s: ids are not an array of strings", path)
		}
	case isID && n.kind() != "string":
		t.Errorf("%s: id of type %s", path, n.kind())
	case isTime != n.Unix:
		t.Errorf("%s: x-unix = %v, want %v", path, n.Unix, isTime)
	}
}
