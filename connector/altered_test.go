package connector

import (
	"bytes"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"

	"source-intercom/emulator"
	"source-intercom/protocol"

	"github.com/tidwall/gjson"
)

// rewriting serves the world's answers as f leaves them.
func (w *world) rewriting(t *testing.T, f func(body []byte) []byte) string {
	t.Helper()
	return serve(t, http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		r.Header.Del("Accept-Encoding")
		answer := httptest.NewRecorder()
		w.ServeHTTP(answer, r)
		for name, values := range answer.Header() {
			if name != "Content-Length" {
				rw.Header()[name] = values
			}
		}
		rw.WriteHeader(answer.Code)
		_, _ = rw.Write(f(answer.Body.Bytes()))
	}))
}

// formOf are bodies in each form.
var formOf = []map[string]string{
	{
		"html": "<p>Hi\u200b there,\u00ad 5 &lt; 6 &amp; caf&eacute;&nbsp;👩‍💻</p><p dir=\"rtl\">شكرا <b>لكم</b></p>",
		"text": "Hi there, 5 < 6 & café 👩‍💻\nشكرا لكم", "markdown": "Hi there, 5 \\< 6 & café 👩‍💻\n\nشكرا **لكم**",
	},
	{
		"html": "<ul><li>one</li><li>two</li></ul><p>See <a href=\"https://x.example/?a=1&amp;b=2\">the guide</a></p>",
		"text": "- one\n- two\nSee the guide (https://x.example/?a=1&b=2)", "markdown": "- one\n- two\n\nSee [the guide](https://x.example/?a=1&b=2)",
	},
	{
		"html": "<table><tr><th>a</th><th>b</th></tr><tr><td>1</td><td>2</td></tr></table><p>On Monday you wrote:</p><blockquote>is it <i>done</i>?<br>B</blockquote>",
		"text": "a | b\n1 | 2\nOn Monday you wrote:\n> is it done?\n> B", "markdown": "| a | b |\n| --- | --- |\n| 1 | 2 |\n\nOn Monday you wrote:\n\n> is it _done_?  \n> B",
	},
	{"html": "", "text": "", "markdown": ""},
	{"html": "plain, without a tag", "text": "plain, without a tag", "markdown": "plain, without a tag"},
}

var jsonBody = regexp.MustCompile(`"(body|html|history)":"(?:[^"\\]|\\.)*"`)

// bodiesIn are the texts of a stream that are HTML, by the schema.
func bodiesIn(schema, v gjson.Result) (all []gjson.Result) {
	for _, item := range v.Array() {
		if items := schema.Get("items"); items.Exists() {
			all = append(all, bodiesIn(items, item)...)
		}
		schema.Get("properties").ForEach(func(name, property gjson.Result) bool {
			if value := item.Get(name.Str); value.Exists() {
				all = append(all, bodiesIn(property, value)...)
			}
			return true
		})
		switch at := schema.Get("x-html"); {
		case at.Type == gjson.True && item.Type == gjson.String:
			all = append(all, item)
		case at.Str == "*.body":
			all = append(all, item.Get("@values.#.body").Array()...)
		}
	}
	return all
}

// TestBodyFormat reads all streams with texts that are HTML, in each form and both protocols. A second run has nothing to
// say, though each answer has attachments signed anew.
func TestBodyFormat(t *testing.T) {
	var streams []string
	for _, s := range streamsOf("Preview") {
		if bytes.Contains(s.Described().Schema, []byte(`"x-html"`)) {
			streams = append(streams, s.Name)
		}
	}
	for n, format := range []string{"html", "text", "markdown"} {
		t.Run(format, func(t *testing.T) {
			w := newWorld(t, "Preview", emulator.Options{Seed: 9, Size: littleWorld})
			url := w.rewriting(t, func(answer []byte) []byte {
				return jsonBody.ReplaceAllFunc(answer, func(member []byte) []byte {
					if bytes.Contains(member, []byte("signature")) {
						return member // it has to stay the same, but for what signs it
					}
					name, _, _ := strings.Cut(string(member), ":")
					of := formOf[int(protocol.Fingerprint(member)%uint64(len(formOf)))]
					return []byte(name + ":" + quoted(of["html"]))
				})
			})
			expected := map[string]bool{}
			for _, of := range formOf {
				expected[of[format]] = true
			}
			r := reading{streams: streams, dialect: []protocol.Dialect{protocol.Airbyte{}, protocol.Singer{}}[n%2], config: func(c *Config) { c.BaseURL, c.BodyFormat = url, format }}
			out := w.read(t, r)
			met := map[string]bool{}
			for _, name := range streams {
				schema := gjson.ParseBytes(streamNamed(name).Described().Schema)
				found := 0
				for _, row := range out.records[name] {
					for _, body := range bodiesIn(schema, gjson.ParseBytes(row)) {
						if found++; !expected[body.Str] && !strings.Contains(body.Str, "See:") { // which an image follows
							t.Errorf("%s: %q", name, body.Str)
						}
						met[body.Str] = true
					}
				}
				if found == 0 && name != "article_versions" { // lists have them without
					t.Errorf("%s has no text that is HTML", name)
				}
			}
			for body := range expected {
				if !met[body] {
					t.Errorf("%q was not met", body)
				}
			}
			again := w.read(t, reading{streams: streams, state: out.State, config: r.config, dialect: r.dialect})
			for name, count := range again.counts {
				if streamNamed(name).Cursor != "" {
					t.Errorf("the second run emitted %d %s", count, name)
				}
			}
		})
	}
}

// TestScrubbedBodies holds that no form of bodies hides from scrub what another one shows.
func TestScrubbedBodies(t *testing.T) {
	const body = `<p>jane_roe@<b>x</b>.example and <i>jane_roe@x.example</i>, +49&nbsp;151 2345678</p>`
	for format, want := range map[string]string{
		"html":     `<p>[email]<b></b> and <i>[email]</i>, [phone]</p>`,
		"text":     "[email] and [email], [phone]",
		"markdown": `\[email\] and _\[email\]_, \[phone\]`,
	} {
		cfg := &Config{BodyFormat: format, PrivacyRules: []PrivacyRule{{"conversation_parts", "body", "scrub"}}}
		got := gjson.Get(cfg.altered(Streams.Named("conversation_parts").Described()).Alter(`{"body":`+quoted(body)+`}`), "body").Str
		if got != want {
			t.Errorf("%s: %s\nwant %s", format, got, want)
		}
	}
}
