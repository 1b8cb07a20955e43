package markup

import (
	"strings"
	"testing"
	"time"
	"unicode/utf8"
)

func TestRender(t *testing.T) {
	tests := map[string]struct{ body, text, markdown string }{
		"nothing":          {"", "", ""},
		"plain":            {" a  b\n c ", "a b c", "a b c"},
		"paragraphs":       {"<p>One</p><p>Two</p>", "One\nTwo", "One\n\nTwo"},
		"an empty one":     {"<p>One</p><p></p><p> </p><p>Two</p>", "One\nTwo", "One\n\nTwo"},
		"breaks":           {"a<br>b<br><br><br>c", "a\nb\n\nc", "a  \nb\n\nc"},
		"divs":             {"<div><div>a</div>b</div>c", "a\nb\nc", "a\nb\nc"},
		"entities":         {"1 &lt; 2 &amp; 3&nbsp;&gt; 2 &copy;", "1 < 2 & 3 > 2 ©", "1 \\< 2 & 3 > 2 ©"},
		"without width":    {"<p>a\u200bb\ufeffc\u00add</p>", "abcd", "abcd"},
		"emoji, joined":    {"<p>👩\u200d💻 می\u200cخواهم</p>", "👩\u200d💻 می\u200cخواهم", "👩\u200d💻 می\u200cخواهم"},
		"right to left":    {`<p dir="rtl">شكرا <b>لكم</b></p>`, "شكرا لكم", "شكرا **لكم**"},
		"a list":           {"<p>See</p><ul><li>one</li><li><p>two</p></li><li></li></ul>after", "See\n- one\n- two\nafter", "See\n\n- one\n- two\n\nafter"},
		"a numbered list":  {"<ol start=3><li>a<ul><li>b</li></ul></li><li>c</li></ol>", "3. a\n   - b\n4. c", "3. a\n   - b\n4. c"},
		"a link":           {`see <a href="https://x.example/a?b=1&amp;c=2"> the guide </a>!`, "see the guide (https://x.example/a?b=1&c=2) !", "see [the guide](https://x.example/a?b=1&c=2) !"},
		"its own label":    {`<a href="https://x.example">https://x.example</a> <a href="mailto:a@x.example">a@x.example</a>`, "https://x.example a@x.example", "[https://x.example](https://x.example) [a@x.example](mailto:a@x.example)"},
		"no link":          {`<a href="javascript:alert(1)">x</a><a>y</a>`, "xy", "xy"},
		"an image":         {`<p>a</p><img alt="a [b]" src="https://x.example/(1).png"><img src="data:image/png;base64,xx">`, "a\n[image][image]", "a\n\n![a \\[b\\]](<https://x.example/(1).png>)[image]"},
		"a linked image":   {`<a href="https://x.example"><img src="https://x.example/i.png"></a>`, "[image] (https://x.example)", "[![](https://x.example/i.png)](https://x.example)"},
		"marks":            {"<b>bold </b>and <i>it</i>, <s>no</s> <code>a*b</code> <b></b>", "bold and it, no a*b", "**bold** and _it_, ~~no~~ `a*b`"},
		"no marks":         {"2*3 _a_ [x] `c` \\ ~", "2*3 _a_ [x] `c` \\ ~", "2\\*3 \\_a\\_ \\[x\\] \\`c\\` \\\\ \\~"},
		"no marks, first":  {"<p># a</p><p>- b</p><p>1. c</p><p>> d</p><p>-e</p>", "# a\n- b\n1. c\n> d\n-e", "\\# a\n\n\\- b\n\n1\\. c\n\n\\> d\n\n-e"},
		"headings":         {"<h2>A <b>b</b><br>c</h2>d<h1></h1>", "A b c\nd", "## A **b** c\n\nd"},
		"quoted":           {"yes<blockquote>a<br>b<blockquote>c</blockquote></blockquote>", "yes\n> a\n> b\n> > c", "yes\n\n> a  \n> b\n> \n> > c"},
		"code":             {"<pre><code>a\n  b &lt;\n</code></pre>", "a\n  b <", "```\na\n  b <\n```"},
		"a table":          {"<table><tr><th>a</th><th>b</th></tr><tr><td>1<br>2</td><td>x|y</td></tr><tr><td>z</td></tr></table>", "a | b\n1 2 | x|y\nz", "| a | b |\n| --- | --- |\n| 1 2 | x\\|y |\n| z |  |"},
		"a layout":         {"<table><tr><td><p>a</p><table><tr><td>b</td><td>c</td></tr></table></td></tr></table>", "a\nb | c", "a\n\n| b | c |\n| --- | --- |"},
		"nothing to see":   {"<style>p{}</style><script>x()</script><!-- c --><p>a", "a", "a"},
		"embedded":         {`<iframe src="https://v.example/1"></iframe>`, "[iframe] (https://v.example/1)", "[iframe](https://v.example/1)"},
		"broken":           {"<p>a <b>b</p><p>c</b> <div", "a b\nc", "a **b**\n\n**c**"},
		"a NUL":            {"<p>a\x00b</p>", "ab", "ab"},
		"a rule":           {"a<hr>b", "a\nb", "a\n\n---\n\nb"},
		"too deep":         {strings.Repeat("<div>", 2000) + "a<b>b</b> c", "a b c", "a b c"},
		"a table in a row": {"<table><tr><td>a</td><td><ul><li>b</li><li>c</li></ul></td></tr></table>", "a | - b - c", "| a | - b - c |\n| --- | --- |"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			if got := Parse(test.body).Text(nil); got != test.text {
				t.Errorf("Text %q, want %q", got, test.text)
			}
			if got := Parse(test.body).Markdown(nil); got != test.markdown {
				t.Errorf("Markdown %q, want %q", got, test.markdown)
			}
		})
	}
}

