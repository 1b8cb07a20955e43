package connector

import (
	"context"
	"errors"
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
}

// A nursery fetches children for the streams of one feed, across all pages and walks.
type nursery struct {
	slots chan struct{} // childrenAtOnce

	mu   sync.Mutex
	last map[turn]chan struct{} // closed when the fetch that was begun last has ended
}

// A turn names a parent whose children a stream fetches.
type turn struct {
	run *streamRun
	id  string
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

// fetch has the children of all parents fetched in the background; it returns when the last of them has
// begun. A failure ends the stream, and only what ends the whole run fails the unit.
func (f *feedRun) fetch(ctx context.Context, u *unit, run *streamRun, parents []parent) error {
	for _, p := range parents {
		if !run.alive() {
			return nil
		}
		select {
		case f.nursery.slots <- struct{}{}:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
		before, done := f.nursery.queue(turn{run, p.id})
		u.Go(func() {
			defer func() { <-f.nursery.slots }()
			defer done()
			if before != nil {
				<-before
			}
			if err := f.blame(ctx, run, f.child(ctx, run, p)); err != nil {
				u.fail(err)
			}
		})
	}
	return nil
}

// child fetches and emits the children of one parent.
func (f *feedRun) child(ctx context.Context, run *streamRun, p parent) error {
	if err := ctx.Err(); err != nil {
		return context.Cause(ctx)
	}
	if !run.alive() {
		return nil
	}
	e := f.emitter(ctx, run)
	e.asked = f.client.Cautious()
	err := run.stream.Child(ctx, f, e, p)
	if err == nil {
		return e.flush(nil)
	}
	err = f.rowsFault(ctx, err, false, run.stream.probe(), "what belongs to id "+p.id)
	if _, ok := errors.AsType[*UnreadableError](err); ok { // or an outage that has just ended
		e = f.emitter(ctx, run)
		e.asked = f.client.Cautious()
		if err = run.stream.Child(ctx, f, e, p); err == nil {
			return e.flush(nil)
		}
		err = f.rowsFault(ctx, err, false, run.stream.probe(), "what belongs to id "+p.id)
	}
	if row, ok := errors.AsType[*UnreadableError](err); ok {
		return f.passOver(ctx, run, row)
	}
	return err
}
