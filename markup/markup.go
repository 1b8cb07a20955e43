// Package markup turns the HTML of messages into text that people and programs read: plain, or Markdown.
package markup

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"
)

// A Message is a body that has been parsed.
type Message struct {
	paragraphs []string // of a body that is nothing else, as most are; entities stand in them
	nodes      []*html.Node
	lost       string // a body that could not be parsed
}

// Parse reads a body, whatever it is.
func Parse(body string) *Message {
	if plain, ok := paragraphs(body); ok {
		return &Message{paragraphs: plain}
	}
	nodes, err := html.ParseFragment(strings.NewReader(body), &html.Node{Type: html.ElementNode, Data: "body", DataAtom: atom.Body})
	if err != nil { // nested more than five hundred deep
		return &Message{lost: body}
	}
	return &Message{nodes: nodes}
}

// paragraphs takes a body apart that holds no other elements, and of those only what is written out.
func paragraphs(body string) (all []string, ok bool) {
	if strings.IndexByte(body, '<') < 0 {
		return []string{body}, true
	}
	for rest := body; ; {
		rest = trimmed(rest)
		inner, found := strings.CutPrefix(rest, "<p>")
		if !found { // as Intercom's own editor has it
			inner, found = strings.CutPrefix(rest, `<p class="no-margin">`)
		}
		if !found {
			return all, rest == ""
		}
		inner, rest, found = strings.Cut(inner, "</p>")
		if !found || strings.IndexByte(inner, '<') >= 0 {
			return nil, false
		}
		all = append(all, inner)
	}
}

// Says tells whether a body has a text, without parsing most of those that have.
func Says(body string) bool {
	rest := trimmed(strings.TrimPrefix(body, "<p>"))
	if first, _ := utf8.DecodeRuneInString(rest); unicode.IsLetter(first) || unicode.IsDigit(first) {
		return true
	}
	return body != "" && Parse(body).Text(nil) != ""
}

// Text is what a message says, without its form: a line for each paragraph, "- " before what is listed, "label (address)"
// for links and "[image]" for images. address rewrites the address of each link and image; nil: they stay as they are.
func (m *Message) Text(address func(string) string) string { return string(m.AppendText(nil, address)) }

// AppendText appends Text to dst.
func (m *Message) AppendText(dst []byte, address func(string) string) []byte {
	return m.render(dst, false, address)
}

// Markdown is a message as CommonMark, with tables as GitHub has them. Characters of the text that would be marks are
// escaped.
func (m *Message) Markdown(address func(string) string) string {
	return string(m.AppendMarkdown(nil, address))
}

// AppendMarkdown appends Markdown to dst.
func (m *Message) AppendMarkdown(dst []byte, address func(string) string) []byte {
	return m.render(dst, true, address)
}

func (m *Message) render(dst []byte, markdown bool, address func(string) string) []byte {
	if address == nil {
		address = func(a string) string { return a }
	}
	r := &renderer{markdown: markdown, address: address, out: dst, from: len(dst)}
	for _, p := range m.paragraphs {
		r.paragraph()
		r.text(html.UnescapeString(p))
		r.paragraph()
	}
	for _, n := range m.nodes {
		r.node(n)
	}
	if m.lost != "" {
		r.stripped(m.lost)
	}
	return r.out
}

// stripped writes all text of a body, of whose form nothing is known.
func (r *renderer) stripped(body string) {
	z := html.NewTokenizer(strings.NewReader(body))
	for z.Next() != html.ErrorToken {
		if t := z.Token(); t.Type == html.TextToken {
			r.text(t.Data)
		} else {
			r.space = true
		}
	}
}

// A renderer writes one run of blocks. What comes between two pieces is decided when the second one comes, so that
// nothing begins or ends with blanks.
type renderer struct {
	markdown bool
	address  func(string) string
	out      []byte
	from     int  // where in it the renderer began
	lines    int  // that are to be begun before what comes next: 2 leaves one empty
	broken   bool // by a line break inside a paragraph
	space    bool
	verbatim bool
	cell     bool // of a table: all in one line
}

func (r *renderer) write(s string) {
	switch {
	case len(r.out) == r.from:
	case r.lines == 1 && r.broken && r.markdown:
		r.out = append(r.out, "  \n"...)
	case r.lines > 0:
		r.out = append(r.out, "\n\n"[:r.lines]...)
	case r.space:
		r.out = append(r.out, ' ')
	}
	r.lines, r.broken, r.space = 0, false, false
	r.out = append(r.out, s...)
}

// begin has what follows begin on a line of its own.
func (r *renderer) begin(lines int) {
	if r.cell {
		r.space = true
		return
	}
	r.lines = max(r.lines, lines)
}

// paragraph ends one block and begins another.
func (r *renderer) paragraph() {
	if r.markdown {
		r.begin(2)
		return
	}
	r.begin(1)
}

// unseen are characters without width that carry no meaning. The joiners do: emoji and several scripts need them.
var unseen = strings.NewReplacer("\u200b", "", "\u2060", "", "\ufeff", "", "\u00ad", "", "\x00", "")

// seen is a text without them.
func seen(s string) string {
	for i := range len(s) {
		switch s[i] { // the first bytes of them, few of which other texts have
		case 0, 0xc2, 0xe2, 0xef:
			return unseen.Replace(s)
		}
	}
	return s
}

func (r *renderer) text(s string) {
	s = seen(s)
	if r.verbatim {
		r.write(s)
		return
	}
	for s != "" {
		if n := blank(s); n > 0 {
			r.space = true
			s = s[n:]
			continue
		}
		end := 1
		for end < len(s) && blank(s[end:]) == 0 {
			end++
		}
		r.word(s[:end])
		s = r.run(s[end:])
	}
}

// run copies what follows a word for as long as it says the same in text and Markdown, and returns the rest.
func (r *renderer) run(s string) string {
	i := 0
	for i < len(s) && (usual[s[i]] || s[i] == ' ' && i+1 < len(s) && usual[s[i+1]]) {
		i++
	}
	r.out = append(r.out, s[:i]...)
	return s[i:]
}

// usual are the bytes of words that are no marks, and begin no blank.
var usual = func() (is [256]bool) {
	for c := '!'; c < 256; c++ {
		is[c] = c != 0x7f && c != 0xc2 && !strings.ContainsRune(marking, c)
	}
	return is
}()

const blanks = " \t\n\r\f\u00a0"

// trimmed is a text without the blanks that it begins with.
func trimmed(s string) string {
	for s != "" && blank(s) > 0 {
		s = s[blank(s):]
	}
	return s
}

// blank is how long the blank is that a text begins with, 0 if it begins with none.
func blank(s string) int {
	switch s[0] {
	case ' ', '\t', '\n', '\r', '\f':
		return 1
	case 0xc2:
		if len(s) > 1 && s[1] == 0xa0 {
			return 2
		}
	}
	return 0
}

func (r *renderer) word(s string) {
	if r.markdown {
		s = escaped(s, len(r.out) == r.from || r.lines > 0)
	}
	r.write(s)
}

// within renders what is inside an element by itself.
func (r *renderer) within(n *html.Node, change func(*renderer)) string {
	inner := &renderer{markdown: r.markdown, address: r.address, verbatim: r.verbatim, cell: r.cell}
	if change != nil {
		change(inner)
	}
	inner.children(n)
	return string(inner.out)
}

func (r *renderer) children(n *html.Node) {
	for c := n.FirstChild; c != nil; c = c.NextSibling {
		r.node(c)
	}
}
