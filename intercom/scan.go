package intercom

import (
	"strings"

	"github.com/tidwall/gjson"
)

// member is a member of an answer's top level.
type member struct{ name, value string }

// usualMembers is a little more than a conversation has, which is the answer that most calls bring.
const usualMembers = 40

// index notes the members of the top level. On the way it cuts the rows that are at rest within the member
// first; nil: there is no array.
func (a *Answer) index(first, rest string) []gjson.Result {
	a.members = make([]member, 0, usualMembers)
	var rows []gjson.Result
	s := scanner{json: a.Body}
	s.space()
	s.object(func(name string) {
		start := s.at
		if name == first {
			rows = s.rows(rest)
		} else {
			s.skip()
		}
		a.members = append(a.members, member{name, s.json[start:s.at]})
	})
	return rows
}

// member is the text of the last member of this name, "" where there is none.
func (a *Answer) member(name string) string {
	for i := len(a.members) - 1; i >= 0; i-- {
		if a.members[i].name == name {
			return a.members[i].value
		}
	}
	return ""
}

// scanner passes over JSON that is known to be valid. Its methods begin at the first byte of what they are
// named after and end behind its last one. None of them recurses into values.
type scanner struct {
	json string
	at   int
}

// rows passes over a value and cuts the elements of the array that is at path in it. nil: there is none.
func (s *scanner) rows(path string) []gjson.Result {
	if path == "" {
		return s.array()
	}
	name, rest, _ := strings.Cut(path, ".")
	var rows []gjson.Result
	found := false
	s.object(func(n string) {
		if n != name || found { // gjson takes the first one, too
			s.skip()
			return
		}
		found, rows = true, s.rows(rest)
	})
	return rows
}

// object calls value at the value of each member, which value must pass over. Anything but an object is
// passed over.
func (s *scanner) object(value func(name string)) {
	if s.json[s.at] != '{' {
		s.skip()
		return
	}
	s.at++
	for s.space(); s.json[s.at] != '}'; s.space() {
		if s.json[s.at] == ',' {
			s.at++
			s.space()
		}
		name := s.name()
		s.space()
		s.at++ // the colon
		s.space()
		value(name)
	}
	s.at++
}

// array returns the elements of an array. Anything but an array is passed over.
func (s *scanner) array() []gjson.Result {
	if s.json[s.at] != '[' {
		s.skip()
		return nil
	}
	s.at++
	rows := []gjson.Result{}
	for s.space(); s.json[s.at] != ']'; s.space() {
		if s.json[s.at] == ',' {
			s.at++
			s.space()
		}
		start := s.at
		s.skip()
		row := s.json[start:s.at]
		if len(rows) == 0 {
			rows = make([]gjson.Result, 0, estimate(len(s.json)-start, len(row)))
		}
		rows = append(rows, gjson.Result{Type: gjson.JSON, Raw: row})
	}
	s.at++
	return rows
}

// estimate is how many rows like the first may follow, the API's maximum being 500.
func estimate(left, first int) int { return min(left/first+1, 500) }

// name returns what stands between the quotes of a member's name, without escapes.
func (s *scanner) name() string {
	start := s.at
	s.text()
	quoted := s.json[start:s.at]
	if strings.IndexByte(quoted, '\\') < 0 {
		return quoted[1 : len(quoted)-1]
	}
	return gjson.Parse(quoted).Str
}

func (s *scanner) space() {
	for s.at < len(s.json) && s.json[s.at] <= ' ' {
		s.at++
	}
}

// skip passes over any value.
func (s *scanner) skip() {
	switch s.json[s.at] {
	case '"':
		s.text()
	case '{', '[':
		s.container()
	default:
		for s.at < len(s.json) && !endsScalar[s.json[s.at]] {
			s.at++
		}
	}
}

var endsScalar = [256]bool{',': true, ']': true, '}': true, ' ': true, '\t': true, '\n': true, '\r': true}

// container passes over an array or an object.
func (s *scanner) container() {
	json, i := s.json, s.at
	for depth := 0; ; i++ {
		switch json[i] {
		case '"':
			i = endOfText(json, i)
		case '{', '[':
			depth++
		case '}', ']':
			if depth--; depth == 0 {
				s.at = i + 1
				return
			}
		}
	}
}

// text passes over a string.
func (s *scanner) text() { s.at = endOfText(s.json, s.at) + 1 }

// endOfText is where the quote is that ends the string that begins at i. Most strings are short.
func endOfText(json string, i int) int {
	for i++; json[i] != '"'; i++ {
		if json[i] == '\\' {
			i++
		}
	}
	return i
}
