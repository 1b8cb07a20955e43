package intercom

import (
	"bufio"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"time"
)

// ErrIncomplete is what Download.Take returns, or wraps, when what it was given is not a whole file: it is fetched again.
var ErrIncomplete = errors.New("the file is not whole")

const (
	fileBuffer = 64 << 10
	// mostWrappings is how often a file may be gzipped over: by itself, and by the server for the way.
	mostWrappings = 3
)

// Download is a file to fetch.
type Download struct {
	Path   string // as in Request
	Stream string
	// Take reads the file to its end, at its own pace: it is not held in memory. It is called once for each try, each
	// time with the file from its beginning, and must then forget what it took before.
	Take func(file io.Reader) error
}

// Download fetches a file, and unpacks it if it is gzipped, whatever its headers say. One that ends too early, fails
// its checksum, or stands still for Config.RequestTimeout is fetched again, like any call that fails. The error is an
// *Error, ctx's own, or that of Take.
func (c *Client) Download(ctx context.Context, d Download) error {
	target, err := c.resolve(d.Path)
	if err != nil {
		return err
	}
	r := Request{Method: http.MethodGet, Path: d.Path, Stream: d.Stream}
	var refused error // by Take
	t := trial{maxRetry: c.cfg.MaxRetry}
	err = c.persist(ctx, d.Stream, &t, func(number int) *Error {
		counts := Counts{}
		if number > 1 {
			counts.Retries = 1
		}
		defer func() { c.counter.add(d.Stream, counts) }()
		var failure *Error
		req := c.newRequest(ctx, r, target, new(atomic.Int32))
		req.Header = c.header(fileHeader)
		if failure, refused = c.fetch(ctx, req, d, &counts); failure != nil {
			failure.queued = counts.Waited
			return c.failure(r, failure)
		}
		c.succeeded.Store(c.now().UnixNano())
		return nil
	})
	if err == nil {
		err = refused
	}
	return err
}

// fetch makes one try. The call's turn ends when the file begins to come: how long it takes says nothing about calls.
func (c *Client) fetch(ctx context.Context, req *http.Request, d Download, counts *Counts) (failure *Error, refused error) {
	queued := c.now()
	t, err := c.gate.enter(ctx, d.Stream, false)
	if err != nil {
		return &Error{Kind: Temporary, Err: err}, nil
	}
	counts.Requests, counts.Waited = 1, t.sent.Sub(queued)
	ctx, limit := newTimeLimit(ctx, c.cfg.RequestTimeout)
	defer limit.end()
	resp, err := c.transport.RoundTrip(req.WithContext(ctx))
	if err != nil {
		c.gate.leave(t)
		return broken(ctx, 0, err), nil
	}
	defer func() { _ = resp.Body.Close() }()
	c.gate.answered(t, readNotice(resp.StatusCode, resp.Header))
	c.gate.leave(t)
	if resp.StatusCode < 200 || resp.StatusCode > 299 {
		came := &arrival{}
		defer came.release()
		e := refusal(resp.StatusCode, resp.Header, came.readRefusal(resp), c.succeeded.Load() != 0)
		if e.throttled {
			counts.Throttled = 1
		}
		return e, nil
	}
	if strings.HasPrefix(resp.Header.Get("Content-Type"), "text/html") {
		return &Error{Kind: Temporary, Status: resp.StatusCode, Message: "a web page"}, nil
	}
	limit.pause()
	f := &file{}
	err = f.take(&patient{in: resp.Body, limit: limit, most: c.cfg.RequestTimeout}, d.Take)
	counts.Bytes = f.n
	switch {
	case f.err != nil:
		return broken(ctx, resp.StatusCode, f.err), nil
	case errors.Is(err, ErrIncomplete):
		return broken(ctx, resp.StatusCode, err), nil
	}
	return nil, err
}

// patient reads what may come slowly but must not stand still. The time that its reader takes for other things is
// nobody's fault.
type patient struct {
	in    io.Reader
	limit *timeLimit
	most  time.Duration
}

func (p *patient) Read(b []byte) (int, error) {
	p.limit.left = p.most
	p.limit.resume()
	defer p.limit.pause()
	return p.in.Read(b)
}

// file is what Take reads: it notes what went wrong on the way, so that it is told from what Take finds wrong.
type file struct {
	in  io.Reader
	n   int64
	err error
}

func (f *file) Read(b []byte) (int, error) {
	n, err := f.in.Read(b)
	f.n += int64(n)
	if err != nil && !errors.Is(err, io.EOF) {
		f.err = err
	}
	return n, err
}

// take hands the unpacked body on. What Take leaves is read, too: only at its end a file is known to be whole.
func (f *file) take(body io.Reader, take func(io.Reader) error) error {
	if f.in, f.err = unwrap(body); f.err != nil {
		return f.err
	}
	if err := take(f); err != nil || f.err != nil {
		return err
	}
	_, err := io.Copy(io.Discard, f)
	return err
}

// unwrap looks into a body, and unpacks it as often as it is gzipped.
func unwrap(body io.Reader) (io.Reader, error) {
	for range mostWrappings {
		in := bufio.NewReaderSize(body, fileBuffer)
		head, err := in.Peek(2)
		switch {
		case len(head) == 0 && errors.Is(err, io.EOF):
			return nil, errEmpty
		case err != nil && !errors.Is(err, io.EOF):
			return nil, fmt.Errorf("reading the file: %w", err)
		case len(head) < 2 || head[0] != 0x1f || head[1] != 0x8b:
			return in, nil
		}
		if body, err = gzip.NewReader(in); err != nil {
			return nil, fmt.Errorf("unpacking the file: %w", err)
		}
	}
	return body, nil
}
