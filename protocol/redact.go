package protocol

import (
	"slices"
	"strconv"
	"strings"
)

// mask stands in the place of a secret.
const mask = "***"

// Redactor takes secrets out of texts, however each of their characters is written there: as it is, or
// escaped as in URLs, in JSON, or in both. The zero value knows none. It is safe for concurrent use.
type Redactor struct {
	secrets []string // the longest first, or the tail of one that begins with another would stay
}

// NewRedactor returns a Redactor of the secrets. Empty ones are ignored.
func NewRedactor(secrets ...string) *Redactor {
	known := slices.DeleteFunc(slices.Clone(secrets), func(s string) bool { return s == "" })
	slices.SortStableFunc(known, func(a, b string) int { return len(b) - len(a) })
	return &Redactor{secrets: known}
}

// Redact returns text with every secret masked.
func (r *Redactor) Redact(text string) string {
	var out strings.Builder
	from := 0
	for i := 0; i < len(text); {
		n := r.secretAt(text[i:])
		if n == 0 {
			i++
			continue
		}
		out.WriteString(text[from:i])
		out.WriteString(mask)
		i += n
		from = i
	}
	if from == 0 {
		return text
	}
	return out.String() + text[from:]
}

// secretAt is the length of the secret that text begins with, 0 if it begins with none.
func (r *Redactor) secretAt(text string) int {
	for _, secret := range r.secrets {
		s := speller{text: text, secret: secret}
		if end, ok := s.match(0, 0); ok {
			return end
		}
	}
	return 0
}

// speller finds out whether text begins with a secret in any spelling.
type speller struct {
	text, secret string
	failed       map[[2]int]bool // places from where nothing led on: some characters can be read in two ways
}

// match tells whether text[i:] begins with secret[j:], and where that ends.
func (s *speller) match(i, j int) (end int, ok bool) {
	if j == len(s.secret) || i == len(s.text) {
		return i, j == len(s.secret)
	}
	place := [2]int{i, j}
	if s.failed[place] {
		return 0, false
	}
	if s.text[i] == s.secret[j] {
		if end, ok = s.match(i+1, j+1); ok {
			return end, true
		}
	}
	plain, width := unescaped(s.text[i:])
	if width > 0 && strings.HasPrefix(s.secret[j:], plain) {
		if end, ok = s.match(i+width, j+len(plain)); ok {
			return end, true
		}
	}
	if i > 0 { // most places hold not even the first character
		if s.failed == nil {
			s.failed = make(map[[2]int]bool)
		}
		s.failed[place] = true
	}
	return 0, false
}

// maxNested is how often an escape may be escaped itself.
const maxNested = 3

// unescaped returns what the escape means that text begins with, and how long it is; 0: it is none.
func unescaped(text string) (plain string, width int) {
	switch text[0] {
	case '+':
		return " ", 1
	case '%':
		at := 1
		for at < 2*maxNested && strings.HasPrefix(text[at:], "25") && len(text) >= at+4 {
			at += 2
		}
		if code, ok := hexAt(text, at, 2); ok {
			return string([]byte{byte(code)}), at + 2
		}
	case '\\':
		return unescapedJSON(text)
	}
	return "", 0
}

// unescapedJSON is unescaped for what begins with a backslash. Quoting may have doubled those of \u.
func unescapedJSON(text string) (plain string, width int) {
	slashes := 1
	for slashes < 1<<maxNested && strings.HasPrefix(text[slashes:], `\`) {
		slashes++
	}
	bare := text[slashes:]
	if strings.HasPrefix(bare, "u") {
		if code, ok := hexAt(bare, 1, 4); ok {
			return string(rune(code)), slashes + 5
		}
	}
	if slashes > 1 {
		return `\`, 2
	}
	if bare == "" {
		return "", 0
	}
	if k := strings.IndexByte(`"/bfnrt`, bare[0]); k >= 0 {
		return "\"/\b\f\n\r\t"[k : k+1], 2
	}
	return "", 0
}

// hexAt reads so many hexadecimal digits.
func hexAt(text string, at, digits int) (code uint64, ok bool) {
	if len(text) < at+digits {
		return 0, false
	}
	code, err := strconv.ParseUint(text[at:at+digits], 16, 32)
	return code, err == nil
}
