package protocol

import (
	"math/bits"
	"strings"
	"testing"
)

// eachWord calls f for every pair of neighbouring bytes, at every place of a word, among bytes that a
// carry or borrow could run through.
func eachWord(f func(word string)) {
	for _, fill := range []byte{'x', 0, 1, 0x7f, 0x80, 0x81, 0xff, '"' ^ 1, '\\' ^ 1} {
		word := []byte(strings.Repeat(string([]byte{fill}), 8))
		for at := range 7 {
			for pair := range 1 << 16 {
				word[at], word[at+1] = byte(pair), byte(pair>>8)
				f(string(word))
			}
			word[at], word[at+1] = fill, fill
		}
	}
}

// first is where the lowest mark is, 8 without one.
func first(marks uint64) int { return bits.TrailingZeros64(marks) / 8 }

// firstOf is where the first byte for which is holds stands in word, 8 without one.
func firstOf(word string, is *[256]bool) int {
	for i := range len(word) {
		if is[word[i]] {
			return i
		}
	}
	return 8
}

func among(text string) *[256]bool {
	var is [256]bool
	for i := range len(text) {
		is[text[i]] = true
	}
	return &is
}

func TestLowestMarkIsTheFirstByteSought(t *testing.T) {
	zero, quoteOrSlash, bound := among("\x00"), among(`"\`), among(`"{}[]Y_y`+"\x7f")
	eachWord(func(word string) {
		x := load8(word, 0)
		if got, want := first(zeros(x)), firstOf(word, zero); got != want {
			t.Fatalf("zeros(%q): %d, want %d", word, got, want)
		}
		if got, want := first(quotesOrSlashes(x)), firstOf(word, quoteOrSlash); got != want {
			t.Fatalf("quotesOrSlashes(%q): %d, want %d", word, got, want)
		}
		if got, want := first(structure(x)), firstOf(word, bound); got != want {
			t.Fatalf("structure(%q): %d, want %d", word, got, want)
		}
	})
}

func TestLoad8TakesTheFirstByteLowest(t *testing.T) {
	if got := load8("0\x01\x02\x03\x04\x05\x06\x07\x08\xff", 1); got != 0x0807060504030201 {
		t.Errorf("got %#x", got)
	}
}
