//go:build unix

package main

import (
	"strings"
	"testing"
	"time"
)

// What a neighbour spent is neither made by the connector nor allowed to it; a window without a call is idle, not left out.
func TestRateCountsWhatANeighbourLeaves(t *testing.T) {
	from := time.Unix(1_700_000_000, 0)
	all := map[int64]window{1_700_000_000: {calls: 100, refused: 3}, 1_700_000_020: {calls: 80}, 1_700_000_030: {calls: 1}}
	others := map[int64]window{1_700_000_000: {calls: 40, refused: 2}, 1_700_000_020: {calls: 20}}
	to := from.Add(3 * windowLength)
	row := rateCase{limit: 100, neighbour: true}.row(outcome{calls: 500, throttled: 1}, between(all, from, to), between(others, from, to))
	// 60 of 60, 0 of 100, 60 of 80; the fourth window lies behind.
	want := "100 0 20 % 3 120 240 0.500 0.000 1 500 2.000 2"
	if got := strings.Join(row, " "); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

// The summary is found behind any number of records, in either protocol's form.
func TestSummaryIsFoundBehindRecords(t *testing.T) {
	var out tail
	for range 20_000 {
		if _, err := out.Write([]byte(`{"type":"RECORD","record":{"stream":"tags","data":{"id":"1"}}}` + "\n")); err != nil {
			t.Fatal(err)
		}
	}
	for _, line := range []string{
		`{"type":"LOG","log":{"level":"INFO","message":"tags COMPLETE records=7"}}`,
		`INFO conversation_parts INCOMPLETE records=11659 withheld=288`,
		`INFO METRIC: {"type":"counter","metric":"http_request_count","value":36,"tags":{"stream":"tags"}}`,
		`INFO 2,260 requests (1,000 retried, 3 throttled) in 900ms`,
	} {
		if _, err := out.Write([]byte(line + "\n")); err != nil {
			t.Fatal(err)
		}
	}
	var o outcome
	if err := o.parse(string(out.last)); err != nil {
		t.Fatal(err)
	}
	if o.calls != 2260 || o.throttled != 3 || o.records["tags"] != 7 || o.records["conversation_parts"] != 11659 || o.callsOf["tags"] != 36 {
		t.Errorf("got %+v", o)
	}
	if err := o.parse("killed"); err == nil {
		t.Error("no summary, and no error")
	}
}

// Of several runs the fastest counts, and yardsticks are those of its own benchmark.
func TestBestBenchmarkLines(t *testing.T) {
	list := best([]byte(strings.Join([]string{
		"BenchmarkEncoder/floor:_copy    100  123 ns/op  800.00 MB/s",
		"BenchmarkEncoder/singer  100  123 ns/op  390.00 MB/s  7 B/op  0 allocs/op",
		"BenchmarkEncoder/singer  100  99 ns/op  400.00 MB/s  7 B/op  1 allocs/op",
		"BenchmarkOther/x  100  99 ns/op  5.00 MB/s",
		"BenchmarkWithoutBytes  100  99 ns/op",
		"ok  	some/package	1.2s",
	}, "\n")))
	if len(list) != 3 || list[1] != (measured{"Encoder/singer", 400, "1"}) {
		t.Fatalf("got %+v", list)
	}
	if floor := yardstickOf(list, list[1], "floor"); floor != 800 {
		t.Errorf("floor %v, want 800", floor)
	}
	if floor := yardstickOf(list, list[2], "floor"); floor != 0 {
		t.Errorf("another benchmark's floor is taken: %v", floor)
	}
}

func TestMinimumOfAScrollIsItsChain(t *testing.T) {
	scroll := timeCase{kind: "companies"}
	if calls := scroll.needed(20_001); calls != 201 || scroll.minimum(calls) != 201*usualLatency {
		t.Errorf("%d calls in %s", calls, scroll.minimum(calls))
	}
	thread := timeCase{kind: "conversations", parts: true}
	if calls := thread.needed(4000); calls != 4027 || thread.minimum(calls).Round(time.Second) != 24*time.Second {
		t.Errorf("%d calls in %s", calls, thread.minimum(calls))
	}
}
