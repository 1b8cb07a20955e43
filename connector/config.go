package connector

import (
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"net"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	sourceintercom "source-intercom"
	"source-intercom/schemas"

	"github.com/xeipuuv/gojsonschema"
)

// Config is a checked configuration: every field is within the bounds of spec.json, and those that
// the user left out hold its defaults. fmt and encoding/json print it without the token.
type Config struct {
	AccessToken string

	StartDate time.Time // UTC, whole seconds, never before 1970
	EndDate   time.Time // as StartDate and after it; zero: none
	Lookback  time.Duration
	IndexLag  time.Duration
	// ActivityLogStep is the length of one window of the activity logs.
	ActivityLogStep time.Duration

	Region     string // us, eu, au or auto
	BaseURL    string // takes the place of Region; no slash at its end; "": none
	APIVersion string // as in the Intercom-Version header
	UserAgent  string
	PageSize   int
	// CustomObjects are the type identifiers of the custom objects to read.
	CustomObjects []string
	// TypedAttributes says whether discovery types custom attributes: auto, on or off.
	TypedAttributes string

	// Filters are what conversations must be like to be read.
	Filters Filters

	// BodyFormat is what texts that are HTML become: html, text or markdown.
	BodyFormat string
	// PrivacyRules say what becomes of personal values, PrivacyKey what hashes are made with, and PrivacyPatterns what
	// else is taken out of texts.
	PrivacyRules    []PrivacyRule
	PrivacyKey      string
	PrivacyPatterns []string
	// Deletes are the streams that tell deletions by tombstones; "*" is all that can.
	Deletes []string
	// IDSweep are the streams that compare the ids of all rows in each run; "*" is all that can.
	IDSweep []string
	// ActivateVersion makes Singer's whole tables take the place of those that a target holds.
	ActivateVersion bool

	// TranscriptFormat is what transcripts are made of: markdown or messages.
	TranscriptFormat string
	TranscriptNotes  bool
	TranscriptLength int // characters; 0: any number
	// Enrich says where streams that are made of conversations take from what these do not tell of contacts: none or api.
	Enrich string

	APIRateLimit   int     // the user's own cap in calls a minute; 0: none
	RateLimitShare float64 // of Intercom's limit: 0 < share <= 1
	MaxInFlight    int     // calls at a time; 0: automatic
	RequestTimeout time.Duration
	MaxRetry       time.Duration // how long one call is tried again; 0: never
	MaxUnreadable  int           // rows that a stream may leave out because Intercom cannot serve them
	// CompaniesListFallback lets companies/list take the scroll's place when that cannot be had.
	CompaniesListFallback bool
	// NumWorkers has no effect. It is here so that a user who sets it can be told; 0: not set.
	NumWorkers int
}

// Source is one place that settings come from: a file, or the environment.
type Source struct {
	Name string // for messages
	Data []byte // a JSON object
}

// LoadConfig merges the sources, of which a later one wins setting by setting, and checks the result.
// A null or an empty text is a setting that is not there, and a number may be written as a text:
// platforms do both. Dates may come in any form of RFC 3339, with or without the time. The error is a
// *ConfigError that names every problem. singer makes it mention the environment, which only
// that protocol reads.
func LoadConfig(sources []Source, singer bool, now time.Time) (*Config, error) {
	l := newLoader(sources, singer)
	for _, s := range sources {
		l.merge(s)
	}
	l.addUnknown()
	l.validate()
	l.checkToken()
	l.checkUserAgent()
	l.checkCustomObjects()
	l.checkBaseURL()
	l.checkDates(now)
	l.checkFilters()
	l.checkPrivacy()
	l.checkDeletes()
	if err := l.err(); err != nil {
		return nil, err
	}
	return l.config(), nil
}

// Format prints the configuration like any struct, with its secrets masked.
func (c Config) Format(f fmt.State, verb rune) {
	fmt.Fprintf(f, fmt.FormatString(f, verb), c.masked())
}

// MarshalJSON masks the secrets.
func (c Config) MarshalJSON() ([]byte, error) { return json.Marshal(c.masked()) }

type maskedConfig Config

func (c Config) masked() maskedConfig {
	c.AccessToken = "***"
	if c.PrivacyKey != "" {
		c.PrivacyKey = "***"
	}
	return maskedConfig(c)
}

// setting is what spec.json says about one property.
type setting struct {
	Type    string      `json:"type"`
	Title   string      `json:"title"`
	Format  string      `json:"format"`
	Default any         `json:"default"`
	Enum    []string    `json:"enum"`
	Minimum json.Number `json:"minimum"`
	Maximum json.Number `json:"maximum"`
	Secret  bool        `json:"airbyte_secret"`
	Order   int         `json:"order"`

	Properties map[string]setting `json:"properties"` // of an object
	Required   []string           `json:"required"`
	Items      *setting           `json:"items"` // of an array
}

