package connector

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"source-intercom/protocol"
)

// A choice is what one sync reads and how.
type choice struct {
	table    Table
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

// drawTable draws which streams of a version can be selected: those that most people read, and some of the others. What
// can change without its contact cannot be held to a contact's time of change.
func drawTable(rng *rand.Rand, version string) Table {
	usual := []string{"activity_logs", "admins", "tags", "teams", "segments", "companies", "company_attributes", "contact_attributes",
		"company_segments", "contacts", "conversations", "conversation_parts", "tickets"}
	return slices.DeleteFunc(streamsOf(version), func(s Stream) bool {
		return s.Name == "contact_events" || !slices.Contains(usual, s.Name) && rng.IntN(5) > 0
	})
}

// streams is what a run without a catalog selects, too.
func (c *choice) streams() []protocol.Selected {
	if c.selected == nil {
		return c.table.Default().all()
	}
	return c.selected
}

// choose draws what the n-th sync reads.
func (s *storm) choose(n int) {
	rng := s.draws
	s.choice = choice{
		dialect: oneOf[protocol.Dialect](rng, protocol.Airbyte{}, protocol.Singer{}), pageSize: oneOf(rng, 1+rng.IntN(6), 1+rng.IntN(50), 150),
		inFlight: oneOf(rng, 0, 0, 1, 3), share: oneOf(rng, 1, 1, 0.4), cap: oneOf(rng, 0, 0, 300), maxHeld: oneOf[int64](rng, 0, 0, 1),
		table: s.table, every: oneOf(rng, 0, stateEvery), step: time.Duration(oneOf(rng, 3, 30)) * 24 * time.Hour,
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
	for _, i := range rng.Perm(len(s.choice.table)) {
		def := &s.choice.table[i]
		if len(out) > 0 && rng.IntN(4) >= in {
			continue
		}
		sel := protocol.Selected{Stream: def.Name, Mode: protocol.FullRefresh, SyncID: syncID}
		if def.Cursor != "" && rng.IntN(4) > 0 {
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
	for _, sel := range s.choice.table.all() {
		if s.ever[sel.Stream] {
			s.choice.selected = append(s.choice.selected, sel)
		}
	}
}

func oneOf[T any](rng *rand.Rand, values ...T) T { return slices.Clone(values)[rng.IntN(len(values))] }
