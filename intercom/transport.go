package intercom

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"sync"
	"sync/atomic"
	"time"

	"github.com/tidwall/gjson"
)

const (
	// maxErrorBody bounds what is read of an answer that is an error anyway.
	maxErrorBody = 1 << 20
	// maxDepth bounds how deep an answer may nest.
	maxDepth = 1000
)

var (
	errAttemptTimeout = errors.New("no whole answer in time")
	errSentTwice      = errors.New("the connection broke and the request may have been processed twice")
	errEmpty          = errors.New("the answer is empty")
	errInvalid        = errors.New("the answer is not valid JSON")
	errTruncated      = errors.New("the answer is shorter than announced")
	errTooDeep        = errors.New("the answer is nested too deeply")
	errTooLarge       = errors.New("the answer is larger than allowed")
)

// newTransport keeps Go's defaults (proxies from the environment) and adds what they lack. It speaks
// HTTP/1.1 alone: each call in flight has a connection of its own, so that one that breaks or stalls
// takes no other call with it, and the binary is half a megabyte smaller without the other one.
func newTransport(cfg Config) http.RoundTripper {
	t := http.DefaultTransport.(*http.Transport).Clone()
	t.MaxIdleConns, t.MaxIdleConnsPerHost = cfg.MaxInFlight, cfg.MaxInFlight
	t.ResponseHeaderTimeout = cfg.RequestTimeout
	t.Protocols = new(http.Protocols)
	t.Protocols.SetHTTP1(true)
	return t
}

// try makes the call once.
func (c *Client) try(ctx context.Context, r Request, target *url.URL, number int) (*Answer, *Error) {
	queued := c.now()
	t, err := c.gate.enter(ctx, r.Once)
	if err != nil {
		return nil, c.failure(r, &Error{Kind: Temporary, Err: err})
	}
	defer c.gate.leave(t)
	counts := Counts{Requests: 1, Waited: t.sent.Sub(queued)}
	if number > 1 {
		counts.Retries = 1
	}
	defer func() { c.counter.add(r.Stream, counts) }()

	body := bodies.Get().(*bytes.Buffer)
	defer recycle(body)
	header, failure := c.exchange(ctx, r, target, t, body)
	counts.Bytes = int64(body.Len())
	if failure != nil {
		if failure.throttled {
			counts.Throttled = 1
		}
		return nil, c.failure(r, failure)
	}
	c.succeeded.Store(true)
	return &Answer{Body: body.String(), At: c.answeredAt(header), Header: header, stream: r.Stream}, nil
}

// exchange sends the request and reads the answer into body. A nil Error means that it is whole and valid.
func (c *Client) exchange(ctx context.Context, r Request, target *url.URL, t *ticket, body *bytes.Buffer) (http.Header, *Error) {
	ctx, cancel := context.WithTimeoutCause(ctx, c.cfg.RequestTimeout, errAttemptTimeout)
	defer cancel()
	var sent atomic.Int32
	resp, err := c.transport.RoundTrip(c.newRequest(ctx, r, target, &sent))
	if err != nil {
		return nil, broken(ctx, 0, err)
	}
	defer func() { _ = resp.Body.Close() }()
	c.gate.answered(t, readNotice(resp.StatusCode, resp.Header))

	if resp.StatusCode < 200 || resp.StatusCode > 299 {
		// Half an error page says as much as a whole one.
		_, _ = body.ReadFrom(io.LimitReader(resp.Body, maxErrorBody))
		return nil, refusal(resp.StatusCode, resp.Header, body.Bytes(), c.succeeded.Load())
	}
	bound := c.cfg.MaxBody
	if r.Whole {
		bound = math.MaxInt64 - 1
	}
	if err := readBody(resp, body, bound); err != nil {
		return nil, broken(ctx, resp.StatusCode, err)
	}
	if r.Once && sent.Load() > 1 {
		return nil, broken(ctx, resp.StatusCode, errSentTwice)
	}
	return resp.Header, nil
}

// newRequest builds a request that counts in sent how often it went over the wire: net/http repeats a GET
// by itself when a kept connection breaks, even if the server may have processed it.
func (c *Client) newRequest(ctx context.Context, r Request, target *url.URL, sent *atomic.Int32) *http.Request {
	ctx = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		WroteRequest: func(info httptrace.WroteRequestInfo) {
			if info.Err == nil {
				sent.Add(1)
			}
		},
	})
	req := (&http.Request{Method: r.Method, URL: target, Host: target.Host, Header: make(http.Header)}).WithContext(ctx)
	if r.Body != nil {
		req.ContentLength = int64(len(r.Body))
		req.GetBody = func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(r.Body)), nil }
		req.Body, _ = req.GetBody()
		req.Header.Set("Content-Type", "application/json")
	}
	c.authorize(req.Header)
	req.Header.Set("Accept", "application/json")
	req.Header.Set("Intercom-Version", string(c.cfg.Version))
	if c.cfg.UserAgent != "" {
		req.Header.Set("User-Agent", c.cfg.UserAgent)
	}
	return req
}

// readBody reads the whole answer and checks that it is whole.
func readBody(resp *http.Response, body *bytes.Buffer, bound int64) error {
	if resp.ContentLength > bound {
		return errTooLarge
	}
	n, err := body.ReadFrom(io.LimitReader(resp.Body, bound+1))
	switch {
	case err != nil:
		return fmt.Errorf("reading the answer: %w", err)
	case n > bound:
		return errTooLarge
	case n == 0:
		return errEmpty
	case resp.ContentLength >= 0 && n != resp.ContentLength:
		return errTruncated
	}
	return checkJSON(body.Bytes())
}

// checkJSON refuses what is no JSON. Nesting is bounded first where it could be deep, because the check
// recurses.
func checkJSON(body []byte) error {
	if opened := bytes.Count(body, []byte("[")) + bytes.Count(body, []byte("{")); opened > 100*maxDepth && depth(body) > maxDepth {
		return errTooDeep
	}
	if !gjson.ValidBytes(body) {
		return errInvalid
	}
	return nil
}

// depth is how deep arrays and objects are nested in valid JSON.
func depth(body []byte) int {
	deepest, now, inString := 0, 0, false
	for i := 0; i < len(body); i++ {
		switch b := body[i]; {
		case inString && b == '\\':
			i++
		case b == '"':
			inString = !inString
		case inString:
		case b == '[' || b == '{':
			now++
			deepest = max(deepest, now)
		case b == ']' || b == '}':
			now--
		}
	}
	return deepest
}

// broken is the Error of a call that got no whole answer.
func broken(ctx context.Context, status int, err error) *Error {
	e := &Error{Kind: Temporary, Status: status, Err: err, unsent: neverSent(err)}
	if errors.Is(err, errTooLarge) {
		e.Kind = TooLarge
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
	e.Code, e.Message, e.RequestID = c.redact(e.Code), c.redact(e.Message), c.redact(e.RequestID)
	return e
}

func (c *Client) answeredAt(h http.Header) time.Time {
	if at, err := http.ParseTime(h.Get("Date")); err == nil {
		return at
	}
	return c.Now()
}

// bodies are read into recycled buffers and copied out once, in their true size.
var bodies = sync.Pool{New: func() any { return new(bytes.Buffer) }}

// maxRecycled keeps one huge answer from being held for ever.
const maxRecycled = 4 << 20

func recycle(b *bytes.Buffer) {
	if b.Cap() <= maxRecycled {
		b.Reset()
		bodies.Put(b)
	}
}
