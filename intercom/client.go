// Package intercom talks to the Intercom API: authorisation, versions, pace, retries, pages and errors.
// It knows no stream.
//
// All calls of a Client share one pace, which is learnt from the rate-limit headers of every answer, and
// a 429 stops them all. Calls that fail for reasons that may pass are repeated; what Do returns is a
// whole, valid answer or an error that says what the user can do. The token is in the requests' header
// and nowhere else.
package intercom

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"
	"time"

	"github.com/rs/zerolog"
)

// What a zero in Config stands for.
const (
	DefaultRequestTimeout = 60 * time.Second
	DefaultMaxBody        = 64 << 20
	DefaultMaxHeld        = 8 << 20
)

// Config says where the API is and how to treat it.
type Config struct {
	BaseURL   string // https, or http on loopback alone
	Token     Secret
	Version   Version // "": DefaultVersion
	UserAgent string

	RequestTimeout time.Duration // of one attempt, whole; 0: DefaultRequestTimeout
	MaxRetry       time.Duration // how long a request is tried again, from its first failure on; 0: never
	RateLimitShare float64       // the part of each window that we may use, at most 1; 0: all
	CallsPerMinute int           // the user's own cap, spread over windows of 10 s; 0: none
	MaxInFlight    int           // calls at a time; 0: by the limit and the latency, up to 512
	MaxBody        int64         // bytes of an answer, decompressed; 0: DefaultMaxBody
	MaxHeld        int64         // bytes of all answers that are not released yet; 0: DefaultMaxHeld

	// Discreet says that errors repeat nothing that Intercom sent, and no ids: it may be personal.
	Discreet  bool
	Log       zerolog.Logger
	Transport http.RoundTripper // nil: the client's own
}

// Client calls the API. It is safe for concurrent use.
type Client struct {
	cfg  Config
	base *url.URL
	// The token lives in these two alone, so that not even a dump of this struct shows it.
	header    func(headerKind) http.Header // of a request; all share it and none changes it
	redact    func(string) string
	transport http.RoundTripper
	now       func() time.Time
	gate      gate
	memory    memory
	apart     memory // for calls that wait for nobody (Request.Once)
	outage    outage
	counter   counter
	succeeded atomic.Int64 // when a call was answered well last, in Unix nanoseconds of now; 0: never yet
	shut      atomic.Int64 // when the first 429 has come since an answer that was none; 0: none has
}

// New checks the configuration. It calls nothing.
func New(cfg Config) (*Client, error) {
	base, err := parseBase(cfg.BaseURL)
	if err != nil {
		return nil, err
	}
	token := string(cfg.Token)
	if token == "" || strings.ContainsFunc(token, func(r rune) bool { return r <= ' ' || r > '~' }) {
		return nil, errors.New("the access token is empty or holds spaces, line breaks or other signs that no token has")
	}
	if cfg.Version == "" {
		cfg.Version = DefaultVersion
	}
	if cfg.Version, err = ParseVersion(string(cfg.Version)); err != nil {
		return nil, err
	}
	if cfg.RateLimitShare < 0 || cfg.RateLimitShare > 1 {
		return nil, fmt.Errorf("rate limit share %v: must be above 0 and at most 1", cfg.RateLimitShare)
	}
	if cfg.RequestTimeout < 0 || cfg.MaxRetry < 0 || cfg.CallsPerMinute < 0 || cfg.MaxInFlight < 0 || cfg.MaxBody < 0 || cfg.MaxHeld < 0 {
		return nil, errors.New("times and bounds of the client must not be negative")
	}
	cfg.RequestTimeout = orDefault(cfg.RequestTimeout, DefaultRequestTimeout)
	cfg.RateLimitShare = orDefault(cfg.RateLimitShare, 1)
	cfg.MaxBody = orDefault(cfg.MaxBody, DefaultMaxBody)
	cfg.MaxHeld = orDefault(cfg.MaxHeld, DefaultMaxHeld)

	cfg.Token = ""
	now := ownTime()
	c := &Client{
		cfg:       cfg,
		base:      base,
		header:    requestHeader(cfg, token),
		redact:    func(s string) string { return strings.ReplaceAll(s, token, redacted) },
		transport: cfg.Transport,
		now:       now,
		memory:    newMemory(cfg.MaxHeld),
		apart:     newMemory(cfg.MaxHeld),
		outage:    outage{log: cfg.Log},
		counter:   counter{byStream: make(map[string]Counts)},
	}
	c.gate.now, c.gate.log = now, cfg.Log
	c.gate.pace = pace{
		share: cfg.RateLimitShare,
		slots: slots{most: cfg.MaxInFlight},
		cap:   callCap{perMinute: cfg.CallsPerMinute},
		guard: minGuard,
	}
	if c.transport == nil {
		c.transport = newTransport()
	}
	return c, nil
}

func orDefault[T comparable](v, otherwise T) T {
	var zero T
	if v == zero {
		return otherwise
	}
	return v
}

