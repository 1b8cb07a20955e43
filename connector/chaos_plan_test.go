package connector

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"source-intercom/emulator"
	"source-intercom/protocol"
)

// A climate is what a seed draws once: the workspace, and what its answers suffer from.
type climate struct {
	version string
	options emulator.Options
	lag     time.Duration // the setting that the emulator's lags are below
	maxRetry,
	lookback time.Duration
	start  time.Time // never later in a later sync
	crowds int       // objects of each kind that share one second or one day
	deadly bool      // some faults last so long that a run may fail
}

func (c climate) String() string {
	o := c.options
	var faults []string
	for _, f := range o.Faults {
		faults = append(faults, fmt.Sprintf("%s:%s:p%.2f/%d/%dx+%s", f.Kind, f.Path, f.Probability, f.Every, f.Times, f.Delay))
	}
	return fmt.Sprintf("API %s, zone %s, %+v, crowds of %d, offset cursor %v, inclusive > %v, index lag %s and replica lag %s of %s, limit %d per %s, latency %s+%s, scroll of %d ends with 404 %v, retries for %s, faults [%s]",
		c.version, o.TimeZone, o.Size, c.crowds, o.OffsetCursor, o.InclusiveGreater, o.IndexLag, o.ReplicaLag, c.lag, o.RateLimit, o.RateWindow, o.Latency, o.Jitter,
		o.ScrollPage, o.ScrollEndsWith404, c.maxRetry, strings.Join(faults, " "))
}

func drawClimate(rng *rand.Rand, seed uint64) climate {
	n := 10 + rng.IntN(250)
	c := climate{
		version:  oneOf(rng, "2.10", "2.11", "2.13", "2.14", "2.15", "2.16", "2.17", "Preview"),
		lag:      oneOf(rng, 90*time.Second, 15*time.Minute),
		maxRetry: oneOf(rng, time.Minute, 5*time.Minute, 20*time.Minute),
		lookback: oneOf(rng, 0, 0, 24*time.Hour),
		crowds:   oneOf(rng, 0, 0, 20, 150),
		deadly:   rng.IntN(3) == 0,
	}
	c.options = emulator.Options{
		Seed: int64(seed),
		Size: emulator.Size{Admins: 3, Teams: 2, Tags: 6, Segments: 5, Companies: 5 + rng.IntN(150), Contacts: 1 + rng.IntN(2*n),
			Conversations: n, Tickets: n / 2, ActivityLogs: n, PartsPerConversation: rng.IntN(4), LongConversations: oneOf(rng, 0, 0, 0, 1)},
		TimeZone:          oneOf(rng, "Pacific/Pago_Pago", "America/Chicago", "UTC", "Asia/Kathmandu", "Pacific/Kiritimati", "Europe/London"),
		RateLimit:         oneOf(rng, 0, 10, 84, 1000),
		RateWindow:        oneOf(rng, time.Second, 10*time.Second, 20*time.Second),
		Latency:           oneOf(rng, 0, 20*time.Millisecond, 300*time.Millisecond, 3*time.Second),
		Jitter:            oneOf(rng, 0, 400*time.Millisecond),
		InclusiveGreater:  rng.IntN(2) == 0,
		OffsetCursor:      rng.IntN(2) == 0,
		ScrollEndsWith404: rng.IntN(2) == 0,
		ScrollPage:        oneOf(rng, 100, 20, 7),
		Start:             born.AddDate(0, 0, -1-rng.IntN(90)),
	}
	if rng.IntN(2) == 0 {
		c.options.IndexLag = time.Duration(rng.Int64N(int64(c.lag)))
	}
	if rng.IntN(2) == 0 {
		c.options.ReplicaLag = time.Duration(rng.Int64N(int64(c.lag)))
	}
	c.start = c.options.Start.AddDate(0, 0, -1)
	if rng.IntN(4) == 0 { // in the middle of what there is
		c.start = born.Add(-time.Duration(rng.Int64N(int64(born.Sub(c.options.Start)))))
	}
	c.options.Faults = drawFaults(rng, c.deadly)
	return c
}

