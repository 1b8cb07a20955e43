package protocol

import (
	"bytes"
	"encoding/json"
	"errors"
	"reflect"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
)

// members makes a list of states from pairs of a name and a value.
func members(pairs ...string) []StreamState {
	var list []StreamState
	for i := 0; i < len(pairs); i += 2 {
		list = append(list, StreamState{pairs[i], json.RawMessage(pairs[i+1])})
	}
	return list
}

func streamState(name, value string) string {
	return `{"type":"STREAM","stream":{"stream_descriptor":{"name":"` + name + `","namespace":"n"},"stream_state":` + value + `}}`
}

func TestParseState(t *testing.T) {
	tests := []struct {
		name, state string
		want        States
	}{
		{"empty file", " \n", States{}},
		{"empty object", `{}`, States{}},
		{"empty list", `[]`, States{}},
		{"null", `null`, States{}},
		{"byte order mark alone", "\ufeff", States{}},
		{"airbyte list", "[" + streamState("b", `{ "updated_at" : "2" }`) + "," + streamState("a", `{}`) + "]", States{Streams: members("b", `{"updated_at":"2"}`, "a", `{}`)}},
		{"airbyte list of wrapped messages", `[{"type":"STATE","state":` + streamState("a", `{"x":1}`) + `}]`, States{Streams: members("a", `{"x":1}`)}},
		{"one airbyte message", streamState("a", `{"x":1}`), States{Streams: members("a", `{"x":1}`)}},
		{"one without a type", `{"stream":{"stream_descriptor":{"name":"a"},"stream_state":{"x":1}}}`, States{Streams: members("a", `{"x":1}`)}},
		{"airbyte lines, the last counts", `{"type":"STATE","state":` + streamState("a", `{"x":1}`) + "}\n" + streamState("b", `{"x":2}`) + "\n" + streamState("a", `{"x":3}`) + "\n",
			States{Streams: members("a", `{"x":3}`, "b", `{"x":2}`)}},
		{"the whole output of read", `{"type":"RECORD","record":{}}` + "\n" + `{"type":"STATE","state":` + streamState("a", `{"x":1}`) + "}\n" + `{"type":"TRACE","trace":{}}`,
			States{Streams: members("a", `{"x":1}`)}},
		{"a later null undoes", streamState("a", `{"x":1}`) + streamState("a", `null`), States{}},
		{"airbyte global", `{"type":"GLOBAL","global":{"shared_state":{"s":1},"stream_states":[{"stream_descriptor":{"name":"a"},"stream_state":{"x":1}},{"stream_descriptor":{"name":"b"}}]}}`,
			States{Streams: members("a", `{"x":1}`)}},
		{"airbyte legacy", `{"type":"LEGACY","data":{"a":{"x":1}}}`, States{Streams: members("a", `{"x":1}`)}},
		{"airbyte legacy without a type", `{"data":{"a":{"x":1}}}`, States{Streams: members("a", `{"x":1}`)}},
		{"bare legacy", `{"a":{"x":1},"b":{}}`, States{Streams: members("a", `{"x":1}`, "b", `{}`)}},
		{"singer", `{"bookmarks":{"b":{"x":1},"a":"2020-01-01","c":null},"currently_syncing":"b","theirs":{"k":[ 1 ]}}`,
			States{Streams: members("b", `{"x":1}`, "a", `"2020-01-01"`), Extra: members("theirs", `{"k":[1]}`)}},
		{"singer without bookmarks", `{"currently_syncing":null}`, States{}},
		{"singer message", `{"type":"STATE","value":{"bookmarks":{"a":{"x":1}}}}`, States{Streams: members("a", `{"x":1}`)}},
		{"what a target printed", `{"bookmarks":{"a":{"x":1},"b":{}}}` + "\n" + `{"bookmarks":{"a":{"x":2}}}` + "\n", States{Streams: members("a", `{"x":2}`)}},
		{"meltano", `{"singer_state":{"bookmarks":{"a":{"x":1}},"k":1}}`, States{Streams: members("a", `{"x":1}`), Extra: members("k", `1`)}},
		{"meltano, before a first run", `{"singer_state":null}`, States{}},
		{"huge numbers", `{"bookmarks":{"a":{"x":12345678901234567890}}}`, States{Streams: members("a", `{"x":12345678901234567890}`)}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := ParseState([]byte(tt.state))
			if err != nil {
				t.Fatal(err)
			}
			if len(got.Streams) == 0 {
				got.Streams = nil
			}
			if len(got.Extra) == 0 {
				got.Extra = nil
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("states (-want +got):\n%s", diff)
			}
		})
	}
}

