package markup

import (
	"testing"

	"pgregory.net/rapid"
)

// TestFragmentsAreTheLibrarys: what is read without the library comes out as if the library had read it, whatever is
// misplaced, and that a body has a text is never said wrongly.
func TestFragmentsAreTheLibrarys(t *testing.T) {
	piece := rapid.SampledFrom([]string{"<p>", "</p>", `<p class="no-margin">`, `<p dir="rtl">`, "<br>", "<br/>", "<br />", "</br>", "<ul>", "</ul>", "<ol start=\"3\">", "</ol>", "<li>", "</li>",
		`<a href="https://x.example/?a=1&amp;b=2">`, `<a href="#x">`, `<a href="y&copy=1" rel="z">`, "</a>", "<b>", "</b>", "<strong>", "</strong>", "<i>", "</i>", "<em>", "</em>", "<u>", "</u>",
		"<span>", "</span>", "<div>", "</div>", "<h1>", "</h1>", "<h2>", "</h2>", "<blockquote>", "</blockquote>", `<img src="a.png" alt="b">`, "<script>", "</script>", "<table>", "</table>", "<!-- c -->", "<P>",
		"text", " ", "\n", "\t", "&amp;", "&lt;p&gt;", "&nbsp;", "&#8203;", "&copy", "1. x", "# y", "é", "\u00a0", "\u200b", "*", "_", "a b", "<", ">", "\"", "\r\n", "\x00"})
	paragraph := rapid.Custom(func(t *rapid.T) string { return wellFormed(t, 0) })
	rapid.Check(t, func(t *rapid.T) {
		body := ""
		if rapid.Bool().Draw(t, "well-formed") {
			body = paragraph.Draw(t, "body")
		} else {
			for _, p := range rapid.SliceOfN(piece, 0, 12).Draw(t, "pieces") {
				body += p
			}
		}
		got, want := Parse(body), parse(body)
		if got.Text(nil) != want.Text(nil) || got.Markdown(nil) != want.Markdown(nil) {
			t.Fatalf("%q\ngot  %q\nwant %q", body, got.Markdown(nil), want.Markdown(nil))
		}
		if Says(body) != (want.Text(nil) != "") {
			t.Fatalf("%q says %q", body, want.Text(nil))
		}
	})
}

// TestUsualBodiesAreFragments: they do without the library, which is what fragment is there for.
func TestUsualBodiesAreFragments(t *testing.T) {
	for _, body := range []string{`<p dir="rtl">a</p>`, `<p>It works</p><ul><li>one</li><li>two</li></ul>`, `<p>See <a href="https://docs.example.com/a?b=1&amp;c=2" rel="nofollow">the <b>guide</b></a></p>`,
		`<p>Fine.</p><br><p>b<br>c</p>`, `<p>See:</p><img src="https://x.example/a.png?b=1&amp;c=2">`, `<div class="email"><h2>a</h2><blockquote><p>b</p></blockquote></div>`} {
		if _, ok := fragment(body); !ok {
			t.Errorf("the library is asked for %s", body)
		}
	}
}

// wellFormed draws a body of usual elements, each at a place where it may be.
func wellFormed(t *rapid.T, depth int) string {
	body := ""
	for range rapid.IntRange(0, 4).Draw(t, "elements") {
		kind := rapid.IntRange(0, 6).Draw(t, "element")
		if depth > 3 {
			kind = 0
		}
		switch kind {
		case 0:
			body += "<p>" + inline(t, 0) + "</p>"
		case 1:
			body += `<ul class="x"><li>` + inline(t, 0) + "</li>\n<li>" + wellFormed(t, depth+1) + "</li></ul>"
		case 2:
			body += "<h2>" + inline(t, 0) + "</h2>"
		case 3:
			body += "<div>" + wellFormed(t, depth+1) + "</div>"
		case 4:
			body += "<blockquote>" + inline(t, 0) + wellFormed(t, depth+1) + "</blockquote>"
		default:
			body += inline(t, 0)
		}
	}
	return body
}

func inline(t *rapid.T, depth int) string {
	body := ""
	for range rapid.IntRange(0, 4).Draw(t, "pieces") {
		switch kind := rapid.IntRange(0, 5).Draw(t, "piece"); {
		case kind == 0 && depth < 3:
			body += `<a href="https://x.example/?a=1&amp;b=2">` + inline(t, depth+1) + "</a>"
		case kind == 1 && depth < 3:
			body += "<b>" + inline(t, depth+1) + "</b>"
		case kind == 2 && depth < 3:
			body += "<em>" + inline(t, depth+1) + "</em>"
		case kind == 3:
			body += "<br>"
		default:
			body += rapid.SampledFrom([]string{"text", " two words ", "\n", "&lt;", "1.", "é\u200b", `<img src="a.png">`}).Draw(t, "text")
		}
	}
	return body
}
