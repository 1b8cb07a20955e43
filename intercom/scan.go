package intercom

import "math/bits"

// The functions in this file pass over JSON and check it on the way. Each returns the place behind the last
// byte of what it is named after, or one of these where the grammar of RFC 8259 or the depth is violated.
// They are no places, like the end of the text: no function goes on from there, and so an error comes
// through to the top without being asked for at each step.
const (
	invalid = -1
	tooDeep = -2
	crowded = -3 // more than is noted of an answer
)

// within tells whether there is something at i.
func within(s string, i int) bool { return uint(i) < uint(len(s)) }

// failed is the error when there is not what is wanted at i: the one that i is, or invalid.
func failed(i int) int { return min(i, invalid) }

// value passes over a value and the space before it. It may open as many arrays and objects, one in the
// other, as there is room.
func value(s string, i, room int) int {
	i = space(s, i)
	if !within(s, i) {
		return failed(i)
	}
	switch s[i] {
	case '"':
		return text(s, i)
	case '{':
		return object(s, i, room)
	case '[':
		return array(s, i, room)
	case 't':
		return word(s, i, "true")
	case 'f':
		return word(s, i, "false")
	case 'n':
		return word(s, i, "null")
	}
	return number(s, i)
}

func object(s string, i, room int) int {
	if room == 0 {
		return tooDeep
	}
	i, more := first(s, i, '}')
	for more {
		i = value(s, colon(s, name(s, i)), room-1)
		i, more = next(s, i, '}')
	}
	return i
}

func array(s string, i, room int) int {
	if room == 0 {
		return tooDeep
	}
	i, more := first(s, i, ']')
	for more {
		i = value(s, i, room-1)
		i, more = next(s, i, ']')
	}
	return i
}

// first passes over the bracket at i, and over end if nothing is between them. Else there must be more.
func first(s string, i int, end byte) (at int, more bool) {
	if i = space(s, i+1); within(s, i) && s[i] == end {
		return i + 1, false
	}
	return i, true
}

// next passes over what follows a value: a comma, and there must be more, or end. It and colon are made to be
// inlined as far as compact JSON needs them.
func next(s string, i int, end byte) (at int, more bool) {
	if within(s, i) && s[i] == ',' {
		return i + 1, true
	}
	return spacedNext(s, i, end)
}

func spacedNext(s string, i int, end byte) (at int, more bool) {
	if i = space(s, i); within(s, i) {
		switch s[i] {
		case ',':
			return i + 1, true
		case end:
			return i + 1, false
		}
	}
	return failed(i), false
}

// name passes over a member's name and the space before it.
func name(s string, i int) int {
	if i = space(s, i); within(s, i) && s[i] == '"' {
		return text(s, i)
	}
	return failed(i)
}

// colon passes over a colon and the space before it.
func colon(s string, i int) int {
	if within(s, i) && s[i] == ':' {
		return i + 1
	}
	return spacedColon(s, i)
}

func spacedColon(s string, i int) int {
	if i = space(s, i); within(s, i) && s[i] == ':' {
		return i + 1
	}
	return failed(i)
}

// text passes over the string that begins at i. Most strings are short and have nothing escaped: they are
// done without a further call.
func text(s string, i int) int {
	for i++; i+8 <= len(s); i += 8 {
		if found := specials(load8(s, i)); found != 0 {
			if i += bits.TrailingZeros64(found) / 8; s[i] == '"' {
				return i + 1
			}
			break
		}
	}
	return restOfText(s, i)
}

// restOfText passes over what is left of a string at i, behind plain characters.
func restOfText(s string, i int) int {
	for i = nextSpecial(s, i); within(s, i); i = nextSpecial(s, i) {
		if s[i] == '"' {
			return i + 1
		}
		if i = escape(s, i); i < 0 {
			return i
		}
	}
	return invalid
}

// escape passes over a backslash and what it escapes. A control character is none.
func escape(s string, i int) int {
	if s[i] != '\\' || !within(s, i+1) {
		return invalid
	}
	switch s[i+1] {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		return i + 2
	case 'u':
		if i+6 <= len(s) && isHex[s[i+2]] && isHex[s[i+3]] && isHex[s[i+4]] && isHex[s[i+5]] {
			return i + 6
		}
	}
	return invalid
}

// number passes over a number. Whatever else may begin at i is invalid.
func number(s string, i int) int {
	if s[i] == '-' {
		i++
	}
	if within(s, i) && s[i] == '0' {
		i++
	} else {
		i = digits(s, i)
	}
	if within(s, i) && s[i] == '.' {
		i = digits(s, i+1)
	}
	if within(s, i) && (s[i] == 'e' || s[i] == 'E') {
		if i++; within(s, i) && (s[i] == '+' || s[i] == '-') {
			i++
		}
		i = digits(s, i)
	}
	return i
}

// digits passes over one digit or more.
func digits(s string, i int) int {
	start := i
	for within(s, i) && isDigit[s[i]] {
		i++
	}
	if i == start {
		return invalid
	}
	return i
}

func word(s string, i int, want string) int {
	if len(s)-i >= len(want) && s[i:i+len(want)] == want {
		return i + len(want)
	}
	return invalid
}

// space passes over white space, of which Intercom's answers have none.
func space(s string, i int) int {
	if !within(s, i) || s[i] > ' ' {
		return i
	}
	return spaces(s, i)
}

func spaces(s string, i int) int {
	for i < len(s) && (s[i] == ' ' || s[i] == '\n' || s[i] == '\r' || s[i] == '\t') {
		i++
	}
	return i
}

var (
	isDigit = among("0123456789")
	isHex   = among("0123456789abcdefABCDEF")
)

// among is a table of the bytes of text.
func among(text string) (table [256]bool) {
	for i := range len(text) {
		table[text[i]] = true
	}
	return table
}
