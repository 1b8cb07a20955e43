package connector

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"source-intercom/emulator"
	"source-intercom/intercom"
)

// anyNumber of unreadable rows is more than there are.
const anyNumber = 1_000_000

// A climate is what a seed draws once: the workspace, what its answers suffer from, and the settings that
// stay the same.
type climate struct {
	version string
	options emulator.Options
	lag     time.Duration // the setting that the emulator's lags are below
	maxRetry,
	lookback time.Duration
	start    time.Time // never later in a later sync
	crowds   int       // objects of each kind that share one second or one day
	deadly   bool      // some faults last so long that a run may fail
	fallback bool      // companies_list_fallback
	// unreadable is max_unreadable_rows: 0 or anyNumber.
	unreadable int

	skew     time.Duration // by which this process's clock is ahead of the server's
	dateless float64       // the part of the answers that come without a Date
	reset    int64         // seconds by which X-RateLimit-Reset is late

	bad    map[string]map[string]bool // by feed: rows that make every page that shows them fail
	mute   map[string]bool            // conversations that cannot be fetched alone
	gone   map[string]int             // conversations: how often they are said not to be there, although they are
	closed map[string]string          // streams that the token, or the plan, never opens
}

func (c climate) String() string {
	o := c.options
	var faults []string
	for _, f := range o.Faults {
		faults = append(faults, fmt.Sprintf("%s:%s:p%.2f/%d/%dx+%s>%d#%s@%d", f.Kind, f.Path, f.Probability, f.Every, f.Times, f.Delay, f.Rows, f.ID, f.After))
	}
	return fmt.Sprintf("API %s, zone %s, %+v, crowds of %d, offset cursor %v, inclusive > %v, index lag %s and replica lag %s of %s, limit %d per %s, latency %s+%s, scroll of %d ends with 404 %v, fallback %v, "+
		"retries for %s, %d unreadable rows allowed, our clock %s ahead, no Date in %.1f, Reset %d s late, gone %v, closed %v, deadly %v, faults [%s]",
		c.version, o.TimeZone, o.Size, c.crowds, o.OffsetCursor, o.InclusiveGreater, o.IndexLag, o.ReplicaLag, c.lag, o.RateLimit, o.RateWindow, o.Latency, o.Jitter,
		o.ScrollPage, o.ScrollEndsWith404, c.fallback, c.maxRetry, c.unreadable, c.skew, c.dateless, c.reset, c.gone, c.closed, c.deadly, strings.Join(faults, " "))
}

