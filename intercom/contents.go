package intercom

import (
	"fmt"
	"slices"
	"strings"
	"unsafe"

	"github.com/tidwall/gjson"
)

const (
	// maxDepth bounds how deep an answer may nest.
	maxDepth = 1000
	// A little more than a conversation has, which is the answer that most calls bring.
	usualMembers, usualLists = 40, 10
	// The notes on an answer, and the Rows made of them, take notesRatio bytes for each byte of its text at
	// most, and freeNotes more. Records take less than their text. What takes more is made of millions of
	// tiny rows or members, and would not stay within the memory that its text was given (budget).
	notesRatio, freeNotes = 3, 128 << 10
	memberNote            = int(unsafe.Sizeof(member{}))
	listNote              = int(unsafe.Sizeof(listing{}))
	rowNote               = int(unsafe.Sizeof("") + unsafe.Sizeof(gjson.Result{}))
)

var errCrowded = fmt.Errorf("%w: it has more members or rows than records have", errTooLarge)

// contents is what the check of an answer noted on its way, so that nothing large is walked through again to
// find members and rows.
type contents struct {
	text    string
	members []member  // of the top level
	lists   []listing // the arrays among them, and among the members of objects among them, in order
	rows    []string  // the elements of all lists, one list after the other
}

// member is a member of the top level: its value is text[at:end].
type member struct {
	name    string
	at, end int
}

// listing is the array that begins at a place of the text. It has rows[from:to].
type listing struct{ at, from, to int }

// check refuses what is no JSON and notes what it holds.
func check(text string) (contents, error) {
	if text == "" {
		return contents{}, errEmpty
	}
	c := contents{text: text}
	i := space(text, 0)
	if within(text, i) && text[i] == '{' {
		c.members, c.lists = make([]member, 0, usualMembers), make([]listing, 0, usualLists)
		i = c.document(i)
	} else {
		i = c.value(i, maxDepth)
	}
	switch i = space(text, i); {
	case i == tooDeep:
		return contents{}, errTooDeep
	case i == crowded:
		return contents{}, errCrowded
	case i != len(text):
		return contents{}, errInvalid
	}
	return c, nil
}

// document passes over the object that is the whole answer and notes its members.
func (c *contents) document(i int) int {
	i, more := first(c.text, i, '}')
	for more {
		start := space(c.text, i)
		end := name(c.text, start)
		at := space(c.text, colon(c.text, end))
		if i = c.member(at, maxDepth-1); i >= 0 {
			c.members = append(c.members, member{unquoted(c.text[start:end]), at, i})
			i = c.bounded(i, len(c.members) == cap(c.members))
		}
		i, more = next(c.text, i, '}')
	}
	return i
}

// member passes over the value of a member of the top level and notes the lists in it.
func (c *contents) member(i, room int) int {
	if !within(c.text, i) || c.text[i] != '{' {
		return c.value(i, room)
	}
	i, more := first(c.text, i, '}')
	for more {
		i = space(c.text, colon(c.text, name(c.text, i)))
		i = c.value(i, room-1)
		i, more = next(c.text, i, '}')
	}
	return i
}

// value passes over the value that begins at i and notes it if it is an array, with its elements up to the
// first one that is no object: with that in it they are no rows.
func (c *contents) value(i, room int) int {
	if !within(c.text, i) || c.text[i] != '[' {
		return value(c.text, i, room)
	}
	noted := listing{at: i, from: len(c.rows)}
	i, more := first(c.text, i, ']')
	for objects := true; more; {
		start := space(c.text, i)
		if i = value(c.text, start, room-1); objects && i >= 0 {
			c.rows = append(c.reserve(start, i), c.text[start:i])
			objects = c.text[start] == '{'
			i = c.bounded(i, len(c.rows) == cap(c.rows))
		}
		i, more = next(c.text, i, ']')
	}
	noted.to = len(c.rows)
	c.lists = append(c.lists, noted)
	return c.bounded(i, len(c.lists) == cap(c.lists))
}

// bounded is i, or crowded where full notes, which would grow, have passed their bound.
func (c *contents) bounded(i int, full bool) int {
	if !full || i < 0 {
		return i
	}
	notes := len(c.members)*memberNote + len(c.lists)*listNote + len(c.rows)*rowNote
	if notes > notesRatio*len(c.text)+freeNotes {
		return crowded
	}
	return i
}

// reserve returns c.rows with room for one more, which is text[start:end], and, when it takes memory, for as
// many of that size as the rest of the text may hold, the API's maximum being 500.
func (c *contents) reserve(start, end int) []string {
	if len(c.rows) < cap(c.rows) {
		return c.rows
	}
	return slices.Grow(c.rows, min((len(c.text)-start)/(end-start)+1, 500))
}

// none is the place of what is not there.
const none = -1

// place is where the value of the last member of the top level of this name begins, and where it ends.
func (c *contents) place(wanted string) (at, end int) {
	for k := len(c.members) - 1; k >= 0; k-- {
		if m := &c.members[k]; m.name == wanted {
			return m.at, m.end
		}
	}
	return none, none
}

// inner is where the value of the first member of this name begins in the object at i.
func (c *contents) inner(i int, wanted string) int {
	if i == none || c.text[i] != '{' {
		return none
	}
	i, more := first(c.text, i, '}')
	for more {
		start := space(c.text, i)
		end := name(c.text, start)
		i = space(c.text, colon(c.text, end))
		if unquoted(c.text[start:end]) == wanted {
			return i
		}
		i, more = next(c.text, value(c.text, i, maxDepth), '}')
	}
	return none
}

// get is the text of the last member of the top level of this name, "" where there is none.
func (c *contents) get(wanted string) string {
	at, end := c.place(wanted)
	if at == none {
		return ""
	}
	return c.text[at:end]
}

// list returns the elements of the array at path, up to the first one that is no object. false: no array is
// there. Of a name that an object has twice it takes the first one inside, as gjson does.
func (c *contents) list(path string) (rows []string, found bool) {
	first, rest, nested := strings.Cut(path, ".")
	at, _ := c.place(first)
	switch {
	case path == "":
		at = space(c.text, 0)
	case nested:
		at = c.inner(at, rest)
	}
	k, found := slices.BinarySearchFunc(c.lists, at, func(l listing, at int) int { return l.at - at })
	if !found {
		return nil, false
	}
	return c.rows[c.lists[k].from:c.lists[k].to], true
}

// unquoted returns what stands between the quotes of a name, without escapes.
func unquoted(name string) string {
	if strings.IndexByte(name, '\\') < 0 {
		return name[1 : len(name)-1]
	}
	return gjson.Parse(name).Str
}
