package main

import (
	"fmt"
	"strings"
	"time"

	"source-intercom/connector"
	"source-intercom/protocol"

	"github.com/rs/zerolog"
)

const (
	liveEvery = 500 * time.Millisecond // on a terminal
	logEvery  = 30 * time.Second       // elsewhere
	// rateOver is the stretch over which requests per second are averaged.
	rateOver = 5 * time.Second
)

// watch tells people how a read is getting on until stop is called: by the live line of a terminal,
// else by log lines. After stop nothing more is written.
func watch(progress func() connector.Progress, stderr *console, log zerolog.Logger) (stop func()) {
	every, tell := logEvery, func(line string) { log.Info().Msg("reading " + line) }
	if stderr.isTerminal() {
		every, tell = liveEvery, stderr.show
	}
	done, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		ticker := time.NewTicker(every)
		defer ticker.Stop()
		var pace pace
		for {
			select {
			case <-done:
				stderr.show("")
				return
			case <-ticker.C:
				p := progress()
				tell(statusLine(p, pace.perSecond(p)))
			}
		}
	}()
	return func() {
		close(done)
		<-ended
	}
}

// pace averages the requests of the last few seconds.
type pace struct{ seen []connector.Progress }

func (a *pace) perSecond(p connector.Progress) float64 {
	a.seen = append(a.seen, p)
	for len(a.seen) > 2 && p.Elapsed-a.seen[1].Elapsed >= rateOver {
		a.seen = a.seen[1:]
	}
	var from connector.Progress // the first look averages over the whole run
	if len(a.seen) > 1 {
		from = a.seen[0]
	}
	seconds := (p.Elapsed - from.Elapsed).Seconds()
	if seconds <= 0 {
		return 0
	}
	return float64(p.Requests-from.Requests) / seconds
}

// statusLine is one line about a running read: what is being read, how much has come, and how fast.
func statusLine(p connector.Progress, requestsPerSecond float64) string {
	var running []string
	var records int64
	for _, s := range p.Streams {
		records += s.Records
		if s.Status == protocol.Started || s.Status == protocol.Running {
			running = append(running, s.Name)
		}
	}
	what := strings.Join(running, ", ")
	switch {
	case len(running) == 0:
		what = "starting"
	case len(running) > 2:
		what = fmt.Sprintf("%s +%d", strings.Join(running[:2], ", "), len(running)-2)
	}
	line := fmt.Sprintf("%s · %s records · %.1f requests/s", what, count(records), requestsPerSecond)
	if p.Limit > 0 {
		line += fmt.Sprintf(" · quota %d of %d left", p.Left, p.Limit)
	}
	return line + " · " + p.Elapsed.Round(time.Second).String()
}
