package connector

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"strings"
	"syscall"
	"testing"

	"source-intercom/emulator"
	"source-intercom/intercom"
	"source-intercom/protocol"

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
	s.failsForAReason(t, out, w)
	s.saysHowItEnded(t, out, w)
	s.noStateRunsAhead(t, out)
	s.countsAreTrue(t, out)
	s.saysWhatItLeftOut(t, out, w)
	for _, line := range out.lines {
		if strings.Contains(line.Raw, emulator.DefaultToken) {
			t.Fatalf("the token is in %s", clip(line.Raw))
		}
	}
}

// failsForAReason fails when nothing can have made the run, or one of its streams, fail that did.
func (s *storm) failsForAReason(t *testing.T, out *run, w weather) {
	t.Helper()
	switch {
	case out.err == nil || w.breakAt > 0 && errors.Is(out.err, errOutput) && errors.Is(out.err, syscall.EPIPE):
	case out.Summary == nil:
		if !s.mayFail(nil, out.err, w) {
			t.Errorf("the run did not begin, although nothing was so bad: %v", out.err)
		}
	default:
		for _, p := range out.Streams {
			if p.Err != nil && !s.mayFail(streamNamed(p.Name), p.Err, w) {
				t.Errorf("%s failed, although nothing was so bad: %v", p.Name, p.Err)
			}
		}
	}
}

// mayFail tells whether a stream, or the run before it began any, may have ended with that error.
func (s *storm) mayFail(stream *Stream, err error, w weather) bool {
	_, moving := errors.AsType[*MovingError](err)
	_, unreadable := errors.AsType[*UnreadableError](err)
	kind := intercom.KindOf(err)
	trouble := kind == intercom.Temporary || kind == intercom.RateLimited
	c := &s.climate
	switch {
	case w.killAfter > 0 || w.killAtCall > 0:
		return errors.Is(err, context.Canceled) || s.mayFail(stream, err, weather{overlong: w.overlong, neighbour: w.neighbour, edits: w.edits, bankrupt: w.bankrupt})
	case trouble && (w.overlong || c.deadly):
	case kind == intercom.BadToken:
		return c.refuses("401")
	case kind == intercom.PlanRestricted: // after rows of it have come, or before any stream
		return c.refuses("402")
	case stream == nil:
		return false
	case kind == intercom.MissingScope:
		return c.closed[stream.Name] == "scope" || c.refuses("401", "403")
	case unreadable:
		tooYoung := c.comparesDays(stream) // to be left out: see searchRun.under
		return (c.unreadable == 0 || tooYoung) && (len(c.bad[stream.Feed.Name]) > 0 || stream.Fetched() && len(c.mute) > 0)
	case trouble && len(c.bad)+len(c.mute) > 0 && (w.outageKind != "" || c.refuses("401", "402", "403", "captcha")):
		// The last try for a row that cannot be served, or the question whether it is the row, met something else.
	case moving:
		return w.edits > 0
	case stream.Feed == companies && strings.Contains(err.Error(), "was begun 11 times"):
		// A 404 after a full page is the end only where two walks in a row end there. And at most one was the outage's.
		return c.upsets() >= scrollRestarts || c.options.ScrollEndsWith404 && w.edits+w.bankrupt > 0
	case kind == intercom.ScrollExists:
		return w.neighbour > 0 || c.deadly // or its own, whose first answer was lost again and again
	default:
		return false
	}
	return true
}

// saysHowItEnded compares statuses, states and the error.
func (s *storm) saysHowItEnded(t *testing.T, out *run, w weather) {
	t.Helper()
	if out.Summary == nil || w.breakAt > 0 {
		return
	}
	failures := out.traceErrors()
	incomplete := 0
	for _, p := range out.Streams {
		said, state := out.statuses[p.Name], stateOf(out.State, p.Name)
		asItCame := bytes.Equal(state, stateOf(s.state, p.Name))
		unfinished := gjson.GetBytes(state, "unfinished").Bool()
		if s.choice.dialect.Name() == "airbyte" {
			if len(said) == 0 || said[0] != "STARTED" || said[len(said)-1] != string(p.Status) {
				t.Errorf("%s: statuses %v, the summary says %s", p.Name, said, p.Status)
			}
			if failures[p.Name].Exists() != (p.Err != nil) {
				t.Errorf("%s: failure %q, error %v", p.Name, failures[p.Name].Raw, p.Err)
			}
		}
		if p.Status == protocol.Incomplete {
			incomplete++
		}
		if (p.Status == protocol.Incomplete) != (p.Err != nil) || p.Err != nil && !unfinished && !asItCame {
			t.Errorf("%s is %s, its state is %s, its error %v", p.Name, p.Status, clip(string(state)), p.Err)
		}
		if reason := s.climate.closed[p.Name]; reason != "" {
			s.isClosed(t, p, failures[p.Name], reason, unfinished)
		}
	}
	if (incomplete > 0) != (out.err != nil) {
		t.Errorf("%d streams are incomplete, and the run's error is %v", incomplete, out.err)
	}
}

// isClosed checks a stream that the token, or the plan, does not open: it has no row, no bookmark, and says why.
func (s *storm) isClosed(t *testing.T, p StreamProgress, failure gjson.Result, reason string, unfinished bool) {
	t.Helper()
	named := s.choice.selected != nil
	switch {
	case p.Records > 0 || !unfinished:
		t.Errorf("%s is closed to us: %d records, unfinished %v", p.Name, p.Records, unfinished)
	case intercom.KindOf(p.Err) != intercom.MissingScope:
		if reason == "scope" && named && p.Err == nil {
			t.Errorf("%s is closed to us, and nothing is said", p.Name)
		}
	case s.choice.dialect.Name() == "airbyte" && failure.Get("failure_type").Str != "config_error",
		!strings.Contains(p.Err.Error(), streamNamed(p.Name).Permission):
		t.Errorf("%s: failure %s, error %v", p.Name, failure.Raw, p.Err)
	}
}

// saysWhatItLeftOut checks the counts of rows that could not be had.
func (s *storm) saysWhatItLeftOut(t *testing.T, out *run, w weather) {
	t.Helper()
	if out.Summary == nil {
		return
	}
	asked, failed, counted := false, false, int64(0)
	for _, p := range out.Streams {
		feed := streamNamed(p.Name).Feed
		if p.Unreadable > 0 {
			s.leftOut[p.Name] += p.Unreadable
			if len(s.climate.bad[feed.Name]) == 0 && (feed != conversations || len(s.climate.mute) == 0) {
				t.Errorf("%s: %d rows were left out, although each can be served", p.Name, p.Unreadable)
			}
		}
		if streamNamed(p.Name).Thread != nil { // each call was made for at least one of them
			asked, failed, counted = true, failed || p.Err != nil, counted+p.Skipped
		}
	}
	if asked && !failed && counted < int64(w.denied) {
		t.Errorf("%d conversations were said to be gone, %d are counted", w.denied, counted)
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
		if Streams[i].Cursor != "" || !s.ever[name] || Streams[i].Fetched() && s.climate.options.ReplicaLag > 0 {
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
		case s.cannotBeHad(stream, key, at):
		case stream.Cursor == "" && !before[key]:
		case ok && (stream.Parent != "" || have.at >= at):
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
		if stream.Parent != "" {
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
			if at, ok := seconds(row.Get(def.Cursor)); def.Parent != "" || !ok || at >= missing[stream][key] {
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
