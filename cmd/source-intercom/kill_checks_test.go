//go:build unix

package main

import (
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"maps"
	"os"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"source-intercom/connector"
	"source-intercom/protocol"

	"github.com/cespare/xxhash/v2"
	"github.com/tidwall/gjson"
)

// states are the values of a state by stream, as raw JSON.
type states map[string]string

// document is a state as a platform hands it back.
func (s states) document(protocol string) any {
	bookmarks, messages := map[string]json.RawMessage{}, []any{}
	for _, name := range slices.Sorted(maps.Keys(s)) {
		value := json.RawMessage(s[name])
		bookmarks[name] = value
		messages = append(messages, map[string]any{"type": "STREAM",
			"stream": map[string]any{"stream_descriptor": map[string]string{"name": name}, "stream_state": value}})
	}
	if protocol == singer {
		return map[string]any{"bookmarks": bookmarks}
	}
	return messages
}

// statesIn reads what document and the program write: Airbyte's message or list of messages, Singer's bookmarks.
func statesIn(v gjson.Result) states {
	all := states{}
	v.Get("bookmarks").ForEach(func(name, value gjson.Result) bool {
		all[name.Str] = value.Raw
		return true
	})
	if !v.Get("bookmarks").Exists() {
		for _, message := range v.Array() { // one that is no list is a list of one
			all[message.Get("stream.stream_descriptor.name").Str] = message.Get("stream.stream_state").Raw
		}
	}
	return all
}

// A line is one line of stdout.
type line struct {
	gjson.Result
	stream string // of a record
	row    gjson.Result
	states states // of a state
}

// linesOf takes stdout apart. A platform drops half a line at its end, which only a process leaves that had no
// time to end.
func linesOf(t *testing.T, text []byte, half bool) []line {
	t.Helper()
	var lines []line
	for raw := range strings.Lines(string(text)) {
		whole := strings.HasSuffix(raw, "\n")
		if !whole && half {
			break
		}
		if !whole || !gjson.Valid(raw) {
			t.Fatalf("line %d is no line of JSON: %.300q", len(lines)+1, raw)
		}
		l := line{Result: gjson.Parse(raw)}
		switch l.Get("type").Str {
		case "RECORD":
			if l.stream, l.row = l.Get("stream").Str, l.Get("record"); l.stream == "" {
				l.stream, l.row = l.Get("record.stream").Str, l.Get("record.data")
			}
		case "STATE":
			if l.states = statesIn(l.Get("value")); len(l.states) == 0 {
				l.states = statesIn(l.Get("state"))
			}
		}
		lines = append(lines, l)
	}
	return lines
}

// endedWell checks that the process ended as the shot makes it end, and left what it must leave.
func (o *ordeal) endedWell(t *testing.T, v *victim, text string, lines []line, edited bool) {
	t.Helper()
	code, died, struck := v.ProcessState.ExitCode(), v.diedOf(), !v.struck.IsZero()
	switch {
	case died == syscall.SIGKILL && struck && (v.signal == syscall.SIGKILL || v.mercy > 0):
	case died != 0 && struck && died == v.signal && v.calls == 0 && text == "": // before it could listen to signals
	case died != 0:
		t.Errorf("died of %s after %s", died, v.shot)
	case code == 0:
		o.saysTheLast(t, lines, true)
	case code == 1 && struck && strings.Contains(text+v.stderr.String(), "interrupted"):
		o.saysTheLast(t, lines, false)
	case code == 1 && edited && strings.Contains(text+v.stderr.String(), "kept changing while they were read"):
	default:
		t.Errorf("exit code %d after %s", code, v.shot)
	}
	if strings.Contains(text+v.stderr.String(), secret) {
		t.Error("the token is in the output")
	}
}

// saysTheLast checks that a state follows the last record of each stream, and a status after that.
func (o *ordeal) saysTheLast(t *testing.T, lines []line, whole bool) {
	t.Helper()
	open, last, status := map[string]bool{}, states{}, map[string]string{}
	for _, l := range lines {
		if l.stream != "" {
			open[l.stream] = true
		}
		for stream, value := range l.states {
			last[stream] = value
			delete(open, stream)
		}
		if s := l.Get("trace.stream_status"); s.Exists() {
			status[s.Get("stream_descriptor.name").Str] = s.Get("status").Str
		}
	}
	for stream := range open {
		t.Errorf("%s: no state has followed the last record", stream)
	}
	for stream, said := range status {
		if said != "COMPLETE" && (whole || said != "INCOMPLETE") {
			t.Errorf("%s: the last status is %s", stream, said)
		}
		if finished := !gjson.Get(last[stream], "unfinished").Bool(); said == "COMPLETE" && !finished {
			t.Errorf("%s is COMPLETE, but its state is %.300s", stream, last[stream])
		}
	}
	for stream := range o.modes {
		if whole && (last[stream] == "" || gjson.Get(last[stream], "unfinished").Bool()) {
			t.Errorf("%s: the run has ended well, but the state is %.300s", stream, last[stream])
		}
	}
	if kept := o.keptStates(t); o.stateFile && len(last) > 0 {
		for stream, value := range last {
			if kept[stream] != value {
				t.Errorf("%s: the file does not hold the last state %.300s, but %.300s", stream, value, kept[stream])
			}
		}
	}
}

