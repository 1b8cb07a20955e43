package markup

import (
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"
)

// node writes a node and all that is in it.
func (r *renderer) node(n *html.Node) {
	switch n.Type {
	case html.TextNode:
		r.text(n.Data)
		return
	case html.ElementNode:
	default:
		return
	}
	switch n.DataAtom {
	case atom.Head, atom.Style, atom.Script, atom.Title, atom.Template:
	case atom.Br:
		r.lineBreak()
	case atom.Hr:
		r.paragraph()
		if r.markdown {
			r.write("---")
		}
		r.paragraph()
	case atom.B, atom.Strong:
		r.marked(n, "**")
	case atom.I, atom.Em:
		r.marked(n, "_")
	case atom.Del, atom.S, atom.Strike:
		r.marked(n, "~~")
	case atom.Code:
		r.code(n)
	case atom.A:
		r.link(n)
	case atom.Img:
		r.image(n)
	case atom.Video, atom.Audio, atom.Iframe:
		r.embedded(n)
	default:
		r.block(n)
	}
}

// block writes the elements that begin on a line of their own, and all others as if they were not there.
func (r *renderer) block(n *html.Node) {
	switch n.DataAtom {
	case atom.P, atom.Article, atom.Section, atom.Header, atom.Footer, atom.Figure, atom.Dl:
		r.paragraph()
		r.children(n)
		r.paragraph()
	case atom.Div, atom.Dt, atom.Dd, atom.Figcaption, atom.Address, atom.Center, atom.Form, atom.Tr:
		r.begin(1)
		r.children(n)
		r.begin(1)
	case atom.H1, atom.H2, atom.H3, atom.H4, atom.H5, atom.H6:
		r.heading(n)
	case atom.Ul, atom.Ol:
		r.list(n)
	case atom.Blockquote:
		r.indented(r.within(n, nil), "> ", "> ")
	case atom.Pre:
		r.pre(n)
	case atom.Table:
		r.table(n)
	default:
		r.children(n)
	}
}

func (r *renderer) lineBreak() {
	switch {
	case r.cell:
		r.space = true
	case r.verbatim:
		r.write("\n")
	default:
		r.broken = r.lines == 0
		r.lines = min(r.lines+1, 2)
	}
}

// marked writes a piece between marks, outside of which its blanks have to stay. Marks hold within one paragraph.
func (r *renderer) marked(n *html.Node, mark string) {
	if !r.markdown || r.verbatim || breaks(n) {
		r.children(n)
		return
	}
	text := r.within(n, nil)
	if text == "" {
		r.space = true
		return
	}
	first, last := edges(n)
	r.space = r.space || first
	r.write(mark + text + mark)
	r.space = last
}

// breaks tells whether there is anything in an element that does not stay in one line. Whoever renders an element alone
// asks before: to render it again would take twice as long for each level of nesting.
func breaks(n *html.Node) bool {
	for d := range n.Descendants() {
		switch d.DataAtom {
		case atom.Br, atom.Hr, atom.P, atom.Div, atom.Ul, atom.Ol, atom.Li, atom.Blockquote, atom.Pre, atom.Table, atom.Tr, atom.Dl, atom.Dt, atom.Dd,
			atom.H1, atom.H2, atom.H3, atom.H4, atom.H5, atom.H6, atom.Article, atom.Section, atom.Header, atom.Footer, atom.Figure, atom.Figcaption,
			atom.Address, atom.Center, atom.Form:
			return true
		}
	}
	return false
}

// edges tells whether the text of an element begins and ends with a blank.
func edges(n *html.Node) (first, last bool) {
	s := allText(n)
	return strings.TrimLeft(s, blanks) != s, strings.TrimRight(s, blanks) != s
}

func allText(n *html.Node) string {
	var all strings.Builder
	for d := range n.Descendants() {
		if d.Type == html.TextNode {
			all.WriteString(d.Data)
		}
	}
	return all.String()
}

