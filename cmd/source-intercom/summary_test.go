package main

import (
	"bytes"
	"testing"
	"time"

	"source-intercom/connector"
	"source-intercom/intercom"
	"source-intercom/protocol"

	"github.com/google/go-cmp/cmp"
)

func exampleSummary() *connector.Summary {
	return &connector.Summary{
		Elapsed: 72340 * time.Millisecond,
		Client:  intercom.Stats{Counts: intercom.Counts{Requests: 1234, Retries: 5, Throttled: 1}},
		Streams: []connector.StreamProgress{
			{Name: "tags", Status: protocol.Complete, Records: 8},
			{Name: "conversation_parts", Status: protocol.Incomplete, Records: 6107, Deleted: 3, Skipped: 2, Withheld: 153, Unreadable: 4, Unchanged: 31},
		},
	}
}

func TestSummaryOnATerminal(t *testing.T) {
	want := "" +
		"  stream              status      records  deleted  skipped  withheld  unreadable  unchanged\n" +
		"  ──────────────────  ──────────  ───────  ───────  ───────  ────────  ──────────  ─────────\n" +
		"  tags                COMPLETE          8        0        0         0           0          0\n" +
		"  conversation_parts  INCOMPLETE    6,107        3        2       153           4         31\n" +
		"  1,234 requests (5 retried, 1 throttled) in 1m12.3s\n"
	if diff := cmp.Diff(want, summaryTable(exampleSummary())); diff != "" {
		t.Error(diff)
	}
}

// TestSummaryTellsOfLookups where there were some.
func TestSummaryTellsOfLookups(t *testing.T) {
	s := exampleSummary()
	s.Streams[0].Lookups, s.Streams[1].Deleted = 21, 0
	want := "" +
		"  stream              status      records  skipped  withheld  unreadable  unchanged  lookups\n" +
		"  ──────────────────  ──────────  ───────  ───────  ────────  ──────────  ─────────  ───────\n" +
		"  tags                COMPLETE          8        0         0           0          0       21\n" +
		"  conversation_parts  INCOMPLETE    6,107        2       153           4         31        0\n" +
		"  1,234 requests (5 retried, 1 throttled) in 1m12.3s\n"
	if diff := cmp.Diff(want, summaryTable(s)); diff != "" {
		t.Error(diff)
	}
	var out bytes.Buffer
	logSummary(protocol.NewLogger(protocol.Singer{}, nil, &out, func(string) string { return "" }, protocol.NewRedactor()), s)
	if !bytes.Contains(out.Bytes(), []byte("INFO tags COMPLETE records=8 lookups=21\n")) {
		t.Error(out.String())
	}
}

func TestSummaryInTheLog(t *testing.T) {
	var out bytes.Buffer
	logSummary(protocol.NewLogger(protocol.Singer{}, nil, &out, func(string) string { return "" }, protocol.NewRedactor()), exampleSummary())
	want := "" +
		"INFO tags COMPLETE records=8\n" +
		"INFO conversation_parts INCOMPLETE records=6107 deleted=3 skipped=2 withheld=153 unreadable=4 unchanged=31\n" +
		"INFO 1,234 requests (5 retried, 1 throttled) in 1m12.3s\n"
	if diff := cmp.Diff(want, out.String()); diff != "" {
		t.Error(diff)
	}
}
