package connector

import (
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/net/html"
)

// A readable is a text as people see it. Each of its bytes knows the bytes of the original that it stands for.
type readable struct {
	seen     []byte
	from, to []int32
	tags     [][2]int32 // of HTML, which are read by themselves
}

func (r *readable) add(c rune, from, to int) {
	before := len(r.seen)
	r.seen = utf8.AppendRune(r.seen, c)
	for range len(r.seen) - before {
		r.from, r.to = append(r.from, int32(from)), append(r.to, int32(to))
	}
}

// readText reads a text.
func readText(text string) *readable {
	r := &readable{}
	for i := 0; i < len(text); {
		if end := tagAt(text, i); end > 0 {
			r.tags = append(r.tags, [2]int32{int32(i), int32(end)})
			if !inline(text[i:end]) {
				r.add('\n', i, i) // two cells of a table are not one word
			}
			i = end
			continue
		}
		c, width := characterAt(text[i:])
		if !unseen(c) {
			r.add(plainForm(c), i, i+width)
		}
		i += width
	}
	return r
}

// tagAt is where a tag ends that begins there; 0: none does. An address between angle brackets is no tag.
func tagAt(text string, i int) (end int) {
	if text[i] != '<' || i+1 == len(text) {
		return 0
	}
	if strings.HasPrefix(text[i:], "<!--") {
		if n := strings.Index(text[i:], "-->"); n > 0 {
			return i + n + len("-->")
		}
		return 0
	}
	at := i + 1
	if text[at] == '/' {
		at++
	}
	name := at
	for at < len(text) && (isDigitAt(text, at) || text[at]|0x20 >= 'a' && text[at]|0x20 <= 'z') {
		at++
	}
	if at == name || at == len(text) || strings.IndexByte(" \t\r\n/>", text[at]) < 0 {
		return 0
	}
	for quote := byte(0); at < len(text); at++ {
		switch c := text[at]; {
		case quote != 0 && c == quote:
			quote = 0
		case quote != 0:
		case c == '"', c == '\'':
			quote = c
		case c == '>':
			return at + 1
		}
	}
	return 0
}

// inline tells whether a tag is of an element that does not part words.
func inline(tag string) bool {
	name := strings.ToLower(strings.TrimLeft(tag, "</"))
	if i := strings.IndexAny(name, " \t\r\n/>"); i >= 0 {
		name = name[:i]
	}
	switch name {
	case "a", "abbr", "b", "bdi", "bdo", "code", "del", "em", "font", "i", "ins", "mark", "s", "small", "span", "strike", "strong", "sub", "sup", "u", "wbr":
		return true
	}
	return strings.HasPrefix(tag, "<!--")
}

// characterAt is the character that a text begins with, however it is written, and how long that is.
func characterAt(text string) (c rune, width int) {
	switch text[0] {
	case '&':
		if c, width = entityAt(text); width > 0 {
			return c, width
		}
	case '\\': // as Markdown hides its marks
		if len(text) > 1 && strings.IndexByte("\\`*_[]<~", text[1]) >= 0 {
			return rune(text[1]), 2
		}
	case '%':
		if len(text) >= 3 {
			if code, err := strconv.ParseUint(text[1:3], 16, 8); err == nil && code < 0x80 {
				return rune(code), 3
			}
		}
	}
	return utf8.DecodeRuneInString(text)
}

// longestEntity is longer than any name of a character that addresses and numbers are made of.
const longestEntity = 12

func entityAt(text string) (c rune, width int) {
	end := strings.IndexByte(text[:min(len(text), longestEntity)], ';')
	if end < 0 {
		return 0, 0
	}
	plain := html.UnescapeString(text[:end+1])
	c, n := utf8.DecodeRuneInString(plain)
	if n != len(plain) {
		return 0, 0
	}
	return c, end + 1
}

// unseen tells whether a character takes no room: such ones are put into addresses to hide them.
func unseen(c rune) bool { return c == 0 || c == 0xad || unicode.Is(unicode.Cf, c) }

// plainForm is a character as addresses and numbers have it: of full width, digits of other scripts, odd hyphens and blanks.
func plainForm(c rune) rune {
	switch {
	case c < 0x80:
		return c
	case c >= 0xff01 && c <= 0xff5e:
		return c - 0xff01 + '!'
	case c >= 0x660 && c <= 0x669:
		return c - 0x660 + '0'
	case c >= 0x6f0 && c <= 0x6f9:
		return c - 0x6f0 + '0'
	case c >= 0x2010 && c <= 0x2015, c == 0x2212:
		return '-'
	case unicode.Is(unicode.Zs, c):
		return ' '
	}
	return c
}

// clean writes the original text with what was found in it replaced, and what was found inside its tags.
func (s *scrubber) clean(text string, r *readable) string {
	all := s.find(string(r.seen))
	var out strings.Builder
	at, tag := 0, 0
	// upTo writes the original up to a place; without its text only the tags, which may be needed.
	upTo := func(end int, withText bool) {
		for tag < len(r.tags) && int(r.tags[tag][0]) < end {
			from, to := int(r.tags[tag][0]), int(r.tags[tag][1])
			if withText {
				out.WriteString(text[at:from])
			}
			out.WriteString(s.tag(text[from:to]))
			at = to
			tag++
		}
		if withText && at < end {
			out.WriteString(text[at:end])
		}
		at = max(at, end)
	}
	for _, f := range all {
		upTo(int(r.from[f.from]), true)
		out.WriteString(f.mark)
		upTo(int(r.to[f.to-1]), false)
	}
	upTo(len(text), true)
	return out.String()
}

// tag scrubs what stands inside a tag, where links have their addresses.
func (s *scrubber) tag(tag string) string {
	inner := tag[1 : len(tag)-1]
	if strings.ContainsAny(inner, "=!") {
		inner = s.scrub(inner)
	}
	return "<" + inner + ">"
}
