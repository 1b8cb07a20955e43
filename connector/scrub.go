package connector

import (
	"net/netip"
	"regexp"
	"slices"
	"strings"

	"github.com/tidwall/gjson"
)

// A scrubber replaces what looks personal in texts.
type scrubber struct{ own []*regexp.Regexp }

// newScrubber takes the user's own patterns, which have been checked.
func newScrubber(patterns []string) *scrubber {
	s := &scrubber{}
	for _, pattern := range patterns {
		s.own = append(s.own, regexp.MustCompile(pattern))
	}
	return s
}

func (s *scrubber) apply(dst []byte, raw string) []byte {
	text := gjson.Parse(raw).Str
	clean := s.scrub(text)
	if clean == text {
		return append(dst, raw...)
	}
	return gjson.AppendJSONString(dst, clean)
}

// scrub replaces what it finds by marks. It reads a text as people see it, without marks of HTML and whatever the way
// that characters are written in, and leaves all else as it is.
func (s *scrubber) scrub(text string) string {
	if len(s.own) == 0 && !suspicious(text) {
		return text
	}
	return s.clean(text, readText(text))
}

// suspicious tells cheaply whether there may be anything to find.
func suspicious(text string) bool {
	digits, colons := 0, 0
	for i := range len(text) {
		switch c := text[i]; {
		case c == '@', c == '&', c == '%', c >= 0x80:
			return true
		case c >= '0' && c <= '9':
			digits++
		case c == ':':
			colons++
		}
	}
	return digits >= 4 || colons >= 2
}

// A finding is a stretch of a text, and what comes in its place.
type finding struct {
	from, to int
	mark     string
}

// A detector finds one kind of thing. The first group of its pattern is what is replaced, if there is one; so tells whether
// what was matched really is of that kind, and how much of it.
type detector struct {
	pattern *regexp.Regexp
	mark    string
	is      func(text string, from, to int) (end int, ok bool)
}

var (
	wholeAddress = regexp.MustCompile(`^[^\s@<>"]+@[^\s@<>"]+\.[^\s@<>"]+$`)

	// detectors are in the order in which they may claim a text.
	detectors = []detector{
		{regexp.MustCompile(`[\p{L}\p{N}_](?:[\p{L}\p{N}._+~!$*'-]*[\p{L}\p{N}_+~!$*'-])?@(?:[\p{L}\p{N}](?:[\p{L}\p{N}-]*[\p{L}\p{N}])?\.)+(?:xn--[a-z0-9-]+|\p{L}{2,})`), "[email]", nil},
		{regexp.MustCompile(`(?i)[a-z]{2}\d{2}(?:[ -]?[a-z0-9]){11,30}`), "[iban]", isIBAN},
		{regexp.MustCompile(`[2-6]\d{3}(?:[ .-]?\d){8,15}`), "[card]", isCard},
		{regexp.MustCompile(`(?i)(?:tel|callto|sms):(\+?[\d().-]{5,20}\d)`), "[phone]", nil},
		{regexp.MustCompile(`(?i)\b(?:tel|phone|telephone|telefon|mobile?|handy|cell|fax|whatsapp|tél|teléfono|telefono|call me (?:at|on))\b[ .:]{0,3}(\+?\(?\d[\d ()./-]{4,22}\d)`), "[phone]", nil},
		{regexp.MustCompile(`(?:\+|\(\+|\b00)[ ]?[1-9][\d ()./-]{5,22}\d`), "[phone]", isInternational},
		{regexp.MustCompile(`(?:1[ .-]?)?(?:\([2-9]\d{2}\)[ ]?|[2-9]\d{2}[ .-])[2-9]\d{2}[ .-]\d{4}`), "[phone]", isAlone},
		{regexp.MustCompile(`\(?0[\d][\d ()./-]{6,20}\d`), "[phone]", isNational},
		{regexp.MustCompile(`\d{1,3}(?:\.\d{1,3}){3}`), "[ip]", isAddress},
		{regexp.MustCompile(`(?i)[0-9a-f]{0,4}:[0-9a-f]{0,4}:[0-9a-f:.]{0,35}`), "[ip]", isAddress},
	}
)

// find lists what is to be replaced, in order. What one detector has found is no part of what the next ones see.
func (s *scrubber) find(text string) []finding {
	all := s.ownIn(text)
	for _, d := range detectors {
		text = without(text, all)
		all = append(all, d.in(text)...)
	}
	slices.SortFunc(all, func(a, b finding) int { return a.from - b.from })
	return all
}

// ownIn finds the user's patterns.
func (s *scrubber) ownIn(text string) (all []finding) {
	for _, own := range s.own {
		text = without(text, all)
		for _, at := range own.FindAllStringIndex(text, -1) {
			if strings.Trim(text[at[0]:at[1]], gone) != "" {
				all = append(all, finding{at[0], at[1], "[removed]"})
			}
		}
	}
	return all
}

