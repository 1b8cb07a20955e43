package connector

import (
	"errors"
	"fmt"
	"slices"
	"time"
)

// ErrWithheld is the error of a strict run that read everything except what Intercom does not give.
var ErrWithheld = errors.New("Intercom withheld some data")

// Progress is a snapshot for people; it may be called at any time.
func (r *Reader) Progress() Progress {
	p := Progress{Elapsed: time.Since(r.began)}
	if !r.prepared.Load() {
		return p
	}
	stats := r.client.Stats()
	p.Requests, p.Limit, p.Left = stats.Requests, stats.Limit, stats.Remaining
	p.Streams = r.streams()
	return p
}

func (r *Reader) streams() []StreamProgress {
	var out []StreamProgress
	for _, run := range r.runs {
		run.mu.Lock()
		status, err := run.status, run.err
		run.mu.Unlock()
		out = append(out, StreamProgress{
			Name: run.stream.Name, Status: status, Err: err,
			Records: run.records.Load(), Deleted: run.deleted.Load(), Skipped: run.skipped.Load(),
			Withheld: run.withheld.Load(), Unreadable: run.unreadable.Load(), Unchanged: run.unchanged.Load(), Lookups: run.lookups.Load(),
		})
	}
	return out
}

// summary closes the books, and reports what the schemas did not know.
func (r *Reader) summary() *Summary {
	s := &Summary{Streams: r.streams(), Client: r.client.Stats(), Elapsed: time.Since(r.began), State: r.State}
	if r.writer != nil {
		if written := r.writer.written.Load(); written != nil {
			s.State = *written
		}
	}
	for _, run := range r.runs {
		if n := run.skipped.Load(); n > 0 {
			r.Log.Warn().Str("stream", run.stream.Name).Int64("skipped", n).Msg("some objects were deleted or merged before their turn came")
		}
		r.report(run, "Intercom sends a field that the schema does not know; it is passed on", run.encoder.Drift())
		r.report(run, "values could not be brought to the schema's type and are null", run.encoder.Nulled())
	}
	return s
}

func (r *Reader) report(run *streamRun, what string, fields map[string]int64) {
	names := make([]string, 0, len(fields))
	for name := range fields {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		r.Log.Warn().Str("stream", run.stream.Name).Str("field", name).Int64("records", fields[name]).Msg(what)
	}
}

// withheld is the strict run's error.
func (r *Reader) withheld() error {
	if !r.Strict {
		return nil
	}
	var errs []error
	for _, run := range r.runs {
		if n := run.withheld.Load() + run.skipped.Load() + run.unreadable.Load(); n > 0 {
			errs = append(errs, fmt.Errorf("stream %s: %w (%d)", run.stream.Name, ErrWithheld, n))
		}
	}
	return errors.Join(errs...)
}
