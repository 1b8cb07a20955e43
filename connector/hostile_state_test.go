package connector

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"net/http"
	"strings"
	"testing"
	"time"

	"source-intercom/emulator"
	"source-intercom/protocol"
)

// A row whose time cannot be is emitted like one that has none, and moves no bookmark beyond the server's
// clock; the next run reads on.
func TestHostileTimes(t *testing.T) {
	size := emulator.Size{Admins: 2, Segments: 3, Companies: 9, Contacts: 20, Conversations: 20, Tickets: 20, ActivityLogs: 20}
	for _, text := range append(hostileValues, "253402300800", `"-1"`, `"0001-01-01T00:00:00Z"`, "1e12", "1e400") {
		if text == "-0" || text == "0.5" || text == "1e3" {
			continue // these are times: below every start
		}
		w := newWorld(t, "2.16", emulator.Options{Size: size})
		behind(t, w, func(r *http.Request, _, answer string) string {
			for i := range Streams {
				if s := &Streams[i]; s.Cursor != "" && s.Parent == "" && strings.HasPrefix(s.Feed.Path, r.URL.Path) {
					answer = replaced(answer, s.Feed.Rows+".1."+s.Cursor, text)
				}
			}
			return answer
		})
		out := w.read(t, reading{streams: cursorStreams, mode: protocol.Incremental})
		if lost := w.lost(t, out, cursorStreams); lost != nil {
			t.Errorf("%.30s: lost %v", text, lost)
		}
		for _, stream := range cursorStreams {
			if at := out.stateValue(stream).Get(streamNamed(stream).Cursor).Int(); at > time.Now().Unix() && at > born.Unix() {
				t.Errorf("%.30s: %s is complete up to %d", text, stream, at)
			}
		}
		w.read(t, reading{streams: cursorStreams, mode: protocol.Incremental, state: out.State})
	}
}

// ownValue is a state of tickets with these members.
func ownValue(members string) json.RawMessage {
	return json.RawMessage(`{"version":1,"workspace":"w","sync_mode":"incremental","unfinished":true,` + members + `}`)
}

func TestHostileOwnStates(t *testing.T) {
	many := strings.TrimSuffix(strings.Repeat("[1,2],", 1_000_000), ",")
	for name, test := range map[string]struct{ members, field string }{
		"negative bookmark":          {`"updated_at":-1,"start":0`, "updated_at"},
		"bookmark below all numbers": {`"updated_at":-9223372036854775808,"start":0`, "updated_at"},
		"bookmark above all numbers": {`"updated_at":9223372036854775808,"start":0`, "updated_at"},
		"bookmark beyond all years":  {`"updated_at":9223372036854775807,"start":0`, "updated_at"},
		"exponent":                   {`"updated_at":1e999999,"start":0`, "updated_at"},
		"start below all numbers":    {`"updated_at":1,"start":-9223372036854775808`, "start"},
		"a million ranges":           {`"updated_at":1,"start":0,"done":[` + many + `]`, "done"},
		"a range turned round":       {`"updated_at":1,"start":0,"done":[[2,1]]`, "done.0"},
		"a negative range":           {`"updated_at":1,"start":0,"done":[[5,6],[-5,9]]`, "done.1"},
		"a range of one":             {`"updated_at":1,"start":0,"done":[[5]]`, "done.0"},
		"rubbish for fingerprints":   {`"updated_at":1,"start":0,"fingerprints":"!!!"`, "fingerprints"},
		"half a fingerprint":         {`"updated_at":1,"start":0,"fingerprints":"AAAA"`, "fingerprints"},
		"deep fingerprints":          {`"updated_at":1,"start":0,"fingerprints":` + strings.Repeat("[", 5000) + strings.Repeat("]", 5000), "fingerprints"},
		"a mode of a megabyte":       {`"sync_mode":"` + strings.Repeat("x", 1<<20) + `","updated_at":1,"start":0`, ""}, // the first one counts
	} {
		soon(t, name, func() {
			p := &progress{stream: streamNamed("tickets"), workspace: "w", mode: protocol.Incremental, overlap: 900, input: ownValue(test.members)}
			_, err := openProgress(p, &Config{StartDate: time.Unix(0, 0)}, nil)
			state, is := errors.AsType[*StateError](err)
			if test.field == "" && err != nil || test.field != "" && (!is || state.Field != test.field || len(err.Error()) > 1000) {
				t.Errorf("%s: error %.300v, want one of %s", name, err, test.field)
			}
		})
	}
}

