package emulator

import (
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"time"
)

// DefaultToken is the access token that is valid when Options.Token is empty.
const DefaultToken = "emulator-token"

// Options describe one emulated workspace. The zero value serves a tiny workspace in the US without limits.
type Options struct {
	Seed int64 // equal seeds and sizes, born at the same moment, are equal worlds
	Size Size  // the zero value means SizeOf("tiny")

	// Now is the server's clock, which Date headers, updated_at and every expiry follow. Nil means time.Now.
	Now func() time.Time
	// Start is when the workspace's oldest object was created. Zero means two years before the first Now.
	Start time.Time

	Token      string // the only valid bearer token; "" means DefaultToken. Tokens of other regions are simply unknown here.
	Workspace  string // id_code of the app; "" means "emu0x1"
	Region     string // "US", "EU" or "AU", as /me reports it; "" means "US"
	TimeZone   string // IANA name, or a name as Intercom's settings show it; "" means "America/Chicago"
	AppVersion string // API version of requests without an Intercom-Version header; "" means "2.16"

	RateLimit  int           // calls per window; 0 means no limit and no rate headers
	RateWindow time.Duration // 0 means 10 s; windows are aligned to the epoch
	Latency    time.Duration // real time added to every answer
	Jitter     time.Duration // up to this much more

	IndexLag   time.Duration // how long searches and lists keep showing the older version of a changed object
	ReplicaLag time.Duration // the same for GETs of single objects

	InclusiveGreater bool // > on times of conversations and tickets means >=
	OffsetCursor     bool // starting_after holds a position in the list instead of the last row's sort value

	DeniedScopes      []string // scopes the token lacks, such as "read_tickets"; "me" stands for GET /me
	DenyWith401       bool     // answer 401 instead of 403 for them
	PlanRestricted    []string // path prefixes that the plan does not include
	ScrollEndsWith404 bool     // end a scroll with 404 instead of an empty page
	ScrollPage        int      // rows of a scroll page; 0 means 100

	// ExportForm is how downloads of content exports come: "csv" (one gzipped CSV of receipts), "zip" or "tar" (an archive with a
	// CSV for each kind, gzipped if a tar). "" is what the version documents.
	ExportForm  string
	ExportTime  time.Duration // what an export job takes; 0 means 5 s
	FailExports int           // so many of them fail, the first ones

	// Mark, if set, stands in every text that tells of a person, so that a test finds it wherever it comes out.
	Mark string

	Faults []Fault
	// Intercept, if set, sees each request first and returns true if it has answered it. Such requests are
	// counted under their route; their status is not recorded.
	Intercept func(w http.ResponseWriter, r *http.Request) bool
}

// Size holds the number of objects of a new world.
type Size struct {
	Admins, Teams, Tags, Segments, Companies, Contacts, Conversations, Tickets, ActivityLogs int

	PartsPerConversation int // average
	LongConversations    int // conversations with more than 500 parts

	// What follows comes from plain lists. 0 means a number in proportion to the others.
	Reference     int // articles, macros, news items and so on: of each kind that many, or a fraction of it
	Calls         int // phone calls
	CustomObjects int // instances of each of the types "order" and "device"
}

// SizeOf names a size: "tiny" (40 conversations), "small" (1,000), "medium" (10,000), "large" (100,000), or a
// number of conversations with everything else in proportion. "0" is a workspace with a single admin.
func SizeOf(name string) (Size, error) {
	n, ok := map[string]int{"tiny": 40, "small": 1_000, "medium": 10_000, "large": 100_000}[name]
	if !ok {
		var err error
		if n, err = strconv.Atoi(name); err != nil || n < 0 || n > 20_000_000 {
			return Size{}, fmt.Errorf("size %q: want tiny, small, medium, large or a number of conversations up to 20,000,000", name)
		}
	}
	if n == 0 {
		return Size{Admins: 1}, nil
	}
	return Size{
		Admins: min(4+n/200, 400), Teams: min(3+n/1000, 60), Tags: min(16+n/200, 300), Segments: min(6+n/500, 100),
		Companies: max(n/10, 14), Contacts: max(n*3/5, 30), Conversations: n, Tickets: max(n/5, 12),
		ActivityLogs: max(n/4, 60), PartsPerConversation: 6, LongConversations: min(1+n/20_000, 5),
	}, nil
}

// check refuses numbers that mean nothing.
func (o Options) check() error {
	for name, d := range map[string]time.Duration{
		"rate window": o.RateWindow, "latency": o.Latency, "jitter": o.Jitter, "index lag": o.IndexLag, "replica lag": o.ReplicaLag,
		"export time": o.ExportTime,
	} {
		if d < 0 {
			return fmt.Errorf("%s %s: want a length of time that is not negative", name, d)
		}
	}
	if o.RateLimit < 0 || o.ScrollPage < 0 {
		return fmt.Errorf("rate limit %d, scroll page %d: want numbers that are not negative", o.RateLimit, o.ScrollPage)
	}
	if !slices.Contains([]string{"", string(csvForm), string(zipForm), string(tarForm)}, o.ExportForm) {
		return fmt.Errorf("form of exports %q: want csv, zip or tar", o.ExportForm)
	}
	if !slices.Contains([]string{"", "US", "EU", "AU"}, o.Region) {
		return fmt.Errorf("region %q: want US, EU or AU", o.Region)
	}
	return nil
}

func (o Options) withDefaults() Options {
	text := func(s *string, d string) {
		if *s == "" {
			*s = d
		}
	}
	text(&o.Token, DefaultToken)
	text(&o.Workspace, "emu0x1")
	text(&o.Region, "US")
	text(&o.TimeZone, "America/Chicago")
	text(&o.AppVersion, "2.16")
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Size == (Size{}) {
		o.Size, _ = SizeOf("tiny") // a known name
	}
	if o.Start.IsZero() {
		o.Start = o.Now().AddDate(-2, 0, 0)
	}
	if o.RateWindow <= 0 {
		o.RateWindow = 10 * time.Second
	}
	if o.ScrollPage <= 0 {
		o.ScrollPage = 100
	}
	if o.ExportTime <= 0 {
		o.ExportTime = exportTime
	}
	return o
}

// loadZone reads IANA names and the names that Intercom's settings page offers.
func loadZone(name string) (*time.Location, error) {
	aliases := map[string]string{
		"Hawaii": "Pacific/Honolulu", "Alaska": "America/Juneau", "Arizona": "America/Phoenix",
		"Pacific Time (US & Canada)": "America/Los_Angeles", "Mountain Time (US & Canada)": "America/Denver",
		"Central Time (US & Canada)": "America/Chicago", "Eastern Time (US & Canada)": "America/New_York",
		"Atlantic Time (Canada)": "America/Halifax", "Brasilia": "America/Sao_Paulo", "London": "Europe/London",
		"Dublin": "Europe/Dublin", "Paris": "Europe/Paris", "Berlin": "Europe/Berlin", "Mumbai": "Asia/Kolkata",
		"Kathmandu": "Asia/Kathmandu", "Singapore": "Asia/Singapore", "Tokyo": "Asia/Tokyo",
		"Sydney": "Australia/Sydney", "Auckland": "Pacific/Auckland", "Samoa": "Pacific/Apia",
	}
	if iana, ok := aliases[name]; ok {
		name = iana
	}
	return time.LoadLocation(name)
}
