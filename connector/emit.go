package connector

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"source-intercom/intercom"
	"source-intercom/protocol"

	"github.com/tidwall/gjson"
)

// Buffers are reused between batches; the writer gives them back. Hundreds of parents may have their
// children ready while stdout is busy, and most of them have few.
var (
	pageBuffers  = sync.Pool{New: func() any { b := make([]byte, 0, batchBytes+batchBytes/4); return &b }}
	childBuffers = sync.Pool{New: func() any { b := make([]byte, 0, childBytes); return &b }}
)

// childBytes is what the children of one parent take, mostly.
const childBytes = 8 << 10

func getBuffer(s *Stream) []byte {
	if s.Fetched() {
		return (*childBuffers.Get().(*[]byte))[:0]
	}
	return (*pageBuffers.Get().(*[]byte))[:0]
}

func putBuffer(b []byte) {
	switch {
	case cap(b) > 4*batchBytes:
	case cap(b) >= batchBytes:
		pageBuffers.Put(&b)
	case cap(b) >= childBytes:
		childBuffers.Put(&b)
	}
}

// An emitter turns one stream's rows into lines and hands them on in bounded batches. It belongs to
// one goroutine. Once a method has returned an error the unit of work is lost and must not be
// noted as finished.
type emitter struct {
	ctx    context.Context //nolint:containedctx // an emitter lives as long as one call of its owner
	f      *feedRun
	run    *streamRun
	at     time.Time // when the rows were received; by this machine's clock, as Airbyte wants it
	asked  time.Time // when children were asked for; by the server's clock, as far as it can be trusted
	buf    []byte
	from   int // where in it its own lines begin
	n      int64
	prints []print
	// changes are what streams that are swept must know of the rows.
	changes []change

	flushed int // batches
}

func (f *feedRun) emitter(ctx context.Context, run *streamRun) *emitter {
	return &emitter{ctx: ctx, f: f, run: run, at: time.Now()}
}

// row emits a row as it is.
func (e *emitter) row(row gjson.Result) error { return e.record(row, nil) }

// record emits one record. One whose very content was emitted last is left out, if it is young enough to
// be remembered.
func (e *emitter) record(row gjson.Result, inject []protocol.Inject) error {
	at, dated := e.cursor(row)
	return e.remembering(row, inject, at, dated)
}

// remembering is record for a row whose cursor value is cursor, if it is dated.
func (e *emitter) remembering(row gjson.Result, inject []protocol.Inject, cursor int64, dated bool) error {
	before := len(e.buf)
	key, at, err := e.encode(row, inject)
	if err != nil {
		return err
	}
	// An older version is noted, too, where a younger one was handed on before it: else that one would be
	// taken for known when it comes again.
	if dated && e.run.prints.concerns(key, cursor) {
		p := print{key: key, content: protocol.Fingerprint(e.buf[at.Start:at.End]), at: cursor}
		if e.run.prints.known(p) {
			e.buf = e.buf[:before]
			e.run.unchanged.Add(1)
			return nil
		}
		e.prints = append(e.prints, p)
	}
	return e.took()
}

// child emits a child's row, about which nothing is remembered here.
func (e *emitter) child(row gjson.Result, inject []protocol.Inject) error {
	if _, _, err := e.encode(row, inject); err != nil {
		return err
	}
	return e.took()
}

// encode appends a row's line to the buffer, and returns the hash of its key and where its JSON lies.
func (e *emitter) encode(row gjson.Result, inject []protocol.Inject) (uint64, protocol.Encoded, error) {
	key, err := e.key(row, inject)
	if err != nil {
		return 0, protocol.Encoded{}, err
	}
	if e.buf == nil {
		e.buf = getBuffer(e.run.stream)
	}
	if e.run.stream.Swept {
		if id := row.Get(e.run.stream.Key[0]); id.Exists() { // a tombstone's is injected
			e.changes = append(e.changes, change{id: strings.Clone(id.String())})
		}
	}
	var at protocol.Encoded
	e.buf, at = e.run.encoder.Append(e.buf, row.Raw, inject, e.at)
	return key, at, nil
}

// took counts the line that was appended last, and hands on a full batch.
func (e *emitter) took() error {
	e.n++
	if len(e.buf) >= batchBytes {
		return e.flush(nil)
	}
	return nil
}

// remember has p kept once the lines before it are written.
func (e *emitter) remember(p print) {
	e.run.prints.known(p) // from here on
	e.prints = append(e.prints, p)
}

// flush hands on what has gathered; then runs after it has been written.
func (e *emitter) flush(then func(*progress)) error {
	if e.n == 0 && len(e.prints) == 0 && then == nil {
		return nil
	}
	b := e.gathered()
	b.then = then
	return e.f.writer.send(e.ctx, b)
}

// gathered takes away what has gathered.
func (e *emitter) gathered() batch {
	if e.n > 0 {
		e.run.began.Store(true)
	}
	b := batch{run: e.run, lines: e.buf[e.from:], records: e.n, prints: e.prints, changes: e.changes}
	if e.from == 0 {
		b.spare = e.buf
	}
	e.buf, e.from, e.n, e.prints, e.changes = nil, 0, 0, nil, nil
	e.flushed++
	return b
}

// key hashes the row's primary key. A row without one fits no table.
func (e *emitter) key(row gjson.Result, inject []protocol.Inject) (uint64, error) {
	parts := make([]string, 0, 2)
	for _, name := range e.run.stream.Key {
		v := row.Get(name)
		for _, in := range inject {
			if in.Name == name {
				v = gjson.Parse(in.JSON)
			}
		}
		if !isID(v) {
			return 0, e.f.noID(e.run, name, v)
		}
		parts = append(parts, v.String())
	}
	return keyHash(parts...), nil
}

func isID(v gjson.Result) bool {
	return (v.Type == gjson.String || v.Type == gjson.Number) && v.String() != ""
}

func (f *feedRun) noID(run *streamRun, name string, v gjson.Result) error {
	return &intercom.ShapeError{Stream: run.stream.Name, Path: f.feed.Rows + ".#." + name, Want: "an id", Found: found(v)}
}

func (e *emitter) cursor(row gjson.Result) (int64, bool) {
	if e.run.stream.Cursor == "" {
		return 0, false
	}
	return seconds(row.Get(e.run.stream.Cursor))
}

// found tells what a value is without showing it: it may be personal.
func found(v gjson.Result) string {
	switch {
	case !v.Exists():
		return "nothing"
	case v.Type == gjson.String:
		return fmt.Sprintf("a text of %d characters", utf8.RuneCountInString(v.Str))
	case v.IsArray():
		return "a list"
	case v.IsObject():
		return "an object"
	}
	return strings.ToLower(v.Type.String())
}