func drawClimate(t *testing.T, rng *rand.Rand, seed uint64) climate {
	n := 10 + rng.IntN(250)
	c := climate{
		version:  oneOf(rng, "2.10", "2.11", "2.13", "2.14", "2.15", "2.16", "2.17", "Preview"),
		lag:      oneOf(rng, 90*time.Second, 15*time.Minute),
		maxRetry: oneOf(rng, time.Minute, 5*time.Minute, 20*time.Minute),
		lookback: oneOf(rng, 0, 0, 24*time.Hour),
		crowds:   oneOf(rng, 0, 0, 20, 150),
		deadly:   rng.IntN(3) == 0,
		fallback: rng.IntN(3) == 0,
		skew:     oneOf(rng, 0, 0, 3*time.Second, 5*time.Hour, -5*time.Hour, 30*24*time.Hour, -26*365*24*time.Hour),
		dateless: oneOf(rng, 0, 0, 0.1, 0.3),
		reset:    oneOf[int64](rng, 0, 0, 0, 5, -5, 3600, -3600),
		bad:      map[string]map[string]bool{}, mute: map[string]bool{}, gone: map[string]int{}, closed: map[string]string{},
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
	c.spoilObjects(t, rng)
	c.drawFaults(rng)
	c.close(t, rng)
	return c
}

// spoilObjects has some objects never be served, or said to be gone.
func (c *climate) spoilObjects(t *testing.T, rng *rand.Rand) {
	spoilt, said := rng.IntN(3) == 0, rng.IntN(3) == 0
	if !spoilt && rng.IntN(4) == 0 {
		c.unreadable = anyNumber // and yet every row is to come
	}
	if !spoilt && !said {
		return
	}
	ids := c.ids(t)
	if said {
		for range 1 + rng.IntN(5) {
			c.gone[oneOf(rng, ids["conversations"]...)] = 1 + rng.IntN(3)
		}
	}
	if !spoilt {
		return
	}
	// Either for ever, and the runs may leave them out, or until it wears off, and no run may end before.
	times := 5 + rng.IntN(40)
	if rng.IntN(2) == 0 {
		c.unreadable, times, c.deadly = anyNumber, 0, false
	}
	fault := emulator.Fault{Kind: oneOf(rng, "500", "502", "504", "408", "cut", "truncated", "invalid", "length", "hang"), Times: times}
	for _, feed := range []*Feed{conversations, contacts, tickets, activityLogs} {
		if len(ids[feed.Name]) == 0 || rng.IntN(2) == 0 {
			continue
		}
		fault.Path = feed.Path
		c.bad[feed.Name] = map[string]bool{}
		for range oneOf(rng, 1, 1, 1, 3) {
			fault.ID = oneOf(rng, ids[feed.Name]...)
			c.bad[feed.Name][fault.ID] = true
			c.options.Faults = append(c.options.Faults, fault)
		}
	}
	for range rng.IntN(3) {
		id := oneOf(rng, ids["conversations"]...)
		c.mute[id] = true
		fault.Path, fault.ID = "/conversations/"+id, ""
		c.options.Faults = append(c.options.Faults, fault)
	}
}

// ids are the objects of the world that the climate will have.
func (c *climate) ids(t *testing.T) map[string][]string {
	o := c.options
	o.Now = func() time.Time { return born }
	e, err := emulator.New(o)
	if err != nil {
		t.Fatal(err)
	}
	ids := map[string][]string{}
	e.Edit(func(w *emulator.World) {
		for _, kind := range []string{"conversations", "contacts", "tickets", "activity_logs"} {
			ids[kind] = w.IDs(kind)
		}
	})
	return ids
}

// drawFaults adds rules that a run survives, and in a deadly climate one that it may not. All of them wear
// off but those about pages that are too much.
func (c *climate) drawFaults(rng *rand.Rand) {
	kinds := []string{"429", "408", "500", "502", "503", "504", "cut", "truncated", "invalid", "empty", "captcha", "length", "reset", "hang", "drip", "delay"}
	paths := []string{"", "/companies/scroll", "/companies/list", "/conversations/search", "/conversations/*", "/contacts/search", "/tickets", "/admins", "/companies", "/tags", "/me"}
	add := func(f emulator.Fault) { c.options.Faults = append(c.options.Faults, f) }
	for range rng.IntN(4) {
		f := emulator.Fault{Kind: oneOf(rng, kinds...), Path: oneOf(rng, paths...), After: rng.IntN(20), Times: 1 + rng.IntN(3)}
		switch rng.IntN(3) {
		case 0:
			f.Probability, f.Times = 0.01+0.05*rng.Float64(), 1+rng.IntN(60)
		case 1:
			f.Every, f.Times = 7+rng.IntN(20), 1+rng.IntN(60)
		}
		if f.Kind == "delay" || f.Kind == "drip" {
			f.Delay = time.Duration(1+rng.IntN(45)) * time.Second
		}
		add(f)
	}
	if rng.IntN(3) == 0 { // pages of so many rows are too much, for ever or for a while
		f := emulator.Fault{Kind: oneOf(rng, "500", "502", "504", "408", "cut", "truncated", "length", "hang"), Rows: oneOf(rng, 1, 4, 12, 40, 100), Times: oneOf(rng, 0, 10, 60)}
		for _, path := range []string{"/conversations/search", "/contacts/search", "/tickets/search", "/admins/activity_logs"} {
			if f.Path = path; rng.IntN(2) == 0 {
				add(f)
			}
		}
	}
	if rng.IntN(5) == 0 { // the token is refused now and then
		add(emulator.Fault{Kind: oneOf(rng, "401", "403", "402"), Path: oneOf(rng, paths...), After: rng.IntN(40), Times: 1 + rng.IntN(3)})
	}
	if c.deadly {
		add(emulator.Fault{Kind: oneOf(rng, kinds[:13]...), Path: oneOf(rng, paths...), After: rng.IntN(60), Probability: 0.3 + 0.7*rng.Float64(), Times: 10 + rng.IntN(120)})
	}
}

// close takes scopes from the token, or endpoints from the plan.
func (c *climate) close(t *testing.T, rng *rand.Rand) {
	t.Helper()
	switch rng.IntN(12) {
	case 0, 1:
		scope := oneOf(rng, scopes...)
		c.options.DeniedScopes = []string{scope, "write_users_companies"}
		c.options.DenyWith401 = rng.IntN(2) == 0
		for _, stream := range closedBy(t, streamsOf(c.version), scope) {
			c.closed[stream] = "scope"
		}
	case 2:
		c.options.DeniedScopes = []string{"me"}
		c.closed["workspace"] = "scope"
	case 3:
		prefix := oneOf(rng, "/tickets", "/admins/activity_logs", "/companies", "/tags", "/contacts", "/conversations")
		c.options.PlanRestricted = []string{prefix}
		for i := range Streams {
			if strings.HasPrefix(Streams[i].Feed.Path, prefix) || strings.HasPrefix(Streams[i].Endpoint, prefix) {
				c.closed[Streams[i].Name] = "plan"
			}
		}
	}
}

// comparesDays tells whether the stream's searches compare whole days.
func (c *climate) comparesDays(s *Stream) bool {
	return s.Feed.Days && !intercom.Version(c.version).SearchesExactSeconds()
}

// refuses tells whether calls are answered now and then as if the token might not make them.
func (c *climate) refuses(kinds ...string) bool {
	return slices.ContainsFunc(c.options.Faults, func(f emulator.Fault) bool { return slices.Contains(kinds, f.Kind) })
}

// upsets is how many answers of the scroll faults may spoil at most.
func (c *climate) upsets() (n int) {
	for _, f := range c.options.Faults {
		if f.ID == "" && strings.HasPrefix("/companies/scroll", f.Path) {
			n += f.Times
		}
	}
	return n
}
