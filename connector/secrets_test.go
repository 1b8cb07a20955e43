package connector

import (
	"bytes"
	"fmt"
	"strings"
	"sync"
	"testing"
)

// A tokenWatch looks for a secret in what is written to it, and keeps none of that.
type tokenWatch struct {
	secret string
	mu     sync.Mutex
	tail   []byte // of what was written last: a secret may come in two pieces
	around string // where the secret was seen first
}

func (w *tokenWatch) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	n := len(w.secret)
	w.look(append(w.tail, p[:min(len(p), n)]...))
	w.look(p)
	w.tail = append(w.tail, p[max(0, len(p)-n):]...)
	w.tail = w.tail[:copy(w.tail, w.tail[max(0, len(w.tail)-n):])]
	return len(p), nil
}

func (w *tokenWatch) look(p []byte) {
	if at := bytes.Index(p, []byte(w.secret)); at >= 0 && w.around == "" {
		w.around = string(p[max(0, at-200):at]) + "(the token)"
	}
}

// check fails the test if the secret was seen.
func (w *tokenWatch) check(t *testing.T, what string) {
	t.Helper()
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.around != "" {
		t.Errorf("the token is in %s: %s", what, w.around)
	}
}

// holdsNoToken fails the test if the token is in what a read returned.
func (r *run) holdsNoToken(t *testing.T, token string) {
	t.Helper()
	texts := []string{fmt.Sprintf("%v %+v", r.err, r.err)}
	if r.Summary != nil {
		for _, s := range r.State.Streams {
			texts = append(texts, string(s.Value))
		}
		for _, s := range r.Streams {
			texts = append(texts, fmt.Sprintf("%+v", s))
		}
	}
	for _, text := range texts {
		if at := strings.Index(text, token); at >= 0 {
			t.Errorf("the token is in what the read returned: %s(the token)", clip(text[max(0, at-100):at]))
		}
	}
}

// The watch finds a token in any pieces.
func TestTokenWatch(t *testing.T) {
	const secret = "t0ken"
	for _, pieces := range [][]string{{"a t0ken b"}, {"a t0k", "en"}, {"t", "0", "k", "e", "n"}, {"", "t0ke", "", "n"}, {strings.Repeat("x", 1000) + "t0", "ken"}} {
		w := &tokenWatch{secret: secret}
		for _, piece := range pieces {
			_, _ = w.Write([]byte(piece))
		}
		if w.around == "" {
			t.Errorf("%q was not seen", pieces)
		}
	}
	w := &tokenWatch{secret: secret}
	for range 1000 {
		_, _ = w.Write([]byte("t0ke t0kan 0ken"))
	}
	if w.around != "" || len(w.tail) > len(secret) {
		t.Errorf("seen: %q; %d bytes are kept", w.around, len(w.tail))
	}
}
