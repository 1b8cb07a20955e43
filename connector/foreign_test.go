package connector

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

func TestForeignBookmark(t *testing.T) {
	const (
		updated = "updated_at"
		created = "created_at"
		none    = -1
	)
	tests := []struct {
		name   string
		cursor string
		value  string
		want   int64 // none: no bookmark
	}{
		{"Airbyte, text", updated, `{"updated_at":"1676462031"}`, 1676462031},
		{"Airbyte, integer", updated, ` {"updated_at": 1676462031}`, 1676462031},
		{"Airbyte, float", updated, `{"updated_at":1676462031.9}`, 1676462031},
		{"Airbyte, float with exponent", updated, `{"updated_at":1.676462031E9}`, 1676462031},
		{"Airbyte, activity logs", created, `{"created_at":"1676462031"}`, 1676462031},
		{"Airbyte, nothing read", updated, `{}`, none},
		{"Airbyte, empty text", updated, `{"updated_at":""}`, none},
		{"Airbyte, null", updated, `{"updated_at":null}`, none},
		{"Airbyte, full refresh", updated, `{"__ab_no_cursor_state_message":true}`, none},
		{"Airbyte, child behind its parent", updated,
			`{"use_global_cursor":true,"state":{"updated_at":"1000"},"lookback_window":0,"parent_state":{"conversations":{"updated_at":"2000"}}}`, 1000},
		{"Airbyte, child ahead of its parent", updated,
			`{"use_global_cursor":true,"state":{"updated_at":"2000"},"lookback_window":1,"parent_state":{"conversations":{"updated_at":"1000"}}}`, 1000},
		{"Airbyte, child reaches back by its last run", updated,
			`{"use_global_cursor":true,"state":{"updated_at":"2000"},"lookback_window":500,"parent_state":{"companies":{"updated_at":"1900"}}}`, 1500},
		{"Airbyte, child without a parent's state", updated, `{"use_global_cursor":true,"state":{"updated_at":2000},"parent_state":{}}`, 2000},
		{"Airbyte, null parent's state", updated, `{"use_global_cursor":true,"state":{"updated_at":2000},"parent_state":null,"lookback_window":null}`, 2000},
		{"Airbyte, parent not read through", updated, `{"state":{"updated_at":"2000"},"parent_state":{"conversations":{}}}`, none},
		{"Airbyte, child not begun", updated, `{"parent_state":{"conversations":{"updated_at":"2000"}}}`, none},
		{"Airbyte, partitions", updated, `{"use_global_cursor":false,"states":[
			{"partition":{"id":"1","parent_slice":{}},"cursor":{"updated_at":"3000"}},
			{"partition":{"id":"2","parent_slice":{}},"cursor":{"updated_at":"1500"}}],
			"state":{"updated_at":"2000"},"parent_state":{"conversations":{"updated_at":"4000"}}}`, 1500},
		{"Airbyte, no partition yet", updated, `{"states":[],"state":{"updated_at":"2000"}}`, 2000},
		{"Airbyte, a partition not read", updated, `{"states":[{"partition":{"id":"1"},"cursor":{}}],"state":{"updated_at":"2000"}}`, none},
		{"Airbyte, older child", updated, `{"updated_at":3000,"conversations":{"updated_at":2000},"prior_state":{"updated_at":1000,"conversations":{"updated_at":1100}}}`, 1000},
		{"Airbyte, older child, first run", updated, `{"updated_at":3000,"companies":{"updated_at":"2000"},"prior_state":{}}`, 2000},
		{"singer-io", updated, `{"updated_at":"2024-02-01T10:00:00.000000Z"}`, 1706781600},
		{"singer-io, zone", updated, `{"updated_at":"2024-02-01T11:00:00+01:00"}`, 1706781600},
		{"singer-io, old form", updated, `"2024-02-01T10:00:00Z"`, 1706781600},
		{"singer-io, old form, date", updated, `"2024-02-01"`, 1706745600},
		{"singer-io, cut short", updated, `{"updated_at":"2024-02-01T10:00:00Z","last_processed":"123","last_sync_started_at":"2024-03-01T00:00:00Z"}`, 1706781600},
		{"singer-io, first run cut short", updated, `{"last_processed":"123","last_sync_started_at":"2024-03-01T00:00:00Z"}`, none},
		{"singer-io, null", updated, `null`, none},
		{"Meltano, integer", updated, `{"replication_key":"updated_at","replication_key_value":1676462031,"starting_replication_value":1000,"partitions":[]}`, 1676462031},
		{"Meltano, text", updated, `{"replication_key":"updated_at","replication_key_value":"2024-02-01T10:00:00+00:00"}`, 1706781600},
		{"Meltano, partitions", updated, `{"partitions":[{"context":{"id":"1"},"replication_key":"updated_at","replication_key_value":3000},
			{"context":{"id":"2"},"replication_key":"updated_at","replication_key_value":2000}]}`, 2000},
		{"Meltano, a partition without value", updated, `{"partitions":[{"context":{"id":"1"}}]}`, none},
		{"Meltano, cut short", updated, `{"starting_replication_value":1000,"replication_key_signpost":5000,
			"progress_markers":{"Note":"not resumable","replication_key":"updated_at","replication_key_value":4000}}`, none},
		{"milliseconds", updated, `{"updated_at":1676462031123}`, 1676462031},
		{"far future", updated, `{"updated_at":"4102444800"}`, 4102444800},
		{"a key beside the bookmark", updated, `{"updated_at":"1000","offset":{"page":3}}`, 1000},
		{"a stream without a cursor", "", `{"whatever":[]}`, none},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			at, ok, err := foreignBookmark("a stream", test.cursor, json.RawMessage(test.value))
			if err != nil {
				t.Fatal(err)
			}
			got := int64(none)
			if ok {
				got = at.Unix()
			}
			if got != test.want {
				t.Errorf("got %d, want %d", got, test.want)
			}
		})
	}
}