// keptStates is what the file holds in which the program keeps the state: nothing, or a whole document.
func (o *ordeal) keptStates(t *testing.T) states {
	t.Helper()
	text, err := os.ReadFile(o.path("kept.json"))
	if os.IsNotExist(err) {
		return states{}
	}
	if err != nil || !gjson.ValidBytes(text) {
		t.Fatalf("the state file holds %.300q, %v", text, err)
	}
	return statesIn(gjson.ParseBytes(text))
}

// A heldRow is a record as its platform keeps it.
type heldRow struct {
	raw string
	at  int64 // its cursor, 0 where it has none
}

func (o *ordeal) truth(t *testing.T, stream string) map[string]json.RawMessage {
	t.Helper()
	rows, err := o.Truth(stream, demoVersion)
	if err != nil {
		t.Fatal(err)
	}
	return rows
}

// missing are the rows of a stream as they are now that the platform does not hold as they are, with the times at
// which they were changed last. A part counts as changed when its conversation was.
func (o *ordeal) missing(t *testing.T, s connector.Stream) map[string]int64 {
	t.Helper()
	parents, missing := o.truth(t, s.Feed.Name), map[string]int64{}
	for key := range o.truth(t, s.Name) {
		parent := key
		if s.Parent != "" {
			parent, _, _ = strings.Cut(key, "/")
		}
		at := int64(0)
		if s.Cursor != "" {
			at = seconds(gjson.GetBytes(parents[parent], s.Feed.Cursor))
		} else if _, there := o.before[s.Name][key]; !there {
			continue
		}
		if row, held := o.held[s.Name][key]; !held || s.Parent == "" && row.at < at {
			missing[key] = at
		}
	}
	return missing
}

// seconds reads a time of either protocol.
func seconds(v gjson.Result) int64 {
	if at, err := time.Parse(time.RFC3339, v.Str); err == nil {
		return at.Unix()
	}
	return v.Int()
}

// noStateRunsAhead holds every state against the records that came before it, in this run and in earlier ones:
// what was changed last in the time that a state says is read was there to be read, and what it remembers was
// written.
func (o *ordeal) noStateRunsAhead(t *testing.T, lines []line) {
	t.Helper()
	for _, s := range connector.TableOf(nil).Default() {
		missing, written, last := o.missing(t, s), map[fingerprint]bool{}, ""
		for _, f := range fingerprintsOf(t, o.states[s.Name]) {
			written[f] = true
		}
		for i, l := range lines {
			if l.stream == s.Name {
				key, at := keyOf(s.Name, l.row), seconds(l.row.Get(s.Cursor))
				if s.Parent != "" || s.Cursor == "" || at >= missing[key] {
					delete(missing, key)
				}
				written[fingerprint{xxhash.Sum64String(key + "\x00"), uint32(at)}] = true
			}
			value := l.states[s.Name]
			if value == "" || value == last {
				continue
			}
			last = value
			if !o.justifies(t, s, value, missing) || s.Parent == "" && !remembers(t, s, value, written) {
				t.Errorf("in line %d of %d", i+1, len(lines))
				break
			}
		}
	}
}

// A fingerprint is what a state shows of a record that it remembers: the hash of its key, and its cursor.
type fingerprint struct {
	key uint64
	at  uint32
}

func fingerprintsOf(t *testing.T, state string) (all []fingerprint) {
	t.Helper()
	raw, err := base64.RawStdEncoding.DecodeString(gjson.Get(state, "fingerprints").Str)
	if err != nil {
		t.Fatalf("%v in %.300s", err, state)
	}
	for entry := range slices.Chunk(raw, 20) {
		all = append(all, fingerprint{binary.LittleEndian.Uint64(entry), binary.LittleEndian.Uint32(entry[16:])})
	}
	return all
}

