package connector

import (
	"bytes"
	"encoding/json"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"
)

// foreignBookmark finds where another connector had come to with a stream, in the state value that it
// left: Airbyte's source-intercom in its present and older forms, singer-io's tap-intercom, and taps
// built with Meltano's SDK. It is the earliest of all positions in the value, those of a parent
// stream and of partitions included, for what lies after the earliest may be unread. ok is false when
// the value says that nothing was read, or leaves a part open: then only the start date is safe. The
// error is a *StateError.
func foreignBookmark(stream, cursor string, value json.RawMessage) (at time.Time, ok bool, err error) {
	if cursor == "" {
		return time.Time{}, false, nil
	}
	r := foreignReader{stream: stream, cursor: cursor}
	p := r.read("", value, 0)
	if r.err != nil {
		return time.Time{}, false, r.err
	}
	return p.at, p.known && !p.open, nil
}

// position is what a piece of state says. The zero value says nothing.
type position struct {
	known bool
	open  bool // known to hold no position: some part was never finished
	at    time.Time
}

var openPosition = position{known: true, open: true}

// and is the position up to which both pieces agree that all was read.
func (p position) and(q position) position {
	switch {
	case !p.known || q.open:
		return q
	case !q.known || p.open || p.at.Before(q.at):
		return p
	}
	return q
}

type foreignReader struct {
	stream, cursor string
	err            error // the first one
}

// read takes the position from a value: a bare time, or an object of any of the known forms. path
// leads to the value, from the top of the stream's state.
func (r *foreignReader) read(path string, value json.RawMessage, depth int) position {
	value = bytes.TrimSpace(value)
	if len(value) == 0 || value[0] != '{' {
		return r.instant(path, value)
	}
	object := r.object(path, value)
	if depth++; depth > 4 { // no connector nests deeper, and garbage must not cost quadratic time
		return r.fail(path, value)
	}
	var own, others position
	strange := false
	for _, key := range slices.Sorted(maps.Keys(object)) {
		value, at := object[key], join(path, key)
		switch key {
		case r.cursor, "replication_key_value":
			own = own.and(r.instant(at, value))
		case "replication_key":
			r.checkKey(at, value)
		case "state":
			own = own.and(r.read(at, value, depth).less(r.seconds(join(path, "lookback_window"), object["lookback_window"])))
		case "states", "partitions":
			own = own.and(r.partitions(at, value, depth))
		case "parent_state":
			parents := r.object(at, value)
			for _, name := range slices.Sorted(maps.Keys(parents)) {
				others = others.and(r.read(join(at, name), parents[name], depth))
			}
		case "conversations", "companies": // a parent's state, as Airbyte kept it before parent_state
			others = others.and(r.read(at, value, depth))
		case "prior_state":
			// The state from before the run that wrote this one, which may have been cut short. It is
			// empty when that run was the first.
			if prior := r.read(at, value, depth); !prior.open {
				others = others.and(prior)
			}
		default:
			strange = strange || !slices.Contains(helpers, key) && !strings.HasPrefix(key, "__ab_")
		}
	}
	if !own.known {
		if strange {
			return r.fail(path, value)
		}
		own = openPosition // what is known of a parent says nothing about the child
	}
	return own.and(others)
}

// helpers are keys that may stand in a state without any position, besides Airbyte's own, which begin
// with __ab_. Those of singer-io belong to a run that was cut short; the position beside them, if
// any, is the one from before that run.
var helpers = []string{
	"last_processed", "last_sync_started_at",
	"use_global_cursor", "lookback_window",
	"starting_replication_value", "replication_key_signpost", "progress_markers", "context",
}

// partitions takes the positions of a list that has one state for each parent: Airbyte's, which wraps
// them, or Meltano's. An empty list says nothing.
func (r *foreignReader) partitions(path string, value json.RawMessage, depth int) position {
	var list []json.RawMessage
	if err := json.Unmarshal(value, &list); err != nil {
		return r.fail(path, value)
	}
	var all position
	for i, item := range list {
		at := path + "[" + strconv.Itoa(i) + "]"
		if cursor, ok := r.object(at, item)["cursor"]; ok {
			at, item = join(at, "cursor"), cursor
		}
		all = all.and(r.read(at, item, depth))
	}
	return all
}

// instant reads one position: a date, or seconds or milliseconds since 1970, as a number or a text.
func (r *foreignReader) instant(path string, value json.RawMessage) position {
	text := string(bytes.TrimSpace(value))
	if strings.HasPrefix(text, `"`) {
		if err := json.Unmarshal(value, &text); err != nil {
			return r.fail(path, value)
		}
	}
	if text == "" || text == "null" {
		return openPosition
	}
	if at, ok := parseTime(text); ok {
		return position{known: true, at: at}
	}
	const firstMilliseconds, year10000 = 1e11, 253402300800
	seconds, err := strconv.ParseFloat(text, 64)
	if seconds >= firstMilliseconds {
		seconds /= 1000
	}
	if err != nil || !(seconds >= 0 && seconds < year10000) { // in this form it catches NaN too
		return r.fail(path, value)
	}
	return position{known: true, at: time.Unix(int64(math.Floor(seconds)), 0).UTC()}
}

// seconds reads a length of time; where there is none it is 0.
func (r *foreignReader) seconds(path string, value json.RawMessage) time.Duration {
	var n *float64
	if len(value) > 0 && json.Unmarshal(value, &n) != nil {
		r.fail(path, value)
	}
	if n == nil {
		return 0
	}
	const century = 100 * 365 * 24 * time.Hour
	return time.Duration(max(0, min(*n*float64(time.Second), float64(century))))
}

// less moves a position back: Airbyte's child streams reach back by the time that their last run took.
func (p position) less(d time.Duration) position {
	p.at = p.at.Add(-d)
	return p
}

// checkKey refuses a position in another field than the one that the stream is read by.
func (r *foreignReader) checkKey(path string, value json.RawMessage) {
	var key *string
	if json.Unmarshal(value, &key) != nil || key != nil && *key != r.cursor {
		r.fail(path, value)
	}
}

// object decodes an object; null is an empty one.
func (r *foreignReader) object(path string, value json.RawMessage) map[string]json.RawMessage {
	var object map[string]json.RawMessage
	if err := json.Unmarshal(value, &object); err != nil {
		r.fail(path, value)
	}
	return object
}

func (r *foreignReader) fail(path string, value json.RawMessage) position {
	if r.err == nil {
		r.err = &StateError{
			Stream: r.stream, Field: path, Found: clip(string(value)),
			Want: "a bookmark in " + r.cursor + ", as source-intercom or tap-intercom write it",
		}
	}
	return position{}
}

func join(path, key string) string {
	if path == "" {
		return key
	}
	return path + "." + key
}
