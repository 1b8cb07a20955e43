package connector

import (
	"context"
	"fmt"
	"time"

	"source-intercom/intercom"
	"source-intercom/protocol"
)

// A feedRun is one feed in one run, with the streams that are cut from it.
type feedRun struct {
	*Reader
	feed    *Feed
	filter  *Filters // what its rows must be like; nil: anything
	asked   bool     // Intercom was asked for those alone
	runs    []*streamRun
	nursery *nursery
	roll    *roll // what was met; nil: no stream is swept
	pages   *pageSize

	people     *directory  // nil: nobody asks for more than conversations tell
	discretion *discretion // towards derived streams; nil: none
	altering   uint64      // see Config.altering

	clock    int64 // the server's, when the walk began
	upper    int64 // rows from here on are left out: one above the end date, or forever
	bookmark int64 // what the streams are complete up to when the walk has ended
}

// run walks one feed and ends its streams. The error is the walk's.
func (f *feedRun) run(ctx context.Context) error {
	var todo []*streamRun
	for _, run := range f.runs {
		f.begin(ctx, run)
		if run.plan.skip {
			f.Log.Info().Str("stream", run.stream.Name).Msg("already read in full by this sync")
			f.end(ctx, run, nil)
			continue
		}
		todo = append(todo, run)
	}
	if f.runs = todo; len(todo) == 0 {
		return nil
	}
	f.clock, f.upper = f.client.Cautious().Unix(), forever
	f.bookmark = f.clock
	if end := f.Config.EndDate; !end.IsZero() {
		f.upper = end.Unix() + 1
		f.bookmark = min(f.clock, end.Unix())
	}
	f.remember()
	f.enroll()
	f.people = newDirectory(ctx, f)
	err := f.feed.Walk(ctx, f)
	if f.people != nil {
		f.people.working.Wait()
	}
	if err == nil {
		err = f.bury(ctx)
	}
	if err == nil {
		err = f.sweepIDs(ctx)
	}
	f.bookmark = min(f.bookmark, f.client.Cautious().Unix()) // a Date that was ahead may have come first
	if err == nil {
		err = context.Cause(ctx) // a walk that was cut short must never pass for a whole one
	}
	for _, run := range f.runs {
		f.end(ctx, run, err)
	}
	return err
}

// remember makes the streams remember what their next run will read again.
func (f *feedRun) remember() {
	for _, run := range f.runs {
		run.prints.rememberFrom(f.bookmark - run.part.progress.overlap)
	}
}

func (f *feedRun) begin(ctx context.Context, run *streamRun) {
	run.setStatus(protocol.Started)
	line := f.Dialect.AppendStatus(nil, run.stream.Name, protocol.Started, time.Now())
	_ = f.writer.send(context.WithoutCancel(ctx), batch{run: run, lines: line}) // what ends must have begun
	f.Log.Debug().Str("stream", run.stream.Name).Msg("stream started")
}

// live returns the streams of the feed that are still being read.
func (f *feedRun) live() []*streamRun {
	var live []*streamRun
	for _, run := range f.runs {
		if run.alive() {
			live = append(live, run)
		}
	}
	return live
}

// end sends a stream's last state and status.
func (f *feedRun) end(ctx context.Context, run *streamRun, walk error) {
	if walk != nil {
		f.charge(run, walk)
	}
	status := run.setEnd()
	last := f.Dialect.AppendStatus(nil, run.stream.Name, status, time.Now())
	if err := run.failure(); err != nil {
		failure := Classify(err)
		failure.Stream = run.stream.Name
		failure.Message = protocol.NewRedactor(f.Config.AccessToken, f.Config.PrivacyKey).Redact(failure.Message) // a server may repeat it
		last = f.Dialect.AppendFailure(last, failure, time.Now())
	}
	// The writer lives on after a cancellation: what is true must still be said.
	_ = f.writer.send(context.WithoutCancel(ctx), batch{run: run, lines: f.activation(run), ends: true, last: last, then: func(p *progress) {
		if run.alive() && !run.plan.skip {
			p.finish(max(f.bookmark, min(run.plan.reached, f.clock)))
		}
	}})
}

// activation lets the rows that came take the place of those that a target holds, if they are all that there are.
func (f *feedRun) activation(run *streamRun) []byte {
	if run.version == 0 || !run.alive() {
		return nil
	}
	if n := run.withheld.Load() + run.unreadable.Load(); n > 0 {
		f.Log.Warn().Str("stream", run.stream.Name).Int64("missing", n).Msg("rows are missing: those of earlier runs stay in the table")
		return nil
	}
	return f.Dialect.AppendActivation(nil, run.stream.Name, run.version)
}

// charge ends a stream with an error. What Intercom closes to the workspace's plan is no failure of
// ours, nor is a missing permission for a stream that nobody named; but neither moves a bookmark.
func (f *feedRun) charge(run *streamRun, err error) {
	if !run.alive() {
		return
	}
	log := f.Log.With().Str("stream", run.stream.Name).Logger()
	switch kind := intercom.KindOf(err); {
	case kind == intercom.PlanRestricted && !run.began.Load():
		run.withheld.Add(1)
		run.leaveOut()
		log.Warn().Err(err).Msg("not part of the workspace's plan: nothing was read")
	case kind == intercom.NotFound && f.feed.Feature && !run.began.Load():
		run.withheld.Add(1)
		run.leaveOut()
		log.Warn().Err(err).Msg("Intercom does not have this list for the workspace: nothing was read")
	case kind == intercom.MissingScope && f.implicit && !run.began.Load():
		run.withheld.Add(1)
		run.leaveOut()
		log.Warn().Err(err).Str("permission", run.stream.Permission).Msg("left out: the token lacks a permission")
	case kind == intercom.MissingScope:
		run.fail(fmt.Errorf("the token lacks the permission %q: %w", run.stream.Permission, err))
		log.Error().Err(run.failure()).Msg("stream is incomplete")
	default:
		run.fail(err)
		log.Error().Err(err).Msg("stream is incomplete")
	}
}
