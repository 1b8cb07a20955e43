package connector

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"reflect"
	"strings"
	"syscall"
	"testing"

	"source-intercom/emulator"
	"source-intercom/intercom"
	"source-intercom/protocol"

	"github.com/google/go-cmp/cmp"
	"github.com/tidwall/gjson"
)

// recordOf takes a record out of a line of either protocol.
func recordOf(line gjson.Result) (stream string, row gjson.Result) {
	if line.Get("type").Str != "RECORD" {
		return "", gjson.Result{}
	}
	if data := line.Get("record.data"); data.Exists() {
		return line.Get("record.stream").Str, data
	}
	return line.Get("stream").Str, line.Get("record")
}

// statesOf takes the states out of lines of either protocol.
func statesOf(t *testing.T, lines ...gjson.Result) protocol.States {
	t.Helper()
	var text strings.Builder
	for _, line := range lines {
		if line.Get("type").Str == "STATE" {
			text.WriteString(line.Raw + "\n")
		}
	}
	states, err := protocol.ParseState([]byte(text.String()))
	if err != nil {
		t.Fatal(err)
	}
	return states
}

// keep is what a platform does with the output that it has seen: it keeps the records, or only those that
// a state has followed, and the last state of each stream.
func (s *storm) keep(t *testing.T, text string, committed bool) {
	t.Helper()
	seen := &run{}
	seen.parse(t, text)
	last := map[string]int{} // line of the last state
	for i, line := range seen.lines {
		if line.Get("type").Str != "STATE" {
			continue
		}
		for _, state := range statesOf(t, line).Streams {
			last[state.Stream] = i
		}
	}
	for i, line := range seen.lines {
		stream, row := recordOf(line)
		if stream == "" || committed && i > last[stream] {
			continue
		}
		if s.held[stream] == nil {
			s.held[stream] = map[string]heldRow{}
		}
		at, _ := seconds(row.Get(streamNamed(stream).Cursor))
		s.held[stream][rowID(stream, row)] = heldRow{json.RawMessage(row.Raw), s.choice.dialect, at}
	}
	for _, state := range statesOf(t, seen.lines...).Streams {
		s.setState(state)
	}
}

func (s *storm) setState(state protocol.StreamState) {
	for i := range s.state.Streams {
		if s.state.Streams[i].Stream == state.Stream {
			s.state.Streams[i] = state
			return
		}
	}
	s.state.Streams = append(s.state.Streams, state)
}

// isTrue checks what every run must keep, whatever happened to it.
func (s *storm) isTrue(t *testing.T, out *run, w weather) {
	t.Helper()
	s.failsForAReason(t, out.err, w)
	s.saysHowItEnded(t, out, w)
	s.noStateRunsAhead(t, out)
	s.countsAreTrue(t, out)
	for _, line := range out.lines {
		if strings.Contains(line.Raw, emulator.DefaultToken) {
			t.Fatalf("the token is in %s", clip(line.Raw))
		}
	}
}

// failsForAReason fails when nothing can have made the run fail that did.
func (s *storm) failsForAReason(t *testing.T, err error, w weather) {
	t.Helper()
	_, moving := errors.AsType[*MovingError](err)
	kind := intercom.KindOf(err)
	trouble := kind == intercom.Temporary || kind == intercom.RateLimited
	switch {
	case err == nil:
	case (w.killAfter > 0 || w.killAtCall > 0) && errors.Is(err, context.Canceled):
	case w.breakAt > 0 && errors.Is(err, errOutput) && errors.Is(err, syscall.EPIPE):
	case moving && w.edits > 0:
	case trouble && (w.overlong || s.climate.deadly):
	case trouble && (len(s.climate.options.Faults) > 0 || w.outageKind != "") && strings.Contains(err.Error(), "companies"): // a scroll is begun anew only so often
	case kind == intercom.ScrollExists && w.neighbour > 0:
	default:
		t.Errorf("the run failed, although nothing was so bad: %v", err)
	}
}

