package connector

import (
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/tidwall/gjson"
)

// normalizedOf is the row of a conversation, given as Intercom answers it.
func normalizedOf(t *testing.T, text string) gjson.Result {
	t.Helper()
	if !gjson.Valid(text) {
		t.Fatalf("no JSON: %s", text)
	}
	return derivedOf(t, streamNamed("normalized_conversations"), text)[0]
}

// talk is a conversation of these members and parts.
func talk(members string, parts ...string) string {
	return `{"id":"1",` + members + `,"conversation_parts":{"conversation_parts":[` + strings.Join(parts, ",") + `]}}`
}

// said is a part: who, when, what.
func said(who string, at int, body string, more ...string) string {
	return partOf("comment", who, at, body, more...)
}

func partOf(kind, who string, at int, body string, more ...string) string {
	authors := map[string]string{
		"ada": `{"type":"user","id":"ada","email":" Ada@Example.COM "}`, "bob": `{"type":"lead","id":"bob","email":"bob@example.com"}`,
		"eve": `{"type":"admin","id":"7","email":"eve@firm.example"}`, "fin": `{"type":"bot","id":"278"}`,
		"operator": `{"type":"admin","id":"9","email":"operator+x1@intercom.io"}`, "agent": `{"type":"admin","id":"8","email":"a@firm.example","is_ai_answer":true}`,
	}
	return `{"id":"` + strconv.Itoa(at) + `","part_type":"` + kind + `","author":` + authors[who] + `,"created_at":` + strconv.Itoa(at) + `,"body":` + strconv.Quote(body) +
		strings.Join(append([]string{""}, more...), ",") + `}`
}

func byContact(who string) string {
	return `"created_at":1000,"source":` + said(who, 1000, "<p>Hello</p>") + `,"contacts":{"contacts":[{"id":"bob"},{"id":"ada"}]}`
}

func byAdmin() string {
	return `"created_at":1000,"source":` + said("eve", 1000, "<p>News</p>") + `,"contacts":{"contacts":[{"id":"bob"},{"id":"ada"}]}`
}

// counting are statistics that count so many parts, to be continued.
func counting(parts int) string {
	return `,"statistics":{"count_conversation_parts":` + strconv.Itoa(parts)
}

