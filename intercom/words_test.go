package intercom

import (
	"math/bits"
	"strings"
	"testing"
)

// firstSpecial is where the first byte of s is that is not plain text in a string, len(s) without one.
func firstSpecial(s string) int {
	for i := range len(s) {
		if s[i] == '"' || s[i] == '\\' || s[i] < ' ' {
			return i
		}
	}
	return len(s)
}

// Every pair of neighbouring bytes, at every place of a word, among bytes that a borrow could run through.
func TestLowestMarkIsTheFirstSpecialByte(t *testing.T) {
	for _, fill := range []byte{'x', ' ', '!', '#', 0, 1, 0x1f, 0x7f, 0x80, 0x81, 0xff, '[', ']'} {
		word := []byte(strings.Repeat(string([]byte{fill}), 8))
		for at := range 7 {
			for pair := range 1 << 16 {
				word[at], word[at+1] = byte(pair), byte(pair>>8)
				got, want := bits.TrailingZeros64(specials(load8(string(word), 0)))/8, firstSpecial(string(word))
				if got != want {
					t.Fatalf("%q: %d, want %d", word, got, want)
				}
			}
			word[at], word[at+1] = fill, fill
		}
	}
}

func TestNextSpecialAtEveryPlace(t *testing.T) {
	for length := range 40 {
		for place := range length + 1 {
			for _, b := range []byte{'"', '\\', '\n', 0, 0x1f} {
				text := strings.Repeat("é", 20)[:length]
				if place < length {
					text = text[:place] + string([]byte{b}) + text[place+1:]
				}
				for from := range place + 1 {
					if got := nextSpecial(text, from); got != place {
						t.Fatalf("%q from %d: %d, want %d", text, from, got, place)
					}
				}
			}
		}
	}
}

func TestLoad8TakesTheFirstByteLowest(t *testing.T) {
	if got := load8("0\x01\x02\x03\x04\x05\x06\x07\x08\xff", 1); got != 0x0807060504030201 {
		t.Errorf("got %#x", got)
	}
}