// saysHowItEnded compares statuses, states and the error.
func (s *storm) saysHowItEnded(t *testing.T, out *run, w weather) {
	t.Helper()
	if out.Summary == nil || w.breakAt > 0 {
		return
	}
	for _, sel := range s.choice.streams() {
		said, want := out.statuses[sel.Stream], ""
		state := stateOf(out.State, sel.Stream)
		unfinished := gjson.GetBytes(state, "unfinished").Bool() || bytes.Equal(state, stateOf(s.state, sel.Stream)) // as it came
		for _, p := range out.Streams {
			if p.Name == sel.Stream {
				want = string(p.Status)
			}
		}
		if s.choice.dialect.Name() == "airbyte" && (len(said) == 0 || said[0] != "STARTED" || said[len(said)-1] != want) {
			t.Errorf("%s: statuses %v, the summary says %s", sel.Stream, said, want)
		}
		if want == string(protocol.Incomplete) && !unfinished || out.err == nil && want != string(protocol.Complete) {
			t.Errorf("%s is %s, its state is %s, and the run's error is %v", sel.Stream, want, clip(string(state)), out.err)
		}
	}
}

// keysBefore are the rows of streams without a cursor as they were when the sync began: a stream that it
// has finished is not read again.
func (s *storm) keysBefore(t *testing.T) map[string]map[string]bool {
	t.Helper()
	all := map[string]map[string]bool{}
	for i := range Streams {
		name := Streams[i].Name
		// A replica that lags may not know of a membership yet.
		if Streams[i].Cursor != "" || !s.ever[name] || Streams[i].Child != nil && s.climate.options.ReplicaLag > 0 {
			continue
		}
		all[name] = map[string]bool{}
		for key := range s.truth(t, name) {
			all[name][key] = true
		}
	}
	return all
}

func (s *storm) truth(t *testing.T, stream string) map[string]json.RawMessage {
	t.Helper()
	rows, err := s.Truth(stream, s.climate.version)
	if err != nil {
		t.Fatal(err)
	}
	return rows
}

// A claim is what a run's states may say of one stream: which rows are still to come, and when they were
// changed last.
type claim map[string]int64

// open collects the rows of the stream as they are now that the platform does not hold as they are.
// Rows of a stream without a cursor count if they were there before.
func (s *storm) open(t *testing.T, stream *Stream, before map[string]bool) claim {
	t.Helper()
	missing := claim{}
	held := s.held[stream.Name]
	changed := s.changed(t, stream)
	for key := range s.truth(t, stream.Name) {
		have, ok := held[key]
		at := changed(key)
		switch {
		case stream.Cursor == "" && !before[key]:
		case ok && (stream.Child != nil || have.at >= at):
		default:
			missing[key] = at
		}
	}
	return missing
}

// changed returns when rows were changed by the cursor that decides about them: parts by their
// conversation's.
func (s *storm) changed(t *testing.T, stream *Stream) func(key string) int64 {
	t.Helper()
	if stream.Cursor == "" {
		return func(string) int64 { return 0 }
	}
	rows := s.truth(t, stream.Feed.Name)
	return func(key string) int64 {
		if stream.Child != nil {
			key, _, _ = strings.Cut(key, "/")
		}
		return gjson.GetBytes(rows[key], stream.Feed.Cursor).Int()
	}
}

// noStateRunsAhead holds every state line against the records that came before it, in this run and in
// earlier ones. What was changed last below the time that a state claims was there to be read.
func (s *storm) noStateRunsAhead(t *testing.T, out *run) {
	t.Helper()
	missing := map[string]claim{}
	for _, sel := range s.choice.streams() {
		if stream := streamNamed(sel.Stream); stream.Cursor != "" || s.before[sel.Stream] != nil {
			missing[sel.Stream] = s.open(t, stream, s.before[sel.Stream])
		}
	}
	for _, line := range out.lines {
		if stream, row := recordOf(line); stream != "" {
			key, def := rowID(stream, row), streamNamed(stream)
			if at, ok := seconds(row.Get(def.Cursor)); def.Child != nil || !ok || at >= missing[stream][key] {
				delete(missing[stream], key)
			}
			continue
		}
		if line.Get("type").Str != "STATE" {
			continue
		}
		for _, state := range statesOf(t, line).Streams {
			s.isJustified(t, state, missing[state.Stream])
		}
	}
}

