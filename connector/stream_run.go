package connector

import (
	"sync"
	"sync/atomic"

	"source-intercom/protocol"
)

// A streamRun is one stream in one run.
type streamRun struct {
	stream  *Stream
	encoder *protocol.Encoder
	plan    plan
	prints  *fingerprints
	part    part    // the writer's
	census  *census // nil: the stream is not swept
	// version is what the run's records of a whole table are marked with; 0: they are not.
	version int64

	records, deleted, skipped, withheld, unchanged, unreadable, lookups atomic.Int64
	began                                                               atomic.Bool // a record was handed on: the stream is open to the token

	mu      sync.Mutex
	status  protocol.Status
	err     error
	leftOut bool // closed to this token or plan: not read, and no failure of ours
}

func (s *streamRun) fail(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.err == nil {
		s.err = err
	}
}

func (s *streamRun) failure() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.err
}

func (s *streamRun) leaveOut() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.leftOut = true
}

// alive tells whether nothing has ended the stream before its time.
func (s *streamRun) alive() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.err == nil && !s.leftOut
}

func (s *streamRun) setStatus(status protocol.Status) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.status = status
}

func (s *streamRun) setEnd() protocol.Status {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.status = protocol.Complete
	if s.err != nil {
		s.status = protocol.Incomplete
	}
	return s.status
}