// gone stands for what has been found.
const gone = "\x00"

// without is a text with what was found in it gone.
func without(text string, all []finding) string {
	if len(all) == 0 {
		return text
	}
	rest := []byte(text)
	for _, f := range all {
		copy(rest[f.from:f.to], strings.Repeat(gone, f.to-f.from))
	}
	return string(rest)
}

func (d *detector) in(text string) (all []finding) {
	for from := 0; from < len(text); {
		at := d.pattern.FindStringSubmatchIndex(text[from:])
		if at == nil {
			break
		}
		begin, end := at[len(at)-2]+from, at[len(at)-1]+from
		if d.is != nil {
			is := false
			if end, is = d.is(text, begin, end); !is {
				for from += at[0] + 1; isWordAt(text, from); from++ { // the next word may begin one
				}
				continue
			}
		}
		all = append(all, finding{begin, end, d.mark})
		from = end
	}
	return all
}

func isDigitAt(text string, i int) bool {
	return i >= 0 && i < len(text) && text[i] >= '0' && text[i] <= '9'
}

// isWordAt tells whether there is a letter or a digit, or a sign that a number begins with which is no telephone's.
func isWordAt(text string, i int) bool {
	if i < 0 || i >= len(text) {
		return false
	}
	c := text[i] | 0x20
	return isDigitAt(text, i) || c >= 'a' && c <= 'z' || text[i] >= 0x80 || text[i] == '_' || text[i] == '#'
}

// isAlone tells whether a number is not a part of a longer word.
func isAlone(text string, from, to int) (int, bool) {
	return to, !isWordAt(text, from-1) && !isWordAt(text, to)
}

func countDigits(text string) (n int) {
	for i := range len(text) {
		if isDigitAt(text, i) {
			n++
		}
	}
	return n
}

// isInternational wants as many digits as numbers have: E.164 knows no more than fifteen.
func isInternational(text string, from, to int) (int, bool) {
	n := countDigits(strings.TrimPrefix(text[from:to], "00"))
	_, alone := isAlone(text, from, to)
	return to, alone && n >= 7 && n <= 15
}

// dated is how dates begin that a zero stands before.
var dated = regexp.MustCompile(`^\d{1,2}[./-]\d{1,2}[./-]\d{2,4}`)

// isNational takes numbers with a zero in front, which timestamps and ids do not have.
func isNational(text string, from, to int) (int, bool) {
	n := countDigits(text[from:to])
	_, alone := isAlone(text, from, to)
	return to, alone && n >= 9 && n <= 12 && !dated.MatchString(text[from:to]) && (from == 0 || !strings.ContainsRune(".,:/-=", rune(text[from-1])))
}

// isCard wants Luhn's check digit, the lengths that there are, and nothing else of a number around it.
func isCard(text string, from, to int) (int, bool) {
	if _, alone := isAlone(text, from, to); !alone {
		return 0, false
	}
	digits := strings.Map(func(r rune) rune {
		if r < '0' || r > '9' {
			return -1
		}
		return r
	}, text[from:to])
	sum := 0
	for i := range len(digits) {
		d := int(digits[len(digits)-1-i] - '0')
		if i%2 == 1 {
			if d *= 2; d > 9 {
				d -= 9
			}
		}
		sum += d
	}
	return to, len(digits) >= 13 && sum%10 == 0 && strings.Trim(digits, digits[:1]) != ""
}

// isIBAN wants the length of the country and the check digits of ISO 7064.
func isIBAN(text string, from, to int) (int, bool) {
	if isWordAt(text, from-1) {
		return 0, false
	}
	length := ibanLengths[strings.ToUpper(text[from:from+2])]
	var letters []byte
	end := from
	for ; end < to && len(letters) < length; end++ {
		if c := text[end]; c != ' ' && c != '-' {
			letters = append(letters, c&^(0x20*(c>>6))) // upper case
		}
	}
	if length == 0 || len(letters) < length || isWordAt(text, end) {
		return 0, false
	}
	rest := 0
	for _, c := range append(letters[4:], letters[:4]...) {
		if c >= 'A' {
			rest = (rest*100 + int(c-'A') + 10) % 97
		} else {
			rest = (rest*10 + int(c-'0')) % 97
		}
	}
	return end, rest == 1
}

// isAddress leaves times of day alone, and versions of more than four numbers.
func isAddress(text string, from, to int) (int, bool) {
	to = from + len(strings.TrimRight(text[from:to], ".:"))
	address := text[from:to]
	joined := byte('.')
	if strings.Contains(address, ":") {
		joined = ':'
	}
	longer := from >= 2 && text[from-1] == joined && isWordAt(text, from-2) || to < len(text) && text[to] == joined && isWordAt(text, to+1)
	if _, alone := isAlone(text, from, to); !alone || longer || countDigits(address) == 0 {
		return to, false
	}
	_, err := netip.ParseAddr(address)
	return to, err == nil
}
