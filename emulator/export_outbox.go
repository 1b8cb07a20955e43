package emulator

import (
	"slices"
	"strconv"
	"sync"
)

// outbox holds what the workspace has sent to its contacts by itself (e-mails, posts, surveys ...), and what they did with it.
// It is made when it is first asked for: most worlds never export it.
type outbox struct {
	mu         sync.Mutex
	made       bool
	deliveries []*delivered // ascending by time
}

// delivered is one delivery of a message to a contact: a receipt.
type delivered struct {
	ord     int
	s       seed
	contact int32
	at      int64
	acts    []act
}

// act is one thing that the contact did with it, or that became of it.
type act struct {
	kind *statistic
	at   int64
	ord  int // among the acts of its delivery
}

// statistic is one kind of act. The archive of an export has a CSV file for each, "open_20260310-123456.csv", and a receipt's
// column first_open says when the first one came.
type statistic struct {
	name       string
	columns    []string // of its file
	time       string   // the one that tells when
	documented bool     // its first_ column is in Intercom's OpenAPI files
}

// statistics, with the columns that exports were seen to have by the authors of
// https://github.com/dext/tap-intercom, which holds a schema of each. Intercom itself documents receipts and clicks alone:
// https://developers.intercom.com/docs/references/2.6/rest-api/exports-content-stats/downloading-the-data
var statistics = []statistic{
	{"open", []string{"receipt_id", "opened_at"}, "opened_at", true},
	{"click", []string{"receipt_id", "clicked_at", "link_type", "url"}, "clicked_at", true},
	{"reply", []string{"receipt_id", "replied_at"}, "replied_at", true},
	{"completion", []string{"receipt_id", "completed_at"}, "completed_at", true},
	{"dismissal", []string{"receipt_id", "dismissed_at"}, "dismissed_at", true},
	{"goal_success", []string{"receipt_id", "goal_hit_at"}, "goal_hit_at", true},
	{"unsubscribe", []string{"receipt_id", "unsubscribed_at"}, "unsubscribed_at", true},
	{"hard_bounce", []string{"receipt_id", "hard_bounced_at"}, "hard_bounced_at", true},
	{"soft_bounce", []string{"receipt_id", "soft_bounced_at"}, "soft_bounced_at", false},
	{"reaction", []string{"receipt_id", "reacted_at", "reaction"}, "reacted_at", false},
	{"answer", []string{"receipt_id", "answered_at", "question_id", "question", "response_type", "response"}, "answered_at", false},
	{"series_completion", []string{"receipt_id", "completed_at", "completion_node_ruleset_id"}, "completed_at", true},
	{"series_disengagement", []string{"receipt_id", "disengaged_at", "disengaged_node_ruleset_id"}, "disengaged_at", true},
	{"series_exit", []string{"receipt_id", "exited_at"}, "exited_at", true},
	{"tour_step_view", []string{"receipt_id", "step_id", "viewed_at"}, "viewed_at", false},
	{"tour_step_failure", []string{"receipt_id", "step_id", "failed_selector", "failure_url", "failed_at"}, "failed_at", false},
}

func statisticNamed(name string) *statistic {
	i := slices.IndexFunc(statistics, func(k statistic) bool { return k.name == name })
	if i < 0 {
		return nil
	}
	return &statistics[i]
}

const (
	receiptBase         = 9_400_000_000
	receiptsPerContact  = 3
	ofDelivery          = 40 // a place in the world's seed
	latestAct           = 20 * 86_400
	actsOfADelivery     = 4
	questionsOfASurvey  = 3
	deliveriesOfASeries = 3 // every third one belongs to one
)

func (d *delivered) id() string { return strconv.Itoa(receiptBase + d.ord) }

// sent lists all deliveries, oldest first. Its callers hold the world's lock for reading, and may be several.
func (w *World) sent() []*delivered {
	w.outbox.mu.Lock()
	defer w.outbox.mu.Unlock()
	if !w.outbox.made {
		w.outbox.made = true
		of := receiptsPerContact * w.size.Contacts
		for ord := range of {
			w.outbox.deliveries = append(w.outbox.deliveries, w.newDelivery(ord, w.birthTime(ord, of)))
		}
	}
	return w.outbox.deliveries
}

func (w *World) newDelivery(ord int, at int64) *delivered {
	s := w.seed.at(ofDelivery).at(ord)
	d := &delivered{ord: ord, s: s, at: at, contact: int32(s.n(1, w.size.Contacts))}
	for i := range s.n(2, actsOfADelivery+1) {
		when := at + s.between(10+i, 5, []int64{600, 86_400, latestAct}[s.n(20+i, 3)])
		if when < w.born { // what had not come by then never came
			d.acts = append(d.acts, act{kind: &statistics[(ord+i*5)%len(statistics)], at: when, ord: i})
		}
	}
	slices.SortStableFunc(d.acts, func(a, b act) int { return int(a.at - b.at) })
	return d
}

// SendContent delivers a message to a contact and returns the id of its receipt. The world must have had contacts at birth.
func (w *World) SendContent() string {
	d := w.newDelivery(len(w.sent()), w.unix())
	d.acts = nil
	w.outbox.deliveries = append(w.outbox.deliveries, d)
	return d.id()
}

// Engage notes that a contact did something with a delivery: "open", "click", "reply" and so on, by the names of the archive's
// files.
func (w *World) Engage(receiptID, kind string) {
	k, ord := statisticNamed(kind), int(fromNumericID(receiptBase, receiptID))
	if rows := w.sent(); k != nil && ord >= 0 && ord < len(rows) {
		d := rows[ord]
		d.acts = append(d.acts, act{kind: k, at: w.unix(), ord: len(d.acts)})
		return
	}
	panic("emulator: no such receipt or kind: " + receiptID + " " + kind)
}

// within returns the deliveries of a stretch of time, both ends included, with the acts that lie in it.
//
// "Only events within the export job's requested date range are counted", and "the timeframe only includes messages sent during
// the time period": https://developers.intercom.com/docs/references/rest-api/api.intercom.io/data-export
func (w *World) within(after, before int64) []*delivered {
	var out []*delivered
	for _, d := range w.sent() {
		if d.at < after || d.at > before {
			continue
		}
		seen := *d
		seen.acts = slices.DeleteFunc(slices.Clone(d.acts), func(a act) bool { return a.at > before })
		out = append(out, &seen)
	}
	return out
}

// first is when an act of a kind came first; 0: never.
func (d *delivered) first(name string) int64 {
	for _, a := range d.acts {
		if a.kind.name == name {
			return a.at
		}
	}
	return 0
}
