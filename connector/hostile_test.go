package connector

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"source-intercom/emulator"
	"source-intercom/protocol"

	"github.com/tidwall/gjson"
)

// hostileValues are what no answer should have where a number or a text is expected.
var hostileValues = []string{"-1", "-0", "0.5", "1e3", "9223372036854775807", "9223372036854775808", "-9223372036854775808", "1e999999",
	strings.Repeat("7", 100_000), `""`, `"NaN"`, `"9223372036854775807"`, "true", "null", "{}", "[1]"}

// replaced puts text in the place of the value at the path, where there is one.
func replaced(answer, path, text string) string {
	v := gjson.Get(answer, path)
	if !v.Exists() {
		return answer
	}
	return answer[:v.Index] + text + answer[v.Index+len(v.Raw):]
}

// lost are the streams that end as if all was well, and lack rows.
func (w *world) lost(t *testing.T, out *run, streams []string) (lost []string) {
	t.Helper()
	for _, stream := range streams {
		truth, err := w.Truth(stream, w.version)
		if err != nil {
			t.Fatal(err)
		}
		status := out.statuses[stream]
		if n := len(out.records[stream]); n < len(truth) && len(status) > 0 && status[len(status)-1] == string(protocol.Complete) {
			lost = append(lost, fmt.Sprintf("%s %d of %d", stream, n, len(truth)))
		}
	}
	return lost
}

// Whatever answers say about their pages, the read ends, and no stream is complete that lacks a row.
func TestHostilePages(t *testing.T) {
	if testing.Short() {
		t.Skip("takes seconds")
	}
	streams := []string{"tickets", "contacts", "activity_logs", "tags"}
	for _, path := range []string{"total_count", "pages", "pages.page", "pages.total_pages", "pages.per_page", "pages.next", "pages.next.starting_after", "pages.next.page"} {
		for _, text := range hostileValues {
			w := newWorld(t, "2.16", emulator.Options{Size: emulator.Size{Admins: 2, Tags: 3, Contacts: 60, Tickets: 60, ActivityLogs: 60}})
			var calls atomic.Int64
			behind(t, w, func(_ *http.Request, _, answer string) string {
				if calls.Add(1) == 2000 {
					t.Errorf("%s %.30s: the calls do not end", path, text)
				}
				return replaced(answer, path, text)
			})
			ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
			out := w.read(t, reading{streams: streams, ctx: ctx, either: true, config: func(c *Config) { c.PageSize, c.MaxRetry = 20, 0 }})
			if lost := w.lost(t, out, streams); lost != nil || ctx.Err() != nil {
				t.Errorf("%s %.30s: lost %v, error %v, %v", path, text, lost, out.err, ctx.Err())
			}
			if out.err != nil && len(out.err.Error()) > 5000 {
				t.Errorf("%s %.30s: an error of %d bytes", path, text, len(out.err.Error()))
			}
			cancel()
		}
	}
}

// A catalog's schema is not followed anywhere: it is not even read.
func TestCatalogsLoadNothing(t *testing.T) {
	address := serve(t, http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { t.Errorf("%s was asked for", r.URL) }))
	for _, ref := range []string{address + "/schema.json", "file:///etc/passwd", "/dev/zero", "#/definitions/none"} {
		quoted := strconv.Quote(ref)
		schema := `{"$schema":` + quoted + `,"$id":` + quoted + `,"$ref":` + quoted + `,"type":"object","properties":{"id":{"$ref":` + quoted + `},"name":{"type":"string","$ref":` + quoted + `}},"allOf":[{"$ref":` + quoted + `}]}`
		for name, catalog := range map[string]string{
			"configured": `{"streams":[{"stream":{"name":"tags","json_schema":` + schema + `},"sync_mode":"full_refresh"}]}`,
			"discovered": `{"streams":[{"name":"tags","json_schema":` + schema + `}]}`,
			"Singer's":   `{"streams":[{"tap_stream_id":"tags","schema":` + schema + `,"metadata":[{"breadcrumb":[],"metadata":{"selected":true}}]}]}`,
		} {
			selected, err := protocol.ParseCatalog([]byte(catalog))
			if err != nil {
				t.Fatal(err)
			}
			w := newWorld(t, "2.16", emulator.Options{Size: emulator.Size{Admins: 1, Tags: 3}})
			for _, d := range []protocol.Dialect{protocol.Airbyte{}, protocol.Singer{}} {
				if out := w.read(t, reading{selected: selected, dialect: d}); len(out.records["tags"]) != 3 {
					t.Errorf("%s with %s, %s: %v", name, ref, d.Name(), out.counts)
				}
			}
		}
	}
}