// What either dialect writes is read back as it was.
func TestParseStateReadsOurOwn(t *testing.T) {
	want := States{Streams: members("a", `{"x":[1,"é"]}`, "b", `{}`)}
	for _, d := range dialects() {
		var out []byte
		for _, s := range want.Streams {
			out = d.AppendState(out, s.Stream, 1, want)
		}
		got, err := ParseState(out)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want.Streams, got.Streams); diff != "" {
			t.Errorf("%s (-want +got):\n%s", d.Name(), diff)
		}
	}
}

func TestParseStateErrors(t *testing.T) {
	tests := []struct{ state, want string }{
		{`nonsense`, `the state is not JSON from line 1, column 2 on (invalid character 'o' in literal null (expecting 'u')), but should be JSON`},
		{"{}\n{\"a\":}", `the state is not JSON from line 2, column 6 on (invalid character '}' looking for beginning of value), but should be JSON`},
		{`{"bookmarks":`, `the state is cut off in the middle, but should be JSON`},
		{`7`, `the state is 7, but should be an object or a list of state messages`},
		{`["a"]`, `[0] in the state is "a", but should be a state message`},
		{`[{"type":"STREAM"}]`, `[0].stream.stream_descriptor.name in the state is missing, but should be a stream's name`},
		{streamState("a", `"x"`), `stream.stream_state in the state is "x", but should be an object`},
		{`{"type":"SOMETHING"}`, `type in the state is "SOMETHING", but should be STREAM, GLOBAL or LEGACY`},
		{`{"type":"GLOBAL","global":{}}`, `global.stream_states in the state is missing, but should be a list`},
		{`{"type":"STATE","state":7}`, `state in the state is 7, but should be an object`},
		{`{"type":"STATE"}`, `value in the state is missing, but should be an object with bookmarks`},
		{`{"bookmarks":[]}`, `bookmarks in the state is an array, but should be an object with one member per stream`},
		{`{"conversations":1700000000}`, `conversations in the state is 1700000000, but should be an object with the state of a stream`},
		{`{"type":"LEGACY","data":{"a":7}}`, `data.a in the state is 7, but should be an object with the state of a stream`},
		{`{"type":"RECORD","record":{}}`, `the state is messages without any STATE, but should be at least one STATE message`},
	}
	for _, tt := range tests {
		_, err := ParseState([]byte(tt.state))
		var input *InputError
		if !errors.As(err, &input) {
			t.Errorf("%s: %v is no InputError", tt.state, err)
		} else if input.Error() != tt.want {
			t.Errorf("%s:\n got %s\nwant %s", tt.state, input, tt.want)
		}
	}
}

// Whatever can be read can be written and read again.
func FuzzParseState(f *testing.F) {
	for _, state := range []string{
		`{"bookmarks":{"a":{"x":1}},"k":[1]}`, `[` + streamState("a", `{"x":1}`) + `]`, `{"type":"GLOBAL","global":{"stream_states":[{}]}}`,
		`{"singer_state":{}}`, `{"a":{}} {"data":{"b":7}}`, "\ufeff{}", `{"type":"STATE","value":{"bookmarks":null}}`,
	} {
		f.Add([]byte(state))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		states, err := ParseState(data)
		if err != nil {
			if input, is := errors.AsType[*InputError](err); !is || input.Found == "" || input.Want == "" || len(err.Error()) > 1000 {
				t.Fatalf("%v does not say in a few words what was found and expected", err)
			}
			return
		}
		again, err := ParseState(Singer{}.AppendState(nil, "", 0, states))
		if err != nil {
			t.Fatal(err)
		}
		if len(again.Streams) != len(states.Streams) || len(again.Extra) != len(states.Extra) {
			t.Fatalf("%d and %d states became %d and %d", len(states.Streams), len(states.Extra), len(again.Streams), len(again.Extra))
		}
		if utf8.Valid(data) && !bytes.Contains(data, []byte(`\u`)) && !reflect.DeepEqual(states, again) {
			t.Fatalf("(-read +read again):\n%s", cmp.Diff(states, again))
		}
	})
}
