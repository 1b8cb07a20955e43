package connector

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"source-intercom/emulator"
	"source-intercom/protocol"

	"github.com/rs/zerolog"
	"github.com/tidwall/gjson"
)

const personalMark = "Qzmarkq"

// strictRules are rules for everything that the emulator marks, with every action.
func strictRules() (rules []PrivacyRule) {
	actions := []string{"drop", "mask", "hash", "scrub"}
	for i, field := range strings.Fields("email email_address email_domain phone formatted_phone user_phone_number name external_id user_id " +
		"user_external_id ip city region country job_title browser os referrer image_url url recording_url transcription_url " +
		"body body_text body_markdown html history subject title description text summary call_summary remark rating_remark " +
		"request_body response_body raw_response_body error_message activity_description update_by_name content_title series_title " +
		"question response reaction failure_url failed_selector utm_source utm_content custom_attributes.* ticket_attributes.* metadata.* translations " +
		"translated_content ticket_title fin_recording_url fin_transcription_url json_blocks") {
		rules = append(rules, PrivacyRule{"*", "**." + field, actions[i%len(actions)]})
	}
	return rules
}

// TestMarksNeverComeOut reads every stream of a world whose every personal value carries a mark, under rules for all of them.
// Then Intercom answers as it never did, with errors that repeat what they are about. The mark occurs nowhere.
func TestMarksNeverComeOut(t *testing.T) {
	for _, test := range few(t, markTest{"2.16", protocol.Airbyte{}, "text"}, markTest{"Preview", protocol.Singer{}, "markdown"}, markTest{"2.13", protocol.Singer{}, "html"}) {
		t.Run(test.version, func(t *testing.T) {
			var odd atomic.Bool
			o := emulator.Options{Seed: 9, Size: littleWorld, ExportForm: "zip", Mark: personalMark,
				Intercept: func(w http.ResponseWriter, r *http.Request) bool { return odd.Load() && oddly(w, r) }}
			bubble(t, test.version, o, func(t *testing.T, w *world) {
				marksNeverComeOut(t, w, test)
				odd.Store(true)
				marksStayOutOfErrors(t, w, test)
			})
		})
	}
}

type markTest struct {
	version string
	dialect protocol.Dialect
	format  string
}

func (test markTest) config(c *Config) {
	everywhere(c)
	c.BodyFormat, c.TranscriptNotes = test.format, true
	c.PrivacyRules, c.PrivacyKey, c.PrivacyPatterns = strictRules(), testKey, []string{`(?i)` + personalMark + `[^\s<>"]*`}
}

// oddAnswers are such that repeat a person's values in errors, or have them where something else belongs.
var oddAnswers = map[string]struct {
	status int
	body   string
}{
	"/news/news_items":          {400, `{"type":"error.list","errors":[{"code":"parameter_invalid","message":"no such person: Qzmarkq"}]}`},
	"/admins":                   {403, `{"type":"error.list","errors":[{"code":"forbidden","message":"Qzmarkq may not"}]}`},
	"/subscription_types":       {500, `{"type":"error.list","errors":[{"code":"server_error","message":"of Qzmarkq"}]}`},
	"/tags":                     {200, `{"type":"list","data":"Qzmarkq"}`},
	"/segments":                 {200, `{"segments":[{"id":{"name":"Qzmarkq"},"name":"Qzmarkq"}]}`},
	"/brands":                   {200, `{"data":["Qzmarkq"]}`},
	"/emails":                   {200, `{"data":[{"id":"1"}],"pages":{"next":"https://elsewhere.example/Qzmarkq"}}`},
	"/teams":                    {200, `{"teams":[{"id":"1","admin_ids":"Qzmarkq"}]}`},
	"/away_status_reasons":      {200, `{"data":[{"label":"Qzmarkq",]}`},
	"/office_hours_schedules":   {200, `["Qzmarkq"]`},
	"/macros":                   {200, `{"data":[{"id":"1","updated_at":"Qzmarkq"}],"pages":"Qzmarkq"}`},
	"/contacts/activities":      {200, `{"data":[{"id":"1","created_at":"Qzmarkq","event_type":7}],"pages":{"next":{"starting_after":["Qzmarkq"]}}}`},
	"/companies/scroll":         {200, `{"data":[],"scroll_param":{"of":"Qzmarkq"}}`},
	"/help_center/help_centers": {410, `{"type":"error.list","errors":[{"code":"gone","message":"Qzmarkq is gone"}]}`},
}

