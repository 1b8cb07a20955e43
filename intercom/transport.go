package intercom

import (
	"bytes"
	"context"
	"errors"
	"io"
	"math"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"sync/atomic"
	"time"
	"unsafe"
)

var (
	errAttemptTimeout = errors.New("no whole answer in time")
	errSentTwice      = errors.New("the connection broke and the request may have been processed twice")
)

// newTransport keeps Go's defaults (proxies from the environment) and adds what they lack. It speaks
// HTTP/1.1 alone: each call in flight has a connection of its own, so that one that breaks or stalls
// takes no other call with it, and the binary is half a megabyte smaller without the other one. Answers
// are unpacked by ourselves, and the time of a try is watched by ourselves.
func newTransport() http.RoundTripper {
	t := http.DefaultTransport.(*http.Transport).Clone()
	t.MaxIdleConns, t.MaxIdleConnsPerHost = mostInFlight, mostInFlight
	t.DisableCompression = true
	t.Protocols = new(http.Protocols)
	t.Protocols.SetHTTP1(true)
	return t
}

// headerKind says which headers a request has.
type headerKind int

const (
	bareHeader headerKind = iota
	bodyHeader            // of one with a body
	fileHeader            // of a download
)

// requestHeader returns the headers of all requests.
func requestHeader(cfg Config, token string) func(headerKind) http.Header {
	bare := http.Header{
		"Authorization":    {"Bearer " + token},
		"Accept":           {"application/json"},
		"Accept-Encoding":  {"gzip"},
		"Intercom-Version": {string(cfg.Version)},
	}
	if cfg.UserAgent != "" {
		bare.Set("User-Agent", cfg.UserAgent)
	}
	withBody := bare.Clone()
	withBody.Set("Content-Type", "application/json")
	file := bare.Clone()
	file.Set("Accept", "application/octet-stream")
	return func(k headerKind) http.Header { return [...]http.Header{bare, withBody, file}[k] }
}

// timeLimit cancels a context when a try takes too long. It can stand still.
type timeLimit struct {
	cancel context.CancelCauseFunc
	timer  *time.Timer
	ends   time.Time
	left   time.Duration // while it stands still
}

func newTimeLimit(ctx context.Context, d time.Duration) (context.Context, *timeLimit) {
	ctx, cancel := context.WithCancelCause(ctx)
	timer := time.AfterFunc(d, func() { cancel(errAttemptTimeout) })
	return ctx, &timeLimit{cancel: cancel, timer: timer, ends: time.Now().Add(d)}
}

func (l *timeLimit) pause() {
	l.timer.Stop()
	l.left = time.Until(l.ends)
}

func (l *timeLimit) resume() {
	l.ends = time.Now().Add(l.left)
	l.timer.Reset(l.left)
}

func (l *timeLimit) end() {
	l.timer.Stop()
	l.cancel(nil)
}

// try makes the call once.
func (c *Client) try(ctx context.Context, r Request, target *url.URL, number int) (*Answer, *Error) {
	counts := Counts{}
	if number > 1 {
		counts.Retries = 1
	}
	defer func() { c.counter.add(r.Stream, counts) }()

	memory := c.memory
	if r.Once {
		memory = c.apart
	}
	came := &arrival{memory: share{of: memory.arriving}}
	defer came.release()
	a := &Answer{stream: r.Stream, memory: share{of: memory.answers}}
	failure := c.exchange(ctx, r, target, came, a, &counts)
	if failure == nil {
		failure = c.unpack(ctx, r, came, a, &counts)
	}
	if failure != nil {
		failure.queued = counts.Waited
		a.Release()
		return nil, c.failure(r, failure)
	}
	c.succeeded.Store(c.now().UnixNano())
	c.shut.Store(0)
	return a, nil
}

