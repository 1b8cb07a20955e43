package connector

import (
	"context"
	"errors"
	"net/url"
	"strconv"
	"time"
	"unsafe"

	"source-intercom/intercom"
	"source-intercom/protocol"

	"github.com/tidwall/gjson"
)

// maxParts is how many parts Intercom gives of one conversation: the newest.
// https://developers.intercom.com/docs/references/rest-api/api.intercom.io/conversations/retrieveconversation
const maxParts = 500

// settled is how long after a change a single read may still have been answered from before it, the
// clocks counting whole seconds.
const settled = 2 * time.Second

// raw is the row's own bytes; they must not be changed.
func raw(row gjson.Result) []byte { return unsafe.Slice(unsafe.StringData(row.Raw), len(row.Raw)) }

// fetchConversationParts emits all parts of a changed conversation. A conversation whose search row
// equals the one whose parts were emitted last costs no call; an equal number of parts would prove
// nothing, for parts are edited and redacted.
func fetchConversationParts(ctx context.Context, f *feedRun, e *emitter, p parent) error {
	version := print{key: keyHash(p.id), content: p.content, at: p.updated}
	memorable := p.dated && e.run.prints.covers(p.updated)
	if memorable && e.run.prints.same(version) {
		e.run.unchanged.Add(1)
		return nil
	}
	answer, err := f.client.Do(ctx, intercom.Request{Method: "GET", Path: "/conversations/" + url.PathEscape(p.id), Stream: e.run.stream.Name, Whole: true})
	if gone(err) {
		e.run.skipped.Add(1)
		f.Log.Debug().Str("stream", e.run.stream.Name).Str("conversation_id", p.id).Msg("deleted meanwhile")
		if memorable && final(f, p.updated, f.client.Now()) {
			e.remember(version)
		}
		return nil
	}
	if err != nil {
		return err
	}
	defer answer.Release()
	parts, err := answer.Rows("conversation_parts.conversation_parts")
	if err != nil {
		return err
	}
	missing := max(0, answer.Get("statistics.count_conversation_parts").Int()-int64(len(parts)))
	inject := []protocol.Inject{{Name: "conversation_id", JSON: quoted(p.id)}}
	if missing > 0 {
		e.run.withheld.Add(missing)
		inject = append(inject, protocol.Inject{Name: "_parts_missing", JSON: strconv.FormatInt(missing, 10)})
		f.Log.Warn().Str("stream", e.run.stream.Name).Str("conversation_id", p.id).Int("parts", len(parts)).Int64("missing", missing).
			Msg("Intercom gave fewer parts than it counts")
	}
	for _, part := range parts {
		if err := e.child(part, inject); err != nil {
			return err
		}
	}
	answered, ok := seconds(answer.Get("updated_at"))
	whole := (missing == 0 || len(parts) >= maxParts) && ok && answered >= p.updated && !answer.At.Before(time.Unix(p.updated, 0).Add(settled))
	if p.dated && e.run.prints.covers(p.updated) && (whole || final(f, p.updated, answer.At)) {
		e.remember(version)
	}
	return nil
}

// final tells whether an answer came so late after the change that no later one can be better.
func final(f *feedRun, updated int64, answered time.Time) bool {
	return answered.After(time.Unix(updated, 0).Add(f.Config.IndexLag))
}

// fetchCompanySegments emits every segment that a company is in.
func fetchCompanySegments(ctx context.Context, f *feedRun, e *emitter, p parent) error {
	inject := []protocol.Inject{{Name: "company_id", JSON: quoted(p.id)}}
	answer, err := f.client.Do(ctx, intercom.Request{Method: "GET", Path: "/companies/" + url.PathEscape(p.id) + "/segments", Stream: e.run.stream.Name})
	if gone(err) {
		e.run.skipped.Add(1)
		return nil
	}
	if err != nil {
		return err
	}
	defer answer.Release()
	segments, err := answer.Rows("data")
	if err != nil {
		return err
	}
	for _, segment := range segments {
		if err := e.child(segment, inject); err != nil {
			return err
		}
	}
	return nil
}

// gone tells whether an object was deleted or merged before its turn came.
func gone(err error) bool {
	var api *intercom.Error
	return errors.As(err, &api) && api.Kind == intercom.NotFound
}