// TestNormalizedRules has the rules of docs/conversations.md, by their names there.
func TestNormalizedRules(t *testing.T) {
	file := `"attachments":[{"name":"a.pdf","url":"https://x.example/a.pdf"}]`
	redacted := `"redacted":true`
	long := make([]string, 500)
	for i := range long {
		long[i] = said("ada", 1001+i, "x")
	}
	tests := []struct{ rule, name, talk, want string }{
		{"conversation_id", "a text", `{"id":1}`, `conversation_id="1"`},

		{"contact_id", "the source's author", talk(byContact("ada")), `contact_id="ada" contact_ids=["bob","ada"]`},
		{"contact_id", "not one who is not in it", talk(`"source":` + said("ada", 1, "x") + `,"contacts":{"contacts":[{"id":"bob"}]}`), `contact_id="bob"`},
		{"contact_id", "the first", talk(byAdmin()), `contact_id="bob"`},
		{"contact_id", "a bare list", talk(`"contacts":[{"id":"ada"}]`), `contact_id="ada" contact_ids=["ada"]`},
		{"contact_id", "nobody", talk(`"contacts":null`), `contact_id=null contact_ids=[]`},

		{"contact_email", "the source's", talk(byContact("ada")), `contact_email="ada@example.com"`},
		{"contact_email", "a part's", talk(byAdmin(), said("ada", 1001, "x"), said("bob", 1002, "")), `contact_email="bob@example.com"`},
		{"contact_email", "never an admin's or another contact's", talk(byAdmin(), said("ada", 1001, "x")), `contact_email=null`},

		{"company_id", "the conversation's", talk(`"company":{"id":"c1","company_id":"acme"}`), `company_id="c1" company_external_id="acme" company_source="conversation"`},
		{"company_id", "unknown", talk(`"company":null`), `company_id=null company_source=null`},

		{"created_at", "seconds", talk(`"created_at":1000`), `created_at=1000`},
		{"created_at", "0 is none", talk(`"created_at":0`), `created_at=null time_to_resolution_seconds=null`},

		{"closed_at", "by the statistics", talk(`"state":"closed"`+counting(1)+`,"last_close_at":1500,"first_close_at":1400}`, partOf("close", "eve", 1400, "")),
			`closed_at=1500 last_closed_at=1500 first_closed_at=1400 quality=[]`},
		{"closed_at", "by the latest part", talk(`"state":"closed","statistics":null`, partOf("close", "eve", 1400, ""), partOf("open", "ada", 1450, ""), partOf("close", "fin", 1500, "")),
			`closed_at=1500 first_closed_at=1400 reopen_count=1`},
		{"closed_at", "not of one that is open again", talk(`"state":"open"`, partOf("close", "eve", 1400, ""), partOf("assign_and_reopen", "eve", 1450, "")),
			`closed_at=null last_closed_at=1400 reopen_count=1 time_to_resolution_seconds=null`},
		{"closed_at", "never updated_at", talk(`"state":"closed","updated_at":1600`), `closed_at=null quality=["closed_at_unknown"]`},
		{"closed_at", "the first is among the oldest", talk(`"state":"closed"`+counting(9)+`}`, partOf("close", "eve", 1400, "")),
			`closed_at=1400 first_closed_at=null reopen_count=null`},

		{"state", "as given", talk(`"state":"snoozed","open":true`), `state="snoozed"`},
		{"state", "open", talk(`"open":true`), `state="open"`},
		{"state", "snoozed", talk(`"open":false,"snoozed_until":1900000000`), `state="snoozed"`},
		{"state", "closed", talk(`"open":false,"snoozed_until":1999`), `state="closed"`},
		{"state", "unknown", talk(`"title":""`), `state=null title=null`},

		{"tags", "in the order of their application, each once", talk(`"tags":{"tags":[{"id":"2","name":"b","applied_at":20},{"id":"1","name":"a","applied_at":10},{"id":"1","name":"a","applied_at":30}]}`),
			`tags=["a","b"] tag_ids=["1","2"]`},
		{"tags", "none", talk(`"tags":null`), `tags=[] tag_ids=[]`},

		{"rating", "given", talk(`"conversation_rating":{"rating":4,"remark":"","created_at":1100,"updated_at":1200,"teammate":{"type":"admin","id":7}}`),
			`rating=4 rating_remark=null rating_requested_at=1100 rated_at=1200 rating_teammate_id="7"`},
		{"rating", "asked for", talk(`"conversation_rating":{"rating":null,"remark":null,"created_at":1100,"updated_at":1100}`), `rating=null rating_requested_at=1100 rated_at=null`},
		{"rating", "of a workflow", talk(`"conversation_rating":{"rating":5,"remark":"ok","teammate":{"type":"workflow","id":"301"}}`), `rating=5 rating_remark="ok" rating_teammate_id=null`},
		{"rating", "the AI agent's is another", talk(`"ai_agent":{"rating":2,"rating_remark":"no","resolution_state":"escalated","last_answer_type":null}`),
			`rating=null ai_rating=2 ai_rating_remark="no" ai_resolution_state="escalated" ai_last_answer_type=null`},

		{"message_count", "all that says something", talk(byContact("ada"), said("eve", 1001, "x"), partOf("assignment", "eve", 1002, "<p>y</p>"), partOf("close", "eve", 1003, ""),
			said("fin", 1004, "", file), partOf("note", "eve", 1005, "z"), said("bob", 1006, "<p> </p>"), said("bob", 1007, "gone", redacted), said("operator", 1008, "a"), said("agent", 1009, "b")),
			`message_count=6 contact_message_count=1 admin_message_count=2 bot_message_count=3 note_count=1 part_count=9 parts_truncated=false`},
		{"message_count", "an image", talk(`"source":` + said("ada", 1, `<img src="x.png">`)), `message_count=1 first_message_body="[image]"`},
		{"message_count", "a redacted source", talk(`"source":` + said("ada", 1, "x", redacted)), `message_count=0`},
		{"message_count", "truncated", talk(byContact("ada")+counting(3)+`}`, said("eve", 1001, "x")), `message_count=2 part_count=3 parts_truncated=true quality=["parts_truncated"]`},
		{"message_count", "nobody knows", talk(byContact("ada")+`,"statistics":null`, long...), `message_count=501 part_count=null parts_truncated=null quality=["parts_truncated"]`},

		{"time_to_first_reply", "of a human", talk(byContact("ada"), said("fin", 1010, "x"), partOf("note", "eve", 1020, "n"), said("eve", 1030, "gone", redacted), partOf("close", "eve", 1060, "done")),
			`time_to_first_reply_seconds=60 time_to_first_bot_reply_seconds=10`},
		{"time_to_first_reply", "nobody", talk(byContact("ada"), said("fin", 1010, "x")), `time_to_first_reply_seconds=null`},
		{"time_to_first_reply", "outbound", talk(byAdmin(), said("eve", 1010, "also"), said("ada", 1100, "what?"), said("eve", 1130, "that")), `time_to_first_reply_seconds=30`},
		{"time_to_first_reply", "outbound, unanswered", talk(byAdmin(), said("eve", 1010, "also")), `time_to_first_reply_seconds=null`},
		{"time_to_first_reply", "nobody knows who began", talk(`"created_at":1000,"source":null`, said("eve", 1030, "x")), `time_to_first_reply_seconds=null`},
		{"time_to_first_reply", "truncated", talk(byContact("ada")+counting(9)+`,"first_admin_reply_at":1040,"time_to_admin_reply":11}`, said("eve", 1500, "x"), said("fin", 1600, "x")),
			`time_to_first_reply_seconds=40 time_to_first_bot_reply_seconds=null time_to_first_reply_office_hours_seconds=11 quality=["parts_truncated","first_reply_from_statistics"]`},
		{"time_to_first_reply", "truncated, outbound", talk(byAdmin()+counting(9)+`,"first_admin_reply_at":1040,"first_contact_reply_at":1020}`, said("eve", 1500, "x")), `time_to_first_reply_seconds=20`},
		{"time_to_first_reply", "never below zero", talk(byContact("ada") + counting(9) + `,"first_admin_reply_at":900}`), `time_to_first_reply_seconds=0`},

		{"time_to_resolution", "10:30:00Z to 14:20:00Z", talk(`"state":"closed","created_at":1773138600` + counting(0) + `,"last_close_at":1773152400,"time_to_last_close":600}`),
			`created_at=1773138600 closed_at=1773152400 time_to_resolution_seconds=13800 time_to_resolution_office_hours_seconds=600`},
		{"time_to_resolution", "not of one that is open", talk(`"state":"open","created_at":1000` + counting(0) + `,"last_close_at":1500,"time_to_last_close":600}`),
			`time_to_resolution_seconds=null time_to_resolution_office_hours_seconds=null`},

		{"the example of the docs", "", talk(`"state":"closed","created_at":1773138600,"source":`+said("ada", 1773138600, "x"),
			said("fin", 1773138610, "x"), partOf("note", "eve", 1773139200, "x"), partOf("assignment", "eve", 1773139500, "I'll have a look"), partOf("close", "eve", 1773152400, "")),
			`message_count=3 contact_message_count=1 admin_message_count=1 bot_message_count=1 note_count=1 part_count=4 time_to_first_bot_reply_seconds=10 time_to_first_reply_seconds=900 closed_at=1773152400 time_to_resolution_seconds=13800`},

		{"first_message_body", "as text", talk(`"source":{"subject":"s","body":"<p>a &amp; b</p><ul><li>c</li></ul>"}`), `first_message_body="a & b\n- c"`},
		{"first_message_body", "the first of a contact", talk(byAdminWithout(), said("eve", 1001, "x"), said("bob", 1002, "hi")), `first_message_body="hi"`},
		{"first_message_body", "redacted", talk(`"source":`+said("ada", 1, "x", redacted), said("ada", 2, "y")), `first_message_body=null`},
		{"first_message_body", "not of the parts that are left", talk(byAdminWithout()+counting(9)+`}`, said("bob", 1002, "hi")), `first_message_body=null`},

		{"time", "the cursor", talk(`"updated_at":1234`), `updated_at=1234`},

		{"null", "all of it", `{"id":"1","statistics":null,"conversation_rating":null,"tags":null,"contacts":null,"source":null,"sla_applied":null,"ai_agent":null,"teammates":null,"admin_assignee_id":0,"team_assignee_id":null}`,
			`contact_id=null closed_at=null rating=null ai_rating=null first_message_body=null message_count=0 time_to_first_reply_seconds=null time_to_resolution_seconds=null admin_assignee_id=null reopen_count=0 priority=null`},
	}
	for _, test := range tests {
		t.Run(test.rule+"/"+test.name, func(t *testing.T) {
			row := normalizedOf(t, test.talk)
			for want := range strings.SplitSeq(nextColumn.ReplaceAllString(test.want, "\x00$1"), "\x00") {
				column, value, _ := strings.Cut(want, "=")
				if got := row.Get(column).Raw; got != value {
					t.Errorf("%s is %s, want %s", column, got, value)
				}
			}
		})
	}
}

var nextColumn = regexp.MustCompile(` (\w+=)`)

func byAdminWithout() string {
	return `"created_at":1000,"source":` + said("eve", 1000, "") + `,"contacts":{"contacts":[{"id":"bob"}]}`
}
