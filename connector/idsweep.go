package connector

import (
	"context"
	"encoding/json"
	"errors"
	"maps"
	"net/url"
	"path"
	"slices"
	"strings"
	"sync"

	"source-intercom/intercom"
	"source-intercom/protocol"

	"github.com/tidwall/gjson"
	"golang.org/x/sync/errgroup"
)

const (
	provenAtOnce = 16 // calls that prove deletions
	mostControls = 3  // rows that are asked for to see that calls of their kind are answered at all
)

// A roll is what the walks over a feed have met of the rows that its streams know, or should.
type roll struct {
	mu   sync.Mutex
	of   []*census
	rows map[string]int64 // id: when the row changed last; forever where it does not say
}

func (r *roll) note(row gjson.Result, at int64, dated bool) {
	if r == nil || !isID(row.Get("id")) {
		return
	}
	if !dated {
		at = forever
	}
	id := row.Get("id").String()
	r.mu.Lock()
	defer r.mu.Unlock()
	if _, met := r.rows[id]; met || !slices.ContainsFunc(r.of, func(c *census) bool { return c.concerns(id, at, len(r.rows)) }) {
		return
	}
	r.rows[strings.Clone(id)] = at
}

// A census is what a stream knew when the run began: whose rows it has emitted.
type census struct {
	register
	start int64 // rows that changed last before are not read
}

// returns tells whether a row that is not new has to be emitted all the same: a tombstone has said that it was gone.
func (c *census) returns(row gjson.Result, at int64, dated bool) bool {
	if c == nil || !c.whole || dated && at < c.start {
		return false
	}
	_, there := c.ids[row.Get("id").String()]
	return !there
}

// concerns tells whether the stream knows a row, or is to know it: as one of many, for more are not swept.
func (c *census) concerns(id string, at int64, many int) bool {
	_, known := c.ids[id]
	return known || at >= c.start && many <= 2*maxKnown
}

// withSweep is the stream as it is when its ids are to be compared in each run.
func (s Stream) withSweep(sweeps []string) Stream {
	s.Swept = s.sweepable() && (slices.Contains(sweeps, s.Name) || slices.Contains(sweeps, everyStream))
	return s
}

// sweepable tells whether the rows that a stream has emitted can be compared with those that there are, and one that is missed
// can be asked for. Of streams without a cursor all comes in each run.
func (s *Stream) sweepable() bool { return s.keyedByRow() && s.Cursor != "" && s.Feed.One != "" }

// sweeping are the streams that are swept in this run.
func (f *feedRun) sweeping() []*streamRun {
	return slices.DeleteFunc(f.live(), func(run *streamRun) bool { return run.census == nil })
}

// enroll makes ready for the walk what it has to note.
func (f *feedRun) enroll() {
	for _, run := range f.sweeping() {
		if f.roll == nil {
			f.roll = &roll{rows: map[string]int64{}}
		}
		f.roll.of = append(f.roll.of, run.census)
	}
}

// sweepFrom is where the walk has to begin that meets all that any stream may have emitted; forever: no stream is swept.
func (f *feedRun) sweepFrom() int64 {
	from := int64(forever)
	for _, run := range f.sweeping() {
		from = min(from, run.census.from)
	}
	return from
}

// sweepIDs finds out which rows have gone: those that the streams have emitted, that the whole walk has not met, and that are not
// there either when they are asked for by themselves. A walk that was led astray so never makes a false tombstone.
func (f *feedRun) sweepIDs(ctx context.Context) error {
	runs := f.sweeping()
	if len(runs) == 0 {
		return nil
	}
	missed := map[string]struct{}{}
	for _, run := range runs {
		for id := range run.census.ids {
			if _, met := f.roll.rows[id]; !met {
				missed[id] = struct{}{}
			}
		}
	}
	gone, err := f.proven(ctx, slices.Sorted(maps.Keys(missed)))
	for _, run := range runs {
		failed := err
		if failed == nil {
			failed = f.takeBack(ctx, run, gone)
		}
		if err := f.blame(ctx, run, namedAfter(failed, run.stream.Name)); err != nil {
			return err
		}
	}
	return nil
}

