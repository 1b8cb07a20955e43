package main

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"source-intercom/connector"
	"source-intercom/protocol"

	"github.com/rs/zerolog"
)

// summaryTable tells people on a terminal what a read brought, and of look-ups if there were any.
func summaryTable(s *connector.Summary) string {
	columns := []string{"stream", "status", "records", "deleted", "skipped", "withheld", "unreadable", "unchanged"}
	looked := slices.ContainsFunc(s.Streams, func(stream connector.StreamProgress) bool { return stream.Lookups > 0 })
	if looked {
		columns = append(columns, "lookups")
	}
	var rows [][]string
	for _, stream := range s.Streams {
		row := []string{
			stream.Name, string(stream.Status),
			count(stream.Records), count(stream.Deleted), count(stream.Skipped), count(stream.Withheld), count(stream.Unreadable), count(stream.Unchanged),
		}
		if looked {
			row = append(row, count(stream.Lookups))
		}
		rows = append(rows, row)
	}
	return table(columns, rows) + "  " + callsLine(s) + "\n"
}

// logSummary tells the same in log lines.
func logSummary(log zerolog.Logger, s *connector.Summary) {
	for _, stream := range s.Streams {
		event := log.Info().Int64("records", stream.Records)
		for _, extra := range []struct {
			name string
			n    int64
		}{{"deleted", stream.Deleted}, {"skipped", stream.Skipped}, {"withheld", stream.Withheld}, {"unreadable", stream.Unreadable}, {"unchanged", stream.Unchanged}, {"lookups", stream.Lookups}} {
			if extra.n > 0 {
				event = event.Int64(extra.name, extra.n)
			}
		}
		event.Msg(strings.TrimSpace(stream.Name + " " + string(stream.Status)))
	}
	log.Info().Msg(callsLine(s))
}

func callsLine(s *connector.Summary) string {
	return fmt.Sprintf("%s requests (%s retried, %s throttled) in %s", count(s.Client.Requests),
		count(s.Client.Retries), count(s.Client.Throttled), s.Elapsed.Round(100*time.Millisecond))
}

// metrics are the lines by which Singer platforms count.
func metrics(s *connector.Summary, ok bool) []byte {
	var lines []byte
	add := func(kind, metric string, value any, tags map[string]string) {
		lines, _ = protocol.AppendMetric(lines, kind, metric, value, tags) // numbers always marshal
	}
	for _, stream := range s.Streams {
		tags := map[string]string{"stream": stream.Name}
		add("counter", "record_count", stream.Records, tags)
		add("counter", "http_request_count", s.Client.ByStream[stream.Name].Requests, tags)
	}
	status := "succeeded"
	if !ok {
		status = "failed"
	}
	add("timer", "job_duration", s.Elapsed.Seconds(), map[string]string{"job_type": "sync", "status": status})
	return lines
}