// TestNesting: what is nested as deep as a parser takes it costs no more than its length.
func TestNesting(t *testing.T) {
	for _, tag := range []string{"b", "i", "a href=x", "code", "ul><li", "blockquote", "table><tr><td", "table><tr><td>x<td", "h1", "pre", "div", "s"} {
		body := strings.Repeat("<"+tag+">", 150) + "x<br>y`"
		began := time.Now()
		Parse(body).Text(nil)
		Parse(body).Markdown(nil)
		if took := time.Since(began); took > time.Second {
			t.Errorf("<%s>: %s", tag, took)
		}
	}
}

func TestAddresses(t *testing.T) {
	body := `<a href="https://x.example/?s=1">a</a><img src="https://x.example/?s=2">`
	bare := func(a string) string { a, _, _ = strings.Cut(a, "?"); return a }
	if got, want := Parse(body).Markdown(bare), "[a](https://x.example/)![](https://x.example/)"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}

func TestLink(t *testing.T) {
	for _, test := range [][3]string{{"a [b]", "https://x.example/(1)", `[a \[b\]](<https://x.example/(1)>)`}, {"a", "", "a"}, {"", "x_y", `[x\_y](x_y)`}} {
		if got := Link(test[0], test[1]); got != test[2] {
			t.Errorf("%s, want %s", got, test[2])
		}
	}
}

// FuzzText: whatever comes, nothing breaks, and of what has no form each word stays.
func FuzzText(f *testing.F) {
	for _, seed := range []string{"<p>a &amp; b", "<table><tr><td>a<td>b</table>c", "<ul>x<li>y<ol><li>z", "<a href=x><p>a<p>b</a>", "<b> a<p>b", " a  b\n", "<p>a</p>\n<p> </p><p>&amp;b</p> c", `<p class="no-margin">a</p><p class="no-margin"><br></p>`} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, body string) {
		if !utf8.ValidString(body) { // which no JSON text is
			return
		}
		text := Parse(body).Text(nil)
		Parse(body).Markdown(nil)
		if whole := (&Message{nodes: Parse("<!---->" + body).nodes}); whole.Text(nil) != text && strings.Count(body, "<") < 500 { // the short way comes to the same
			t.Errorf("%q became %q, and %q by the parser", body, text, whole.Text(nil))
		}
		if Says(body) != (text != "") {
			t.Errorf("%q says %q, and Says %v", body, text, Says(body))
		}
		if strings.ContainsAny(body, "<&\u00a0") {
			return
		}
		if want := strings.Join(strings.FieldsFunc(unseen.Replace(body), func(c rune) bool { return strings.ContainsRune(blanks, c) }), " "); text != want {
			t.Errorf("%q became %q", body, text)
		}
	})
}
