package protocol

import (
	"bufio"
	"io"
	"sync"
)

// lineBuffer is what a pipe holds, so that most flushes are one write.
const lineBuffer = 64 << 10

// Lines is the one way to stdout. It is safe for concurrent use, and never mixes the lines of one
// Write with those of another. After the first error nothing is written any more.
type Lines struct {
	mu    sync.Mutex
	out   *bufio.Writer // keeps the first error and returns it ever after
	bytes int64
	err   error
}

// NewLines returns Lines over w; the caller keeps ownership of w and must Flush before closing it.
func NewLines(w io.Writer) *Lines {
	return &Lines{out: bufio.NewWriterSize(w, lineBuffer)}
}

// Write takes whole lines and keeps no reference to them. It may block on the reader of stdout.
func (l *Lines) Write(lines []byte) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	var n int
	n, l.err = l.out.Write(lines)
	l.bytes += int64(n)
	return l.err
}

// Flush hands on everything written so far.
func (l *Lines) Flush() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.err = l.out.Flush()
	return l.err
}

// Err returns the first error of any Write or Flush.
func (l *Lines) Err() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.err
}

// Bytes returns how many bytes were accepted, flushed or not.
func (l *Lines) Bytes() int64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.bytes
}