// A million fingerprints take bounded memory; the newest are kept.
func TestManyFingerprints(t *testing.T) {
	if testing.Short() {
		t.Skip("takes seconds")
	}
	raw := make([]byte, 20*1_000_000)
	for i := range raw {
		raw[i] = byte(i * i >> 3)
	}
	f := newFingerprints(forever)
	if err := f.unpack(base64.RawStdEncoding.EncodeToString(raw)); err != nil || len(f.rows) > 4*maxFingerprints {
		t.Errorf("%d fingerprints, error %v", len(f.rows), err)
	}
}

// What a state leaves to be read, and what it says was read, are all of time from the start on, without
// overlap: no second is forgotten, whatever the state's ranges look like.
func FuzzOwnState(f *testing.F) {
	for _, done := range []string{`[]`, `[[10,20]]`, `[[10,20],[15,30],[1,2]]`, `[[30,40],[10,20]]`, `[[5,5]]`, `[[0,253402300799]]`, `[[-1,2]]`, `[["3","9"],[9,12]]`, `[[1e1,2e1]]`, `{"0":[1,2]}`, `7`} {
		f.Add(int64(5), int64(0), int64(0), done, true)
		f.Add(int64(1_700_000_000), int64(1_600_000_000), int64(1_650_000_000), done, false)
		f.Add(int64(math.MinInt64), int64(math.MaxInt64), int64(7), done, false)
	}
	f.Fuzz(func(t *testing.T, cursor, covered, start int64, done string, unfinished bool) {
		if start < 0 || start > lastSecond || !json.Valid([]byte(done)) {
			return
		}
		value := fmt.Sprintf(`{"version":1,"sync_mode":"incremental","unfinished":%t,"updated_at":%d,"start":%d,"done":%s}`, unfinished, cursor, covered, done)
		const overlap = 900
		p := &progress{stream: streamNamed("tickets"), mode: protocol.Incremental, overlap: overlap, input: json.RawMessage(value)}
		plan, err := openProgress(p, &Config{StartDate: time.Unix(start, 0)}, nil)
		if err != nil {
			if state, is := errors.AsType[*StateError](err); !is || state.Field == "" || state.Found == "" || state.Want == "" {
				t.Fatalf("%s: %v names no field", value, err)
			}
			return
		}
		upTo := cursor
		if !unfinished {
			upTo -= overlap
		}
		var pairs [][2]int64
		if json.Unmarshal([]byte(done), &pairs) != nil {
			return // read all the same, but not by this reference
		}
		wasRead := func(second int64) bool {
			read := covered <= second && second < upTo
			for _, pair := range pairs {
				read = read || pair[0] <= second && second < pair[1]
			}
			return read
		}
		for _, edge := range append(pairs, [2]int64{cursor, covered}, [2]int64{start, upTo}, [2]int64{lastSecond, 0}) {
			for _, at := range edge {
				for _, second := range []int64{at - 1, at, at + 1} {
					if second < start {
						continue
					}
					if need := plan.need.contains(second); need == wasRead(second) || need == p.done.contains(second) {
						t.Fatalf("%s from %d: second %d is needed: %v, was read: %v, is noted as read: %v", value, start, second, need, wasRead(second), p.done.contains(second))
					}
				}
			}
		}
	})
}
