package connector

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/rs/zerolog"
	"pgregory.net/rapid"
)

// slice is the n-th slice that a test pushes; its bytes tell which one it is.
func slice(n, size int) []byte {
	return bytes.Repeat(binary.LittleEndian.AppendUint32(nil, uint32(n)), max(1, size/4))
}

func pop(t require, s *spill) []byte {
	t.Helper()
	b, err := s.pop(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	return b
}

type require interface {
	Helper()
	Fatal(...any)
}

// TestSpillKeepsOrder pushes and pops at random, past the memory bound and back: everything comes out
// once, whole, in order, and no file is left.
func TestSpillKeepsOrder(t *testing.T) {
	dir := t.TempDir()
	rapid.Check(t, func(t *rapid.T) {
		s := newSpill(zerolog.Nop())
		s.dir, s.most = dir, 64
		pushed, popped := 0, 0
		take := func() {
			if got := pop(t, s); !bytes.Equal(got[:4], slice(popped, 4)) || !bytes.Equal(got[len(got)-4:], slice(popped, 4)) {
				t.Fatalf("slice %d is not the next one", popped)
			}
			popped++
		}
		for range rapid.IntRange(1, 6).Draw(t, "rounds") {
			for range rapid.IntRange(0, 8).Draw(t, "pushes") {
				size := rapid.SampledFrom([]int{4, 20, 64, 68, 1000}).Draw(t, "size")
				if err := s.push(context.Background(), slice(pushed, size)); err != nil {
					t.Fatal(err)
				}
				pushed++
			}
			for range min(rapid.IntRange(0, 9).Draw(t, "pops"), pushed-popped) {
				take()
			}
			if s.bytes > s.most && len(s.memory) > 1 {
				t.Fatalf("%d bytes in memory", s.bytes)
			}
		}
		s.end(nil)
		for popped < pushed {
			take()
		}
		if _, err := s.pop(context.Background()); !errors.Is(err, errDrained) {
			t.Fatalf("after the last slice: %v", err)
		}
		if err := s.close(); err != nil {
			t.Fatal(err)
		}
		if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
			t.Fatalf("left behind: %v, %v", left, err)
		}
	})
}

func TestSpillFile(t *testing.T) {
	dir := t.TempDir()
	s := newSpill(zerolog.Nop())
	s.dir, s.most = dir, 1<<10
	for n := range 4 {
		if err := s.push(t.Context(), slice(n, 1<<9)); err != nil {
			t.Fatal(err)
		}
	}
	if s.file == nil || len(s.lengths) != 2 {
		t.Fatalf("%d slices in a file, want 2", len(s.lengths))
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
		t.Errorf("the file has a name while it is in use: %v, %v", left, err)
	}
	for n := range 4 {
		if got := pop(t, s); !bytes.Equal(got, slice(n, 1<<9)) {
			t.Fatalf("slice %d came out wrong", n)
		}
	}
	if info, err := s.file.Stat(); err != nil || info.Size() != 0 {
		t.Errorf("an empty spill's file holds %d bytes", info.Size())
	}
	if err := s.close(); err != nil {
		t.Error(err)
	}
}

func TestSpillWithoutFile(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSpill(zerolog.Nop())
		s.dir, s.most = t.TempDir()+"/none", 1<<10
		pushed := 0
		go func() {
			for n := range 6 {
				if err := s.push(t.Context(), slice(n, 1<<9)); err != nil {
					t.Error(err)
				}
				pushed++
			}
			s.end(nil)
		}()
		for n := range 6 {
			synctest.Wait()
			if want := min(n+2, 6); pushed != want {
				t.Fatalf("%d slices went in before slice %d came out, want %d: memory is bounded", pushed, n, want)
			}
			if got := pop(t, s); !bytes.Equal(got, slice(n, 1<<9)) {
				t.Fatalf("slice %d came out wrong", n)
			}
		}
		if _, err := s.pop(t.Context()); !errors.Is(err, errDrained) {
			t.Errorf("after the last slice: %v", err)
		}
	})
}

// TestSpillOnAFullDisk: what the file took before it was full comes out, in order, with all that follows, and
// memory stays bounded.
func TestSpillOnAFullDisk(t *testing.T) {
	path := filepath.Join(t.TempDir(), "spill")
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		s := newSpill(zerolog.New(&log))
		s.most = 1 << 10
		var err error
		if s.file, err = os.Create(path); err != nil {
			t.Fatal(err)
		}
		pushed := 0
		push := func(n int) {
			for range n {
				if err := s.push(t.Context(), slice(pushed, 1<<9)); err != nil {
					t.Error(err)
				}
				pushed++
			}
		}
		push(4)                                      // two in memory, two in the file
		if s.file, err = os.Open(path); err != nil { // which takes no more
			t.Fatal(err)
		}
		go func() {
			push(6)
			s.end(nil)
		}()
		for n := range 10 {
			synctest.Wait()
			if most := max(4, n+2); pushed > most {
				t.Fatalf("%d slices went in before slice %d came out, want %d at most", pushed, n, most)
			}
			if got := pop(t, s); !bytes.Equal(got, slice(n, 1<<9)) {
				t.Fatalf("slice %d came out wrong", n)
			}
		}
		if _, err := s.pop(t.Context()); !errors.Is(err, errDrained) {
			t.Errorf("after the last slice: %v", err)
		}
		if n := strings.Count(log.String(), "no temporary file"); n != 1 {
			t.Errorf("said %d times: %s", n, log.String())
		}
	})
}

// TestSpillLetsGo: neither side waits for the other after the end of the run.
func TestSpillLetsGo(t *testing.T) {
	s := newSpill(zerolog.Nop())
	s.dir, s.most = t.TempDir()+"/none", 1<<10
	over := errors.New("the run is over")
	ctx, cancel := context.WithCancelCause(t.Context())
	if err := s.push(ctx, slice(0, 1<<10)); err != nil {
		t.Fatal(err)
	}
	cancel(over)
	if err := s.push(ctx, slice(1, 4)); !errors.Is(err, over) {
		t.Errorf("a push that has to wait: %v", err)
	}
	pop(t, s)
	if _, err := s.pop(ctx); !errors.Is(err, over) {
		t.Errorf("a pop that has to wait: %v", err)
	}
	s.end(io.ErrUnexpectedEOF)
	if _, err := s.pop(t.Context()); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("after an error of the one who pushes: %v", err)
	}
}
