package connector

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync"

	"github.com/rs/zerolog"
)

// spillMemory is what a spill keeps in memory before it writes to its file.
const spillMemory = 8 << 20

// errDrained is the end of a spill. It is nobody else's error: the API's failures wrap io.EOF.
var errDrained = errors.New("all pages were taken")

// A spill is a queue of byte slices between one that must not wait and one that may be slow. Beyond
// spillMemory it goes to a temporary file without a name, so that nothing is left behind whatever
// happens. Where no file can be made, or it cannot grow, it stays in memory and push waits.
type spill struct {
	log  zerolog.Logger
	dir  string // "": the system's
	most int    // bytes kept in memory

	mu      sync.Mutex
	wake    chan struct{} // closed and replaced at every change
	memory  [][]byte
	bytes   int
	file    *os.File
	noFile  bool  // none can be made, or the one that is there takes no more
	lengths []int // of the slices in the file
	readAt  int64
	writeAt int64
	ended   bool
	err     error
}

func newSpill(log zerolog.Logger) *spill {
	return &spill{log: log, most: spillMemory, wake: make(chan struct{})}
}

// push adds b, which must not be changed afterwards.
func (s *spill) push(ctx context.Context, b []byte) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	for {
		if len(s.lengths) == 0 && (s.bytes+len(b) <= s.most || len(s.memory) == 0) {
			s.memory, s.bytes = append(s.memory, b), s.bytes+len(b)
			s.signal()
			return nil
		}
		if s.open() && s.write(b) {
			return nil
		}
		if err := s.wait(ctx); err != nil {
			return err
		}
	}
}

// open makes the file, once.
func (s *spill) open() bool {
	if s.file != nil || s.noFile {
		return !s.noFile
	}
	f, err := os.CreateTemp(s.dir, "source-intercom-*")
	if err != nil {
		s.goWithout(err)
		return false
	}
	s.file = f
	_ = os.Remove(f.Name()) // where an open file cannot be removed, close does it
	return true
}

// write appends b to the file. What was written before can still be read if that fails.
func (s *spill) write(b []byte) bool {
	if _, err := s.file.WriteAt(b, s.writeAt); err != nil {
		s.goWithout(err)
		return false
	}
	s.writeAt += int64(len(b))
	s.lengths = append(s.lengths, len(b))
	s.signal()
	return true
}

func (s *spill) goWithout(err error) {
	s.noFile = true
	s.log.Warn().Err(err).Int("bytes", s.most).
		Msg("no temporary file can be written: rows wait in memory, and a slow reader may let the scroll expire")
}

// end says that nothing more will be pushed; err is what pop reports after the last slice.
func (s *spill) end(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ended, s.err = true, err
	s.signal()
}

// pop takes the oldest slice. It waits for one, and returns errDrained after the last.
func (s *spill) pop(ctx context.Context) ([]byte, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for {
		switch {
		case len(s.memory) > 0:
			b := s.memory[0]
			s.memory, s.bytes = s.memory[1:], s.bytes-len(b)
			s.signal()
			return b, nil
		case len(s.lengths) > 0:
			return s.read()
		case s.ended && s.err != nil:
			return nil, s.err
		case s.ended:
			return nil, errDrained
		}
		if err := s.wait(ctx); err != nil {
			return nil, err
		}
	}
}

func (s *spill) read() ([]byte, error) {
	b := make([]byte, s.lengths[0])
	if _, err := s.file.ReadAt(b, s.readAt); err != nil {
		return nil, fmt.Errorf("read from a temporary file: %w", err)
	}
	s.readAt += int64(len(b))
	if s.lengths = s.lengths[1:]; len(s.lengths) == 0 {
		s.readAt, s.writeAt = 0, 0
		_ = s.file.Truncate(0) // a file that stays long does no harm
		s.signal()
	}
	return b, nil
}

// close gives the file back.
func (s *spill) close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.file == nil {
		return nil
	}
	err := s.file.Close()
	if remove := os.Remove(s.file.Name()); remove != nil && !errors.Is(remove, os.ErrNotExist) {
		err = errors.Join(err, remove)
	}
	return err
}

func (s *spill) signal() {
	close(s.wake)
	s.wake = make(chan struct{})
}

// wait lets go of the lock until something has changed.
func (s *spill) wait(ctx context.Context) error {
	wake := s.wake
	s.mu.Unlock()
	defer s.mu.Lock()
	select {
	case <-wake:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
