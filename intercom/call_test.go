package intercom_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"

	"source-intercom/intercom"
)

// conversation is about what a call for a conversation brings.
func conversation() string {
	part := `{"type":"conversation_part","id":"%","created_at":1700000000,"author":{"type":"admin","id":"7"},"body":"<p>Good morning, how are you?</p>"},`
	var b strings.Builder
	b.WriteString(`{"type":"conversation","id":"1","updated_at":1700000000,"statistics":{"count_conversation_parts":20},"conversation_parts":{"conversation_parts":[`)
	for i := range 20 {
		b.WriteString(strings.Replace(part, "%", strconv.Itoa(i*i*7919), 1))
	}
	return strings.TrimSuffix(b.String(), ",") + `]}}`
}

// BenchmarkCall is a call with all that its answer is asked for. The server is in the same process, but
// takes what it sends from memory.
func BenchmarkCall(b *testing.B) {
	text := conversation()
	body := []byte(zipped(text))
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Encoding", "gzip")
		_, _ = w.Write(body)
	}))
	defer s.Close()
	c, err := intercom.New(intercom.Config{BaseURL: s.URL, Token: token})
	if err != nil {
		b.Fatal(err)
	}
	defer c.Close()
	b.SetBytes(int64(len(text)))
	b.ReportAllocs()
	for b.Loop() {
		a, err := c.Do(b.Context(), get)
		if err != nil {
			b.Fatal(err)
		}
		rows, err := a.Rows("conversation_parts.conversation_parts")
		if err != nil || int64(len(rows)) != a.Get("statistics.count_conversation_parts").Int() {
			b.Fatal(len(rows), err)
		}
		a.Release()
	}
}

// BenchmarkRows cuts nothing any more: where the rows are was noted when the answer was checked.
func BenchmarkRows(b *testing.B) {
	text := conversation()
	c, err := intercom.New(intercom.Config{BaseURL: "https://api.intercom.io", Token: token,
		Transport: inMemory(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, text) })})
	if err != nil {
		b.Fatal(err)
	}
	a, err := c.Do(b.Context(), get)
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if rows, err := a.Rows("conversation_parts.conversation_parts"); err != nil || len(rows) != 20 {
			b.Fatal(len(rows), err)
		}
	}
}