func (r *renderer) code(n *html.Node) {
	if text := allText(n); !r.markdown || r.verbatim || strings.ContainsAny(text, "`\n") || strings.Trim(text, blanks) == "" || breaks(n) {
		r.children(n)
		return
	}
	if text := r.within(n, func(in *renderer) { in.markdown, in.verbatim = false, true }); text != "" {
		r.write("`" + text + "`")
	}
}

func (r *renderer) heading(n *html.Node) {
	r.paragraph()
	text := r.within(n, func(in *renderer) { in.cell = true })
	if text != "" && r.markdown {
		level, _ := strconv.Atoi(n.Data[1:])
		text = strings.Repeat("#", level) + " " + text
	}
	if text != "" {
		r.write(text)
	}
	r.paragraph()
}

func (r *renderer) list(n *html.Node) {
	if n.Parent == nil || n.Parent.DataAtom != atom.Li {
		r.paragraph()
	}
	number := 1
	if start, err := strconv.Atoi(attribute(n, "start")); err == nil {
		number = start
	}
	for c := n.FirstChild; c != nil; c = c.NextSibling {
		if c.DataAtom != atom.Li {
			r.node(c)
			continue
		}
		mark := "- "
		if n.DataAtom == atom.Ol {
			mark = strconv.Itoa(number) + ". "
			number++
		}
		if text := r.within(c, nil); text != "" {
			r.begin(1)
			r.write(mark + strings.ReplaceAll(text, "\n", "\n"+strings.Repeat(" ", len(mark))))
			r.begin(1)
		}
	}
	r.paragraph()
}

// indented writes text with a mark before its first line, and one before all others.
func (r *renderer) indented(text, first, others string) {
	if text == "" {
		return
	}
	r.paragraph()
	r.write(first + strings.ReplaceAll(text, "\n", "\n"+others))
	r.paragraph()
}

func (r *renderer) pre(n *html.Node) {
	text := strings.Trim(r.within(n, func(in *renderer) { in.markdown, in.verbatim = false, true }), "\n")
	if text == "" {
		return
	}
	r.paragraph()
	fence := "```"
	for strings.Contains(text, fence) {
		fence += "`"
	}
	if r.markdown {
		text = fence + "\n" + text + "\n" + fence
	}
	r.write(text)
	r.paragraph()
}

// table writes a table of data row by row. One that lays out a mail, with a column alone or tables inside, is a block.
func (r *renderer) table(n *html.Node) {
	rows, columns := cellsOf(n)
	r.paragraph()
	if columns < 2 || r.cell {
		r.children(n)
		r.paragraph()
		return
	}
	for i, cells := range rows {
		texts := make([]string, len(cells))
		for j, c := range cells {
			texts[j] = r.within(c, func(in *renderer) { in.cell = true })
			if r.markdown {
				texts[j] = strings.ReplaceAll(texts[j], "|", `\|`)
			}
		}
		switch {
		case !r.markdown:
			r.write(strings.Join(texts, " | "))
		default:
			texts = append(texts, slices.Repeat([]string{""}, columns-len(texts))...)
			r.write("| " + strings.Join(texts, " | ") + " |")
			if i == 0 {
				r.begin(1)
				r.write("|" + strings.Repeat(" --- |", columns))
			}
		}
		r.begin(1)
	}
	r.paragraph()
}

// cellsOf are the cells of a table, row by row, and how many the longest row has: none where it holds another table.
func cellsOf(n *html.Node) (rows [][]*html.Node, columns int) {
	for d := range n.Descendants() {
		if d.DataAtom == atom.Table {
			return nil, 0
		}
		if d.DataAtom != atom.Tr {
			continue
		}
		var cells []*html.Node
		for c := d.FirstChild; c != nil; c = c.NextSibling {
			if c.DataAtom == atom.Td || c.DataAtom == atom.Th {
				cells = append(cells, c)
			}
		}
		rows = append(rows, cells)
		columns = max(columns, len(cells))
	}
	return rows, columns
}

