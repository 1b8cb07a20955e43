package connector

import (
	"context"
	"slices"
	"strconv"
	"strings"
	"time"

	"source-intercom/intercom"
	"source-intercom/protocol"

	"github.com/tidwall/gjson"
)

// maxParts is how many parts Intercom gives of one conversation: the newest.
// https://developers.intercom.com/docs/references/rest-api/api.intercom.io/conversations/retrieveconversation
const maxParts = 500

// A thread is a conversation as it was answered alone: with its parts.
type thread struct {
	parent
	answer  *intercom.Answer
	parts   []gjson.Result
	missing int64 // parts that Intercom counts and did not give
	read    *conversation
	truth   *conversation // the same as Intercom has it

	discretion *discretion // in telling of it; nil: none
}

// threadMaker emits what a stream makes of a conversation.
type threadMaker func(e *emitter, t *thread) error

// without leaves out the streams that have emitted what they make of that very row. A conversation whose search row
// equals the one that its thread was emitted for costs no call; an equal number of parts would prove nothing, for parts
// are edited and redacted.
func (f *feedRun) without(runs []*streamRun, p parent) []*streamRun {
	var left []*streamRun
	for _, run := range runs {
		if e := (&emitter{f: f, run: run}); !e.unchanged(p) {
			left = append(left, run)
		}
	}
	return left
}

// thread fetches a conversation once, and emits what each of the streams makes of it. The error is the call's; what one
// stream cannot make of the answer ends that stream alone.
func (f *feedRun) thread(ctx context.Context, runs []*streamRun, p parent) error {
	runs, found, err := f.lookUp(ctx, runs, p)
	if err != nil || len(runs) == 0 {
		return err
	}
	emitters := make([]*emitter, len(runs))
	for i, run := range runs {
		emitters[i] = f.emitter(ctx, run)
		emitters[i].asked = f.client.Cautious()
	}
	errs := make([]error, len(emitters))
	lines, still, err := f.unravel(ctx, emitters, errs, p, found)
	switch {
	case intercom.KindOf(err) == intercom.NotFound:
		for _, e := range emitters {
			e.gone(p, err)
			if err := e.flush(nil); err != nil {
				return err
			}
		}
		return nil
	case err != nil:
		return err
	case still != (lack{}): // the conversation has changed since its row was shown
		p.lack = still
		return f.thread(ctx, runs, p)
	}
	err = f.handOn(ctx, emitters, errs, lines)
	for i, e := range emitters {
		if errs[i] == nil {
			errs[i] = err
		}
		if err := f.blame(ctx, e.run, errs[i]); err != nil {
			return err
		}
	}
	return nil
}

// unravel asks for a conversation and makes the lines of all streams; errs has what one stream could not. Nothing of the
// answer is left when it returns, for stdout may be slow. still is what must be looked up before anything can be made.
func (f *feedRun) unravel(ctx context.Context, emitters []*emitter, errs []error, p parent, found *lookup) (lines []byte, still lack, err error) {
	first := emitters[0].run.stream
	answer, err := f.client.Do(ctx, intercom.Request{Method: "GET", Path: first.path(p), Stream: first.Name, Whole: true})
	if err != nil {
		return nil, lack{}, err
	}
	defer answer.Release()
	parts, err := answer.Rows("conversation_parts.conversation_parts")
	if err != nil {
		return nil, lack{}, err
	}
	t := &thread{parent: p, answer: answer, parts: parts, discretion: f.discretion}
	t.missing = max(0, answer.Get("statistics.count_conversation_parts").Int()-int64(len(parts)))
	if found != nil {
		t.conversation()
		if still := t.truth.lack(); !still.within(found.lack) {
			return nil, still.kept(), nil
		}
		t.enrich(found)
	}
	if t.missing > 0 {
		f.Log.Warn().Str("stream", first.Name).Str("conversation_id", f.Config.shown(p.id)).Int("parts", len(parts)).Int64("missing", t.missing).
			Msg("Intercom gave fewer parts than it counts")
	}
	for i, e := range emitters { // one behind the other, in the same memory: hundreds of conversations may wait for the writer
		e.buf, e.from = lines, len(lines)
		e.run.withheld.Add(t.missing)
		if errs[i] = e.run.stream.Thread(e, t); errs[i] != nil {
			lines = e.buf[:e.from]
			continue
		}
		e.fetched(p, answer.At, t.whole())
		lines = e.buf
	}
	return lines, lack{}, nil
}

