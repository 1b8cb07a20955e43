package connector

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"source-intercom/intercom"
	"source-intercom/protocol"

	"github.com/rs/zerolog"
	"github.com/tidwall/gjson"
)

// giveUp bounds check: platforms wait for its answer.
const giveUp = 30 * time.Second

// CheckResult says what a token may read.
type CheckResult struct {
	Workspace string // its name; "" when /me is refused
	Readable  []string
	Missing   []Missing
}

// Missing is a stream that cannot be read, and why.
type Missing struct{ Stream, Permission, Why string }

// Check tries each selected stream's cheapest call; nil selects the default streams. The error is
// why the connection cannot work at all: a bad token, a host that does not answer, or nothing that
// could be read. It takes 30 seconds at most.
func Check(ctx context.Context, cfg *Config, sel *protocol.Selection, log zerolog.Logger) (CheckResult, error) {
	var result CheckResult
	table := TableOf(cfg)
	selected := table.Default().all()
	withReports := asksForReports(sel, intercom.Version(cfg.APIVersion))
	var err error
	if sel != nil && !withReports {
		if selected, err = table.checkSelection(sel, log); err != nil {
			return result, err
		}
	}
	ctx, cancel := context.WithTimeout(ctx, giveUp)
	defer cancel()
	client, workspace, err := reach(ctx, cfg, log)
	if err != nil {
		return result, err
	}
	if withReports {
		table = append(table, reports(ctx, client, sel)...)
		if selected, err = table.checkSelection(sel, log); err != nil {
			return result, err
		}
	}
	result.Workspace = cfg.told(workspace.Name)
	failures := probeAll(ctx, client, table, selected)
	var last error
	for _, s := range selected {
		def := table.Named(s.Stream)
		err := failures[def.Feed]
		if intercom.KindOf(err) == intercom.BadToken {
			return result, err
		}
		if err == nil {
			result.Readable = append(result.Readable, s.Stream)
			continue
		}
		last = err
		result.Missing = append(result.Missing, Missing{Stream: s.Stream, Permission: def.Permission, Why: err.Error()})
	}
	if len(result.Readable) == 0 && last != nil {
		return result, fmt.Errorf("no stream can be read: %w", last)
	}
	return result, nil
}

// told is the workspace's name as the rules leave it.
func (c *Config) told(workspace string) string {
	s := c.altered(Streams.Named("workspace").Described())
	return gjson.Get(s.Alter(`{"name":`+quoted(workspace)+`}`), "name").String()
}

// reach makes the client of a command that platforms wait for, and finds out whether Intercom answers and takes
// the token. A workspace that it may not ask for is no error.
func reach(ctx context.Context, cfg *Config, log zerolog.Logger) (*intercom.Client, intercom.Workspace, error) {
	brief := *cfg
	brief.MaxRetry = min(brief.MaxRetry, giveUp/3)
	client, err := newClient(ctx, &brief, log, 0)
	if err != nil {
		return nil, intercom.Workspace{}, err
	}
	workspace, err := client.Workspace(ctx)
	if errors.Is(err, context.DeadlineExceeded) {
		err = fmt.Errorf("the host did not answer within %s: %w", giveUp, err)
	}
	if err != nil && intercom.KindOf(err) != intercom.MissingScope {
		client.Close()
		return nil, workspace, connectError(cfg, err)
	}
	return client, workspace, nil
}

// probeAll tries the feeds of all streams side by side.
func probeAll(ctx context.Context, client *intercom.Client, table Table, selected []protocol.Selected) map[*Feed]error {
	var feeds []*Feed
	for _, s := range selected {
		if f := table.Named(s.Stream).Feed; !slices.Contains(feeds, f) {
			feeds = append(feeds, f)
		}
	}
	errs := make([]error, len(feeds))
	var probes sync.WaitGroup
	for i, f := range feeds {
		probes.Go(func() { errs[i] = f.probe(ctx, client, f.Probe, true) })
	}
	probes.Wait()
	failures := map[*Feed]error{}
	for i, f := range feeds {
		failures[f] = errs[i]
	}
	return failures
}

