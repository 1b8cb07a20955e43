package intercom

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
)

const (
	// maxErrorBody bounds what is read of an answer that is an error anyway.
	maxErrorBody = 1 << 20
	// unannounced is how much of a body of unknown length is read before memory is asked for.
	unannounced = 16 << 10
	// maxWhole bounds even what is read whatever its size: no record is so large, but an answer may be endless.
	maxWhole = 512 << 20
	// maxRecycled keeps one huge answer from being held for ever.
	maxRecycled = 1 << 20
)

var (
	errEmpty     = errors.New("the answer is empty")
	errInvalid   = errors.New("the answer is not valid JSON")
	errTruncated = errors.New("the answer is shorter than announced")
	errTooDeep   = errors.New("the answer is nested too deeply")
	errTooLarge  = errors.New("the answer is larger than allowed")
	errEncoding  = errors.New("the answer is encoded in a way that was not asked for; a proxy in between may do so")
)

// arrival is the body of an answer as it came over the network.
type arrival struct {
	status int
	zipped bool
	raw    *bytes.Buffer // what is zipped or of unknown length
	text   []byte        // what came unzipped with its length
	memory share         // of raw
}

// buffers are used again. A call takes one when it has something to put into it, and not while it waits.
var buffers = sync.Pool{New: func() any { return new(bytes.Buffer) }}

// release lets raw go.
func (v *arrival) release() {
	if v.raw != nil && v.raw.Cap() <= maxRecycled {
		v.raw.Reset()
		buffers.Put(v.raw)
	}
	v.raw = nil
	v.memory.release()
}

// size is the number of bytes that came.
func (v *arrival) size() int64 {
	if v.raw != nil {
		return int64(v.raw.Len())
	}
	return int64(len(v.text))
}

// read reads the body to its end. hold is called before much memory is used for it: of the share text for
// what needs no unpacking.
func (v *arrival) read(resp *http.Response, bound int64, text *share, hold func(s *share, n int64) error) error {
	var err error
	v.status = resp.StatusCode
	if v.zipped, err = isZipped(resp.Header); err != nil {
		return err
	}
	announced, bound := resp.ContentLength, min(bound, maxWhole)
	switch {
	case announced > bound:
		return errTooLarge
	case announced == 0:
		return errEmpty
	case announced < 0 || announced > DefaultMaxBody: // so much is not believed before it has come
		err = v.readGrowing(resp.Body, bound, hold)
	case v.zipped:
		err = v.readPacked(resp.Body, announced, hold)
	default:
		err = v.readText(resp.Body, announced, text, hold)
	}
	switch n := v.size(); {
	case err != nil:
		return fmt.Errorf("reading the answer: %w", err)
	case n > bound:
		return errTooLarge
	case n == 0:
		return errEmpty
	case announced >= 0 && n != announced:
		return errTruncated
	}
	return nil
}

func isZipped(h http.Header) (bool, error) {
	switch encoding := h.Get("Content-Encoding"); strings.ToLower(encoding) {
	case "gzip", "x-gzip":
		return true, nil
	case "", "identity":
		return false, nil
	default:
		return false, fmt.Errorf("%w: %q", errEncoding, encoding)
	}
}

// readText reads a text of n bytes.
func (v *arrival) readText(body io.Reader, n int64, text *share, hold func(s *share, n int64) error) error {
	if err := hold(text, n); err != nil {
		return err
	}
	v.text = make([]byte, n)
	_, err := io.ReadFull(body, v.text)
	return err
}

// readPacked reads n bytes that will be unpacked.
func (v *arrival) readPacked(body io.Reader, n int64, hold func(s *share, n int64) error) error {
	if err := hold(&v.memory, n); err != nil {
		return err
	}
	v.raw = buffers.Get().(*bytes.Buffer)
	v.raw.Grow(int(n) + bytes.MinRead) // ReadFrom wants so much room to see the end
	_, err := v.raw.ReadFrom(body)
	return err
}

// readGrowing reads a body of unknown length.
func (v *arrival) readGrowing(body io.Reader, bound int64, hold func(s *share, n int64) error) error {
	v.raw = buffers.Get().(*bytes.Buffer)
	for step := int64(unannounced); ; step *= 2 {
		limit := min(step, bound+1)
		_, err := v.raw.ReadFrom(io.LimitReader(body, limit-int64(v.raw.Len())))
		if err != nil || int64(v.raw.Len()) < limit || limit > bound {
			return err
		}
		if err := hold(&v.memory, 2*step); err != nil {
			return err
		}
	}
}

// readRefusal reads the text of an error. What cuts it short does not matter: the status says the most.
func (v *arrival) readRefusal(resp *http.Response) []byte {
	v.raw = buffers.Get().(*bytes.Buffer)
	_, _ = v.raw.ReadFrom(io.LimitReader(resp.Body, maxErrorBody))
	if zipped, _ := isZipped(resp.Header); !zipped {
		return v.raw.Bytes()
	}
	text, _ := unzip(v.raw.Bytes(), maxErrorBody, func(int64) error { return nil })
	return text
}

// unpack returns the text that came. hold is called before memory is used for it.
func (v *arrival) unpack(bound int64, hold func(n int64) error) ([]byte, error) {
	switch {
	case v.zipped:
		return unzip(v.raw.Bytes(), min(bound, maxWhole), hold)
	case v.text != nil:
		return v.text, nil
	}
	if err := hold(int64(v.raw.Len())); err != nil {
		return nil, err
	}
	return bytes.Clone(v.raw.Bytes()), nil
}
