package emulator

import (
	"strconv"
	"strings"
	"time"
)

// documentedReceipt lists the columns of data_export_csv in Intercom's OpenAPI files, the slip of the pen included.
var documentedReceipt = []string{
	"user_id", "user_external_id", "company_id", "email", "name", "ruleset_id", "content_id", "content_type", "content_title",
	"ruleset_version_id", "receipt_id", "received_at", "series_id", "series_title", "node_id",
	"first_reply", "first_completion", "first_series_completion", "first_series_disengagement", "first_series_exit",
	"first_goal_success", "first_open", "first_click", "first_dismisall", "first_unsubscribe", "first_hard_bounce",
}

// archivedReceipt lists the columns of the archive's receipts, as they were seen (see statistics).
var archivedReceipt = []string{
	"user_id", "user_external_id", "company_id", "company_external_id", "email", "name", "ruleset_id", "content_id", "content_type",
	"content_title", "created_via", "device", "ruleset_version_id", "receipt_id", "received_at", "conversation_id", "series_id",
	"series_title", "node_id", "first_reply", "first_completion", "first_series_completion", "first_series_disengagement",
	"first_series_exit", "first_goal_success", "first_tour_step_failure", "first_tour_step_view", "first_reaction", "first_open",
	"first_click", "first_dismissal", "first_collected_email", "first_unsubscribe", "first_hard_bounce", "first_soft_bounce",
	"first_spam_complaint", "first_permission_grant", "first_button_tap", "first_screen_view", "first_webhook_failure",
	"first_sms_failure", "first_whatsapp_failure", "first_push_failure", "first_answer", "first_keyword_reply",
	"first_people_reached_receipt", "first_checklist_step_receipt", "first_checklist_step_open", "first_checklist_step_click",
	"first_checklist_step_completion", "first_fin_helpful_answer",
}

var contentTitles = []string{
	"Welcome aboard", `The "Fjord" update, part 2`, "Neuigkeiten für dich 🎉", "Two\nlines", "", "请完成调查", `back\slash, comma and "quotes"`,
}

// inColumns prints times as an export's form does: the OpenAPI files call them integers; archives were seen with text.
type inColumns struct {
	*World
	unix bool
}

func (p inColumns) time(at int64) string {
	switch {
	case at == 0:
		return ""
	case p.unix:
		return strconv.FormatInt(at, 10)
	}
	return time.Unix(at, 0).UTC().Format("2006-01-02 15:04:05 UTC")
}

// receipt is one cell of a receipt.
func (p inColumns) receipt(d *delivered, column string) string {
	if name, ok := strings.CutPrefix(column, "first_"); ok {
		if name == "dismisall" {
			name = "dismissal"
		}
		return p.time(d.first(name))
	}
	content := d.s.n(3, 40)
	inSeries := d.ord%deliveriesOfASeries == 0
	switch column {
	case "user_id":
		return hexID(contactPrefix, d.contact)
	case "user_external_id":
		return contactExternalID(d.contact)
	case "company_id":
		if p.size.Companies == 0 || d.ord%4 == 1 {
			return "-1"
		}
		return hexID(companyPrefix, int32(d.s.n(4, p.size.Companies)))
	case "email":
		return contactEmail(d.contact)
	case "name":
		return contactName(p.seed.at(ofContact).at(int(d.contact)), d.contact)
	case "ruleset_id":
		return strconv.Itoa(31_000_000 + content)
	case "content_id":
		return strconv.Itoa(52_000_000 + content)
	case "content_type":
		return []string{"email", "post", "chat", "survey", "tour", "push"}[content%6]
	case "content_title":
		return contentTitles[content%len(contentTitles)]
	case "ruleset_version_id":
		return strconv.Itoa(88_000_000 + content*3)
	case "receipt_id":
		return d.id()
	case "received_at":
		return p.time(d.at)
	}
	return p.rareReceipt(d, column, inSeries)
}

func (p inColumns) rareReceipt(d *delivered, column string, inSeries bool) string {
	switch {
	case column == "series_id" && !inSeries:
		return "-1"
	case column == "series_id":
		return strconv.Itoa(448_000 + d.ord%5)
	case column == "series_title" && inSeries:
		return "Onboarding, " + nouns[d.ord%5]
	case column == "node_id" && inSeries:
		return strconv.Itoa(7_700_000 + d.s.n(5, 90))
	case column == "conversation_id" && d.ord%7 == 0 && p.size.Conversations > 0:
		return strconv.Itoa(conversationBase + d.s.n(6, p.size.Conversations))
	case column == "created_via" && d.ord%2 == 0:
		return "series"
	case column == "device" && d.ord%3 == 1:
		return "web"
	}
	return ""
}

// act is one cell of an act.
func (p inColumns) act(d *delivered, a act, column string) string {
	s := d.s.at(100 + a.ord)
	switch column {
	case "receipt_id":
		return d.id()
	case a.kind.time:
		return p.time(a.at)
	case "link_type":
		return pick(s, 1, []string{"text", "button", "image"})
	case "url", "failure_url":
		return pick(s, 2, []string{`https://docs.example.com/a?x=1,2&q="b"`, "https://www.example.com/größe", ""})
	case "reaction":
		return pick(s, 3, []string{"🎉", "👍", "sad"})
	case "question_id":
		return strconv.Itoa(610_000 + a.ord%questionsOfASurvey)
	case "question":
		return pick(s, 4, []string{"How likely are you to recommend us,\non a scale from 0 to 10?", `What is "missing"?`, "なぜですか？"})
	case "response_type":
		return pick(s, 5, []string{"nps", "text"})
	case "response":
		return pick(s, 6, []string{"9", "", "Très bien, merci", "It says \"no\",\r\nthen it stops."})
	case "completion_node_ruleset_id", "disengaged_node_ruleset_id":
		return strconv.Itoa(31_000_000 + s.n(7, 40))
	case "step_id":
		return strconv.Itoa(4_400 + s.n(8, 9))
	case "failed_selector":
		return `div[data-id="5"], .step > a`
	}
	return ""
}
