package connector

import (
	"encoding/json"
	"fmt"
	"strconv"
	"time"

	"source-intercom/protocol"

	"github.com/tidwall/gjson"
)

// stateVersion is the version of our own state, which docs/state.md describes.
const stateVersion = 1

// maxDone bounds the finished windows that a state lists. What lies beyond is read again.
const maxDone = 100

// foreignOverlap is what every other connector's bookmark is taken less: they compared contacts by
// whole days, moved bookmarks before all was emitted, or took them from this side's clock.
const foreignOverlap = 48 * 60 * 60

// progress is how far one stream has come. The reader makes it before the run; from then on it
// belongs to the writer.
type progress struct {
	stream    *Stream
	workspace string
	mode      protocol.SyncMode
	syncID    *int64
	overlap   int64  // index lag plus lookback window: what a next run reads again, seconds
	now       int64  // the server's clock; 0: not known
	filter    string // the mark of the filters that rows are read under

	input   json.RawMessage // the state that came; shown until the first own checkpoint
	touched bool

	start    int64  // the start that is covered
	done     ranges // finished seconds, from start on
	bookmark int64  // what a finished stream is complete up to
	finished bool
	prints   *fingerprints
	deletes  int64     // up to when deletions have been told; 0: none ever were
	known    *register // nil: the stream is not swept
}

// A plan is what a stream has to read, made from its state and the configuration.
type plan struct {
	need ranges // in the cursor's seconds; open at the end
	skip bool   // a full refresh that this sync has already finished
	// ahead: the state that came lies in the future, and was not used.
	ahead bool
	// refiltered: the state that came was made under other filters, and was not used.
	refiltered bool
	// reached is the bookmark of an earlier run that left no gap: an earlier end date takes nothing back.
	reached int64
	// tombstones: deletions from the second deletes on are to be told.
	tombstones bool
	deletes    int64
}

// StateError says what is wrong with a state; the command adds the file's name.
type StateError struct {
	Stream, Field, Found, Want string
}

func (e *StateError) Error() string {
	where := "stream " + e.Stream
	if e.Field != "" {
		where += ", field " + e.Field
	}
	return fmt.Sprintf("state of %s: found %s, expected %s", where, e.Found, e.Want)
}

// openProgress makes a stream's progress and plan from the state that came for it.
//
// parent is the state value of the stream whose rows are this child's parents, for foreign states
// only: other connectors let a child lag behind its parent, or run ahead of it.
//
// A state that goes on in the future, by more than clocks may differ, was made while a server's clock was
// wrong, and nobody knows what it has passed over: nothing is taken from it.
func openProgress(p *progress, cfg *Config, parent json.RawMessage) (plan, error) {
	fresh, state := *p, p.input
	next, err := p.planned(cfg, parent)
	if last := len(next.need) - 1; err == nil && last >= 0 && p.now > 0 && len(p.input) > 0 && next.need[last].lo > p.now+tooFarAhead {
		fresh.workspace, fresh.input = p.workspace, nil
		*p = fresh
		next, err = p.planned(cfg, nil)
		next.ahead = true
	}
	p.deletes = p.deletesTold(state, cfg.StartDate.Unix())
	next.tombstones = p.stream.Told && p.mode == protocol.Incremental // a snapshot needs none
	next.deletes = p.deletes - int64(cfg.IndexLag/time.Second)
	if err == nil {
		err = p.openKnown(state, cfg.StartDate.Unix())
	}
	return next, err
}

// tooFarAhead is how far, in seconds, a state may lie in the future.
const tooFarAhead = 24 * 60 * 60

func (p *progress) planned(cfg *Config, parent json.RawMessage) (plan, error) {
	start := cfg.StartDate.Unix()
	p.start = start
	p.prints = newFingerprints(forever)
	if len(p.input) == 0 {
		return p.anew(), nil
	}
	if !isOwn(p.input) {
		if p.mode == protocol.FullRefresh || p.stream.Cursor == "" {
			return p.anew(), nil
		}
		if p.filter != "" {
			return p.underOthers(), nil
		}
		return p.openForeign(start, parent)
	}
	own, err := parseOwnState(p.stream, p.input)
	if err != nil {
		return plan{}, err
	}
	if own.workspace != "" && p.workspace != "" && own.workspace != p.workspace {
		return plan{}, &StateError{Stream: p.stream.Name, Field: "workspace", Found: strconv.Quote(own.workspace),
			Want: strconv.Quote(p.workspace) + ", the workspace that the token belongs to; begin without a state, or use the other token"}
	}
	if p.workspace == "" { // /me is refused: what is known already stays known
		p.workspace = own.workspace
	}
	switch {
	case own.filter != p.filter:
		return p.underOthers(), nil
	case p.mode == protocol.FullRefresh:
		if own.mode != protocol.FullRefresh || p.syncID == nil || own.syncID == nil || *p.syncID != *own.syncID {
			return p.anew(), nil
		}
		if !own.unfinished {
			p.finished, p.bookmark, p.start = true, own.cursor, own.start
			return plan{skip: true}, nil
		}
	case p.stream.Cursor == "", own.mode == protocol.FullRefresh && own.unfinished:
		// Half a snapshot may have been thrown away by the destination: nothing to build on.
		return p.anew(), nil
	}
	if p.stream.Cursor == "" {
		return p.anew(), nil
	}
	return p.resume(own, start)
}

