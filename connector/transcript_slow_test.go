package connector

import (
	"fmt"
	"html"
	"maps"
	"strings"
	"time"
	"unicode/utf8"
)

// slowTranscript is a row of transcripts, from the rules.
func slowTranscript(talk obj, cfg *Config) obj {
	normal := slowNormalized(talk)
	row := obj{"redacted_count": 0, "message_count": 0, "left_out_count": 0, "parts_missing": nil, "messages": nil, "markdown": nil}
	for _, same := range []string{"conversation_id", "updated_at", "created_at", "state", "title", "contact_id"} {
		row[same] = normal[same]
	}
	notice := "Parts may be missing here: Intercom gives the newest 500."
	if count, ok := normal["part_count"].(int64); ok {
		row["parts_missing"] = max(count-int64(len(talk.parts())), 0)
		notice = fmt.Sprintf("%d parts are missing here: Intercom did not give them.", row["parts_missing"])
	}
	if normal["parts_truncated"] == false {
		notice = ""
	}

	type piece struct {
		m    obj
		text string
		chat obj
	}
	var pieces []piece
	asMessages := cfg.TranscriptFormat == "messages"
	say := func(text string) piece {
		if !asMessages {
			text = "_" + text + "_"
		}
		return piece{nil, text, obj{"role": "system", "author": nil, "author_type": nil, "time": nil, "text": text}}
	}
	source := obj{}
	maps.Copy(source, talk.obj("source"))
	source["created_at"] = talk["created_at"]
	for i, m := range append([]obj{source}, talk.parts()...) {
		note := m.text("part_type") == "note"
		if (slowText(m.text("body")) != "" || len(m.list("attachments")) > 0 || m.is("redacted")) && (cfg.TranscriptNotes || !note) {
			p := piece{m, slowPlain(m), obj{"role": "assistant", "author": nullOr(m.obj("author").text("name")), "author_type": slowKind(m.obj("author")), "time": m["created_at"]}}
			if !asMessages {
				p.text = slowMessage(m, note)
			}
			p.chat["text"] = p.text
			if slowAuthor(m.obj("author")) == "contact" {
				p.chat["role"] = "user"
			}
			if note {
				p.chat["role"] = "note"
			}
			pieces = append(pieces, p)
		}
		if i == 0 && notice != "" {
			pieces = append(pieces, say(notice))
		}
	}

	title := ""
	if normal["title"] != nil && !asMessages {
		title = "# " + slowEscape(talk.text("title"))
	}
	result := func(upTo int) ([]piece, int, string) {
		kept, left := append([]piece{}, pieces[:upTo]...), 0
		for _, p := range pieces[upTo:] {
			if p.m != nil {
				left++
			}
		}
		if upTo < len(pieces) {
			kept = append(kept, say(fmt.Sprintf("Messages left out here, for the length of the transcript: %d.", left)))
		}
		var texts []string
		if title != "" {
			texts = append(texts, title)
		}
		for _, p := range kept {
			texts = append(texts, p.text)
		}
		separator := "\n\n"
		if asMessages {
			separator = ""
		}
		return kept, left, strings.Join(texts, separator)
	}
	upTo := len(pieces)
	kept, left, text := result(upTo)
	for cfg.TranscriptLength > 0 && utf8.RuneCountInString(text) > cfg.TranscriptLength {
		upTo--
		kept, left, text = result(upTo)
	}
	row["left_out_count"] = left
	messages, redacted, count := []obj{}, 0, 0
	for _, p := range kept {
		messages = append(messages, p.chat)
		if p.m != nil {
			count++
			if p.m.is("redacted") {
				redacted++
			}
		}
	}
	row["message_count"], row["redacted_count"] = count, redacted
	if asMessages {
		row["messages"] = messages
	} else {
		row["markdown"] = text
	}
	return row
}

func slowUnsigned(url string) string {
	url, _, _ = strings.Cut(url, "?") // of the emulator's files
	return url
}

func slowPlain(m obj) string {
	if m.is("redacted") {
		return "This message was redacted."
	}
	var lines []string
	if text := slowText(m.text("body")); text != "" {
		lines = append(lines, text)
	}
	for _, a := range m.list("attachments") {
		lines = append(lines, a.text("name")+" ("+slowUnsigned(a.text("url"))+")")
	}
	return strings.Join(lines, "\n")
}

func slowMessage(m obj, note bool) string {
	at, kind := time.Unix(m.number("created_at"), 0).UTC(), slowKind(m.obj("author"))
	name := m.obj("author").text("name")
	if name == "" {
		name = kind
	}
	if note {
		kind += ", note"
	}
	out := fmt.Sprintf("**%s** (%s), %s", slowEscape(name), kind, at.Format("2006-01-02 15:04:05 UTC"))
	if m.is("redacted") {
		return out + "\n\n_This message was redacted._"
	}
	if body := slowMarkdown(m.text("body")); body != "" {
		out += "\n\n" + body
	}
	for i, a := range m.list("attachments") {
		if i == 0 {
			out += "\n\nAttached: "
		} else {
			out += ", "
		}
		out += "[" + slowEscape(a.text("name")) + "](" + slowUnsigned(a.text("url")) + ")"
	}
	return out
}

func slowEscape(s string) string {
	return pattern("[\\\\`*_\\[\\]<~]").ReplaceAllString(s, `\$0`)
}

// slowMarkdown does for the emulator's bodies what a parser does for all.
func slowMarkdown(body string) string {
	body = pattern(`\s+`).ReplaceAllString(strings.ReplaceAll(body, "\x00", ""), " ")
	var kept []string
	keep := func(s string) string {
		kept = append(kept, s)
		return fmt.Sprintf("\x01%d\x01", len(kept)-1)
	}
	link := pattern(`<a href="([^"]*)">([^<]*)</a>`)
	body = link.ReplaceAllStringFunc(body, func(a string) string {
		m := link.FindStringSubmatch(a)
		return keep("[" + slowEscape(html.UnescapeString(m[2])) + "](" + html.UnescapeString(m[1]) + ")")
	})
	image := pattern(`<img src="([^"]*)">`)
	body = image.ReplaceAllStringFunc(body, func(a string) string {
		return keep("![](" + slowUnsigned(html.UnescapeString(image.FindStringSubmatch(a)[1])) + ")")
	})
	body = strings.ReplaceAll(body, "<li>", "\x02\x03")
	body = pattern(`</?p[^>]*>|</?ul>`).ReplaceAllString(body, "\x02\x02")
	body = pattern(`<[^>]*>`).ReplaceAllString(body, "")
	body = slowEscape(html.UnescapeString(body))
	body = pattern(` *\x02 *`).ReplaceAllString(body, "\x02")
	body = strings.ReplaceAll(body, "\x02\x02\x02\x03", "\x02\x02\x03")
	body = pattern(`\x02{2,}`).ReplaceAllString(strings.Trim(body, "\x02 "), "\n\n")
	body = strings.NewReplacer("\x02", "\n", "\x03", "- ").Replace(body)
	return pattern(`\x01\d+\x01`).ReplaceAllStringFunc(body, func(s string) string {
		var i int
		_, _ = fmt.Sscanf(s, "\x01%d\x01", &i)
		return kept[i]
	})
}
