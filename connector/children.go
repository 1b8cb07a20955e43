package connector

import (
	"context"
	"errors"
	"net/url"
	"strconv"
	"strings"
	"time"
	"unsafe"

	"source-intercom/intercom"
	"source-intercom/protocol"

	"github.com/tidwall/gjson"
)

// settled is how long after a change a single read may still have been answered from before it, the
// clocks counting whole seconds.
const settled = 2 * time.Second

// raw is the row's own bytes; they must not be changed.
func raw(row gjson.Result) []byte { return unsafe.Slice(unsafe.StringData(row.Raw), len(row.Raw)) }

// version is what is remembered of a parent whose children have been emitted. memorable tells whether it can be.
func (e *emitter) version(p parent) (version print, memorable bool) {
	version = print{key: keyHash(p.id), content: p.content ^ e.f.altering, at: p.updated}
	if p.row != "" { // of which a record is made: its own print must not pass for that of what was fetched for it
		version.content = ^version.content
	}
	return version, e.run.stream.Cursor != "" && p.dated && e.run.prints.covers(p.updated)
}

// unchanged tells whether the children of that very row were emitted last.
func (e *emitter) unchanged(p parent) bool {
	version, memorable := e.version(p)
	if !memorable || !e.run.prints.same(version) {
		return false
	}
	e.run.unchanged.Add(1)
	return true
}

// fetched remembers a parent's version once its children have been handed on, if they are known to be those of that
// version: whole tells that the answer itself shows it; else it must have come so late after the change that no
// later one can be better.
func (e *emitter) fetched(p parent, answered time.Time, whole bool) {
	version, memorable := e.version(p)
	if memorable && (whole || answered.After(time.Unix(p.updated, 0).Add(e.f.Config.IndexLag))) {
		e.remember(version)
	}
}

// gone tells whether an error means that the object was deleted or merged before its turn came, and counts it.
func (e *emitter) gone(p parent, err error) bool {
	var api *intercom.Error
	if !errors.As(err, &api) || api.Kind != intercom.NotFound {
		return false
	}
	e.run.skipped.Add(1)
	id := strings.TrimPrefix(e.run.stream.Parent+"_id", "_")
	e.f.Log.Debug().Str("stream", e.run.stream.Name).Str(id, e.f.Config.shown(p.id)).Msg("deleted meanwhile")
	e.fetched(p, e.asked, false)
	return true
}

// path is where the children of a parent are asked for.
func (s *Stream) path(p parent) string {
	return strings.Replace(s.Endpoint, "{id}", url.PathEscape(p.via), 1)
}

// fetchList emits the list that a parent has at its stream's Endpoint.
func fetchList(ctx context.Context, f *feedRun, e *emitter, p parent) error {
	if e.unchanged(p) {
		return nil
	}
	var answered time.Time
	err := e.family(p, func(emit emitFunc) (err error) {
		answered, err = f.children(ctx, e.run, p, e.run.stream.path(p), emit)
		return err
	})
	if err == nil {
		e.fetched(p, answered, false)
	}
	if e.gone(p, err) {
		return nil
	}
	return err
}

// children hands all rows of a list that belongs to a parent to emit, and returns when its first page was answered.
func (f *feedRun) children(ctx context.Context, run *streamRun, p parent, path string, emit emitFunc) (time.Time, error) {
	s, met := run.stream, places{}
	list := numberedList{method: "GET", path: path, rows: s.Rows, stream: s.Name, serial: true, nameless: s.Placed}
	walk, err := f.numbered(ctx, list, func(page []gjson.Result, _ func()) error {
		for _, row := range page {
			inject := s.injected(p, row, met)
			switch {
			case s.Only != nil:
				row.Raw = only(row, s.Only...)
			case s.Refers != "":
				row.Raw = reference(s.Refers, row)
			}
			if err := emit(row, inject); err != nil {
				return err
			}
		}
		return nil
	})
	if err == nil {
		f.withhold(walk.short(), run)
	}
	return walk.at, err
}

// fetchExecutions emits what a data connector has done since the stream was read last. Without start_ts Intercom
// shows the last hour.
// https://developers.intercom.com/docs/references/rest-api/api.intercom.io/data-connectors
func fetchExecutions(ctx context.Context, f *feedRun, e *emitter, p parent) error {
	path := e.run.stream.path(p) + "&start_ts=" + strconv.FormatInt(e.run.plan.need[0].lo, 10)
	_, err := f.children(ctx, e.run, p, path, e.record)
	if e.gone(p, err) {
		return nil
	}
	return err
}

// fetchTranscript emits the transcript of a call, which is found by its conversation.
func fetchTranscript(ctx context.Context, f *feedRun, e *emitter, p parent) error {
	if e.unchanged(p) {
		return nil
	}
	body := `{"conversation_ids":[` + quoted(p.via) + `]}`
	answer, err := f.client.Do(ctx, intercom.Request{Method: "POST", Path: e.run.stream.Endpoint, Body: []byte(body), Stream: e.run.stream.Name, Whole: true})
	if e.gone(p, err) {
		return nil
	}
	if err != nil {
		return err
	}
	defer answer.Release()
	calls, err := answer.Rows("data")
	if err != nil {
		return err
	}
	found := false
	for _, call := range calls {
		if call.Get("id").String() != p.id {
			continue
		}
		found = true
		call.Raw = only(call, e.run.stream.Only...)
		// The examples show no updated_at here.
		inject := []protocol.Inject{{Name: "updated_at", JSON: strconv.FormatInt(p.updated, 10)}}
		if !p.dated {
			inject = nil
		}
		if err := e.child(call, inject); err != nil {
			return err
		}
	}
	if !found { // it has gone from the list since, or Intercom does not show it by its conversation: counted, not passed over
		e.run.skipped.Add(1)
		f.Log.Debug().Str("stream", e.run.stream.Name).Str("id", f.Config.shown(p.id)).Msg("the call is not among those of its conversation")
	}
	e.fetched(p, answer.At, false)
	return nil
}