// exchange waits for the call's turn, sends the request and reads what comes, which is whole if there is
// no Error. The turn ends with the exchange: what is done with the answer afterwards keeps nobody waiting.
func (c *Client) exchange(ctx context.Context, r Request, target *url.URL, came *arrival, a *Answer, counts *Counts) *Error {
	queued := c.now()
	t, err := c.gate.enter(ctx, r.Stream, r.Once)
	if err != nil {
		return &Error{Kind: Temporary, Err: err}
	}
	defer c.gate.leave(t)
	counts.Requests, counts.Waited = 1, t.sent.Sub(queued)

	ctx, limit := newTimeLimit(ctx, c.cfg.RequestTimeout)
	defer limit.end()
	var sent atomic.Int32
	resp, err := c.transport.RoundTrip(c.newRequest(ctx, r, target, &sent))
	if err != nil {
		return broken(ctx, 0, err)
	}
	defer func() { _ = resp.Body.Close() }()
	refused := resp.StatusCode < 200 || resp.StatusCode > 299
	n := readNotice(resp.StatusCode, resp.Header)
	var said []byte // by a refusal
	if refused && r.Once {
		said = came.readRefusal(resp) // before all others are stopped by a 429 that is about jobs
		n.throttled = n.throttled && !aboutJobs(said)
	}
	c.gate.answered(t, n)
	a.Header, a.At = resp.Header, c.answeredAt(resp.Header)
	if r.Once && sent.Load() > 1 { // a 404, too, may be the answer to what comes after the one that was lost
		return broken(ctx, resp.StatusCode, errSentTwice)
	}
	if refused {
		if said == nil {
			said = came.readRefusal(resp)
		}
		counts.Bytes = int64(len(said))
		e := refusal(resp.StatusCode, resp.Header, said, c.succeeded.Load() != 0)
		if e.throttled {
			counts.Throttled = 1
		}
		return e
	}
	hold := func(s *share, n int64) error {
		limit.pause()
		defer limit.resume()
		return s.hold(ctx, n)
	}
	if err := came.read(resp, c.bound(r), &a.memory, hold); err != nil {
		counts.Bytes = came.size()
		return broken(ctx, resp.StatusCode, err)
	}
	return nil
}

// unpack turns what came into the answer's body.
func (c *Client) unpack(ctx context.Context, r Request, came *arrival, a *Answer, counts *Counts) *Error {
	body, err := came.unpack(c.bound(r), func(n int64) error { return a.memory.hold(ctx, n) })
	counts.Bytes = int64(len(body))
	if err == nil {
		a.Body = unsafe.String(unsafe.SliceData(body), len(body)) // nobody else has it, and it is not changed again
		a.contents, err = check(a.Body)
	}
	if err != nil {
		return broken(ctx, came.status, err)
	}
	return nil
}

// bound is how large the answer to r may be.
func (c *Client) bound(r Request) int64 {
	if r.Whole {
		return math.MaxInt64 - 1
	}
	return c.cfg.MaxBody
}

// newRequest builds a request. One that must not be repeated counts in sent how often it went over the wire:
// net/http repeats a GET by itself when a kept connection breaks, even if the server may have processed it.
func (c *Client) newRequest(ctx context.Context, r Request, target *url.URL, sent *atomic.Int32) *http.Request {
	if r.Once {
		ctx = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
			WroteRequest: func(info httptrace.WroteRequestInfo) {
				if info.Err == nil {
					sent.Add(1)
				}
			},
		})
	}
	req := (&http.Request{Method: r.Method, URL: target, Host: target.Host, Header: c.header(bareHeader)}).WithContext(ctx)
	if r.Body != nil {
		req.Header = c.header(bodyHeader)
		req.ContentLength = int64(len(r.Body))
		req.GetBody = func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(r.Body)), nil }
		req.Body, _ = req.GetBody()
	}
	return req
}

// broken is the Error of a call that got no whole answer.
func broken(ctx context.Context, status int, err error) *Error {
	e := &Error{Kind: Temporary, Status: status, Err: err, unsent: neverSent(err)}
	switch {
	case errors.Is(err, errTooLarge):
		e.Kind = TooLarge
	case errors.Is(err, errEncoding):
		e.Kind = BadRequest
	case isUntrusted(err):
		e.Kind, e.Err = Untrusted, adviseOnCertificate(err)
	}
	if errors.Is(context.Cause(ctx), errAttemptTimeout) {
		e.Err = errAttemptTimeout // not context.DeadlineExceeded, which would look like the caller's
	}
	return e
}

// neverSent tells whether no connection was made at all.
func neverSent(err error) bool {
	if op, ok := errors.AsType[*net.OpError](err); ok {
		return op.Op == "dial" || op.Op == "proxyconnect"
	}
	_, unresolved := errors.AsType[*net.DNSError](err)
	return unresolved
}

// failure says which call it was that failed.
func (c *Client) failure(r Request, e *Error) *Error {
	e.Method, e.Path, e.Stream = r.Method, r.Path, r.Stream
	if c.cfg.Discreet {
		e.discreet()
	}
	e.Code, e.Message, e.RequestID = c.redact(e.Code), c.redact(e.Message), c.redact(e.RequestID)
	return e
}

func (c *Client) answeredAt(h http.Header) time.Time {
	if at, err := http.ParseTime(h.Get("Date")); err == nil {
		return at
	}
	return c.Now()
}
