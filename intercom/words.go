package intercom

import "math/bits"

// Eight bytes at a time. Text is searched by the word: loaded so that its first byte is the lowest, all
// eight are compared at once, and the lowest mark tells the first that was found.

const (
	lows  = 0x0101010101010101 // the lowest bit of each byte
	highs = 0x8080808080808080 // the highest
)

// load8 returns s[i:i+8], the first byte lowest. The compiler makes one load of it.
func load8(s string, i int) uint64 {
	b := s[i : i+8]
	return uint64(b[0]) | uint64(b[1])<<8 | uint64(b[2])<<16 | uint64(b[3])<<24 |
		uint64(b[4])<<32 | uint64(b[5])<<40 | uint64(b[6])<<48 | uint64(b[7])<<56
}

// specials marks the bytes of x that are not plain text in a JSON string: quotes, backslashes and control
// characters. Taking a bound from each byte sets the highest bit of those below it, and of those that had it
// set before, which &^ rules out. Two bounds do for the three: with 2 flipped the quote is the first byte
// above the control characters, which stay below it. A byte below a bound also borrows from the one above,
// which may be marked wrongly then: only the lowest mark is sure.
func specials(x uint64) uint64 {
	flipped, slashes := x^2*lows, x^'\\'*lows
	return ((flipped-('"'^2+1)*lows)&^flipped | (slashes-lows)&^slashes) & highs
}

// nextSpecial returns the first place from i on that holds a quote, a backslash or a control character,
// len(s) where none follows.
func nextSpecial(s string, i int) int {
	for ; i+8 <= len(s); i += 8 {
		if found := specials(load8(s, i)); found != 0 {
			return i + bits.TrailingZeros64(found)/8
		}
	}
	for i < len(s) && s[i] != '"' && s[i] != '\\' && s[i] >= ' ' {
		i++
	}
	return i
}
