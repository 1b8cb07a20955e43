package protocol

import (
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
	for i++; ; i++ {
		first := i
		i += strings.IndexByte(s[i:], '"')
		slashes := 0
		for j := i - 1; j >= first && s[j] == '\\'; j-- {
			slashes++
		}
		if slashes%2 == 0 {
			return i + 1
		}
	}
}

// skipKey does the same for a member's name, which is short, and tells whether it holds an escape.
func skipKey(s string, i int) (end int, escaped bool) {
	for j := i + 1; ; j++ {
		switch s[j] {
		case '"':
			return j + 1, false
		case '\\':
			return skipString(s, i), true
		}
	}
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
			i = skipString(s, i)
			continue
		}
		i++
	}
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

// tidy mends what would not make one good line: line breaks between tokens, bytes that are not
// UTF-8, and surrogate escapes without their other half, which Python reads and then cannot write.
// With dropNUL, NUL characters go too, since databases refuse them. Anything else, and so nearly
// every record, comes back as it is.
func tidy(s string, dropNUL bool) string {
	lines := strings.IndexByte(s, '\n') >= 0 || strings.IndexByte(s, '\r') >= 0
	if !lines && utf8.ValidString(s) &&
		!strings.Contains(s, `\ud`) && !strings.Contains(s, `\uD`) &&
		!(dropNUL && strings.Contains(s, `\u0000`)) {
		return s
	}
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
