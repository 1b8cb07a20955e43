package protocol

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
)

// failingWriter takes some bytes and then none.
type failingWriter struct {
	room   int
	writes int
	err    error
}

func (w *failingWriter) Write(p []byte) (int, error) {
	w.writes++
	if len(p) > w.room {
		return 0, w.err
	}
	w.room -= len(p)
	return len(p), nil
}

func TestLinesOfManyWritersStayWhole(t *testing.T) {
	var out bytes.Buffer
	lines := NewLines(&out)
	const writers, each = 4, 200
	var wg sync.WaitGroup
	for w := range writers {
		wg.Go(func() {
			block := strings.Repeat(fmt.Sprintf("writer %d\n", w), 100+w)
			for range each {
				if err := lines.Write([]byte(block)); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	if err := lines.Flush(); err != nil {
		t.Fatal(err)
	}
	if lines.Bytes() != int64(out.Len()) {
		t.Errorf("counted %d bytes, wrote %d", lines.Bytes(), out.Len())
	}
	for rest := out.String(); rest != ""; {
		var w int
		if _, err := fmt.Sscanf(rest, "writer %d\n", &w); err != nil {
			t.Fatalf("%.40q: %v", rest, err)
		}
		block := strings.Repeat(fmt.Sprintf("writer %d\n", w), 100+w)
		if !strings.HasPrefix(rest, block) {
			t.Fatalf("a block of writer %d is broken", w)
		}
		rest = rest[len(block):]
	}
}

func TestLinesAreBuffered(t *testing.T) {
	out := &failingWriter{room: 1 << 20}
	lines := NewLines(out)
	for range 1000 {
		if err := lines.Write([]byte("a short line\n")); err != nil {
			t.Fatal(err)
		}
	}
	if out.writes != 0 {
		t.Errorf("%d writes before the buffer was full", out.writes)
	}
	if err := lines.Flush(); err != nil || out.writes != 1 {
		t.Errorf("flush: %v after %d writes", err, out.writes)
	}
}

func TestLinesKeepTheFirstError(t *testing.T) {
	broken := errors.New("broken pipe")
	out := &failingWriter{room: 100, err: broken}
	lines := NewLines(out)
	if err := lines.Write(bytes.Repeat([]byte("x"), lineBuffer+1)); !errors.Is(err, broken) {
		t.Fatalf("got %v", err)
	}
	before := out.writes
	out.err = errors.New("another")
	for name, err := range map[string]error{"Write": lines.Write([]byte("x\n")), "Flush": lines.Flush(), "Err": lines.Err()} {
		if !errors.Is(err, broken) {
			t.Errorf("%s says %v", name, err)
		}
	}
	if out.writes != before {
		t.Error("wrote on after an error")
	}
}
