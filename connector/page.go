package connector

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"source-intercom/intercom"
	"source-intercom/protocol"

	"github.com/tidwall/gjson"
)

// childrenAtOnce bounds the parents of one feed whose children are being fetched or wait for their turn
// to be. It is what a call of three seconds needs at Intercom's usual limit; the client bounds the calls.
const childrenAtOnce = 512

// A haul is what a page brings to each of a feed's streams.
type haul struct {
	runs    []*streamRun
	rows    [][]gjson.Result // of streams whose records they are
	errands []errand
}

func (f *feedRun) newHaul() (*haul, error) {
	runs := f.live()
	if len(runs) == 0 {
		return nil, errNoneLeft
	}
	return &haul{runs: runs, rows: make([][]gjson.Result, len(runs))}, nil
}

// add gives a row to the i-th stream, as one of its records, as what they are cut out of, or as the parent of what
// has to be fetched. Without an id that would be asked for at another place, and that place's 404 would pass for a
// deletion.
func (h *haul) add(f *feedRun, i int, row gjson.Result, content uint64) error {
	run := h.runs[i]
	s := run.stream
	id := row.Get("id")
	if !s.Fetched() || s.Whole != nil && s.Whole(row) && !h.awaits(f, s, id.String()) {
		h.rows[i] = append(h.rows[i], row)
		return nil
	}
	if !isID(id) {
		return f.noID(run, "id", id)
	}
	p := parent{id: strings.Clone(id.String()), content: content}
	p.via = p.id
	if s.Via != "" {
		via := row.Get(s.Via)
		if !isID(via) { // then nothing can belong to it
			return nil
		}
		p.via = strings.Clone(via.String())
	}
	if s.Whole != nil && s.Cut == nil {
		p.row = strings.Clone(row.Raw)
	}
	p.updated, p.dated = f.cursor(row)
	if s.LooksUp && f.people != nil {
		p.lack = newConversation(p.id, protocol.Members(row.Raw), nil, 0, 0).lack().kept()
	}
	h.send(run, p)
	return nil
}

// awaits tells whether an earlier version of a row is still to be fetched for, and would come after this one.
func (h *haul) awaits(f *feedRun, s *Stream, id string) bool {
	turn := s.turn(id)
	return f.nursery.has(turn) || slices.ContainsFunc(h.errands, func(e errand) bool { return e.of.turn(e.id) == turn })
}

// send has what belongs to a row fetched for a stream: by another's call, where both are made of its answer.
func (h *haul) send(run *streamRun, p parent) {
	if last := len(h.errands) - 1; run.stream.Thread != nil {
		for i := last; i >= 0 && h.errands[i].id == p.id && h.errands[i].content == p.content; i-- {
			if e := &h.errands[i]; e.of.turn(p.id) == run.stream.turn(p.id) {
				e.runs = append(e.runs, run)
				if e.lack == (lack{}) {
					e.lack = p.lack
				}
				return
			}
		}
	}
	h.errands = append(h.errands, errand{parent: p, of: run.stream, runs: []*streamRun{run}})
}

// sift judges a page's rows and emits those that are records themselves. A row is passed over unless it is
// mine and was not met before; fresh counts those that are left, of which each stream gets what it takes.
// Walks that share what they have met sift one page at a time.
func (f *feedRun) sift(ctx context.Context, rows []gjson.Result, met *seen,
	mine func(at int64, dated bool) bool, takes func(run *streamRun, at int64, dated bool) bool,
) (h *haul, fresh int, err error) {
	met.turn.Lock()
	defer met.turn.Unlock()
	if h, err = f.newHaul(); err != nil {
		return nil, 0, err
	}
	for _, row := range rows {
		at, dated := f.cursor(row)
		f.roll.note(row, at, dated)
		if !mine(at, dated) {
			continue
		}
		content := contentOf(row)
		if met.again(rowKey(row), content) {
			continue
		}
		fresh++
		if !f.filter.match(row, f.asked) {
			continue
		}
		for i, run := range h.runs {
			if !takes(run, at, dated) && !(at < f.upper && run.census.returns(row, at, dated)) {
				continue
			}
			if err := f.blame(ctx, run, h.add(f, i, row, content)); err != nil {
				return nil, fresh, err
			}
		}
	}
	return h, fresh, f.emit(ctx, h)
}

