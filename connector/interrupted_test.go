package connector

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"syscall"
	"testing"
	"time"

	"source-intercom/emulator"
	"source-intercom/protocol"

	"go.uber.org/goleak"
)

// TestInterruptedByItsContext ends runs with some call of theirs, again and again: each is back within
// five seconds, what its states say is true, and the last run completes the rest. That nothing is left
// running is what the bubble checks.
func TestInterruptedByItsContext(t *testing.T) {
	for seed := range uint64(3) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			edited(t, seed, emulator.Options{OffsetCursor: seed%2 == 0}, func(t *testing.T, w *world, e *editor) {
				r := reading{streams: append([]string{"company_segments", "tags"}, cursorStreams...), config: smallPages, failing: true}
				if seed%3 == 0 {
					r.every = stateEvery
				}
				for range 3 {
					e.during(10)
					ctx, cancel := context.WithCancel(t.Context())
					r.ctx = ctx
					var ended time.Time
					time.AfterFunc(time.Duration(1+e.pick(1_500))*time.Millisecond, func() {
						ended = time.Now()
						cancel()
					})
					out := w.read(t, r)
					if took := time.Since(ended); took > 5*time.Second {
						t.Errorf("back %s after the end", took)
					}
					if !errors.Is(out.err, context.Canceled) {
						t.Errorf("error %v, want one that wraps context.Canceled", out.err)
					}
					if out.Summary == nil { // it ended before it began
						continue
					}
					for stream, said := range out.statuses {
						if said[0] != "STARTED" || said[len(said)-1] != "COMPLETE" && said[len(said)-1] != "INCOMPLETE" {
							t.Errorf("%s: statuses %v", stream, said)
						}
					}
					r.state = out.stateAt(t, len(out.lines))
					sameStates(t, r.state, out.State)
					time.Sleep(30 * time.Minute)
					e.edit(10)
				}
				e.during(0)
				time.Sleep(time.Hour)
				w.finishes(t, r)
			})
		})
	}
}

// sameStates: what the lines say is what the run says, for every stream that has a line.
func sameStates(t *testing.T, lines, summary protocol.States) {
	t.Helper()
	for _, s := range lines.Streams {
		if got := stateOf(summary, s.Stream); !bytes.Equal(got, s.Value) {
			t.Errorf("%s: the summary's state is %s, the last line's %s", s.Stream, clip(string(got)), clip(string(s.Value)))
		}
	}
}

// A shortPipe breaks after so many bytes.
type shortPipe struct {
	w    io.Writer
	left int
}

func (p *shortPipe) Write(b []byte) (int, error) {
	n, _ := p.w.Write(b[:min(len(b), p.left)])
	p.left -= n
	if n < len(b) {
		return n, syscall.EPIPE
	}
	return n, nil
}

// TestInterruptedByItsReader: stdout breaks after some byte. What went through before is true, and the
// next run completes it.
func TestInterruptedByItsReader(t *testing.T) {
	for seed := range uint64(3) {
		for _, dialect := range []protocol.Dialect{protocol.Airbyte{}, protocol.Singer{}} {
			t.Run(fmt.Sprintf("%d, %s", seed, dialect.Name()), func(t *testing.T) {
				edited(t, seed, emulator.Options{}, func(t *testing.T, w *world, e *editor) {
					r := reading{streams: cursorStreams, config: smallPages, failing: true, dialect: dialect}
					size := 1 << e.pick(19)
					r.through = func(out io.Writer) io.Writer { return &shortPipe{out, size + e.pick(size)} }
					out := w.read(t, r)
					if !errors.Is(out.err, errOutput) || !errors.Is(out.err, syscall.EPIPE) {
						t.Fatalf("error %v, want that of stdout", out.err)
					}
					r.state = out.stateAt(t, len(out.lines))
					sameStates(t, r.state, out.State)
					time.Sleep(30 * time.Minute)
					e.edit(10)
					r.dialect = nil
					w.keep(t, out, len(out.lines))
					if dialect.Name() == "singer" { // its records look different: compare what must come
						r.failing, r.through = false, nil
						w.read(t, r)
						for _, stream := range cursorStreams {
							for _, id := range w.within(t, stream, span{0, forever}) {
								if w.union[stream][id] == nil {
									t.Errorf("%s: row %s is missing", stream, id)
								}
							}
						}
						return
					}
					w.finishes(t, r)
				})
			})
		}
	}
}

// TestInterruptedAtOnce: a context that has ended before the run, and a stdout that was never open.
func TestInterruptedAtOnce(t *testing.T) {
	bubble(t, "2.16", emulator.Options{Size: snapshotWorld}, func(t *testing.T, w *world) {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if out := w.read(t, reading{ctx: ctx, failing: true}); out.total() != 0 || !errors.Is(out.err, context.Canceled) {
			t.Errorf("%d records, error %v", out.total(), out.err)
		}
		closed := func(out io.Writer) io.Writer { return &shortPipe{w: out} }
		for _, dialect := range []protocol.Dialect{protocol.Airbyte{}, protocol.Singer{}} {
			out := w.read(t, reading{through: closed, failing: true, dialect: dialect})
			if len(out.lines) != 0 || !errors.Is(out.err, syscall.EPIPE) {
				t.Errorf("%d lines, error %v", len(out.lines), out.err)
			}
		}
	})
}

// TestInterruptedLeavesNothingRunning goes through real sockets.
func TestInterruptedLeavesNothingRunning(t *testing.T) {
	w := newWorld(t, "2.16", emulator.Options{Size: snapshotWorld})
	streams := []string{"contacts", "conversations", "conversation_parts", "activity_logs"} // no scroll: its lease outlives a run
	leaks := goleak.IgnoreCurrent()
	for _, calls := range []int{3, 12, 30} {
		ctx, cancel := context.WithCancel(t.Context())
		n := 0
		w.watch(func(*http.Request, string) {
			if n++; n == calls {
				cancel()
			}
		})
		r := reading{ctx: ctx, config: smallPages, failing: true, streams: streams}
		w.read(t, r)
	}
	w.watch(nil)
	w.read(t, reading{config: smallPages, streams: streams})
	// A busy machine may take seconds to end what has been told to end.
	err := goleak.Find(leaks)
	for deadline := time.Now().Add(30 * time.Second); err != nil && time.Now().Before(deadline); {
		err = goleak.Find(leaks)
	}
	if err != nil {
		t.Error(err)
	}
}
