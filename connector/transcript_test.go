package connector

import (
	"os"
	"strings"
	"testing"

	"source-intercom/protocol"

	"github.com/tidwall/gjson"
)

// exampleTalk is the conversation of docs/conversations.md.
func exampleTalk() string {
	file := `"attachments":[{"name":"log.txt","url":"https://downloads.intercomcdn.com/i/o/1/log.txt?expires=1&signature=aa"}]`
	named := func(part, name string) string {
		return strings.Replace(part, `"author":{`, `"author":{"name":"`+name+`",`, 1)
	}
	return talk(`"state":"closed","title":"Export fails","created_at":1773138600,"source":`+named(said("ada", 1773138600, "<p>The export <b>fails</b>:</p><ul><li>CSV</li><li>JSON</li></ul>", file), "Ada Abara"),
		named(said("fin", 1773138610, `<p>See <a href="https://docs.example.com/export">the guide</a>.</p>`), "Fin"),
		named(partOf("note", "eve", 1773139200, "<p>Known bug</p>"), "Eve"),
		named(said("ada", 1773139300, "<p>my password</p>", `"redacted":true`), "Ada Abara"),
		named(partOf("assignment", "eve", 1773139500, "<p>I'll have a look</p>"), "Eve"),
		named(partOf("close", "eve", 1773152400, ""), "Eve"))
}

// TestTranscriptExample has the example of the docs, in both forms, as the program makes it.
func TestTranscriptExample(t *testing.T) {
	docs, err := os.ReadFile("../docs/conversations.md")
	if err != nil {
		t.Fatal(err)
	}
	text := transcriptOf(t, exampleTalk(), &Config{}).Get("markdown").Str
	if !strings.Contains(string(docs), "````markdown\n"+text+"\n````") {
		t.Errorf("docs/conversations.md does not have\n%s", text)
	}
	for _, m := range transcriptOf(t, exampleTalk(), &Config{TranscriptFormat: "messages"}).Get("messages").Array() {
		if !strings.Contains(string(docs), m.Raw) {
			t.Errorf("docs/conversations.md does not have\n%s", m.Raw)
		}
	}
}

func transcriptOf(t *testing.T, text string, cfg *Config) gjson.Result {
	t.Helper()
	if !gjson.Valid(text) {
		t.Fatalf("no JSON: %s", text)
	}
	return derivedWith(t, streamNamed("transcripts"), text, cfg)[0]
}

func TestTranscripts(t *testing.T) {
	messages := &Config{TranscriptFormat: "messages"}
	tests := map[string]struct {
		talk string
		cfg  *Config
		want string
	}{
		"nothing was said": {talk(`"source":null`, partOf("close", "eve", 1, "")), &Config{}, `markdown="" messages=null message_count=0 parts_missing=0`},
		"a redacted source": {talk(`"created_at":5,"source":` + said("ada", 5, "x", `"redacted":true`)), messages,
			`messages=[{"role":"user","author":null,"author_type":"contact","time":5,"text":"This message was redacted."}] redacted_count=1 message_count=1`},
		"a team": {talk(`"source":null`, strings.Replace(said("eve", 5, "x"), `"type":"admin"`, `"type":"team"`, 1)), messages,
			`messages=[{"role":"assistant","author":null,"author_type":"team","time":5,"text":"x"}]`},
		"nobody, at no time": {talk(`"source":null`, `{"part_type":"comment","body":"x"}`), &Config{}, `markdown="**unknown** (unknown)\n\nx"`},
		"notes":              {talk(`"source":null`, partOf("note", "eve", 5, "n"), partOf("note", "eve", 6, "n", `"redacted":true`)), &Config{TranscriptFormat: "messages", TranscriptNotes: true}, `message_count=2 redacted_count=1`},
		"no notes":           {talk(`"source":null`, partOf("note", "eve", 5, "n"), partOf("note", "eve", 6, "n", `"redacted":true`)), messages, `messages=[] message_count=0 redacted_count=0`},
		"parts are missing": {talk(byContact("ada")+counting(4)+`}`, said("eve", 1500, "x")), messages,
			`messages=[{"role":"user","author":null,"author_type":"contact","time":1000,"text":"Hello"},{"role":"system","author":null,"author_type":null,"time":null,"text":"3 parts are missing here: Intercom did not give them."},{"role":"assistant","author":null,"author_type":"admin","time":1500,"text":"x"}] parts_missing=3`},
		"all is too long": {talk(`"created_at":1,"source":` + said("ada", 1, strings.Repeat("x ", 1000))), &Config{TranscriptFormat: "messages", TranscriptLength: 1000},
			`messages=[{"role":"system","author":null,"author_type":null,"time":null,"text":"Messages left out here, for the length of the transcript: 1."}] left_out_count=1 message_count=0`},
		"marks in names and files": {talk(`"created_at":0,"title":"a_b","source":{"author":{"type":"user","name":"*Ada*"},"attachments":[{"name":"[x]","url":null},{"name":"y","url":"https://x.example/a b"}]}`), &Config{},
			`markdown="# a\\_b\n\n**\\*Ada\\*** (contact)\n\nAttached: \\[x\\], [y](<https://x.example/a b>)"`},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			row := transcriptOf(t, test.talk, test.cfg)
			for want := range strings.SplitSeq(nextColumn.ReplaceAllString(test.want, "\x00$1"), "\x00") {
				column, value, _ := strings.Cut(want, "=")
				if got := row.Get(column).Raw; got != value {
					t.Errorf("%s is %s, want %s", column, got, value)
				}
			}
		})
	}
}

// TestDeepTranscriptOfAnOddAnswer: members of other types than Intercom documents break nothing.
func TestDeepTranscriptOfAnOddAnswer(t *testing.T) {
	odd := `{"id":"1","source":[1],"contacts":7,"tags":{"tags":"x"},"statistics":"none","conversation_rating":[],"company":"acme","ai_agent":3,"state":{},"title":["x"],` +
		`"conversation_parts":{"conversation_parts":[{"author":"ada","body":{"a":1},"attachments":{"x":1},"created_at":"soon","part_type":5,"redacted":"yes"}]}}`
	for i := range Streams {
		if s := &Streams[i]; s.Derived() {
			for _, d := range []protocol.Dialect{protocol.Airbyte{}, protocol.Singer{}} {
				encoder, err := d.Encoder(s.Described(), nil)
				if err != nil {
					t.Fatal(err)
				}
				for _, row := range derivedWith(t, s, odd, &Config{}) {
					if line, _ := encoder.Append(nil, row.Raw, nil, born); !gjson.ValidBytes(line) {
						t.Errorf("%s: %s", s.Name, line)
					}
				}
			}
		}
	}
}
