package connector

import (
	"context"
	"errors"
	"slices"
	"sync"
)

// A trail keeps the order of one walk's pages. Children are fetched while the walk goes on, and what a
// page has finished is noted only when all its children, and all before it, have been handed on.
type trail struct {
	stop context.CancelCauseFunc // ends the walk, for it has become useless
	mu   sync.Mutex
	last *step
}

// A step is a page of a trail, with all pages before it.
type step struct {
	done chan struct{} // closed when they have been handed on
	err  error         // why they could not; to be read after done was closed
}

// newTrail begins a trail, which goes on from an earlier one where after is not nil: rows that were met
// there are not emitted again here, so that nothing here is finished before their children are. The
// walk must use the context that comes with it, and end the trail.
func newTrail(ctx context.Context, after *step) (*trail, context.Context) {
	ctx, stop := context.WithCancelCause(ctx)
	if after == nil {
		after = &step{done: make(chan struct{})}
		close(after.done)
	}
	return &trail{stop: stop, last: after}, ctx
}

// follow adds a page: note runs once the unit of work has ended, and all units before it.
func (t *trail) follow(u *unit, note func() error) {
	now := &step{done: make(chan struct{})}
	t.mu.Lock()
	before := t.last
	t.last = now
	t.mu.Unlock()
	go func() {
		defer close(now.done)
		err := u.wait()
		<-before.done
		switch {
		case before.err != nil:
			err = before.err
		case err == nil && note != nil:
			err = note()
		}
		if err != nil {
			now.err = err
			t.stop(err)
		}
	}()
}

// end waits for all pages, and returns what made the walk useless, else the walk's own error.
func (t *trail) end(walk error) error {
	<-t.last.done
	t.stop(nil)
	if t.last.err != nil {
		return t.last.err
	}
	return walk
}

// A unit is the children of one page.
type unit struct {
	sync.WaitGroup
	mu  sync.Mutex
	err error
}

func (u *unit) fail(err error) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.err == nil {
		u.err = err
	}
}

func (u *unit) wait() error {
	u.Wait()
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.err
}

// A parent is what fetching the children of a row needs to know of it. It does not keep the page.
type parent struct {
	id      string
	via     string // by which its children are asked for; mostly its id
	updated int64  // Unix seconds, if dated
	dated   bool
	content uint64 // hash of the row as it came
	row     string // the row itself, of streams whose record it becomes; else ""
	lack    lack   // what a conversation does not tell of its contact, of streams that look that up
}

// A nursery fetches children for the streams of one feed, across all pages and walks.
type nursery struct {
	slots chan struct{} // childrenAtOnce

	mu   sync.Mutex
	last map[turn]chan struct{} // closed when the fetch that was begun last has ended
}

// A turn names a parent, and what is fetched of it: by a stream, or at the endpoint of those that share a call.
type turn struct{ of, id string }

func (s *Stream) turn(id string) turn {
	if s.Thread != nil {
		return turn{s.Endpoint, id}
	}
	return turn{s.Name, id}
}

// An errand is a call for what belongs to a parent, and the streams that it is made for.
type errand struct {
	parent
	of   *Stream // the first
	runs []*streamRun
}

// wanted are its streams that are still being read.
func (e *errand) wanted() []*streamRun {
	return slices.DeleteFunc(slices.Clone(e.runs), func(run *streamRun) bool { return !run.alive() })
}

func newNursery() *nursery {
	return &nursery{slots: make(chan struct{}, childrenAtOnce), last: map[turn]chan struct{}{}}
}

// queue takes the next turn of a parent. Where the same parent was met before and its children are
// still being fetched, before is closed when that has ended: else the older version of a child could
// come after the younger one. before may be nil.
func (n *nursery) queue(t turn) (before <-chan struct{}, done func()) {
	now := make(chan struct{})
	n.mu.Lock()
	defer n.mu.Unlock()
	if earlier, ok := n.last[t]; ok {
		before = earlier
	}
	n.last[t] = now
	return before, func() {
		n.mu.Lock()
		defer n.mu.Unlock()
		if n.last[t] == now {
			delete(n.last, t)
		}
		close(now)
	}
}

// has tells whether a turn has been taken that has not ended yet.
func (n *nursery) has(t turn) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	_, there := n.last[t]
	return there
}

// fetch runs all errands in the background; it returns when the last of them has begun. A failure ends the streams that
// it concerns, and only what ends the whole run fails the unit.
func (f *feedRun) fetch(ctx context.Context, u *unit, errands []errand) error {
	for _, e := range errands {
		if len(e.wanted()) == 0 {
			continue
		}
		select {
		case f.nursery.slots <- struct{}{}:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
		before, done := f.nursery.queue(e.of.turn(e.id))
		u.Go(func() {
			defer func() { <-f.nursery.slots }()
			defer done()
			if before != nil {
				<-before
			}
			if err := f.bring(ctx, e); err != nil {
				u.fail(err)
			}
		})
	}
	return nil
}

// bring fetches and emits the children of one parent.
func (f *feedRun) bring(ctx context.Context, e errand) error {
	if err := ctx.Err(); err != nil {
		return context.Cause(ctx)
	}
	runs := e.wanted()
	try := func() error { return f.child(ctx, runs[0], e.parent) }
	if e.of.Thread != nil {
		runs = f.without(runs, e.parent)
		try = func() error { return f.thread(ctx, runs, e.parent) }
	}
	if len(runs) == 0 {
		return nil
	}
	err := f.rowsFault(ctx, try(), false, e.of.probe(), "what belongs to id "+f.Config.shown(e.id))
	if _, ok := errors.AsType[*UnreadableError](err); ok { // or an outage that has just ended
		err = f.rowsFault(ctx, try(), false, e.of.probe(), "what belongs to id "+f.Config.shown(e.id))
	}
	for _, run := range runs {
		if failed := f.failed(ctx, run, err); failed != nil {
			return failed
		}
	}
	return nil
}

// failed charges a stream with what became of an errand.
func (f *feedRun) failed(ctx context.Context, run *streamRun, err error) error {
	if row, ok := errors.AsType[*UnreadableError](err); ok {
		return f.passOver(ctx, run, row)
	}
	return f.blame(ctx, run, namedAfter(err, run.stream.Name))
}

// child fetches and emits what belongs to one parent, for one stream.
func (f *feedRun) child(ctx context.Context, run *streamRun, p parent) error {
	e := f.emitter(ctx, run)
	e.asked = f.client.Cautious()
	if err := run.stream.Child(ctx, f, e, p); err != nil {
		return err
	}
	return e.flush(nil)
}