// remembers reports whether a state remembers no record but those that were written. One that was not would be
// taken for known when it is read again.
func remembers(t *testing.T, s connector.Stream, value string, written map[fingerprint]bool) bool {
	t.Helper()
	for _, f := range fingerprintsOf(t, value) {
		if !written[f] {
			t.Errorf("%s: a state remembers a record of second %d that was not written: %.300s", s.Name, f.at, value)
			return false
		}
	}
	return true
}

// justifies reports whether a state claims none of the rows that are missing.
func (o *ordeal) justifies(t *testing.T, s connector.Stream, value string, missing map[string]int64) bool {
	t.Helper()
	state := gjson.Parse(value)
	for key, at := range missing {
		if o.claims(s, state, at) {
			t.Errorf("%s: a state claims row %s of second %d, which has not come: %.300s", s.Name, key, at, value)
			return false
		}
	}
	return true
}

// claims tells whether a state says that what was changed last at some second has been read. docs/state.md
// describes the fields.
func (o *ordeal) claims(s connector.Stream, state gjson.Result, at int64) bool {
	unfinished := state.Get("unfinished").Bool()
	if s.Cursor == "" {
		return !unfinished
	}
	upto := state.Get(s.Cursor).Int()
	if !unfinished {
		upto -= o.lag
	}
	for _, pair := range state.Get("done").Array() {
		if at >= pair.Get("0").Int() && at < pair.Get("1").Int() {
			return true
		}
	}
	return at >= state.Get("start").Int() && at < upto
}

// keep is what the platform does with what it finds: it takes the last state, or the state file, and all records,
// or only those that this state has followed.
func (o *ordeal) keep(t *testing.T, lines []line) {
	t.Helper()
	committed, next, last := o.draws.IntN(2) == 0, maps.Clone(o.states), map[string]int{}
	for i, l := range lines {
		for stream, value := range l.states {
			next[stream], last[stream] = value, i
		}
	}
	if o.stateFile {
		next = o.keptStates(t)
		last = o.foundIn(t, lines, next)
	}
	for i, l := range lines {
		if at, told := last[l.stream]; l.stream == "" || committed && (!told || i > at) {
			continue
		}
		s := connector.Streams.Named(l.stream)
		if protocol.IsTombstone(l.row) {
			delete(o.held[l.stream], keyOf(l.stream, l.row))
			continue
		}
		o.held[l.stream][keyOf(l.stream, l.row)] = heldRow{strings.Clone(l.row.Raw), seconds(l.row.Get(s.Cursor))}
	}
	o.states = next
}

// foundIn is the line in which stdout has each value of the state file: it may not know more than stdout. A value
// that came with the run is in none, nor is that of a stream that begins anew.
func (o *ordeal) foundIn(t *testing.T, lines []line, kept states) map[string]int {
	t.Helper()
	found := map[string]int{}
	for stream, value := range kept {
		at := slices.IndexFunc(lines, func(l line) bool { return l.states[stream] == value })
		m, state := o.modes[stream], gjson.Parse(value)
		anew := m.full && state.Get("unfinished").Bool() && len(state.Get("done").Array()) == 0 &&
			state.Get(connector.Streams.Named(stream).Cursor).Int() == state.Get("start").Int()
		switch {
		case at >= 0:
			found[stream] = at
		case !anew && value != o.states[stream]:
			t.Errorf("%s: the state file holds what stdout does not: %.300s", stream, value)
		}
	}
	return found
}

// equalsTheTruth compares what the platform holds with what there is, field by field. Objects that were deleted
// may be left over, unless tombstones were asked for.
func (o *ordeal) equalsTheTruth(t *testing.T, _ []line) {
	t.Helper()
	for _, s := range connector.TableOf(nil).Default() {
		for key, row := range o.truth(t, s.Name) {
			held, ok := o.held[s.Name][key]
			got, want := canonical(s.Name, []byte(held.raw)), canonical(s.Name, row)
			switch {
			case !ok:
				t.Errorf("%s: row %s is missing", s.Name, key)
			case got != want:
				t.Errorf("%s: row %s differs%s", s.Name, key, difference(got, want))
			}
		}
	}
	if o.settings["deletes"] == nil {
		return
	}
	there := o.truth(t, "conversations")
	for key := range o.held["conversations"] {
		if _, ok := there[key]; !ok {
			t.Errorf("conversations: row %s was deleted, and no tombstone told", key)
		}
	}
}

// nothingComesAgain checks a run that found the workspace as the one before.
func (o *ordeal) nothingComesAgain(t *testing.T, lines []line) {
	t.Helper()
	came := map[string]int{}
	for _, l := range lines {
		if l.stream != "" && !o.modes[l.stream].full {
			came[l.stream]++
		}
	}
	if len(came) > 0 {
		t.Errorf("records came again though nothing had changed: %v", came)
	}
}
