package markup

import (
	"strings"

	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"
)

// What an element may hold, of those that fragment reads.
type holds int

const (
	nothing holds = iota + 1 // and has no end
	words                    // text and elements that stand within it
	items
	blocks // all of them
)

// plain are the elements that most messages are made of, and what each holds if it is to be where it is written: HTML has
// rules for those that are misplaced, which the library knows.
var plain = map[string]struct {
	atom  atom.Atom
	holds holds
	block bool
}{
	"p": {atom.P, words, true}, "div": {atom.Div, blocks, true}, "blockquote": {atom.Blockquote, blocks, true},
	"h1": {atom.H1, words, true}, "h2": {atom.H2, words, true}, "h3": {atom.H3, words, true},
	"ul": {atom.Ul, items, true}, "ol": {atom.Ol, items, true}, "li": {atom.Li, blocks, false},
	"a": {atom.A, words, false}, "b": {atom.B, words, false}, "strong": {atom.Strong, words, false}, "i": {atom.I, words, false},
	"em": {atom.Em, words, false}, "u": {atom.U, words, false}, "span": {atom.Span, words, false},
	"br": {atom.Br, nothing, false}, "img": {atom.Img, nothing, false},
}

// deepest is how deep elements may lie in one another, and most how many tags a body may have.
const deepest, most = 16, 500

// fragment reads a body that is well-formed and has the usual elements only, to what the library would make of it, in a
// tenth of the time. All others it leaves to the library.
func fragment(body string) (nodes []*html.Node, ok bool) {
	tags := strings.Count(body, "<")
	if tags > most || strings.ContainsAny(body, "\x00\r") {
		return nil, false
	}
	room := make([]html.Node, 0, 2*tags+1-strings.Count(body, "</")) // for all elements, and the text before each tag
	var open [deepest]*html.Node
	holding := [deepest + 1]holds{blocks}
	depth := 0
	add := func(n html.Node) *html.Node {
		room = append(room, n)
		added := &room[len(room)-1]
		if depth == 0 {
			nodes = append(nodes, added)
		} else {
			open[depth-1].AppendChild(added)
		}
		return added
	}
	for body != "" {
		at := strings.IndexByte(body, '<')
		if at < 0 {
			at = len(body)
		}
		if at > 0 {
			add(html.Node{Type: html.TextNode, Data: html.UnescapeString(body[:at])})
			body = body[at:]
			continue
		}
		t, rest, ok := readTag(body)
		if !ok {
			return nil, false
		}
		body = rest
		if t.ends {
			if depth == 0 || open[depth-1].Data != t.name {
				return nil, false
			}
			depth--
			continue
		}
		element, known := plain[t.name]
		if !known || !placed(element.block, element.atom, holding[depth], open[:depth]) {
			return nil, false
		}
		n := add(html.Node{Type: html.ElementNode, Data: t.name, DataAtom: element.atom, Attr: t.attributes})
		if element.holds == nothing {
			continue
		}
		if depth == deepest {
			return nil, false
		}
		open[depth] = n
		depth++
		holding[depth] = element.holds
	}
	return nodes, depth == 0
}

// placed tells whether an element stays where it is written.
func placed(block bool, a atom.Atom, in holds, open []*html.Node) bool {
	switch {
	case a == atom.Li:
		return in == items
	case block:
		return in == blocks
	case a == atom.A:
		for _, n := range open {
			if n.DataAtom == atom.A {
				return false
			}
		}
	}
	return true
}

// A tag is what begins or ends an element.
type tag struct {
	name       string
	ends       bool
	attributes []html.Attribute
}

// readTag reads the tag that a text begins with, if it is written in the usual way.
func readTag(s string) (t tag, rest string, ok bool) {
	s = s[1:]
	if s, t.ends = strings.CutPrefix(s, "/"); s == "" {
		return t, "", false
	}
	t.name, s = letters(s)
	for t.name != "" && s != "" {
		if s[0] == '>' {
			return t, s[1:], true
		}
		if after, single := strings.CutPrefix(strings.TrimPrefix(s, " "), "/>"); single {
			return t, after, !t.ends && (t.name == "br" || t.name == "img")
		}
		if s[0] != ' ' || t.ends {
			break
		}
		var a html.Attribute
		a.Key, s = letters(s[1:])
		value, quoted := strings.CutPrefix(s, `="`)
		if a.Key == "" || !quoted {
			break
		}
		a.Val, s, ok = strings.Cut(value, `"`)
		if !ok || strings.Count(a.Val, "&") != strings.Count(a.Val, "&amp;") { // others follow rules of their own here
			break
		}
		a.Val = strings.ReplaceAll(a.Val, "&amp;", "&")
		t.attributes = append(t.attributes, a)
	}
	return t, "", false
}

// letters are those that a text begins with, with the digits of headings and the dashes of names.
func letters(s string) (name, rest string) {
	i := 0
	for i < len(s) && (s[i] >= 'a' && s[i] <= 'z' || i > 0 && (s[i] >= '0' && s[i] <= '9' || s[i] == '-')) {
		i++
	}
	return s[:i], s[i:]
}