// oddly answers some calls in the emulator's place.
func oddly(w http.ResponseWriter, r *http.Request) bool {
	answer, odd := oddAnswers[r.URL.Path]
	if strings.HasPrefix(r.URL.Path, "/conversations/") && strings.HasSuffix(r.URL.Path, "3") {
		answer, odd = oddAnswers["/help_center/help_centers"], true
		w.Header().Set("Link", "</conversations/Qzmarkq>; rel=canonical")
	}
	if odd {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(answer.status)
		_, _ = io.WriteString(w, answer.body)
	}
	return odd
}

// marksStayOutOfErrors reads what nobody understands.
func marksStayOutOfErrors(t *testing.T, w *world, test markTest) {
	streams := w.defaultStreams()
	var log bytes.Buffer
	open := w.read(t, reading{streams: streams, dialect: test.dialect, log: &log, failing: true})
	if n := strings.Count(log.String()+open.err.Error(), personalMark); n < 3 {
		t.Errorf("without rules errors repeat the mark %d times only: %s", n, log.String())
	}
	var out bytes.Buffer
	log.Reset()
	shut := w.read(t, reading{streams: streams, dialect: test.dialect, out: &out, log: &log, failing: true, config: test.config})
	showNoMark(t, shut, out.String()+log.String())
	for path := range oddAnswers {
		if n := w.Requests()["GET "+path]; n == 0 && streamOf(path) != "" && slices.Contains(streams, streamOf(path)) {
			t.Errorf("%s was not asked for", path)
		}
	}
	cfg := w.config()
	test.config(cfg)
	log.Reset()
	result, err := Check(t.Context(), cfg, nil, zerolog.New(zerolog.SyncWriter(&log)))
	if text := fmt.Sprint(result, err, log.String()); strings.Contains(text, personalMark) || len(result.Readable) == 0 {
		t.Errorf("check: %s", text)
	}
}

// streamOf is the stream of that name, or "".
func streamOf(path string) string {
	if s := Streams.Named(strings.TrimPrefix(path, "/")); s != nil {
		return s.Name
	}
	return ""
}

func marksNeverComeOut(t *testing.T, w *world, test markTest) {
	streams := []string{}
	for _, s := range streamsOf(w.version) {
		streams = append(streams, s.Name)
	}
	streams = append(streams, "custom_objects_order")
	if w.version != "2.13" {
		streams = slices.Concat(streams, w.reports(t))
	}
	plain := w.read(t, reading{streams: streams, dialect: test.dialect, either: true, config: func(c *Config) { everywhere(c); c.TranscriptNotes = true }})
	for stream, rows := range plain.records {
		marked := 0
		for _, row := range rows {
			marked += strings.Count(string(row), personalMark)
		}
		if marked == 0 && slices.Contains([]string{"contacts", "conversations", "conversation_parts", "transcripts", "normalized_conversations", "tickets", "calls"}, stream) {
			t.Errorf("%s has no marks to hide", stream)
		}
	}
	var out, log bytes.Buffer
	run := w.read(t, reading{streams: streams, dialect: test.dialect, out: &out, log: &log, either: true, config: test.config})
	if run.Summary == nil {
		t.Fatal(run.err)
	}
	showNoMark(t, run, out.String()+log.String())
	for stream, rows := range plain.records {
		if len(run.records[stream]) != len(rows) {
			t.Errorf("%s: %d records, %d without rules", stream, len(run.records[stream]), len(rows))
		}
	}
	for _, row := range run.records["normalized_conversations"] {
		id := gjson.GetBytes(row, "conversation_id").Str
		was := gjson.ParseBytes(plain.records["normalized_conversations"][id])
		for _, figure := range []string{"message_count", "contact_message_count", "note_count", "time_to_first_reply_seconds", "closed_at", "created_at", "part_count"} {
			if was.Get(figure).Raw != gjson.GetBytes(row, figure).Raw {
				t.Errorf("%s of %s is %s, the truth %s", figure, id, gjson.GetBytes(row, figure).Raw, was.Get(figure).Raw)
			}
		}
	}
}

// showNoMark fails where a mark is, and tells in what.
func showNoMark(t *testing.T, r *run, text string) {
	t.Helper()
	told := 0
	for line := range strings.Lines(text) {
		if at := strings.Index(strings.ToLower(line), strings.ToLower(personalMark)); at >= 0 && told < 20 {
			told++
			t.Errorf("%s ... %s", line[:min(80, len(line))], line[max(0, at-60):min(at+40, len(line))])
		}
	}
	if r.err != nil && strings.Contains(r.err.Error(), personalMark) {
		t.Errorf("the error: %v", r.err)
	}
	for _, s := range r.State.Streams {
		if bytes.Contains(s.Value, []byte(personalMark)) {
			t.Errorf("the state: %s", s.Value)
		}
	}
}