// takeBack emits the tombstones of a stream, and lets it know what the walk has met.
func (f *feedRun) takeBack(ctx context.Context, run *streamRun, gone []deletion) error {
	e := f.emitter(ctx, run)
	for _, d := range gone {
		if _, emitted := run.census.ids[d.id]; !emitted {
			continue
		}
		if err := e.tombstone(d); err != nil {
			return err
		}
	}
	return e.flush(func(p *progress) {
		for id, at := range f.roll.rows {
			if at >= run.census.start {
				p.known.apply([]change{{id: id}})
			}
		}
		p.known.whole, p.touched = !p.known.tooMany, true
	})
}

// proven are those of the ids that Intercom says it does not have.
func (f *feedRun) proven(ctx context.Context, ids []string) ([]deletion, error) {
	if len(ids) == 0 {
		return nil, nil
	}
	if answered, err := f.answers(ctx); err != nil || !answered {
		return nil, err
	}
	now := f.client.Cautious().Unix()
	found := make([]deletion, len(ids))
	group, asking := errgroup.WithContext(ctx)
	group.SetLimit(provenAtOnce)
	for i, id := range ids {
		group.Go(func() error {
			gone, into, err := f.lacks(asking, id)
			if gone {
				found[i] = deletion{id: id, at: now, into: into}
			}
			return err
		})
	}
	err := group.Wait()
	return slices.DeleteFunc(found, func(d deletion) bool { return d.id == "" }), err
}

// answers tells whether rows that are there are found when they are asked for. If none is, a 404 says nothing.
func (f *feedRun) answers(ctx context.Context) (bool, error) {
	n := 0
	for id := range f.roll.rows {
		if n++; n > mostControls {
			break
		}
		if gone, _, err := f.lacks(ctx, id); err != nil || !gone {
			return err == nil, err
		}
	}
	f.Log.Warn().Str("feed", f.feed.Name).Msg("rows are missed, but none that is there can be asked for: no deletions are told")
	return false, nil
}

// lacks asks for a row by itself. A 404 without Intercom's own code may come from anywhere.
func (f *feedRun) lacks(ctx context.Context, id string) (gone bool, into string, err error) {
	answer, err := f.client.Do(ctx, intercom.Request{Method: "GET", Path: strings.Replace(f.feed.One, "{id}", url.PathEscape(id), 1), Stream: f.feed.Name})
	if err == nil {
		answer.Release()
		return false, "", nil
	}
	var api *intercom.Error
	if !errors.As(err, &api) || api.Kind != intercom.NotFound {
		return false, "", err
	}
	if api.Location != "" {
		into = path.Base(api.Location)
	}
	return api.Code != "", into, nil
}

// openKnown makes what a stream knows of its rows from the state that came.
func (p *progress) openKnown(state json.RawMessage, start int64) error {
	v := gjson.GetBytes(state, "known_ids")
	switch {
	case !p.stream.Swept:
		return nil
	case len(p.input) == 0 && (len(state) == 0 || p.mode == protocol.FullRefresh):
		p.known = &register{ids: map[string]struct{}{}, from: start, whole: true} // nothing has been emitted yet
		return nil
	case !v.Exists() || !isOwn(state):
		p.known = &register{ids: map[string]struct{}{}, from: start}
		return nil
	}
	k, ok := parseRegister(v)
	if !ok {
		return &StateError{Stream: p.stream.Name, Field: "known_ids", Found: clip(v.Raw), Want: "the ids that source-intercom wrote"}
	}
	k.from = min(k.from, start)
	p.known = k
	return nil
}

// census is what a run sweeps by; nil: it does not.
func (p *progress) census() *census {
	if p.known == nil || p.known.tooMany || p.mode != protocol.Incremental {
		return nil
	}
	return &census{register: register{ids: maps.Clone(p.known.ids), from: p.known.from, whole: p.known.whole}, start: p.start}
}
