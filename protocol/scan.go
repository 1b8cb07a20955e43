package protocol

import (
	"math/bits"
	"strings"
	"unicode/utf8"
)

// The functions in this file walk JSON that is known to be valid, so they check no grammar and no
// bounds. None recurses: Intercom decides how deep its custom objects are nested.

// skipSpace returns the first index from i on that is not white space.
func skipSpace(s string, i int) int {
	for s[i] <= ' ' {
		i++
	}
	return i
}

// skipString returns the index after the string that begins at i.
func skipString(s string, i int) (end int) {
	i = nextQuoteOrSlash(s, i+1)
	for s[i] == '\\' {
		i = nextQuoteOrSlash(s, i+2) // past what the backslash escapes
	}
	return i + 1
}

func nextQuoteOrSlash(s string, i int) int {
	for ; i+8 <= len(s); i += 8 {
		if found := quotesOrSlashes(load8(s, i)); found != 0 {
			return i + bits.TrailingZeros64(found)/8
		}
	}
	for s[i] != '"' && s[i] != '\\' {
		i++
	}
	return i
}

// skipValue returns the index after the value that begins at i.
func skipValue(s string, i int) int {
	switch s[i] {
	case '{', '[':
		return skipContainer(s, i)
	case '"':
		return skipString(s, i)
	}
	return skipLiteral(s, i)
}

func skipContainer(s string, i int) int {
	for depth := 0; ; {
		switch s[i] {
		case '{', '[':
			depth++
		case '}', ']':
			depth--
			if depth == 0 {
				return i + 1
			}
		case '"':
			i = nextStructure(s, skipString(s, i))
			continue
		}
		i = nextStructure(s, i+1)
	}
}

// nextStructure returns the first index from i on that may be a quote, bracket or brace, and passes
// none.
func nextStructure(s string, i int) int {
	if i+8 > len(s) {
		return i
	}
	if found := structure(load8(s, i)); found != 0 {
		return i + bits.TrailingZeros64(found)/8
	}
	return i + 8
}

// skipLiteral returns the index after a number, true, false or null.
func skipLiteral(s string, i int) int {
	for i < len(s) {
		switch s[i] {
		case ',', ']', '}', ' ', '\t', '\n', '\r':
			return i
		}
		i++
	}
	return i
}

// skipInteger returns the index after the number at i if it is of digits alone, and i if it is not or
// if there is something else.
func skipInteger(s string, i int) int {
	end := i
	if s[end] == '-' {
		end++
	}
	for end < len(s) && isDigit(s[end]) {
		end++
	}
	if end == i || end < len(s) && (s[end] == '.' || s[end] == 'e' || s[end] == 'E') {
		return i
	}
	return end
}

// tidy mends what would not make one good line: line breaks between tokens, bytes that are not
// UTF-8, and surrogate escapes without their other half, which Python reads and then cannot write.
// With dropNUL, NUL characters go too, since databases refuse them. Anything else, and so nearly
// every record, comes back as it is.
func tidy(s string, dropNUL bool) string {
	lines := strings.IndexByte(s, '\n') >= 0 || strings.IndexByte(s, '\r') >= 0
	if lines || !utf8.ValidString(s) || hasOddEscape(s, dropNUL) {
		return mend(s, lines, dropNUL)
	}
	return s
}

// mend does what tidy says; with lines there are line breaks, and so other white space too.
func mend(s string, lines, dropNUL bool) string {
	out := make([]byte, 0, len(s)+16)
	for i := 0; i < len(s); {
		switch c := s[i]; {
		case c == '"':
			end := skipString(s, i)
			out = appendTidyString(out, s[i:end], dropNUL)
			i = end
		case c <= ' ' && lines:
			i++
		default:
			out = append(out, c)
			i++
		}
	}
	return string(out)
}

// hasOddEscape reports whether s may hold an escape that appendTidyString mends.
func hasOddEscape(s string, dropNUL bool) bool {
	for {
		i := strings.IndexByte(s, '\\')
		if i < 0 {
			return false
		}
		if s[i+1] == 'u' && (s[i+2] == 'd' || s[i+2] == 'D' || dropNUL && s[i+2:i+6] == "0000") {
			return true
		}
		s = s[i+2:]
	}
}

// appendTidyString appends the string literal s, quotes included.
func appendTidyString(dst []byte, s string, dropNUL bool) []byte {
	for i := 0; i < len(s); {
		switch c := s[i]; {
		case c == '\\' && s[i+1] == 'u':
			n := surrogates(s[i:])
			switch {
			case n == 0:
				dst = append(dst, `\ufffd`...)
				n = 6
			case dropNUL && s[i+2:i+6] == "0000":
			default:
				dst = append(dst, s[i:i+n]...)
			}
			i += n
		case c == '\\':
			dst = append(dst, s[i:i+2]...)
			i += 2
		case c < utf8.RuneSelf:
			dst = append(dst, c)
			i++
		default:
			r, n := utf8.DecodeRuneInString(s[i:])
			dst = utf8.AppendRune(dst, r) // U+FFFD for a bad byte
			i += n
		}
	}
	return dst
}

// surrogates returns the length of the \u escape, or of the pair of them, that s begins with; 0 when
// it is half of a pair.
func surrogates(s string) int {
	switch half(s) {
	case 0:
		return 6
	case 'h':
		if s[6] == '\\' && s[7] == 'u' && half(s[6:]) == 'l' {
			return 12
		}
	}
	return 0
}

// half classifies an escape \uXXXX: 'h' for a high surrogate, 'l' for a low one, else 0.
func half(s string) byte {
	if s[2] != 'd' && s[2] != 'D' {
		return 0
	}
	switch s[3] {
	case '8', '9', 'a', 'b', 'A', 'B':
		return 'h'
	case 'c', 'd', 'e', 'f', 'C', 'D', 'E', 'F':
		return 'l'
	}
	return 0
}
