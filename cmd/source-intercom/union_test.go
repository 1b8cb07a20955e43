package main

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// The demo's verdict is worth nothing if it cannot be bad.
func TestJudgeNoticesEveryDifference(t *testing.T) {
	before := truth{"tags": {"1": json.RawMessage(`{"id":"1","name":"old"}`), "2": json.RawMessage(`{"id":"2","name":"gone"}`)}}
	after := truth{"tags": {"1": json.RawMessage(`{"id":"1","name":"new"}`)}}
	record := func(data string) string {
		return `{"type":"RECORD","record":{"stream":"tags","data":` + data + "}}\n"
	}
	good := record(`{"id":"1","name":"old"}`) + record(`{"id":"2","name":"gone"}`) + record(`{"id":"1","name":"new"}`)
	for _, test := range []struct{ name, lines, want string }{
		{"good", good, "✓"},
		{"missing", record(`{"id":"2","name":"gone"}`), "✗ tags 1 is missing"},
		{"stale", record(`{"id":"1","name":"old"}`), "✗ tags 1 differs at name: read old, the workspace holds new"},
		{"field lost", record(`{"id":"1"}`), "✗ tags 1 differs at name: read <nil>, the workspace holds new"},
		{"invented", good + record(`{"id":"3"}`), "✗ tags 3 was read, but never existed"},
	} {
		t.Run(test.name, func(t *testing.T) {
			u := union{}
			u.add([]byte(test.lines))
			verdict, ok := u.judge(before, after)
			if !strings.HasPrefix(verdict, test.want) || ok != (test.name == "good") {
				t.Errorf("verdict %q, %t", verdict, ok)
			}
		})
	}
}

// Both protocols' spellings of a record come to one content, and other contents stay apart.
func TestCanonicalForm(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		at := rapid.Int64Range(0, 4_000_000_000).Draw(t, "at")
		name := rapid.StringMatching(`[a-z<>&"\\ ]{1,8}`).Draw(t, "name")
		text, _ := json.Marshal(name)
		airbyte := canonical("contacts", fmt.Appendf(nil, `{"id":"1","at":%d,"name":%s}`, at, text))
		singer := canonical("contacts", fmt.Appendf(nil, `{"name":%s,"id":"1","at":%q,"_parts_missing":3}`, text, rfc3339(at)))
		if airbyte != singer {
			t.Fatalf("%s\n%s", airbyte, singer)
		}
		if other := canonical("contacts", fmt.Appendf(nil, `{"id":"1","at":%d,"name":%s}`, at+1, text)); other == airbyte {
			t.Fatal("a second later looks the same")
		}
	})
}

func rfc3339(at int64) string { return time.Unix(at, 0).UTC().Format(time.RFC3339) }