// anew forgets the state that came: everything from the start on is to be read.
func (p *progress) anew() plan {
	p.input = nil
	return plan{need: ranges{{p.start, forever}}}
}

// underOthers is anew for a state that says what was read under other filters.
func (p *progress) underOthers() plan {
	next := p.anew()
	next.refiltered = true
	return next
}

// resume plans what an own state leaves to be read. An unfinished read goes on in its gaps; a
// finished one begins anew a little before its bookmark.
func (p *progress) resume(own *ownState, start int64) (plan, error) {
	if err := p.prints.unpack(own.prints); err != nil {
		return plan{}, &StateError{Stream: p.stream.Name, Field: "fingerprints", Found: err.Error(), Want: "the text that source-intercom wrote"}
	}
	lower := own.cursor
	if !own.unfinished {
		lower -= p.overlap
	}
	p.done = own.done.add(span{own.start, lower}).within(span{start, forever})
	// A start later than what was covered leaves a hole behind it, which only a finished read has filled.
	p.start = start
	next := plan{need: ranges{{start, forever}}.without(p.done)}
	if !own.unfinished && own.start <= start {
		next.reached = own.cursor
	}
	return next, nil
}

// openForeign plans from another connector's bookmark.
func (p *progress) openForeign(start int64, parent json.RawMessage) (plan, error) {
	at, ok, err := foreignBookmark(p.stream.Name, p.stream.Cursor, p.input)
	if err != nil {
		return plan{}, err
	}
	switch {
	case p.stream.Parent == "" || !ok:
	case len(parent) > 0 && !isOwn(parent):
		theirs, found, err := foreignBookmark(p.stream.Feed.Name, p.stream.Feed.Cursor, parent)
		if err != nil {
			return plan{}, err
		}
		// A parent that had not got through leaves the child's own bookmark meaningless.
		ok = found
		if theirs.Before(at) {
			at = theirs
		}
	case !gjson.GetBytes(p.input, "parent_state").Exists() && !gjson.GetBytes(p.input, p.stream.Feed.Name).Exists():
		ok = false // nothing tells how far the parent had got then, be it that it has been read on since
	}
	lower := start
	if ok {
		lower = max(start, at.Unix()-foreignOverlap)
	}
	p.done = ranges{}.add(span{start, lower})
	p.touched = true // ours from the first state line on: a child's bookmark means nothing once its parent's has moved
	return plan{need: ranges{{lower, forever}}}, nil
}

// watermark is the first second from the start on that is not finished.
func (p *progress) watermark() int64 {
	if len(p.done) > 0 && p.done[0].lo <= p.start {
		return max(p.start, p.done[0].hi)
	}
	return p.start
}

// finishRange notes that every row in s has been written.
func (p *progress) finishRange(s span) {
	p.done = p.done.add(s)
	p.touched = true
}

// finish notes that the stream is complete up to bookmark.
func (p *progress) finish(bookmark int64) {
	p.bookmark, p.finished, p.touched = bookmark, true, true
}

// value renders the stream's state. It stands alone: version and workspace are in it.
func (p *progress) value() json.RawMessage {
	if !p.touched && len(p.input) > 0 {
		return p.input
	}
	b := fmt.Appendf(nil, `{"version":%d,"workspace":%s,"sync_mode":%q,"sync_id":`, stateVersion, quoted(p.workspace), p.mode)
	if p.syncID != nil {
		b = strconv.AppendInt(b, *p.syncID, 10)
	} else {
		b = append(b, "null"...)
	}
	b = fmt.Appendf(b, `,"unfinished":%t`, !p.finished)
	if p.filter != "" {
		b = fmt.Appendf(b, `,"filter":%q`, p.filter)
	}
	if p.stream.Cursor != "" {
		b = p.appendCursor(b)
	}
	if p.deletes > 0 {
		b = fmt.Appendf(b, `,"deletes_until":%d`, p.deletes)
	}
	if p.known != nil {
		b = p.known.append(append(b, `,"known_ids":`...))
	}
	return append(b, '}')
}

func (p *progress) appendCursor(b []byte) []byte {
	at, keep := p.watermark(), p.watermark()
	var beyond ranges
	if p.finished {
		at, keep = p.bookmark, p.bookmark-p.overlap
	} else {
		beyond = p.done.within(span{at, forever})
		beyond = beyond[:min(len(beyond), maxDone)]
	}
	b = fmt.Appendf(b, `,%q:%d,"start":%d,"done":[`, p.stream.Cursor, at, p.start)
	for i, s := range beyond {
		if i > 0 {
			b = append(b, ',')
		}
		b = fmt.Appendf(b, "[%d,%d]", s.lo, s.hi)
	}
	return fmt.Appendf(b, `],"fingerprints":"%s"`, p.prints.pack(keep))
}

func quoted(s string) string {
	b, _ := json.Marshal(s) // strings always marshal
	return string(b)
}

// clip shortens what an error shows of its input.
func clip(s string) string {
	const most = 120
	if len(s) <= most {
		return s
	}
	return s[:most] + "…"
}
