package connector

import (
	"encoding/json"
	"fmt"
	"strconv"
	"time"

	"source-intercom/protocol"

	"github.com/tidwall/gjson"
)

// mostDone is how many of them are read of a state. Nobody writes so many, and each costs a walk over all.
const mostDone = 100 * maxDone

// ownState is our own state value, parsed.
type ownState struct {
	workspace  string
	mode       protocol.SyncMode
	syncID     *int64
	cursor     int64
	hasCursor  bool
	unfinished bool
	start      int64
	done       ranges
	prints     string
	filter     string
	deletes    int64
}

// isOwn tells our own state from another connector's.
func isOwn(value json.RawMessage) bool {
	v := gjson.GetBytes(value, "version")
	return gjson.ParseBytes(value).IsObject() && v.Type == gjson.Number
}

func parseOwnState(s *Stream, value json.RawMessage) (*ownState, error) {
	bad := func(field, want string) error {
		found := gjson.GetBytes(value, field).Raw
		if found == "" {
			found = "nothing"
		}
		return &StateError{Stream: s.Name, Field: field, Found: clip(found), Want: want}
	}
	root := gjson.ParseBytes(value)
	if v := root.Get("version").Int(); v != stateVersion {
		return nil, bad("version", fmt.Sprintf("%d; a newer source-intercom may have written this state", stateVersion))
	}
	own := &ownState{
		workspace:  root.Get("workspace").String(),
		mode:       protocol.SyncMode(root.Get("sync_mode").String()),
		unfinished: root.Get("unfinished").Bool(),
		prints:     root.Get("fingerprints").String(),
		filter:     root.Get("filter").String(),
	}
	if own.mode != protocol.FullRefresh && own.mode != protocol.Incremental {
		return nil, bad("sync_mode", `"full_refresh" or "incremental"`)
	}
	if id := root.Get("sync_id"); id.Type == gjson.Number {
		n := id.Int()
		own.syncID = &n
	}
	if s.Cursor == "" {
		return own, nil
	}
	var ok bool
	if v := root.Get("deletes_until"); v.Exists() {
		if own.deletes, ok = seconds(v); !ok {
			return nil, bad("deletes_until", "a time in Unix seconds")
		}
	}
	if own.cursor, ok = seconds(root.Get(s.Cursor)); !ok {
		return nil, bad(s.Cursor, "a time in Unix seconds")
	}
	own.hasCursor = true
	if own.start, ok = seconds(root.Get("start")); !ok {
		return nil, bad("start", "a time in Unix seconds")
	}
	done := root.Get("done").Array()
	if len(done) > mostDone {
		return nil, &StateError{Stream: s.Name, Field: "done", Found: fmt.Sprintf("%d ranges", len(done)), Want: fmt.Sprintf("%d at most", maxDone)}
	}
	for i, pair := range done {
		lo, okLo := seconds(pair.Get("0"))
		hi, okHi := seconds(pair.Get("1"))
		if !okLo || !okHi || lo > hi {
			return nil, bad(fmt.Sprintf("done.%d", i), "a pair of times in Unix seconds, the earlier first")
		}
		own.done = own.done.add(span{lo, hi})
	}
	return own, nil
}

// lastSecond is the last one of the year 9999. What lies beyond, or before 1970, is no time of Intercom's: a
// row that has it is emitted like one that has none, for no window would ever be its own.
const lastSecond = 253402300799

// seconds reads a time as any of our states and Intercom's records may hold it: Unix seconds as a
// number or text, or RFC 3339.
func seconds(v gjson.Result) (int64, bool) {
	at, ok := anySeconds(v)
	return at, ok && at >= 0 && at <= lastSecond
}

func anySeconds(v gjson.Result) (int64, bool) {
	switch v.Type {
	case gjson.Number:
		if n, err := strconv.ParseInt(v.Raw, 10, 64); err == nil {
			return n, true
		}
		f := v.Float() // 1.7e9 and 1700000000.0 happen; fractions are cut, which is the safe side
		return int64(f), f > -1e15 && f < 1e15
	case gjson.String:
		if n, err := strconv.ParseInt(v.Str, 10, 64); err == nil {
			return n, true
		}
		if t, err := time.Parse(time.RFC3339, v.Str); err == nil {
			return t.Unix(), true
		}
	}
	return 0, false
}
