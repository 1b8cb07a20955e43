package connector

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"source-intercom/emulator"
	"source-intercom/intercom"
	"source-intercom/protocol"

	"github.com/tidwall/gjson"
)

// BenchmarkPage measures the whole way of a page of conversations from the bytes of an answer to stdout:
// checked, judged, turned into lines, written. The floor is what reading and copying them costs;
// decode-encode is what a connector does that makes maps of records. With -cpu 1 all of it is done by one
// core.
func BenchmarkPage(b *testing.B) {
	body := benchPage(b)
	b.Run("floor", func(b *testing.B) {
		b.SetBytes(int64(len(body)))
		copied := make([]byte, 0, len(body))
		for b.Loop() {
			if !gjson.ValidBytes(body) {
				b.Fatal("invalid")
			}
			copied = append(copied[:0], body...)
		}
	})
	b.Run("decode-encode", func(b *testing.B) {
		b.SetBytes(int64(len(body)))
		b.ReportAllocs()
		for b.Loop() {
			var page struct{ Conversations []map[string]any }
			if err := json.Unmarshal(body, &page); err != nil {
				b.Fatal(err)
			}
			lines := json.NewEncoder(io.Discard)
			for _, row := range page.Conversations {
				if err := lines.Encode(map[string]any{"type": "RECORD", "record": row}); err != nil {
					b.Fatal(err)
				}
			}
		}
	})
	for _, d := range []protocol.Dialect{protocol.Airbyte{}, protocol.Singer{}} {
		b.Run(d.Name(), func(b *testing.B) { benchWay(b, d, body) })
	}
}

// benchWay measures one protocol. Allocations are those of the page and its rows, per row.
func benchWay(b *testing.B, d protocol.Dialect, body []byte) {
	s := benchSearch(b, d, body)
	rows := len(gjson.GetBytes(body, "conversations").Array())
	b.SetBytes(int64(len(body)))
	b.ReportAllocs()
	w := window{span: span{0, forever}}
	for b.Loop() {
		page, err := s.search(b.Context(), w, "ascending", "", 150)
		if err != nil {
			b.Fatal(err)
		}
		w.met = newSeen()
		if _, n, err := s.rows(b.Context(), w, page); err != nil || n != rows {
			b.Fatal(n, err)
		}
		page.Release()
	}
	b.ReportMetric(float64(rows*b.N)/b.Elapsed().Seconds(), "rows/s")
}

// benchSearch is a search whose answers come from memory and whose lines go nowhere.
func benchSearch(b testing.TB, d protocol.Dialect, body []byte) *searchRun {
	b.Helper()
	client, err := intercom.New(intercom.Config{BaseURL: "http://127.0.0.1:1", Token: "t", Transport: fromMemory(body)})
	if err != nil {
		b.Fatal(err)
	}
	def := streamNamed("conversations")
	encoder, err := d.Encoder(def.Described(), nil)
	if err != nil {
		b.Fatal(err)
	}
	p := &progress{stream: def, prints: newFingerprints(forever)}
	run := &streamRun{stream: def, encoder: encoder, plan: plan{need: ranges{{0, forever}}}, prints: p.prints, part: part{progress: p}}
	r := &Reader{Options: Options{Config: &Config{PageSize: 150}, Dialect: d, Lines: protocol.NewLines(io.Discard)}, client: client}
	r.writer = &writer{dialect: d, lines: r.Lines, in: make(chan []batch, batchesWaiting), every: stateEvery}
	go r.writer.loop(func(error) {})
	b.Cleanup(func() { close(r.writer.in) })
	f := &feedRun{Reader: r, feed: conversations, runs: []*streamRun{run}, nursery: newNursery(), pages: newPageSize(150), upper: forever}
	return &searchRun{feedRun: f}
}

// fromMemory answers every request with one text.
type fromMemory []byte

func (m fromMemory) RoundTrip(*http.Request) (*http.Response, error) {
	return &http.Response{StatusCode: http.StatusOK, Header: http.Header{}, ContentLength: int64(len(m)), Body: io.NopCloser(bytes.NewReader(m))}, nil
}

// benchPage is a page of 150 conversations as the emulator serves it.
func benchPage(b *testing.B) []byte {
	b.Helper()
	e, err := emulator.New(emulator.Options{Size: talks(400)})
	if err != nil {
		b.Fatal(err)
	}
	r := httptest.NewRequest("POST", "/conversations/search",
		strings.NewReader(`{"query":{"field":"updated_at","operator":">","value":1},"pagination":{"per_page":150}}`))
	r.Header.Set("Authorization", "Bearer "+emulator.DefaultToken)
	r.Header.Set("Accept", "application/json")
	r.Header.Set("Content-Type", "application/json")
	rec := httptest.NewRecorder()
	e.ServeHTTP(rec, r)
	if rec.Code != http.StatusOK {
		b.Fatal(rec.Code, rec.Body.String())
	}
	return rec.Body.Bytes()
}
