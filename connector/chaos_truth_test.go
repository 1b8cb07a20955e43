package connector

import (
	"reflect"
	"strings"
	"testing"
	"time"

	"source-intercom/protocol"

	"github.com/google/go-cmp/cmp"
)

// cannotBeHad tells whether a row, which was changed at that time, may be lacking: one that Intercom cannot serve,
// where the user allows that it is left out, or what belongs to a conversation that Intercom denied when it must
// have known of the change.
func (s *storm) cannotBeHad(stream *Stream, key string, changed int64) bool {
	id := key
	if stream.Parent != "" {
		id, _, _ = strings.Cut(key, "/")
	}
	// Rows between two of them, of one second, are out of reach. That they are counted is held at the end.
	if bad := s.climate.bad[stream.Feed.Name]; s.climate.unreadable > 0 && (bad[id] || len(bad) > 1) {
		return true
	}
	if stream.Feed != conversations || !stream.Fetched() {
		return false
	}
	denied, ok := s.denied[id]
	return s.climate.unreadable > 0 && s.climate.mute[id] || ok && stream.Thread != nil && denied.After(time.Unix(changed, 0).Add(s.climate.lag))
}

// equalsTheTruth compares what the platform holds with what there is, field by field. Rows of objects that
// were deleted may be left over.
func (s *storm) equalsTheTruth(t *testing.T) {
	t.Helper()
	for name := range s.ever {
		if s.climate.closed[name] != "" {
			continue
		}
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
		wrong, lacking := 0, int64(0)
		for key, row := range truth {
			if stream.Cursor != "" && changed(key) < s.climate.start.Unix() {
				continue
			}
			have, ok := s.held[name][key]
			if s.cannotBeHad(stream, key, changed(key)) {
				if !ok || have.at < changed(key) {
					lacking++
				}
				continue
			}
			if !ok {
				t.Errorf("%s: row %s of second %d is missing", name, key, changed(key))
			} else {
				line, at := encoders[have.dialect.Name()].Append(nil, string(asRecord(stream, row)), nil, born)
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
		if s.climate.comparesDays(stream) {
			lacking = min(lacking, 1)
		}
		if stream.Parent == "" && lacking > s.leftOut[name] {
			t.Errorf("%s: %d rows cannot be had, and %d are said to have been left out", name, lacking, s.leftOut[name])
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
	if err != nil && len(s.climate.closed) == 0 {
		t.Errorf("a quiet run failed: %v", err)
	}
	out.onlyOnce(t)
	for _, sel := range s.choice.streams() {
		if sel.Mode == protocol.Incremental && out.counts[sel.Stream] > 0 {
			t.Errorf("%s: %d records came again though nothing had changed", sel.Stream, out.counts[sel.Stream])
		}
	}
}

// addsUp reads all anew where some rows can never be served: what comes and what is said to be left out add up to
// what there is.
func (s *storm) addsUp(t *testing.T) {
	t.Helper()
	if s.climate.unreadable == 0 || len(s.climate.bad)+len(s.climate.mute) == 0 {
		return
	}
	s.pass(6 * 24 * 3600) // until no contact is too young to be left out: see searchRun.under
	s.state = protocol.States{}
	var out *run
	for attempt := 0; out == nil || !s.over(out); attempt++ {
		if attempt > 4 { // nobody has refused us so often
			t.Fatalf("a quiet run failed: %v", out.err)
		}
		r := s.reader(weather{})
		summary, err := r.Read(t.Context())
		out = &run{Summary: summary, err: err}
		out.parse(t, r.out.String())
	}
	for _, p := range out.Streams {
		stream := streamNamed(p.Name)
		changed, lacking := s.changed(t, stream), map[string]bool{}
		for key := range s.truth(t, p.Name) {
			if _, ok := out.records[p.Name][key]; ok || stream.Cursor != "" && changed(key) < s.climate.start.Unix() {
				continue
			}
			id, _, _ := strings.Cut(key, "/")
			if stream.Parent == "" || s.denied[id].IsZero() {
				lacking[id] = true
			}
		}
		n, said := int64(len(lacking)), p.Unreadable
		if s.climate.comparesDays(stream) { // walks of neighbouring days meet the same row, and nobody knows its id
			n, said = min(n, 1), min(said, 1)
			for id := range s.climate.bad[stream.Feed.Name] { // a whole day is asked for, and so a row before the start is met
				if at, start := changed(id), s.climate.start.Unix(); at < start && at >= start-3*24*3600 {
					n = max(n, said)
				}
			}
		}
		if s.climate.closed[p.Name] == "" && (n > said || stream.Parent == "" && n < said) {
			t.Errorf("%s: %d rows are said to be left out, %d are: %v", p.Name, p.Unreadable, n, lacking)
		}
	}
}
