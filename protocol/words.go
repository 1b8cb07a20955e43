package protocol

// Eight bytes at a time. Text is searched by the word: loaded so that its first byte is the lowest,
// all eight are compared at once, and the lowest mark tells the first that was found.

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

// zeros marks the zero bytes of x by their highest bits. Taking one from each byte sets the highest
// bit where it was zero, and where it was above 0x80 already, which &^ x rules out. A zero byte also
// borrows from the one above it, which may be marked wrongly then if it is 1: so only the lowest mark
// is sure. Nothing borrows below the first zero, so it is always marked and nothing below it is.
func zeros(x uint64) uint64 { return (x - lows) &^ x & highs }

// quotesOrSlashes marks the quotes and backslashes of x; the lowest mark is sure, since in either
// half of the disjunction it is.
func quotesOrSlashes(x uint64) uint64 { return zeros(x^'"'*lows) | zeros(x^'\\'*lows) }

// structure marks the quotes, brackets and braces of x; the lowest mark is sure where valid JSON is
// between tokens. The four brackets differ in three bits, which | sets; of other bytes only Y, _, y
// and DEL become the same, and none of them stands outside a string.
func structure(x uint64) uint64 { return zeros(x^'"'*lows) | zeros((x|0x26*lows)^0x7f*lows) }
