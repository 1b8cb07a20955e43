package connector

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"source-intercom/emulator"
	"source-intercom/protocol"
)

// TestForeignStateIsTakenOver reads on from what other connectors leave, in all shapes, and compares
// what comes with the truth: everything from 48 hours before the bookmark on, and nothing below.
func TestForeignStateIsTakenOver(t *testing.T) {
	const none = -1
	at := born.AddDate(0, -4, 0).Unix()
	const month = 30 * 86_400
	text := func(seconds int64) string { return time.Unix(seconds, 0).UTC().Format("2006-01-02T15:04:05.000000Z") }
	tests := []struct {
		name, stream string
		states       map[string]string // what the state holds, by stream
		from         int64             // the bookmark that counts; none: everything is read
	}{
		{"Airbyte, text", "tickets", map[string]string{"tickets": fmt.Sprintf(`{"updated_at":"%d"}`, at)}, at},
		{"Airbyte, number", "contacts", map[string]string{"contacts": fmt.Sprintf(`{"updated_at":%d}`, at)}, at},
		{"Airbyte, activity logs", "activity_logs", map[string]string{"activity_logs": fmt.Sprintf(`{"created_at":"%d"}`, at)}, at},
		{"Airbyte, companies", "companies", map[string]string{"companies": fmt.Sprintf(`{"updated_at":%d}`, at)}, at},
		{"Airbyte, segments", "segments", map[string]string{"segments": fmt.Sprintf(`{"updated_at":"%d"}`, at)}, at},
		{"Airbyte, a full refresh", "tickets", map[string]string{"tickets": `{"__ab_no_cursor_state_message":true}`}, none},
		{"Airbyte, nothing yet", "contacts", map[string]string{"contacts": `{}`}, none},
		{"Airbyte, child behind its parent", "conversation_parts", map[string]string{"conversation_parts": fmt.Sprintf(
			`{"use_global_cursor":true,"state":{"updated_at":"%d"},"lookback_window":0,"parent_state":{"conversations":{"updated_at":"%d"}}}`, at-month, at)}, at - month},
		{"Airbyte, child ahead of its parent", "conversation_parts", map[string]string{"conversation_parts": fmt.Sprintf(
			`{"use_global_cursor":true,"state":{"updated_at":"%d"},"lookback_window":0,"parent_state":{"conversations":{"updated_at":"%d"}}}`, at, at-month)}, at - month},
		{"Airbyte, child ahead of its parent's own state", "conversation_parts", map[string]string{
			"conversation_parts": fmt.Sprintf(`{"use_global_cursor":true,"state":{"updated_at":"%d"},"parent_state":{"conversations":{"updated_at":"%d"}}}`, at, at),
			"conversations":      fmt.Sprintf(`{"updated_at":"%d"}`, at-month)}, at - month},
		{"Airbyte, child with partitions", "conversation_parts", map[string]string{"conversation_parts": fmt.Sprintf(
			`{"use_global_cursor":false,"states":[{"partition":{"id":"1","parent_slice":{}},"cursor":{"updated_at":"%d"}}],"parent_state":{"conversations":{"updated_at":"%d"}},"state":{"updated_at":"%d"}}`, at-month, at, at)}, at - month},
		{"Airbyte, older child", "conversation_parts", map[string]string{"conversation_parts": fmt.Sprintf(
			`{"updated_at":%d,"conversations":{"updated_at":%d},"prior_state":{"updated_at":%d,"conversations":{"updated_at":%d}}}`, at, at, at-month, at)}, at - month},
		{"Airbyte, child without a parent's state", "conversation_parts", map[string]string{"conversation_parts": fmt.Sprintf(
			`{"state":{"updated_at":"%d"},"parent_state":{"conversations":{}}}`, at)}, none},
		{"singer-io", "conversations", map[string]string{"conversations": `{"updated_at":"` + text(at) + `"}`}, at},
		{"singer-io, old form", "contacts", map[string]string{"contacts": `"` + text(at) + `"`}, at},
		{"singer-io, cut short", "conversations", map[string]string{"conversations": fmt.Sprintf(
			`{"updated_at":"%s","last_processed":"215468000000050","last_sync_started_at":"%s"}`, text(at), text(at+month))}, at},
		{"singer-io, first run cut short", "conversations", map[string]string{"conversations": fmt.Sprintf(
			`{"last_processed":"215468000000050","last_sync_started_at":"%s"}`, text(at))}, none},
		{"singer-io, child ahead of its parent", "conversation_parts", map[string]string{
			"conversation_parts": `{"updated_at":"` + text(at) + `"}`, "conversations": `{"updated_at":"` + text(at-month) + `"}`}, at - month},
		{"singer-io, child ahead of a parent that was cut short", "conversation_parts", map[string]string{
			"conversation_parts": `{"updated_at":"` + text(at) + `"}`, "conversations": `{"last_processed":"215468000000050"}`}, none},
		{"singer-io, child whose parent was not read through", "conversation_parts", map[string]string{
			"conversation_parts": `{"updated_at":"` + text(at) + `"}`}, none},
		{"Meltano's SDK", "tickets", map[string]string{"tickets": fmt.Sprintf(
			`{"replication_key":"updated_at","replication_key_value":%d,"starting_replication_value":5}`, at)}, at},
		{"another stream's bookmark alone", "tickets", map[string]string{"contacts": fmt.Sprintf(`{"updated_at":%d}`, at)}, none},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			bubble(t, "2.16", emulator.Options{Size: snapshotWorld, TimeZone: "Pacific/Kiritimati"}, func(t *testing.T, w *world) {
				var state protocol.States
				for stream, value := range test.states {
					state.Streams = append(state.Streams, protocol.StreamState{Stream: stream, Value: json.RawMessage(value)})
				}
				lower := int64(0)
				if test.from != none {
					lower = test.from - foreignOverlap
					// Rows on both sides of the very bound, where there are such.
					w.Edit(func(world *emulator.World) {
						for i, second := range []int64{lower - 1, lower, lower + 1} {
							world.SetUpdatedAt("tickets", world.IDs("tickets")[i], second)
							world.SetUpdatedAt("contacts", world.IDs("contacts")[i], second)
							world.SetUpdatedAt("conversations", world.IDs("conversations")[i], second)
							world.SetUpdatedAt("companies", world.IDs("companies")[i], second)
						}
					})
				}
				r := reading{streams: []string{test.stream}, config: smallPages, state: state}
				first := w.read(t, r)
				first.onlyOnce(t)
				w.emitted(t, first, span{lower, forever}, test.stream)
				if !first.stateValue(test.stream).Get("version").Exists() {
					t.Errorf("the state is still the other connector's: %s", first.stateValue(test.stream).Raw)
				}
				time.Sleep(time.Hour)
				r.state = first.State
				if n := w.read(t, r).total(); n != 0 {
					t.Errorf("the next run emitted %d records", n)
				}
			})
		})
	}
}