func (r *renderer) link(n *html.Node) {
	to := r.target(attribute(n, "href"))
	if to == "" || breaks(n) {
		r.children(n)
		return
	}
	label := r.within(n, nil)
	plain := strings.TrimPrefix(strings.TrimPrefix(to, "mailto:"), "tel:")
	first, last := edges(n)
	r.space = r.space || first
	switch {
	case r.markdown && label == "":
		r.write("[" + escaped(to, false) + "](" + destination(to) + ")")
	case r.markdown:
		r.write("[" + label + "](" + destination(to) + ")")
	case label == "", label == plain:
		r.write(plain)
	default:
		r.write(label + " (" + to + ")")
	}
	r.space = last
}

func (r *renderer) image(n *html.Node) {
	to := r.target(attribute(n, "src"))
	if !r.markdown || to == "" {
		r.write("[image]")
		return
	}
	r.write("![" + escaped(strings.Join(strings.Fields(attribute(n, "alt")), " "), false) + "](" + destination(to) + ")")
}

func (r *renderer) embedded(n *html.Node) {
	to := r.target(attribute(n, "src"))
	switch {
	case to == "":
		r.write("[" + n.Data + "]")
	case r.markdown:
		r.write("[" + n.Data + "](" + destination(to) + ")")
	default:
		r.write("[" + n.Data + "] (" + to + ")")
	}
}

// target is where a link leads that a reader can follow; "" for what is a program or the content itself.
func (r *renderer) target(to string) string {
	to = strings.TrimSpace(to)
	scheme, _, _ := strings.Cut(strings.ToLower(to), ":")
	if scheme == "javascript" || scheme == "data" || scheme == "cid" || strings.HasPrefix(to, "#") {
		return ""
	}
	return r.address(to)
}

// destination is an address as Markdown has it inside a link.
func destination(to string) string {
	if strings.ContainsAny(to, " ()<>\n\t") {
		return "<" + strings.NewReplacer("<", "%3C", ">", "%3E", "\n", "", "\t", "").Replace(to) + ">"
	}
	return to
}

func attribute(n *html.Node, name string) string {
	for _, a := range n.Attr {
		if a.Key == name {
			return a.Val
		}
	}
	return ""
}

const marking = "\\`*_[]<~"

var marks = strings.NewReplacer(`\`, `\\`, "`", "\\`", "*", `\*`, "_", `\_`, "[", `\[`, "]", `\]`, "<", `\<`, "~", `\~`)

// escaped is a word as Markdown shows it; first says that it begins a line.
func escaped(word string, first bool) string {
	if strings.ContainsAny(word, marking) {
		word = marks.Replace(word)
	}
	switch {
	case !first:
	case strings.HasPrefix(word, "#"), strings.HasPrefix(word, ">"), word == "-", word == "+", strings.Trim(word, "=") == "", strings.Trim(word, "-") == "":
		return `\` + word
	case numbers(word):
		return word[:len(word)-1] + `\` + word[len(word)-1:]
	}
	return word
}

// numbers tells whether a word would number what is listed.
func numbers(word string) bool {
	digits := strings.TrimRight(word, ".)")
	return digits != "" && len(digits) == len(word)-1 && strings.Trim(digits, "0123456789") == ""
}

// Escape is plain text, on one line, as Markdown shows it.
func Escape(text string) string {
	if simple(text) {
		return text
	}
	words := strings.Fields(seen(text))
	for i := range words {
		words[i] = escaped(words[i], i == 0)
	}
	return strings.Join(words, " ")
}

// simple tells of most texts, names above all, that they stay as they are: words without a mark, with one blank between.
func simple(text string) bool {
	for i := range len(text) {
		switch c := text[i]; {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z':
		case c >= 0xe1 && c <= 0xe3, c == 0xef: // there are blanks among these, and what is unseen
			return false
		case c >= utf8.RuneSelf && usual[c]:
		case i == 0 || i == len(text)-1 || !usual[c] && (c != ' ' || text[i+1] == ' '):
			return false
		}
	}
	return true
}

// Link is a link in Markdown; without an address it is its label.
func Link(label, to string) string {
	switch label = Escape(label); {
	case to == "":
		return label
	case label == "":
		label = Escape(to)
	}
	return "[" + label + "](" + destination(to) + ")"
}