// handOn hands on what the emitters have gathered that had no error, in one go: to wake the writer for each of them costs as
// much as to make its rows. The memory that they share is lines.
func (f *feedRun) handOn(ctx context.Context, emitters []*emitter, errs []error, lines []byte) error {
	batches := make([]batch, 0, len(emitters))
	for i, e := range emitters {
		if errs[i] == nil {
			b := e.gathered()
			b.spare = nil
			batches = append(batches, b)
		}
	}
	if len(batches) == 0 {
		return nil
	}
	batches[len(batches)-1].spare = lines
	return f.writer.send(ctx, batches...)
}

// lookUp asks for what a conversation's row does not tell, before the conversation itself is asked for: whoever holds an
// answer makes no other call. An error is that of the streams that show it; it returns those that are left. Without
// anybody who wants to know, found is nil.
func (f *feedRun) lookUp(ctx context.Context, runs []*streamRun, p parent) (left []*streamRun, found *lookup, err error) {
	looksUp := func(run *streamRun) bool { return run.stream.LooksUp }
	if f.people == nil || !slices.ContainsFunc(runs, looksUp) {
		return runs, nil, nil
	}
	if p.lack == (lack{}) {
		return runs, &lookup{}, nil
	}
	found, failed := f.people.about(ctx, p.lack)
	if failed == nil {
		return runs, found, nil
	}
	for _, run := range runs {
		if !looksUp(run) {
			left = append(left, run)
		} else if err := f.blame(ctx, run, namedAfter(failed, run.stream.Name)); err != nil {
			return nil, nil, err
		}
	}
	return left, nil, nil
}

// enrich adds what was found out beside. What the conversation itself tells stays, and what is not to be told stays out.
func (t *thread) enrich(found *lookup) {
	c, lacks := t.conversation(), t.truth.lack()
	if lacks.contact == "" || c.contactID == "" {
		return
	}
	if t.discretion != nil {
		found = t.discretion.lookup(found)
	}
	if lacks.email {
		c.email = strings.ToLower(strings.TrimSpace(found.email))
	}
	if lacks.company {
		c.company = found.company
	}
	if t.truth.externalID == "" {
		c.externalID = found.external
	}
}

// whole tells whether the answer itself shows that it is no older than its row, and has all parts.
func (t *thread) whole() bool {
	answered, ok := seconds(t.answer.Get("updated_at"))
	return (t.missing == 0 || len(t.parts) >= maxParts) && ok && answered >= t.updated && !t.answer.At.Before(time.Unix(t.updated, 0).Add(settled))
}

// threadParts emits all parts of a changed conversation.
func threadParts(e *emitter, t *thread) error {
	inject := e.run.stream.injected(t.parent, gjson.Result{}, nil)
	if t.missing > 0 {
		inject = append(inject, protocol.Inject{Name: "_parts_missing", JSON: strconv.FormatInt(t.missing, 10)})
	}
	for _, part := range t.parts {
		if err := e.child(part, inject); err != nil {
			return err
		}
	}
	return nil
}

// threadDerived emits the rows that a derived stream makes of a conversation.
func threadDerived(e *emitter, t *thread) error {
	w := newRows()
	defer w.release()
	e.run.stream.Makes(w, t.conversation(), e.f.Config)
	return e.family(t.parent, func(emit emitFunc) error {
		for row := range w.all() {
			if err := emit(row, nil); err != nil {
				return err
			}
		}
		return nil
	})
}

// namedAfter is an error of a call that was made for several streams, as one of them has it.
func namedAfter(err error, stream string) error {
	switch e := err.(type) { //nolint:errorlint // as the client returns it
	case *intercom.Error:
		own := *e
		own.Stream = stream
		return &own
	case *intercom.ShapeError:
		own := *e
		own.Stream = stream
		return &own
	}
	return err
}
