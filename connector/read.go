package connector

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"source-intercom/intercom"
	"source-intercom/protocol"

	"golang.org/x/sync/errgroup"
)

// errOutput is the cause of a run that ended because stdout could not be written.
var errOutput = errors.New("write to stdout")

// A Reader reads the selected streams once.
type Reader struct {
	Options
	client    *intercom.Client
	workspace intercom.Workspace
	writer    *writer
	began     time.Time
	table     Table
	runs      []*streamRun
	implicit  bool // nobody chose the streams
	every     time.Duration
	maxHeld   int64       // bytes of answers that are alive at a time; 0: the client's own bound
	prepared  atomic.Bool // client and runs are there, for Progress
}

// NewReader prepares a read. Nothing is sent before Read.
func NewReader(o Options) *Reader { return &Reader{Options: o, began: time.Now(), every: stateEvery} }

// Read reads until every stream has ended or ctx is done. The error joins every stream's failure; they
// have been written in the protocol's form already. After ctx is done the last true states are still
// written. The Summary is nil when the read failed before it began, and then nothing has been written.
func (r *Reader) Read(ctx context.Context) (*Summary, error) {
	head, err := r.prepare(ctx)
	if r.client != nil {
		defer r.client.Close()
	}
	if err != nil {
		return nil, err
	}
	r.prepared.Store(true)
	if err = r.Lines.Write(head); err == nil {
		err = r.read(ctx)
	}
	if flush := r.Lines.Flush(); flush != nil {
		err = fmt.Errorf("%w: %w", errOutput, flush)
	}
	return r.summary(), err
}

// prepare settles everything that can go wrong before the first row is asked for. It returns what a
// protocol wants to see before all records.
func (r *Reader) prepare(ctx context.Context) (head []byte, err error) {
	r.table = TableOf(r.Config)
	withReports := asksForReports(r.Selection, intercom.Version(r.Config.APIVersion))
	var selected []protocol.Selected
	if !withReports {
		if selected, err = r.selected(); err != nil {
			return nil, err
		}
	}
	if r.client, err = newClient(ctx, r.Config, r.Log, r.maxHeld); err != nil {
		return nil, err
	}
	r.workspace, err = r.client.Workspace(ctx)
	switch {
	case intercom.KindOf(err) == intercom.MissingScope, err == nil && r.workspace.ID == "":
		r.Log.Warn().Msg("Intercom does not say whose the token is: the state's workspace is not checked, and days are taken in UTC")
	case err != nil:
		return nil, connectError(r.Config, err)
	}
	r.tellTime(ctx)
	if withReports {
		r.table = append(r.table, reports(ctx, r.client, r.Selection)...)
		if selected, err = r.selected(); err != nil {
			return nil, err
		}
	}
	for _, s := range selected {
		run, err := r.open(s)
		if err != nil {
			return nil, err
		}
		r.runs = append(r.runs, run)
		if head, err = r.Dialect.AppendSchema(head, r.Config.altered(run.stream.described(s)), s.Drop); err != nil {
			return nil, fmt.Errorf("stream %s: %w", s.Stream, err)
		}
	}
	return head, nil
}

// Intercom is asked for the time again, so often while no answer tells it, and so often where it is ahead of
// this machine's clock by more than a little: one of the two is wrong, and perhaps one of several servers.
const (
	datesAsked   = 10
	datesDoubted = 2
	aheadOfOurs  = 10 * time.Minute
)

// tellTime makes sure that Intercom's clock is known, since bookmarks are times of it: one of a clock that is
// ahead would pass rows that are still to come. Answers carry it unless something in between takes it away.
func (r *Reader) tellTime(ctx context.Context) {
	for n := range datesAsked {
		doubtful := time.Until(r.client.Cautious()) > aheadOfOurs && n < datesDoubted
		if r.client.Dated() && !doubtful || ctx.Err() != nil {
			return
		}
		_, _ = r.client.Workspace(ctx) // whatever it says
	}
	if !r.client.Dated() {
		r.Log.Warn().Msg("Intercom's answers have no Date: bookmarks are taken from this machine's clock, which must not be ahead")
	}
}

// selected turns the catalog into streams, in the catalog's order.
func (r *Reader) selected() ([]protocol.Selected, error) {
	r.implicit = r.Selection == nil
	if r.implicit {
		return r.table.Default().all(), nil
	}
	all, err := r.table.checkSelection(r.Selection, r.Log)
	for _, s := range all {
		if err == nil && r.table.Named(s.Stream).Tombstones() && r.Dialect.Name() == "airbyte" {
			err = hasDeletedField(s)
		}
	}
	return all, err
}

