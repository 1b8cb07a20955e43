package main

import (
	"bytes"
	"io"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"source-intercom/connector"
	"source-intercom/protocol"

	"github.com/google/go-cmp/cmp"
	"github.com/rs/zerolog"
)

// screen imitates how a terminal shows one line: it knows \r, and that writing overwrites.
type screen struct {
	bytes.Buffer
}

// lines are what a reader sees: the last text in each column of each line.
func (s *screen) lines() []string {
	var shown []string
	for _, line := range strings.Split(s.String(), "\n") {
		var columns []rune
		at := 0
		for _, r := range line {
			if r == '\r' {
				at = 0
				continue
			}
			if at == len(columns) {
				columns = append(columns, ' ')
			}
			columns[at] = r
			at++
		}
		shown = append(shown, strings.TrimRight(string(columns), " "))
	}
	return shown
}

func terminal(columns int) (*console, *screen) {
	s := &screen{}
	return &console{out: s, width: func() int { return columns }}, s
}

func TestLiveLineIsWipedBeforeOtherOutput(t *testing.T) {
	c, s := terminal(80)
	c.show("conversations · 120 records")
	c.show("tickets")
	if _, err := io.WriteString(c, "WARNING something\n"); err != nil {
		t.Fatal(err)
	}
	c.show("admins")
	want := []string{"WARNING something", "admins"}
	if diff := cmp.Diff(want, s.lines()); diff != "" {
		t.Error(diff)
	}
	c.show("")
	want = []string{"WARNING something", ""}
	if diff := cmp.Diff(want, s.lines()); diff != "" {
		t.Error(diff)
	}
}

func TestLiveLineNeverFillsTheTerminal(t *testing.T) {
	for _, width := range []int{0, 1, 2, 20, 79} {
		c, s := terminal(width)
		c.show(strings.Repeat("·abc ", 30))
		if got := len([]rune(s.lines()[0])); got > max(width-1, 0) {
			t.Errorf("%d columns on a terminal of %d", got, width)
		}
	}
}

func TestNoLiveLineWithoutTerminal(t *testing.T) {
	s := &screen{}
	c := &console{out: s}
	c.show("conversations")
	if s.Len() > 0 {
		t.Errorf("wrote %q", s.String())
	}
}

func progressAt(elapsed time.Duration, requests int64) connector.Progress {
	return connector.Progress{
		Elapsed: elapsed, Requests: requests, Limit: 1667, Left: 823,
		Streams: []connector.StreamProgress{
			{Name: "tags", Status: protocol.Complete, Records: 8},
			{Name: "contacts", Status: protocol.Started},
			{Name: "conversations", Status: protocol.Running, Records: 12_340},
			{Name: "tickets", Status: protocol.Running},
			{Name: "companies"},
		},
	}
}

func TestStatusLine(t *testing.T) {
	want := "contacts, conversations +1 · 12,348 records · 148.3 requests/s · quota 823 of 1667 left · 1m12s"
	if got := statusLine(progressAt(72*time.Second+300*time.Millisecond, 10_000), 148.3); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	want = "starting · 0 records · 0.0 requests/s · 0s"
	if got := statusLine(connector.Progress{}, 0); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

// The rate is that of the last seconds: a read that came to a halt must not look busy.
func TestRequestsPerSecondForgetThePast(t *testing.T) {
	var p pace
	var got float64
	for i := range 100 {
		got = p.perSecond(progressAt(time.Duration(i)*liveEvery, int64(i*50)))
	}
	if got < 99 || got > 101 {
		t.Errorf("steady: %.1f requests/s, want 100", got)
	}
	for i := range 20 {
		got = p.perSecond(progressAt(time.Duration(100+i)*liveEvery, 99*50))
	}
	if got != 0 {
		t.Errorf("halted: %.1f requests/s, want 0", got)
	}
	if len(p.seen) > 20 {
		t.Errorf("%d looks are kept", len(p.seen))
	}
}

func TestWatchLogsEveryHalfMinuteWithoutTerminal(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		var looks atomic.Int64
		progress := func() connector.Progress {
			looks.Add(1)
			return progressAt(time.Minute, 10)
		}
		stop := watch(progress, &console{out: io.Discard}, zerolog.New(&log))
		time.Sleep(95 * time.Second)
		stop()
		if got := strings.Count(log.String(), "reading contacts, conversations +1"); got != 3 {
			t.Errorf("%d log lines in 95 s, want 3:\n%s", got, log.String())
		}
		time.Sleep(time.Hour)
		if looks.Load() != 3 {
			t.Error("still watching after stop")
		}
	})
}

func TestWatchShowsALiveLineOnATerminal(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, s := terminal(200)
		var log bytes.Buffer
		stop := watch(func() connector.Progress { return progressAt(time.Minute, 10) }, c, zerolog.New(&log))
		time.Sleep(1100 * time.Millisecond)
		synctest.Wait()
		if got := s.lines()[0]; !strings.HasPrefix(got, "contacts, conversations +1") {
			t.Errorf("shows %q", got)
		}
		stop()
		if diff := cmp.Diff([]string{""}, s.lines()); diff != "" {
			t.Error(diff)
		}
		if log.Len() > 0 {
			t.Errorf("logged beside: %s", log.String())
		}
	})
}

func TestTable(t *testing.T) {
	got := table([]string{"stream", "records", "note"}, [][]string{
		{"tags", "8", "short"},
		{"conversations", "12,340", ""},
	})
	want := "" +
		"  stream         records  note\n" +
		"  ─────────────  ───────  ─────\n" +
		"  tags                 8  short\n" +
		"  conversations   12,340\n"
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestCount(t *testing.T) {
	for n, want := range map[int64]string{0: "0", 999: "999", 1000: "1,000", 1234567: "1,234,567", -1: "-1", -100: "-100", -1000: "-1,000"} {
		if got := count(n); got != want {
			t.Errorf("count(%d) = %s, want %s", n, got, want)
		}
	}
}