// drawFaults makes rules that a run survives, and in a deadly climate one that it may not. All wear off.
func drawFaults(rng *rand.Rand, deadly bool) []emulator.Fault {
	kinds := []string{"429", "408", "500", "502", "503", "504", "cut", "truncated", "invalid", "empty", "captcha", "delay"}
	paths := []string{"", "/companies/scroll", "/conversations/search", "/conversations/*", "/contacts/search", "/tickets", "/admins", "/companies", "/tags", "/me"}
	var faults []emulator.Fault
	for range rng.IntN(4) {
		f := emulator.Fault{Kind: oneOf(rng, kinds...), Path: oneOf(rng, paths...), After: rng.IntN(20), Times: 1 + rng.IntN(3)}
		switch rng.IntN(3) {
		case 0:
			f.Probability, f.Times = 0.01+0.05*rng.Float64(), 1+rng.IntN(60)
		case 1:
			f.Every, f.Times = 7+rng.IntN(20), 1+rng.IntN(60)
		}
		if f.Kind == "delay" {
			f.Delay = time.Duration(1+rng.IntN(45)) * time.Second
		}
		faults = append(faults, f)
	}
	if deadly {
		faults = append(faults, emulator.Fault{Kind: oneOf(rng, kinds[:11]...), Path: oneOf(rng, paths...), After: rng.IntN(60),
			Probability: 0.3 + 0.7*rng.Float64(), Times: 10 + rng.IntN(120)})
	}
	return faults
}

// A choice is what one sync reads and how.
type choice struct {
	selected []protocol.Selected // nil: every stream, without a catalog
	dialect  protocol.Dialect
	pageSize int
	inFlight int
	share    float64
	cap      int
	step     time.Duration
	maxHeld  int64
	every    time.Duration
	start    time.Time
	end      time.Time
}

func (c choice) String() string {
	names := []string{"everything"}
	if c.selected != nil {
		names = nil
		for _, s := range c.selected {
			name := s.Stream + " " + string(s.Mode)
			if s.SyncID != nil {
				name += fmt.Sprintf(" #%d", *s.SyncID)
			}
			names = append(names, name)
		}
	}
	return fmt.Sprintf("%s, pages of %d, in flight %d, share %.2f, from %s to %v, states every %s: %s", c.dialect.Name(), c.pageSize, c.inFlight, c.share,
		c.start.Format(time.DateTime), c.end.Unix(), c.every, strings.Join(names, ", "))
}

// streams is what a run without a catalog selects, too.
func (c *choice) streams() []protocol.Selected {
	if c.selected == nil {
		return everyStream()
	}
	return c.selected
}

// choose draws what the n-th sync reads.
func (s *storm) choose(n int) {
	rng := s.draws
	s.choice = choice{
		dialect: oneOf[protocol.Dialect](rng, protocol.Airbyte{}, protocol.Singer{}), pageSize: oneOf(rng, 1+rng.IntN(6), 1+rng.IntN(50), 150),
		inFlight: oneOf(rng, 0, 0, 1, 3), share: oneOf(rng, 1, 1, 0.4), cap: oneOf(rng, 0, 0, 300), maxHeld: oneOf[int64](rng, 0, 0, 1),
		every: oneOf(rng, 0, stateEvery), step: time.Duration(oneOf(rng, 3, 30)) * 24 * time.Hour,
	}
	if n > 0 && rng.IntN(4) == 0 {
		s.climate.start = s.climate.start.AddDate(0, 0, -rng.IntN(40))
	}
	s.choice.start = s.climate.start
	if rng.IntN(8) == 0 {
		s.choice.end = s.choice.start.Add(time.Duration(1 + rng.Int64N(int64(time.Since(s.began)+born.Sub(s.choice.start)))))
	}
	if rng.IntN(3) > 0 {
		s.choice.selected = s.drawStreams(n)
	}
	for _, sel := range s.choice.streams() {
		s.ever[sel.Stream] = true
	}
}

// drawStreams selects some streams, each in a mode of its own.
func (s *storm) drawStreams(n int) []protocol.Selected {
	rng := s.draws
	var syncID *int64
	if s.choice.dialect.Name() == "airbyte" && rng.IntN(2) == 0 {
		syncID = id(int64(100 + n))
	}
	in := 1 + rng.IntN(4)
	var out []protocol.Selected
	for _, i := range rng.Perm(len(Streams)) {
		if len(out) > 0 && rng.IntN(4) >= in {
			continue
		}
		sel := protocol.Selected{Stream: Streams[i].Name, Mode: protocol.FullRefresh, SyncID: syncID}
		if Streams[i].Cursor != "" && rng.IntN(4) > 0 {
			sel.Mode = protocol.Incremental
		}
		out = append(out, sel)
	}
	return out
}

// chooseAll selects every stream that was selected before, each in its usual mode, as one sync with an id.
func (s *storm) chooseAll(n int) {
	s.choose(n)
	s.choice.end, s.choice.selected = time.Time{}, nil
	for _, sel := range everyStream() {
		if s.ever[sel.Stream] {
			s.choice.selected = append(s.choice.selected, sel)
		}
	}
}

func oneOf[T any](rng *rand.Rand, values ...T) T { return slices.Clone(values)[rng.IntN(len(values))] }
