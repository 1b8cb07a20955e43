package connector

import (
	"context"
	"fmt"
	"sync/atomic"
	"time"

	"source-intercom/protocol"
)

const (
	stateEvery     = time.Second      // at most one state line in this time for each stream
	heartbeatAfter = 10 * time.Minute // of silence on stdout; Airbyte's shortest limit is an hour and a half
	batchBytes     = 64 << 10         // a batch is handed on when it has grown to this
	batchesWaiting = 8                // batches that may wait for the writer
	largeState     = 256 << 10        // a state so large comes half as often
)

// A batch is what workers hand to the writer: lines of one stream, what may be remembered once they
// are written, and what has been finished with them.
type batch struct {
	run     *streamRun
	lines   []byte
	spare   []byte // what may be used again once the lines are written; nil: others lie in the same memory
	records int64
	prints  []print
	changes []change
	then    func(*progress) // runs after the lines are written
	ends    bool            // the stream: its last state follows, and then last
	last    []byte
}

// The writer alone owns stdout and the progress of all streams. It writes lines first, then the
// state that they justify, so that a state never runs ahead of its records.
type writer struct {
	dialect protocol.Dialect
	lines   *protocol.Lines
	onState func(protocol.States)
	in      chan []batch  // what one send has handed on
	every   time.Duration // stateEvery, but in tests

	runs    []*streamRun
	states  protocol.States // as last rendered
	lastOut time.Time
	written atomic.Pointer[protocol.States]
}

// part is what the writer knows of one stream.
type part struct {
	progress  *progress
	dirty     bool // the progress has moved since the last state line
	lastState time.Time
	stateSize int   // bytes
	records   int64 // written since the last state line
	running   bool
	ended     bool
}

// send hands batches to the writer. It blocks while the writer is busy, which is how a slow reader of
// stdout slows the reading down.
func (w *writer) send(ctx context.Context, batches ...batch) error {
	if ctx.Err() != nil { // the select would toss a coin, and a later batch might get through
		return context.Cause(ctx)
	}
	select {
	case w.in <- batches:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// loop writes batches until the channel is closed. After an error it goes on taking batches, so that
// nobody waits for ever, and drops them; fail is told once.
func (w *writer) loop(fail context.CancelCauseFunc) {
	tick := time.NewTicker(stateEvery)
	defer tick.Stop()
	w.lastOut = time.Now()
	for {
		var err error
		select {
		case batches, open := <-w.in:
			if !open {
				return
			}
			for i := 0; i < len(batches) && err == nil && w.lines.Err() == nil; i++ {
				err = w.write(batches[i])
			}
		case <-tick.C:
			if w.lines.Err() == nil {
				err = w.tick()
			}
		}
		if err != nil {
			fail(fmt.Errorf("%w: %w", errOutput, err))
		}
	}
}

func (w *writer) write(b batch) error {
	p := &b.run.part
	if b.records > 0 && !p.running {
		p.running = true
		if err := w.lines.Write(w.dialect.AppendStatus(nil, b.run.stream.Name, protocol.Running, time.Now())); err != nil {
			return err
		}
	}
	if len(b.lines) > 0 {
		w.lastOut = time.Now()
		if err := w.lines.Write(b.lines); err != nil {
			return err
		}
	}
	p.records += b.records
	b.run.records.Add(b.records)
	p.progress.prints.wrote(b.prints)
	if p.progress.known != nil && len(b.changes) > 0 {
		p.progress.known.apply(b.changes)
		p.progress.touched, p.dirty = true, true
	}
	putBuffer(b.spare)
	if b.then == nil {
		return nil
	}
	b.then(p.progress)
	p.dirty = true
	if !b.ends && !w.due(p) {
		return nil
	}
	if err := w.state(b.run); err != nil || !b.ends {
		return err
	}
	p.ended = true
	return w.lines.Write(b.last)
}

// tick writes the states that were held back, and breaks a long silence.
func (w *writer) tick() error {
	for _, run := range w.runs {
		p := &run.part
		silent := time.Since(w.lastOut) >= heartbeatAfter && p.running && !p.ended && p.records == 0
		if p.dirty && w.due(p) || silent {
			if err := w.state(run); err != nil {
				return err
			}
		}
	}
	return w.lines.Flush()
}

// due tells whether a state of the stream may be written again. Large ones come less often.
func (w *writer) due(p *part) bool {
	return time.Since(p.lastState) >= w.every*time.Duration(1+p.stateSize/largeState)
}

// state writes a stream's state line and flushes it.
func (w *writer) state(run *streamRun) error {
	p := &run.part
	w.render(run)
	line := w.dialect.AppendState(nil, run.stream.Name, p.records, w.states)
	p.stateSize = len(line)
	p.records, p.dirty, p.lastState, w.lastOut = 0, false, time.Now(), time.Now()
	if err := w.lines.Write(line); err != nil {
		return err
	}
	if err := w.lines.Flush(); err != nil {
		return err
	}
	snapshot := protocol.States{Streams: append([]protocol.StreamState(nil), w.states.Streams...), Extra: w.states.Extra}
	w.written.Store(&snapshot)
	if w.onState != nil {
		w.onState(snapshot)
	}
	return nil
}

// render puts the stream's value into the whole state.
func (w *writer) render(run *streamRun) {
	value := run.part.progress.value()
	for i := range w.states.Streams {
		if w.states.Streams[i].Stream == run.stream.Name {
			w.states.Streams[i].Value = value
			return
		}
	}
	w.states.Streams = append(w.states.Streams, protocol.StreamState{Stream: run.stream.Name, Value: value})
}