// TestForeignStateInterrupted: what is between the other connector's bookmark and the first own
// checkpoint is not skipped when the run that takes over is cut short.
func TestForeignStateInterrupted(t *testing.T) {
	at := born.AddDate(0, -8, 0).Unix()
	s := &stopper{}
	o := emulator.Options{Size: snapshotWorld, Latency: 400 * time.Millisecond, Intercept: s.intercept}
	bubble(t, "2.16", o, func(t *testing.T, w *world) {
		r := reading{streams: []string{"contacts", "conversation_parts", "conversations", "companies"}, config: smallPages, failing: true}
		for _, stream := range r.streams {
			r.state.Streams = append(r.state.Streams, protocol.StreamState{Stream: stream, Value: json.RawMessage(fmt.Sprintf(`{"updated_at":"%d"}`, at))})
		}
		for range 3 {
			r.ctx = s.after(t.Context(), 25)
			r.state = w.read(t, r).State
			time.Sleep(time.Hour)
		}
		r.failing, r.ctx = false, nil
		w.read(t, r)
		for _, stream := range r.streams {
			for _, id := range w.within(t, stream, span{at, forever}) {
				if w.union[stream][id] == nil {
					t.Errorf("%s: row %s is missing", stream, id)
				}
			}
		}
	})
}