// isJustified fails when a state claims rows that are missing.
func (s *storm) isJustified(t *testing.T, state protocol.StreamState, missing claim) {
	t.Helper()
	if len(missing) == 0 {
		return
	}
	stream := streamNamed(state.Stream)
	own, err := parseOwnState(stream, state.Value)
	if err != nil {
		t.Fatal(err)
	}
	if own.unfinished && stream.Cursor == "" {
		return
	}
	upto := own.cursor
	if !own.unfinished {
		upto -= int64((s.climate.lag + s.climate.lookback).Seconds())
	}
	done := own.done.add(span{own.start, upto})
	for key, at := range missing {
		if stream.Cursor == "" || done.contains(at) {
			t.Fatalf("%s: a state claims row %s of second %d, which has not come: %s", state.Stream, key, at, clip(string(state.Value)))
		}
	}
}

// countsAreTrue compares what states say of the records since the state before with those that came.
func (s *storm) countsAreTrue(t *testing.T, out *run) {
	t.Helper()
	came := map[string]int64{}
	for _, line := range out.lines {
		if stream, _ := recordOf(line); stream != "" {
			came[stream]++
		}
		if said := line.Get("state.sourceStats.recordCount"); said.Exists() {
			stream := line.Get("state.stream.stream_descriptor.name").Str
			if said.Int() != came[stream] {
				t.Errorf("%s: a state counts %d records, %d came", stream, said.Int(), came[stream])
			}
			came[stream] = 0
		}
	}
}

// equalsTheTruth compares what the platform holds with what there is, field by field. Rows of objects that
// were deleted may be left over.
func (s *storm) equalsTheTruth(t *testing.T) {
	t.Helper()
	for name := range s.ever {
		stream, truth := streamNamed(name), s.truth(t, name)
		changed := s.changed(t, stream)
		encoders := map[string]*protocol.Encoder{}
		for _, d := range []protocol.Dialect{protocol.Airbyte{}, protocol.Singer{}} {
			e, err := d.Encoder(stream.Described(), nil)
			if err != nil {
				t.Fatal(err)
			}
			encoders[d.Name()] = e
		}
		wrong := 0
		for key, row := range truth {
			if stream.Cursor != "" && changed(key) < s.climate.start.Unix() {
				continue
			}
			have, ok := s.held[name][key]
			if !ok {
				t.Errorf("%s: row %s of second %d is missing", name, key, changed(key))
			} else {
				line, at := encoders[have.dialect.Name()].Append(nil, string(row), nil, born)
				want, got := plain(t, line[at.Start:at.End]), plain(t, have.row)
				if reflect.DeepEqual(want, got) {
					continue
				}
				t.Errorf("%s: row %s of second %d differs (-want +got):\n%s", name, key, changed(key), cmp.Diff(want, got))
			}
			if wrong++; wrong == 3 {
				t.Errorf("%s: and more", name)
				break
			}
		}
	}
}

// nothingComesAgain reads once more in a world that stands still: what has a cursor is not emitted again,
// and of the rest each row comes once. Only faults may have rows come twice.
func (s *storm) nothingComesAgain(t *testing.T) {
	t.Helper()
	if len(s.climate.options.Faults) > 0 {
		return
	}
	s.clear(true)
	r := s.reader(weather{})
	_, err := r.Read(t.Context())
	out := &run{err: err}
	out.parse(t, r.out.String())
	if err != nil {
		t.Errorf("a quiet run failed: %v", err)
	}
	out.onlyOnce(t)
	for _, sel := range s.choice.streams() {
		if sel.Mode == protocol.Incremental && out.counts[sel.Stream] > 0 {
			t.Errorf("%s: %d records came again though nothing had changed", sel.Stream, out.counts[sel.Stream])
		}
	}
}