func parseBase(s string) (*url.URL, error) {
	u, err := url.Parse(s)
	switch {
	case err != nil || u.Host == "":
		return nil, fmt.Errorf("base URL %q is no URL", s)
	case u.User != nil || u.RawQuery != "" || u.Fragment != "":
		return nil, fmt.Errorf("base URL of host %s: only scheme, host and path may be given", u.Host)
	case u.Scheme == "https", u.Scheme == "http" && isLoopback(u.Hostname()):
		u.Path, u.RawPath = strings.TrimRight(u.Path, "/"), ""
		return u, nil
	}
	return nil, fmt.Errorf("base URL %q: must be https (http is only for this machine), or the token would travel in the open", s)
}

func isLoopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// Close lets go of idle connections.
func (c *Client) Close() {
	if t, ok := c.transport.(interface{ CloseIdleConnections() }); ok {
		t.CloseIdleConnections()
	}
}

// Now is the server's clock as its answers tell it, late by no more than the network's latency; this
// machine's clock before the first answer. It keeps running by the monotonic clock.
func (c *Client) Now() time.Time { return c.gate.server() }

// Cautious is Now where the Dates of all answers agree, and else by the one that was the furthest behind: what must
// not be taken for past too early is judged by it.
func (c *Client) Cautious() time.Time { return c.gate.cautious() }

// Dated tells whether an answer has told the server's clock.
func (c *Client) Dated() bool { return c.gate.dated() }

// Busy tells whether calls of a stream are waiting for their turn: the pace, not the caller, is what holds it
// back.
func (c *Client) Busy(stream string) bool { return c.gate.busy(stream) }

// Request is one call.
type Request struct {
	Method string
	Path   string // begins with "/"; may carry a query
	Body   []byte // JSON
	Stream string // for errors, logs and counters

	// Once: the call is never repeated once it may have reached the server, as a scroll page must not be, nor
	// the creation of a job. Only a 429, which was not processed, is waited out, unless it says that too many
	// jobs are under way (JobPending). It does not queue behind other calls either: a scroll that is kept
	// waiting expires.
	Once bool
	// Whole: MaxBody does not hold.
	Whole bool
	// Hasty: the caller can ask for less, or otherwise. A call whose answers keep failing is given up after a
	// few tries, long before MaxRetry; Heavy tells such an error.
	Hasty bool
}

// Do makes one call and returns its whole, valid answer, which the caller must Release. It blocks for its
// turn, for the answer, for memory to keep it in (Config.MaxHeld), and for the waits between tries: one who
// keeps an answer while it makes another call may wait for ever. Errors are an *Error, or ctx's own, and
// hold no memory.
func (c *Client) Do(ctx context.Context, r Request) (*Answer, error) {
	target, err := c.resolve(r.Path)
	if err != nil {
		return nil, err
	}
	var a *Answer
	t := trial{maxRetry: c.cfg.MaxRetry, once: r.Once, hasty: r.Hasty}
	err = c.persist(ctx, r.Stream, &t, func(number int) (failure *Error) {
		a, failure = c.try(ctx, r, target, number)
		return failure
	})
	if err != nil {
		return nil, err
	}
	return a, nil
}

// persist makes tries until one succeeds, or has failed for good.
func (c *Client) persist(ctx context.Context, stream string, t *trial, try func(number int) *Error) error {
	for n := 1; ; n++ {
		failure := try(n)
		now := c.now()
		if failure == nil {
			c.outage.ends(t.lasted(now), true)
			return nil
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		switch {
		case failure.throttled:
			c.shut.CompareAndSwap(0, now.UnixNano())
		case failure.Status != 0:
			c.shut.Store(0) // this call got through, to whatever answer
		}
		wait, again := t.next(failure, now, time.Unix(0, c.succeeded.Load()), time.Unix(0, c.shut.Load()))
		if !again {
			c.outage.ends(t.lasted(now), false)
			failure.Tries = n
			return failure
		}
		c.outage.goesOn(failure, t.lasted(now), wait)
		if err := sleep(ctx, wait); err != nil {
			return err
		}
		c.counter.add(stream, Counts{Waited: c.now().Sub(now)})
	}
}

// isPlain tells whether a text is of letters, digits and those signs alone.
func isPlain(text, signs string) bool {
	for i := 0; i < len(text); i++ {
		c := text[i]
		if (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && strings.IndexByte(signs, c) < 0 {
			return false
		}
	}
	return true
}

// resolve puts a path on our own base, and on no other host. Nearly all paths are plain, and need no parsing.
func (c *Client) resolve(path string) (*url.URL, error) {
	if plain, query, _ := strings.Cut(path, "?"); strings.HasPrefix(path, "/") && isPlain(plain, "/-_.") && isPlain(query, "&=%+-_.") {
		u := *c.base
		u.Path, u.RawQuery = u.Path+plain, query
		return &u, nil
	}
	u, err := url.Parse(c.base.String() + path)
	if err != nil || !strings.HasPrefix(path, "/") || u.Host != c.base.Host || u.User != nil {
		return nil, fmt.Errorf("path %q: must begin with a slash and be part of a URL", path)
	}
	return u, nil
}