func TestForeignBookmarkUnreadable(t *testing.T) {
	tests := []struct{ name, value, field, found string }{
		{"text", `{"updated_at":"yesterday"}`, "updated_at", `"yesterday"`},
		{"list", `[1,2]`, "", `[1,2]`},
		{"negative", `{"state":{"updated_at":-5}}`, "state.updated_at", `-5`},
		{"beyond the year 9999", `{"updated_at":1e99}`, "updated_at", `1e99`},
		{"not a number", `{"updated_at":"NaN"}`, "updated_at", `"NaN"`},
		{"boolean", `{"parent_state":{"conversations":{"updated_at":true}},"state":{"updated_at":1}}`, "parent_state.conversations.updated_at", `true`},
		{"partition", `{"states":[{"cursor":{"updated_at":1}},{"cursor":{"updated_at":{}}}]}`, "states[1].cursor.updated_at", `{}`},
		{"partitions that are none", `{"states":{"a":1}}`, "states", `{"a":1}`},
		{"another field's bookmark", `{"replication_key":"created_at","replication_key_value":5}`, "replication_key", `"created_at"`},
		{"another connector's", `{"cursor":{"page":5}}`, "", `{"cursor":{"page":5}}`},
		{"lookback", `{"state":{"updated_at":1},"lookback_window":"x"}`, "lookback_window", `"x"`},
		{"broken", `{"updated_at":`, "", `{"updated_at":`},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			_, ok, err := foreignBookmark("contacts", "updated_at", json.RawMessage(test.value))
			state, isState := errors.AsType[*StateError](err)
			if ok || !isState {
				t.Fatalf("ok = %v, error = %v, want a *StateError", ok, err)
			}
			if state.Stream != "contacts" || state.Field != test.field || state.Found != test.found {
				t.Errorf("stream %q, field %q, found %q; want field %q, found %q", state.Stream, state.Field, state.Found, test.field, test.found)
			}
		})
	}
}

// TestForeignBookmarkIsTheEarliest builds states from positions and empty parts: a bookmark is never
// later than any of the positions, and there is none when a part has no position.
func TestForeignBookmarkIsTheEarliest(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		earliest, open := time.Unix(1<<40, 0), false
		part := func(label string) string {
			seconds := rapid.Int64Range(0, 2e9).Draw(t, label)
			at := time.Unix(seconds, 0).UTC()
			text := at.Format(time.RFC3339)
			form := rapid.SampledFrom([]string{`{}`, `{"updated_at":%s}`, `{"updated_at":"%s"}`, `{"updated_at":"` + text + `"}`}).Draw(t, label+"'s form")
			if form == `{}` {
				open = true
				return form
			}
			if at.Before(earliest) {
				earliest = at
			}
			number, _ := json.Marshal(seconds)
			return strings.Replace(form, "%s", string(number), 1)
		}
		var partitions []string
		for range rapid.IntRange(0, 3).Draw(t, "partitions") {
			partitions = append(partitions, `{"partition":{"id":"1"},"cursor":`+part("partition")+`}`)
		}
		value := `{"state":` + part("state") + `,"states":[` + strings.Join(partitions, ",") + `],"parent_state":{"conversations":` + part("parent") + `}}`
		at, ok, err := foreignBookmark("conversation_parts", "updated_at", json.RawMessage(value))
		if err != nil {
			t.Fatal(err)
		}
		if ok == open || ok && !at.Equal(earliest) {
			t.Fatalf("got %v, %v; want %v, %v from %s", at, ok, earliest, !open, value)
		}
	})
}

func FuzzForeignBookmark(f *testing.F) {
	f.Add([]byte(`{"use_global_cursor":true,"state":{"updated_at":"1"},"parent_state":{"conversations":{"updated_at":2}}}`))
	f.Add([]byte(`{"states":[{"cursor":{"updated_at":"2024-01-01"}}],"lookback_window":1e308,"prior_state":[]}`))
	f.Add([]byte(strings.Repeat(`{"state":`, 100)))
	f.Fuzz(func(t *testing.T, value []byte) {
		at, ok, err := foreignBookmark("tickets", "updated_at", value)
		if ok && (err != nil || at.IsZero() || at.Unix() > 253402300799) {
			t.Errorf("%v with error %v", at, err)
		}
	})
}
