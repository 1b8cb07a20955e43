package connector

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"

	"source-intercom/emulator"
	"source-intercom/intercom"
	"source-intercom/protocol"

	"github.com/tidwall/gjson"
)

// BenchmarkThread measures the way of one conversation from the bytes of its answer to stdout, for conversation_parts alone
// and with what else is made of it. What the derived streams cost more is the point: the call itself, TLS and unpacking are
// left out on both sides.
func BenchmarkThread(b *testing.B) {
	body := benchTalk(b)
	parts := len(gjson.GetBytes(body, "conversation_parts.conversation_parts").Array())
	for name, streams := range map[string][]string{
		"parts": {"conversation_parts"}, "normalized": {"normalized_conversations"}, "events": {"ticket_events"}, "transcripts": {"transcripts"},
		"all": threadStreams(),
	} {
		b.Run(name, func(b *testing.B) {
			f := benchThread(b, body, streams)
			b.SetBytes(int64(len(body)))
			b.ReportAllocs()
			for b.Loop() {
				if err := f.thread(b.Context(), f.runs, parent{id: "1", via: "1", updated: 1}); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(parts*b.N)/b.Elapsed().Seconds(), "parts/s")
		})
	}
}

// benchThread is a feed whose answers come from memory and whose lines go nowhere.
func benchThread(b *testing.B, body []byte, streams []string) *feedRun {
	b.Helper()
	client, err := intercom.New(intercom.Config{BaseURL: "http://127.0.0.1:1", Token: "t", Transport: fromMemory(body)})
	if err != nil {
		b.Fatal(err)
	}
	r := &Reader{Options: Options{Config: &Config{}, Dialect: protocol.Airbyte{}, Lines: protocol.NewLines(io.Discard)}, client: client}
	r.writer = &writer{dialect: r.Dialect, lines: r.Lines, in: make(chan batch, batchesWaiting), every: stateEvery}
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

// benchTalk is a conversation of twenty parts or so, as the emulator answers it.
func benchTalk(b *testing.B) []byte {
	b.Helper()
	size := talks(40)
	size.PartsPerConversation = 20
	e, err := emulator.New(emulator.Options{Size: size})
	if err != nil {
		b.Fatal(err)
	}
	var id string
	e.Edit(func(w *emulator.World) { id = w.IDs("conversations")[2] })
	r := httptest.NewRequestWithContext(context.Background(), http.MethodGet, "/conversations/"+id, http.NoBody)
	r.Header.Set("Authorization", "Bearer "+emulator.DefaultToken)
	r.Header.Set("Accept", "application/json")
	rec := httptest.NewRecorder()
	e.ServeHTTP(rec, r)
	if rec.Code != http.StatusOK {
		b.Fatal(rec.Code, rec.Body.String())
	}
	return rec.Body.Bytes()
}
