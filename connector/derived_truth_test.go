package connector

import (
	"bytes"
	"encoding/json"
	"html"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"source-intercom/emulator"
)

// Truth is the emulator's. Of derived streams, of which it knows nothing, it is what a second implementation makes of
// its conversations: slow, straight from the rules of docs/conversations.md, and with nothing in common with the first.
func (w *world) Truth(stream, version string) (map[string]json.RawMessage, error) {
	def := streamNamed(stream)
	if def == nil || !def.Derived() {
		return w.Emulator.Truth(stream, version)
	}
	talks, err := slowThreads(w.threads)
	if w.threads == nil {
		talks, err = slowTalks(w.Emulator, version)
	}
	if err != nil {
		return nil, err
	}
	rows := map[string]json.RawMessage{}
	for _, talk := range talks {
		if def.LooksUp && w.derivedBy().Enrich == "api" {
			if told := slowNormalized(talk); told["contact_email"] == nil || told["company_id"] == nil {
				talk["beside"] = w.slowContact(told["contact_id"], version)
			}
		}
		for key, row := range slowRows[stream](talk, w.derivedBy()) {
			text, err := json.Marshal(row)
			if err != nil {
				return nil, err
			}
			rows[key] = text
		}
	}
	return rows, nil
}

// slowRows makes the rows of each derived stream, by their keys.
var slowRows = map[string]func(talk obj, cfg *Config) map[string]obj{
	"normalized_conversations": func(talk obj, _ *Config) map[string]obj {
		return map[string]obj{talk.text("id"): slowNormalized(talk)}
	},
	"ticket_events": func(talk obj, _ *Config) map[string]obj { return slowEvents(talk) },
	"transcripts": func(talk obj, cfg *Config) map[string]obj {
		return map[string]obj{talk.text("id"): slowTranscript(talk, cfg)}
	},
}

// derivedBy are the settings that derived streams go by.
func (w *world) derivedBy() *Config {
	if w.settings != nil {
		return w.settings
	}
	return &Config{TranscriptFormat: "markdown"}
}

// An obj is a JSON object, in which whatever is asked for may be missing.
type obj map[string]any

func (o obj) obj(name string) obj     { v, _ := o[name].(map[string]any); return v }
func (o obj) text(name string) string { v, _ := o[name].(string); return v }
func (o obj) is(name string) bool     { return o[name] == true }
func (o obj) has(name string) bool    { return o[name] != nil }
func (o obj) list(name string) (l []obj) {
	all, _ := o[name].([]any)
	for _, v := range all {
		m, _ := v.(map[string]any)
		l = append(l, m)
	}
	return l
}

// number is 0 where there is none; times are nowhere 0.
func (o obj) number(name string) int64 {
	n, _ := o[name].(json.Number)
	i, _ := n.Int64()
	return i
}

func objects(rows map[string]json.RawMessage) (map[string]obj, error) {
	all := map[string]obj{}
	for key, row := range rows {
		d := json.NewDecoder(bytes.NewReader(row))
		d.UseNumber()
		var o map[string]any
		if err := d.Decode(&o); err != nil {
			return nil, err
		}
		all[key] = o
	}
	return all, nil
}

// slowThreads are conversations as a test has them answered.
func slowThreads(threads map[string]string) (map[string]obj, error) {
	rows := map[string]json.RawMessage{}
	for id, thread := range threads {
		rows[id] = json.RawMessage(thread)
	}
	all, err := objects(rows)
	for _, talk := range all {
		talk["parts"] = talk.obj("conversation_parts").list("conversation_parts")
	}
	return all, err
}