type specification struct {
	settings map[string]setting
	schema   *gojsonschema.Schema
}

// spec is the embedded document, read when it is first needed. A broken one is a broken binary, hence the panic.
var spec = sync.OnceValue(func() specification {
	var document struct {
		Schema json.RawMessage `json:"connectionSpecification"`
	}
	var properties struct {
		Properties map[string]setting `json:"properties"`
	}
	err := json.Unmarshal(sourceintercom.Spec, &document)
	if err == nil {
		err = json.Unmarshal(document.Schema, &properties)
	}
	if err != nil {
		panic(fmt.Errorf("embedded spec.json: %w", err))
	}
	schema, err := schemas.Compile(document.Schema)
	if err != nil {
		panic(fmt.Errorf("embedded spec.json: %w", err))
	}
	return specification{properties.Properties, schema}
})

func (s setting) isDate() bool   { return s.Format == "date-time" }
func (s setting) isNumber() bool { return s.Type == "integer" || s.Type == "number" }

// want describes the values that the setting takes.
func (s setting) want() string {
	switch {
	case s.isDate():
		return "a date such as 2024-01-31T00:00:00Z or 2024-01-31"
	case len(s.Enum) > 0:
		return "one of " + strings.Join(s.Enum, ", ")
	case s.Type == "boolean":
		return "true or false"
	case s.Type == "array":
		return "a list, of which each is " + s.Items.want()
	case s.Type == "object":
		return "an object with " + strings.Join(slices.Sorted(maps.Keys(s.Properties)), ", ")
	case !s.isNumber():
		return "a text"
	}
	want := "a number"
	if s.Type == "integer" {
		want = "a whole number"
	}
	if s.Maximum != "" {
		want += fmt.Sprintf(" from %s to %s", s.Minimum, s.Maximum)
	} else {
		want += fmt.Sprintf(" of at least %s", s.Minimum)
	}
	if _, unit, ok := strings.Cut(s.Title, "("); ok {
		want += " (" + unit // the title ends in the unit, in brackets
	}
	return want
}

// config turns values that have passed all checks into the struct.
func (l *loader) config() *Config {
	const day = 24 * time.Hour
	c := &Config{
		AccessToken:     l.text("access_token"),
		StartDate:       l.date("start_date"),
		EndDate:         l.date("end_date"),
		Lookback:        l.length("lookback_window", day),
		IndexLag:        l.length("index_lag", time.Second),
		ActivityLogStep: l.length("activity_logs_time_step", day),
		Region:          l.text("region"),
		BaseURL:         strings.TrimRight(l.text("base_url"), "/"),
		APIVersion:      l.text("api_version"),
		UserAgent:       l.text("user_agent"),
		PageSize:        l.count("page_size"),
		APIRateLimit:    l.count("api_rate_limit"),
		RateLimitShare:  l.number("rate_limit_share") / 100,
		MaxInFlight:     l.count("max_in_flight"),
		RequestTimeout:  l.length("request_timeout", time.Second),
		MaxRetry:        l.length("max_retry_minutes", time.Minute),
		MaxUnreadable:   l.count("max_unreadable_rows"),
		CustomObjects:   identifiers(l.text("custom_object_types")),
		TypedAttributes: l.text("typed_custom_attributes"),
		BodyFormat:      l.text("body_format"),
	}
	c.TranscriptFormat, c.TranscriptNotes, c.TranscriptLength = l.text("transcript_format"), l.flag("transcript_notes"), l.count("transcript_max_length")
	c.Enrich = l.text("enrich")
	c.Filters = l.filters()
	c.PrivacyRules, c.PrivacyKey, c.PrivacyPatterns = l.privacyRules(), l.text("privacy_key"), l.privacyPatterns()
	l.into("deletes", &c.Deletes)
	l.into("id_sweep", &c.IDSweep)
	c.ActivateVersion = l.flag("activate_version")
	c.CompaniesListFallback = l.flag("companies_list_fallback")
	if _, given := l.values["num_workers"]; given {
		c.NumWorkers = l.count("num_workers")
	}
	return c
}

// text is the setting's value or default, or "" where it has neither.
func (l *loader) text(name string) string {
	if v, ok := l.values[name].(string); ok {
		return v
	}
	v, _ := spec().settings[name].Default.(string)
	return v
}

func (l *loader) date(name string) time.Time {
	at, _ := parseTime(l.text(name))
	return at
}

// number is the setting's value or default, or 0 where it has neither.
func (l *loader) number(name string) float64 {
	if v, ok := l.values[name].(json.Number); ok {
		f, _ := v.Float64()
		return f
	}
	v, _ := spec().settings[name].Default.(float64)
	return v
}