// peakHeap is the most that the heap grew to while f ran, garbage included.
func peakHeap(f func()) int64 {
	defer debug.SetMemoryLimit(debug.SetMemoryLimit(48 << 20)) // as the program has it
	runtime.GC()
	sample := []metrics.Sample{{Name: "/memory/classes/heap/objects:bytes"}}
	heap := func() int64 {
		metrics.Read(sample)
		return int64(sample[0].Value.Uint64())
	}
	before, peak := heap(), int64(0)
	done, sampled := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(sampled)
		tick := time.NewTicker(time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-tick.C:
				peak = max(peak, heap())
			case <-done:
				return
			}
		}
	}()
	f()
	close(done)
	<-sampled
	return peak - before
}

// counted counts lines and bytes, and keeps the longest line's length.
type counted struct{ bytes, lines, run, longest int }

func (c *counted) Write(p []byte) (int, error) {
	c.bytes += len(p)
	for rest := p; ; {
		i := slices.Index(rest, '\n')
		if i < 0 {
			c.run += len(rest)
			return len(p), nil
		}
		c.longest, c.run, c.lines = max(c.longest, c.run+i+1), 0, c.lines+1
		rest = rest[i+1:]
	}
}

// A record of 50 MB, in one text or in a million attributes, goes through the client and the encoder to
// stdout as one line, and takes memory for a few times its size.
func TestHugeRecords(t *testing.T) {
	if testing.Short() {
		t.Skip("takes seconds, and memory")
	}
	const size = 50 << 20
	text := strings.Repeat("<p>good morning é</p> ", size/22)
	var attributes strings.Builder
	for i := range 1_000_000 {
		fmt.Fprintf(&attributes, `"attribute_%d":"the value of it, which is of some length",`, i)
	}
	for name, ticket := range map[string][3]string{
		"one text":             {`{"type":"ticket","id":"1","updated_at":1773000000,"ticket_attributes":{"_default_description_":"`, text, `"}}`},
		"a million attributes": {`{"type":"ticket","id":"1","updated_at":1773000000,"ticket_attributes":{`, attributes.String(), `"last":1}}`},
	} {
		for _, d := range []protocol.Dialect{protocol.Airbyte{}, protocol.Singer{}} {
			w := newWorld(t, "2.16", emulator.Options{Size: emulator.Size{Admins: 1}})
			length := len(ticket[0]) + len(ticket[1]) + len(ticket[2])
			w.intercepted = func(rw http.ResponseWriter, r *http.Request) bool {
				if r.URL.Path != "/tickets/search" {
					return false
				}
				before, after := `{"type":"ticket.list","total_count":1,"tickets":[`, `],"pages":{"type":"pages","page":1,"next":null}}`
				rw.Header().Set("Content-Length", strconv.Itoa(len(before)+length+len(after)))
				for _, piece := range []string{before, ticket[0], ticket[1], ticket[2], after} {
					_, _ = io.WriteString(rw, piece)
				}
				return true
			}
			out := &counted{}
			peak := peakHeap(func() {
				w.read(t, reading{streams: []string{"tickets"}, dialect: d, through: func(io.Writer) io.Writer { return out }})
			})
			if out.longest < length || out.longest > length+1000 {
				t.Errorf("%s, %s: the longest line has %d bytes of a record of %d", name, d.Name(), out.longest, length)
			}
			t.Logf("%s, %s: a record of %d MB took %d MB", name, d.Name(), length>>20, peak>>20)
			if peak > 4*int64(length) {
				t.Errorf("%s, %s: a record of %d MB took %d MB", name, d.Name(), length>>20, peak>>20)
			}
		}
	}
}
