package emulator

import (
	"fmt"
	"html"
	"strconv"
	"strings"
)

// printer writes objects as one API version shows them.
type printer struct {
	encoder
	w *World
	v version

	plaintext    bool // display_as=plaintext
	mergeHistory bool // include_merge_history
	monitors     bool // include_monitors
	scorecards   bool // include_scorecards
	translations bool // include_translations
	uncut        bool // nested lists are whole, as no answer shows them
	bodies       bool // include_bodies
	single       bool // a single read, which shows more of some objects

	nonce  uint64 // differs on each answer, and with it the signatures
	signed int64  // the moment of the answer, from which signatures expire
}

// text writes a body or subject, which are HTML unless plain text was asked for.
func (p *printer) text(key, body string) {
	if p.plaintext {
		body = plainText(body)
	}
	p.str(key, body)
}

// plainText drops tags and decodes entities; a link keeps its target in brackets behind its label.
func plainText(body string) string {
	var b strings.Builder
	var href string
	for body != "" {
		open := strings.IndexByte(body, '<')
		if open < 0 {
			b.WriteString(body)
			break
		}
		b.WriteString(body[:open])
		end := strings.IndexByte(body[open:], '>')
		if end < 0 {
			break
		}
		mark := body[open : open+end+1]
		body = body[open+end+1:]
		switch {
		case strings.HasPrefix(mark, "<a href=\""):
			href, _, _ = strings.Cut(mark[len("<a href=\""):], `"`)
		case mark == "</a>":
			b.WriteString(" (" + href + ")")
		case mark == "</p>" || mark == "<br>" || mark == "</li>":
			b.WriteByte('\n')
		}
	}
	return strings.TrimSpace(html.UnescapeString(b.String()))
}

// signedURL is the address of an attachment: valid for a while and different each time it is shown.
func (p *printer) signedURL(s seed, name string) string {
	h := uint64(s.at(500))
	return fmt.Sprintf("https://downloads.intercomcdn.com/i/o/%s/%d/%x/%s?expires=%d&signature=%016x%016x&req=%x",
		p.w.workspace, h%1_000_000_000, h>>20, name, p.signed+3600,
		uint64(s.at(501))^p.nonce, uint64(seed(p.nonce).at(1)), uint32(p.nonce))
}

// attachments writes up to two files, one of them an image.
func (p *printer) attachments(key string, s seed, n int) {
	p.arr(key)
	for i := range n {
		a := s.at(510 + i)
		image := i == 0
		name := pick(a, 1, []string{"report.pdf", "übersicht.csv", "log.txt"})
		kind := "application/octet-stream"
		if image {
			name, kind = "screenshot.png", "image/png"
		}
		p.obj("")
		p.str("type", "upload")
		p.str("name", name)
		p.str("url", p.signedURL(a, strings.ReplaceAll(name, "ü", "%C3%BC")))
		p.str("content_type", kind)
		p.num("filesize", int64(a.n(2, 4_000_000)))
		switch {
		case image && a.n(3, 8) == 0: // sizes of some images come as strings
			p.str("width", strconv.Itoa(600+a.n(4, 900)))
			p.str("height", "421")
		case image:
			p.num("width", int64(600+a.n(4, 900)))
			p.num("height", int64(300+a.n(5, 900)))
		case p.v == v211: // which alone demands them of every file
			p.num("width", 0)
			p.num("height", 0)
		}
		p.end()
	}
	p.endArr()
}

func (p *printer) body(s seed, rare bool) string {
	switch {
	case rare && s.n(520, 2) == 0:
		return nulBody
	case s.n(521, 24) == 0: // pasted images are part of the body, signed as well
		return `<p>See:</p><img src="` + html.EscapeString(p.signedURL(s, "pasted.png")) + `">`
	}
	return pick(s, 522, bodies)
}
