package connector

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"

	"source-intercom/emulator"
	"source-intercom/intercom"
	"source-intercom/protocol"

	"github.com/tidwall/gjson"
)

// BenchmarkThread measures the way of a conversation from the bytes of its answer to stdout, for conversation_parts alone
// and with what else is made of it. The call itself, TLS and unpacking are left out: what the derived streams cost beside
// all that the raw ones cost is measured by "make bench BENCH='-only derived'".
func BenchmarkThread(b *testing.B) {
	talks := benchTalks(b)
	size, parts := 0, 0
	for _, body := range talks {
		size += len(body)
		parts += len(gjson.GetBytes(body, "conversation_parts.conversation_parts").Array())
	}
	for name, streams := range map[string][]string{
		"parts": {"conversation_parts"}, "normalized": {"normalized_conversations"}, "events": {"ticket_events"}, "transcripts": {"transcripts"},
		"derived": derivedStreams(), "all": threadStreams(),
	} {
		b.Run(name, func(b *testing.B) {
			f := benchThread(b, talks, streams)
			b.SetBytes(int64(size / len(talks)))
			b.ReportAllocs()
			for b.Loop() {
				if err := f.thread(b.Context(), f.runs, parent{id: "1", via: "1", updated: 1}); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(parts)/float64(len(talks))*float64(b.N)/b.Elapsed().Seconds(), "parts/s")
		})
	}
}

// talkAfterTalk answers with one conversation after the other.
type talkAfterTalk struct {
	talks [][]byte
	next  atomic.Int64
}

func (i *talkAfterTalk) RoundTrip(r *http.Request) (*http.Response, error) {
	return fromMemory(i.talks[int(i.next.Add(1))%len(i.talks)]).RoundTrip(r)
}

// benchThread is a feed whose answers come from memory and whose lines go nowhere.
func benchThread(b *testing.B, talks [][]byte, streams []string) *feedRun {
	b.Helper()
	client, err := intercom.New(intercom.Config{BaseURL: "http://127.0.0.1:1", Token: "t", Transport: &talkAfterTalk{talks: talks}})
	if err != nil {
		b.Fatal(err)
	}
	r := &Reader{Options: Options{Config: &Config{}, Dialect: protocol.Airbyte{}, Lines: protocol.NewLines(io.Discard)}, client: client}
	r.writer = &writer{dialect: r.Dialect, lines: r.Lines, in: make(chan []batch, batchesWaiting), every: stateEvery}
	f := &feedRun{Reader: r, feed: conversations, nursery: newNursery(), upper: forever}
	for _, name := range streams {
		def := streamNamed(name)
		encoder, err := r.Dialect.Encoder(def.Described(), nil)
		if err != nil {
			b.Fatal(err)
		}
		p := &progress{stream: def, prints: newFingerprints(forever)}
		f.runs = append(f.runs, &streamRun{stream: def, encoder: encoder, prints: p.prints, part: part{progress: p}})
	}
	r.writer.runs = f.runs
	go r.writer.loop(func(error) {})
	b.Cleanup(func() { close(r.writer.in) })
	return f
}

// benchTalks are conversations of eight parts on average, as the emulator answers them.
func benchTalks(b *testing.B) (all [][]byte) {
	b.Helper()
	size := talks(40)
	size.PartsPerConversation = 8
	e, err := emulator.New(emulator.Options{Size: size})
	if err != nil {
		b.Fatal(err)
	}
	var ids []string
	e.Edit(func(w *emulator.World) { ids = w.IDs("conversations") })
	for _, id := range ids {
		r := httptest.NewRequestWithContext(context.Background(), http.MethodGet, "/conversations/"+id, http.NoBody)
		r.Header.Set("Authorization", "Bearer "+emulator.DefaultToken)
		r.Header.Set("Accept", "application/json")
		rec := httptest.NewRecorder()
		e.ServeHTTP(rec, r)
		if rec.Code != http.StatusOK {
			b.Fatal(rec.Code, rec.Body.String())
		}
		all = append(all, rec.Body.Bytes())
	}
	return all
}