// slowTalks are all conversations with their parts, the oldest first.
func slowTalks(e *emulator.Emulator, version string) (map[string]obj, error) {
	rows, err := e.Truth("conversations", version)
	if err != nil {
		return nil, err
	}
	all, err := objects(rows)
	if err != nil {
		return nil, err
	}
	if rows, err = e.Truth("conversation_parts", version); err != nil {
		return nil, err
	}
	parts, err := objects(rows)
	if err != nil {
		return nil, err
	}
	of := map[string][]obj{}
	for _, p := range parts {
		of[p.text("conversation_id")] = append(of[p.text("conversation_id")], p)
	}
	for id, talk := range all {
		slices.SortFunc(of[id], func(a, b obj) int {
			i, _ := strconv.Atoi(a.text("id"))
			j, _ := strconv.Atoi(b.text("id"))
			return i - j
		})
		talk["parts"] = of[id]
	}
	return all, nil
}

func (o obj) parts() []obj { p, _ := o["parts"].([]obj); return p }

// nullOr is a value of which 0 and "" mean nothing.
func nullOr(v any) any {
	switch v {
	case int64(0), "", nil, json.Number("0"):
		return nil
	}
	return v
}

func asText(v any) any {
	switch v := v.(type) {
	case json.Number:
		if v == "0" {
			return nil
		}
		return v.String()
	case string:
		return nullOr(v)
	}
	return nil
}

func slowAuthor(author obj) string {
	switch kind := author.text("type"); {
	case slices.Contains([]string{"user", "lead", "contact", "visitor"}, kind):
		return "contact"
	case kind == "bot" || author.is("from_ai_agent") || author.is("is_ai_answer") || pattern(`(?i)^operator\+.*@intercom\.io$`).MatchString(author.text("email")):
		return "bot"
	case kind == "admin":
		return "admin"
	}
	return ""
}

// slowKind is slowAuthor for columns, which call others what Intercom calls them.
func slowKind(author obj) string {
	for _, kind := range []string{slowAuthor(author), author.text("type")} {
		if kind != "" {
			return kind
		}
	}
	return "unknown"
}

var slowSteps = []struct{ find, put string }{
	{"\x00", ""}, {`[\s\x{a0}]+`, " "}, {`<a href="([^"]*)">([^<]*)</a>`, "$2 ($1)"}, {`<img [^>]*>`, "[image]"}, {`<li>`, "\n- "},
	{`<br>|</p>|</li>|</div>|<p[^>]*>`, "\n"}, {`<[^>]*>`, ""}, {` *\n *`, "\n"},
}

// slowText does for the emulator's bodies what a parser does for all.
func slowText(body string) string {
	body = strings.ReplaceAll(body, "</p><br><p", "</p>EMPTY<p") // a line that is empty on purpose
	for _, step := range slowSteps {
		body = pattern(step.find).ReplaceAllString(body, step.put)
	}
	body = pattern(`\n+`).ReplaceAllString(body, "\n")
	return html.UnescapeString(strings.TrimSpace(strings.ReplaceAll(body, "EMPTY", "")))
}

var patterns sync.Map

// pattern compiles a regular expression once.
func pattern(text string) *regexp.Regexp {
	if p, ok := patterns.Load(text); ok {
		return p.(*regexp.Regexp)
	}
	p := regexp.MustCompile(text)
	patterns.Store(text, p)
	return p
}

func slowSays(m obj) bool {
	return m.text("part_type") != "note" && !m.is("redacted") && (slowText(m.text("body")) != "" || len(m.list("attachments")) > 0)
}

func TestSlowText(t *testing.T) {
	for body, want := range map[string]string{
		"<p>Fine.</p><br><p>\tIndented, with \"quotes\".</p>":             "Fine.\n\nIndented, with \"quotes\".",
		"<p>It works</p><ul><li>one</li><li>two</li></ul>":                "It works\n- one\n- two",
		`<p>See <a href="https://x.example/?b=1&amp;c=2">the g</a> a</p>`: "See the g (https://x.example/?b=1&c=2) a",
	} {
		if got := slowText(body); got != want {
			t.Errorf("%q became %q, want %q", body, got, want)
		}
	}
}