// cursor is when a row changed last by its feed's cursor, in Unix seconds, if it says so.
func (f *feedRun) cursor(row gjson.Result) (at int64, dated bool) {
	if f.feed.Cursor == "" {
		return 0, false
	}
	return seconds(row.Get(f.feed.Cursor))
}

// emit hands on the rows, each stream's as they are. The page they came from may be released then.
func (f *feedRun) emit(ctx context.Context, h *haul) error {
	for i, run := range h.runs {
		err := f.emitRows(ctx, run, h.rows[i])
		h.rows[i] = nil // they keep the page in memory
		if err := f.blame(ctx, run, err); err != nil {
			return err
		}
	}
	return nil
}

func (f *feedRun) emitRows(ctx context.Context, run *streamRun, rows []gjson.Result) error {
	if len(rows) == 0 || !run.alive() {
		return nil
	}
	e := f.emitter(ctx, run)
	emit := e.row
	if run.stream.Cut != nil {
		emit = e.cut
	}
	for _, row := range rows {
		if err := emit(row); err != nil {
			return err
		}
		if err := e.takenOver(row); err != nil {
			return err
		}
	}
	return e.flush(nil)
}

// address is the feed's path, with what it asks for beside.
func (f *feedRun) address() string {
	if f.feed.Asks == "" || !intercom.Version(f.Config.APIVersion).AtLeast(f.feed.AsksSince) {
		return f.feed.Path
	}
	return f.feed.Path + "?" + f.feed.Asks
}

// raise begins to fetch the children of a page's rows. note runs when they, and those of all pages before
// it, have been handed on; nil: nothing is to be noted.
func (f *feedRun) raise(ctx context.Context, t *trail, h *haul, note func() error) error {
	u := &unit{}
	defer t.follow(u, note)
	err := f.fetch(ctx, u, h.errands)
	if err != nil {
		u.fail(err)
	}
	return err
}

// lag is how long after a change, in seconds, the index may still not show it.
func (f *feedRun) lag() int64 { return int64(f.Config.IndexLag / time.Second) }

// settled is up to when the index shows every change by now.
func (f *feedRun) settled() int64 { return f.client.Cautious().Unix() - f.lag() }

// finished notes for every live stream that a span has been read.
func (f *feedRun) finished(ctx context.Context, sp span) error {
	for _, run := range f.live() {
		if err := f.writer.send(ctx, batch{run: run, then: func(p *progress) { p.finishRange(sp) }}); err != nil {
			return err
		}
	}
	return nil
}

// errNoneLeft ends a walk whose streams have all ended before it.
var errNoneLeft = errors.New("no stream is left to read for")

// blame charges an error to its stream, so that the others go on. It returns an error when none is left,
// when the token is bad, or when the run is over.
func (f *feedRun) blame(ctx context.Context, run *streamRun, err error) error {
	if err == nil {
		return nil
	}
	if ctx.Err() != nil || intercom.KindOf(err) == intercom.BadToken {
		return err
	}
	f.charge(run, err)
	if len(f.live()) == 0 {
		return errNoneLeft
	}
	return nil
}

// feedWalk reads one feed for its streams: the only signature by which the engine fetches.
type feedWalk func(context.Context, *feedRun) error

// childFetch emits the children of one row of its stream's feed.
type childFetch func(ctx context.Context, f *feedRun, e *emitter, p parent) error

// contentOf hashes a row as it came.
func contentOf(row gjson.Result) uint64 { return protocol.Fingerprint(raw(row)) }
