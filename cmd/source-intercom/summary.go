package main

import (
	"fmt"
	"strings"
	"time"

	"source-intercom/connector"
	"source-intercom/protocol"

	"github.com/rs/zerolog"
)

// summaryTable has a row for each stream, and columns of what is rare only where there was some of it.
func summaryTable(s *connector.Summary) string {
	columns := []string{"stream", "status"}
	rows := make([][]string, len(s.Streams))
	for i, stream := range s.Streams {
		rows[i] = []string{stream.Name, string(stream.Status)}
	}
	for c, column := range figures(connector.StreamProgress{}) {
		some := !column.rare
		for _, stream := range s.Streams {
			some = some || figures(stream)[c].n > 0
		}
		if !some {
			continue
		}
		columns = append(columns, column.name)
		for i, stream := range s.Streams {
			rows[i] = append(rows[i], count(figures(stream)[c].n))
		}
	}
	return table(columns, rows) + "  " + callsLine(s) + "\n"
}

// A figure is one number of a stream's.
type figure struct {
	name string
	n    int64
	rare bool
}

func figures(s connector.StreamProgress) []figure {
	return []figure{
		{name: "records", n: s.Records}, {"deleted", s.Deleted, true}, {name: "skipped", n: s.Skipped}, {name: "withheld", n: s.Withheld},
		{name: "unreadable", n: s.Unreadable}, {name: "unchanged", n: s.Unchanged}, {"lookups", s.Lookups, true},
	}
}

// logSummary tells the same in log lines.
func logSummary(log zerolog.Logger, s *connector.Summary) {
	for _, stream := range s.Streams {
		event := log.Info()
		for i, f := range figures(stream) {
			if i == 0 || f.n > 0 {
				event = event.Int64(f.name, f.n)
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