// open makes a stream's run from its selection and its state.
func (r *Reader) open(s protocol.Selected) (*streamRun, error) {
	def := r.table.Named(s.Stream)
	described := r.Config.altered(def.described(s))
	if r.Config.ActivateVersion && s.Mode == protocol.FullRefresh && r.Dialect.Name() == "singer" {
		described.Version = r.began.UnixMilli()
	}
	encoder, err := r.Dialect.Encoder(described, s.Drop)
	if err != nil {
		return nil, fmt.Errorf("stream %s: %w", s.Stream, err)
	}
	p := &progress{
		stream:    def,
		workspace: r.workspace.ID,
		mode:      s.Mode,
		syncID:    s.SyncID,
		overlap:   int64((r.Config.IndexLag + max(r.Config.Lookback, def.Feed.Again)) / time.Second),
		now:       r.client.Cautious().Unix(),
		input:     stateOf(r.State, s.Stream),
		filter:    filterOf(def.Feed, r.Config).mark(),
	}
	var parent json.RawMessage
	if def.Parent != "" {
		parent = stateOf(r.State, def.Feed.Name)
	}
	plan, err := openProgress(p, r.Config, parent)
	if err != nil {
		return nil, err
	}
	if plan.ahead {
		r.Log.Warn().Str("stream", s.Stream).Msg("the state lies in the future, by Intercom's clock: the stream is read anew from its start")
	}
	if p.known != nil && p.known.tooMany {
		r.Log.Warn().Str("stream", s.Stream).Int("most", maxKnown).Msg("the stream has more ids than a state can hold: it is not swept for deletions")
	}
	if plan.refiltered {
		r.Log.Warn().Str("stream", s.Stream).Msg("the state was made under other conversation_filters: the stream is read anew from its start")
	}
	return &streamRun{stream: def, encoder: encoder, version: described.Version, plan: plan, prints: p.prints, census: p.census(), part: part{progress: p}}, nil
}

func stateOf(all protocol.States, stream string) json.RawMessage {
	for _, s := range all.Streams {
		if s.Stream == stream {
			return s.Value
		}
	}
	return nil
}

// read runs all feeds side by side under the one client, and the one writer.
func (r *Reader) read(ctx context.Context) error {
	ctx, fail := context.WithCancelCause(ctx)
	defer fail(nil)
	r.writer = &writer{dialect: r.Dialect, lines: r.Lines, onState: r.OnState, runs: r.runs,
		in: make(chan []batch, batchesWaiting), every: r.every, states: r.inputStates()}
	var writing sync.WaitGroup
	writing.Go(func() { r.writer.loop(fail) })

	var feeds errgroup.Group
	for _, f := range r.feeds() {
		feeds.Go(func() error {
			if err := f.run(ctx); intercom.KindOf(err) == intercom.BadToken {
				fail(err) // no other stream can do better
			}
			return nil
		})
	}
	_ = feeds.Wait() // each stream keeps its own error
	close(r.writer.in)
	writing.Wait()
	return r.close()
}

// inputStates is the state that came, less what a new full refresh takes nothing from.
func (r *Reader) inputStates() protocol.States {
	states := protocol.States{Streams: append([]protocol.StreamState(nil), r.State.Streams...), Extra: r.State.Extra}
	for i := range states.Streams {
		for _, run := range r.runs {
			if run.stream.Name == states.Streams[i].Stream {
				states.Streams[i].Value = run.part.progress.value()
			}
		}
	}
	return states
}

// feeds groups the selected streams by the feed that they are cut from.
func (r *Reader) feeds() []*feedRun {
	var feeds []*feedRun
	byFeed := map[*Feed]*feedRun{}
	for _, run := range r.runs {
		f := byFeed[run.stream.Feed]
		if f == nil {
			f = &feedRun{Reader: r, feed: run.stream.Feed, filter: filterOf(run.stream.Feed, r.Config), nursery: newNursery(), pages: newPageSize(r.Config.PageSize),
				discretion: r.Config.discretion(run.stream.Feed), altering: r.Config.altering()}
			byFeed[run.stream.Feed] = f
			feeds = append(feeds, f)
		}
		f.runs = append(f.runs, run)
	}
	return feeds
}

// close joins what failed.
func (r *Reader) close() error {
	if err := r.Lines.Err(); err != nil {
		return fmt.Errorf("%w: %w", errOutput, err)
	}
	var failures []error
	for _, run := range r.runs {
		if err := run.failure(); err != nil {
			failures = append(failures, fmt.Errorf("stream %s: %w", run.stream.Name, err))
		}
	}
	if len(failures) > 0 {
		return errors.Join(failures...)
	}
	if err := r.withheld(); err != nil {
		return errors.Join(err, r.Lines.Write(r.Dialect.AppendFailure(nil, Classify(err), time.Now())))
	}
	return nil
}