// flag is the setting's value or default.
func (l *loader) flag(name string) bool {
	if v, ok := l.values[name].(bool); ok {
		return v
	}
	v, _ := spec().settings[name].Default.(bool)
	return v
}

func (l *loader) count(name string) int { return int(min(l.number(name), math.MaxInt32)) }

// length is never more than a century, which is all of Intercom's history and safe to subtract from a date.
func (l *loader) length(name string, unit time.Duration) time.Duration {
	const century = 100 * 365 * 24 * time.Hour
	return time.Duration(min(l.number(name)*float64(unit), float64(century)))
}

// checkToken finds what cannot be a token: it would only come back as a refusal that explains nothing.
func (l *loader) checkToken() {
	const name, want = "access_token", "the access token of an Intercom app"
	token, ok := l.values[name].(string)
	switch {
	case !ok:
	case strings.ContainsFunc(token, func(r rune) bool { return r <= ' ' || r > '~' }):
		l.add(name, "white space, a control character or a letter beyond ASCII in it", want)
	case isPlaceholder(token):
		l.add(name, "a placeholder", want)
	}
}

func isPlaceholder(token string) bool {
	lower := strings.ToLower(token)
	switch lower {
	case "null", "none", "todo", "changeme", "change_me", "change-me":
		return true
	}
	return strings.HasPrefix(lower, "your") || strings.ContainsAny(token, "<>{}$*") ||
		strings.Trim(lower, lower[:1]) == ""
}

// checkUserAgent keeps out what an HTTP header cannot carry.
func (l *loader) checkUserAgent() {
	agent := l.text("user_agent")
	if strings.ContainsFunc(agent, func(r rune) bool { return r < ' ' || r > '~' }) {
		l.add("user_agent", l.found("user_agent"), "printable ASCII")
	}
}

// checkCustomObjects keeps out what is no type identifier: it becomes a part of an address and of a table's name.
func (l *loader) checkCustomObjects() {
	const name = "custom_object_types"
	text := l.text(name)
	odd := func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && !strings.ContainsRune("_-, ", r)
	}
	if strings.ContainsFunc(text, odd) {
		l.add(name, l.found(name), "type identifiers, of letters, digits, _ and -, with commas between")
		return
	}
	tables := map[string]bool{}
	for _, kind := range identifiers(text) {
		if table := customObjectStream(kind).Name; tables[table] {
			l.add(name, l.found(name), "type identifiers that differ by more than the case of letters")
		} else {
			tables[table] = true
		}
	}
}

// identifiers are the words of a list with commas between.
func identifiers(text string) []string {
	if text == "" {
		return nil
	}
	return strings.FieldsFunc(text, func(r rune) bool { return r == ',' || r == ' ' })
}

// checkBaseURL lets the token travel over TLS alone, or within this machine.
func (l *loader) checkBaseURL() {
	const name, want = "base_url", "an https address (http on this machine alone)"
	text, ok := l.values[name].(string)
	if !ok {
		return
	}
	u, err := url.Parse(text)
	switch {
	case strings.Contains(text, "@"): // not quoted: a password may stand before it
		l.add(name, "an address with a user name", want)
	case strings.ContainsAny(text, "?#"):
		l.add(name, "an address with a query or fragment", want)
	case err != nil || u.Hostname() == "",
		u.Scheme != "https" && (u.Scheme != "http" || !isLoopback(u.Hostname())):
		l.add(name, l.found(name), want)
	}
}

func isLoopback(host string) bool {
	return host == "localhost" || net.ParseIP(host).IsLoopback()
}

func (l *loader) checkDates(now time.Time) {
	start, end := l.date("start_date"), l.date("end_date")
	if start.After(now) {
		l.add("start_date", l.found("start_date"), "a date that is not in the future")
	}
	if !start.IsZero() && !end.IsZero() && !end.After(start) {
		l.add("end_date", l.found("end_date"), "a date after start_date, which is "+start.Format(time.RFC3339))
	}
}

// timeForms are the forms of a date that configurations and states of other connectors hold, less
// the fraction, which time.Parse takes anyway. Without a zone they mean UTC.
var timeForms = []string{
	time.RFC3339, "2006-01-02T15:04:05Z0700", "2006-01-02T15:04:05", time.DateOnly,
}

// parseTime reads a date in any of these forms, down to the second. What lies before 1970 becomes
// 1970: Intercom holds nothing older, and the zero time stays free to mean "none".
func parseTime(text string) (time.Time, bool) {
	text = strings.ToUpper(strings.TrimSpace(text))
	if date, clock, ok := strings.Cut(text, " "); ok {
		text = date + "T" + clock
	}
	for _, form := range timeForms {
		if at, err := time.Parse(form, text); err == nil {
			return time.Unix(max(at.Unix(), 0), 0).UTC(), true
		}
	}
	return time.Time{}, false
}