// TestForeignChildAfterItsParent takes a child over when its parent has been read on already: its
// bookmark was ahead of the parent's, which nobody knows any more.
func TestForeignChildAfterItsParent(t *testing.T) {
	early, late := born.AddDate(0, -8, 0), born.AddDate(0, -1, 0)
	for _, dialect := range []protocol.Dialect{protocol.Airbyte{}, protocol.Singer{}} {
		t.Run(dialect.Name(), func(t *testing.T) {
			bubble(t, "2.16", emulator.Options{Size: snapshotWorld}, func(t *testing.T, w *world) {
				r := reading{streams: []string{"conversations"}, config: smallPages, dialect: dialect, state: protocol.States{Streams: []protocol.StreamState{
					{Stream: "conversations", Value: json.RawMessage(`{"updated_at":"` + early.Format(time.RFC3339) + `"}`)},
					{Stream: "conversation_parts", Value: json.RawMessage(`{"updated_at":"` + late.Format(time.RFC3339) + `"}`)},
				}}}
				r.state = w.read(t, r).State
				r.streams = []string{"conversation_parts"}
				out := w.read(t, r)
				for _, id := range w.within(t, "conversation_parts", span{early.Unix(), forever}) {
					if out.records["conversation_parts"][id] == nil {
						t.Errorf("part %s is missing", id)
					}
				}
			})
		})
	}
}

// TestForeignCompanySegments: without a time of joining, no bookmark means anything.
func TestForeignCompanySegments(t *testing.T) {
	bubble(t, "2.16", emulator.Options{Size: snapshotWorld}, func(t *testing.T, w *world) {
		state := protocol.States{Streams: []protocol.StreamState{{Stream: "company_segments", Value: json.RawMessage(
			`{"use_global_cursor":true,"state":{"updated_at":"1900000000"},"parent_state":{"companies":{"updated_at":"1900000000"}}}`)}}}
		w.read(t, reading{streams: []string{"company_segments"}, mode: protocol.Incremental, state: state})
		w.check(t, false, "company_segments")
	})
}

// TestForeignStateThroughItsFile reads the whole files that the other connectors' platforms keep.
func TestForeignStateThroughItsFile(t *testing.T) {
	at := born.AddDate(0, -4, 0).Unix()
	files := map[string]string{
		"Airbyte":        `[{"type":"STREAM","stream":{"stream_descriptor":{"name":"tickets"},"stream_state":{"updated_at":"AT"}}},{"type":"STREAM","stream":{"stream_descriptor":{"name":"tags"},"stream_state":{"__ab_no_cursor_state_message":true}}}]`,
		"Airbyte legacy": `{"tickets":{"updated_at":AT}}`,
		"Singer":         `{"currently_syncing":"contacts","bookmarks":{"tickets":{"updated_at":"ISO"},"company_segments":{"updated_at":"ISO"}}}`,
		"Meltano":        `{"singer_state":{"bookmarks":{"tickets":{"updated_at":"ISO"}}}}`,
	}
	for name, file := range files {
		t.Run(name, func(t *testing.T) {
			text := strings.NewReplacer("AT", fmt.Sprint(at), "ISO", time.Unix(at, 0).UTC().Format(time.RFC3339)).Replace(file)
			state, err := protocol.ParseState([]byte(text))
			if err != nil {
				t.Fatal(err)
			}
			bubble(t, "2.16", emulator.Options{Size: snapshotWorld}, func(t *testing.T, w *world) {
				out := w.read(t, reading{streams: []string{"tickets", "tags"}, config: smallPages, state: state})
				w.emitted(t, out, span{at - foreignOverlap, forever}, "tickets")
				w.holdsAll(t, out, "tags")
			})
		})
	}
}