// probe makes one cheap call that needs the feed's permission. That the answer is of no use, as a 400
// or a 404 would be, does not matter, but where the 404 is the list's own: the door is open. A search asks for rows of the future, of which there
// is none.
func (f *Feed) probe(ctx context.Context, client *intercom.Client, path string, hasty bool) error {
	var err error
	if f.searches() && path == "" {
		var page *intercom.SearchPage
		page, err = client.Search(ctx, intercom.Search{Path: f.Path, Rows: f.Rows, Stream: f.Name, PerPage: 1, SortField: f.Cursor,
			Order: "descending", Query: orEqual(f.Cursor, ">", client.Now().Unix()+daysOpen), Hasty: hasty})
		if err == nil {
			page.Release()
		}
	} else {
		if path == "" {
			path = f.Path
		}
		var answer *intercom.Answer
		answer, err = client.Do(ctx, intercom.Request{Method: "GET", Path: path, Stream: f.Name, Hasty: hasty})
		if err == nil {
			answer.Release()
		}
	}
	kind := intercom.KindOf(err)
	if kind == intercom.BadRequest || kind == intercom.NotFound && !f.Feature {
		return nil
	}
	return err
}

// ConnectError says which setting to look at when the API cannot be reached or refuses the token; the
// command adds the file's name.
type ConnectError struct {
	Setting string
	Err     error
}

func (e *ConnectError) Error() string { return e.Setting + ": " + e.Err.Error() }
func (e *ConnectError) Unwrap() error { return e.Err }

func connectError(cfg *Config, err error) error {
	where := fmt.Sprintf("region %q", cfg.Region)
	if cfg.BaseURL != "" {
		where = fmt.Sprintf("base_url %q", cfg.BaseURL)
	}
	switch intercom.KindOf(err) {
	case intercom.BadToken:
		where = "access_token, " + where
	case intercom.BadVersion:
		where = fmt.Sprintf("api_version %q", cfg.APIVersion)
	}
	return &ConnectError{Setting: where, Err: err}
}

// newClient makes the API client that a configuration asks for. maxHeld bounds the bytes of answers that are
// alive at a time; 0: the client's own bound.
func newClient(ctx context.Context, cfg *Config, log zerolog.Logger, maxHeld int64) (*intercom.Client, error) {
	c := intercom.Config{
		BaseURL:        cfg.BaseURL,
		Token:          intercom.Secret(cfg.AccessToken),
		Version:        intercom.Version(cfg.APIVersion),
		UserAgent:      cfg.UserAgent,
		RequestTimeout: cfg.RequestTimeout,
		MaxRetry:       cfg.MaxRetry,
		RateLimitShare: cfg.RateLimitShare,
		CallsPerMinute: cfg.APIRateLimit,
		MaxInFlight:    cfg.MaxInFlight,
		MaxHeld:        maxHeld,
		Discreet:       cfg.private(),
		Log:            log,
	}
	if c.BaseURL == "" && cfg.Region == "auto" {
		var err error
		if c.BaseURL, err = intercom.DetectRegion(ctx, c); err != nil {
			return nil, connectError(cfg, err)
		}
	}
	if c.BaseURL == "" {
		c.BaseURL = intercom.RegionURL(cfg.Region)
	}
	if cfg.NumWorkers > 0 {
		log.Info().Int("num_workers", cfg.NumWorkers).Msg("num_workers has no effect: the number of calls at a time adapts by itself; max_in_flight caps it")
	}
	return intercom.New(c)
}

// Classify says whose fault an error is, in the words that platforms understand.
func Classify(err error) protocol.Failure {
	f := protocol.Failure{Kind: protocol.SystemError, Message: err.Error()}
	var config *ConfigError
	var state *StateError
	var catalog *CatalogError
	var input *protocol.InputError
	var moving *MovingError
	var capped *CappedError
	var job *JobError
	switch kind := intercom.KindOf(err); {
	case errors.As(err, &capped):
		f.Kind = Classify(capped.Scroll).Kind
	case errors.As(err, &config), errors.As(err, &state), errors.As(err, &catalog), errors.As(err, &input),
		kind == intercom.BadToken, kind == intercom.MissingScope, kind == intercom.PlanRestricted, kind == intercom.BadVersion,
		kind == intercom.Untrusted:
		f.Kind = protocol.ConfigError
	case errors.As(err, &moving), errors.As(err, &job), kind == intercom.Temporary, kind == intercom.RateLimited, kind == intercom.ScrollExists,
		kind == intercom.JobPending, errors.Is(err, context.DeadlineExceeded):
		f.Kind = protocol.TransientError
	case errors.Is(err, context.Canceled):
		f.Kind, f.Message = protocol.TransientError, "interrupted; the last state is true, the next run goes on from there"
	}
	return f
}
