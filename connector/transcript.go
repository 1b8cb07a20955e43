package connector

import (
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"source-intercom/markup"
	"source-intercom/protocol"
)

// roles are what chat calls those who write; what the connector itself has to say comes from the system.
const (
	customersRole = "user"
	oursRole      = "assistant"
	noteRole      = "note"
	noticeRole    = "system"
)

// transcriptRow writes the one row of a conversation: what was said in it, in order, as one text or as a list.
func transcriptRow(w *rowWriter, c *conversation, cfg *Config) {
	t := transcriber{most: cfg.TranscriptLength, markdown: cfg.TranscriptFormat != "messages", text: w.scratch[:0], pieces: make([]piece, 0, len(c.parts)+2)}
	t.title(c.title)
	if c.source.shown(cfg.TranscriptNotes) {
		t.message(&c.source)
	}
	if notice := c.missingNotice(); notice != "" {
		t.notice(notice)
	}
	for i := range c.parts {
		if m := &c.parts[i]; m.shown(cfg.TranscriptNotes) {
			t.message(m)
		}
	}
	t.fit()
	messages, redacted := int64(0), int64(0)
	for _, p := range t.pieces {
		if p.of == nil {
			continue
		}
		messages++
		if p.of.redacted {
			redacted++
		}
	}
	w.text("conversation_id", c.id)
	w.time("updated_at", c.updatedAt)
	w.time("created_at", c.createdAt())
	w.text("state", c.state())
	w.text("title", c.title)
	w.text("contact_id", c.contactID)
	w.count("message_count", messages)
	w.count("redacted_count", redacted)
	w.count("left_out_count", t.left)
	w.number("parts_missing", c.partsMissing())
	if t.markdown {
		w.textOrEmpty("markdown", inPlace(t.text))
		w.json("messages", "")
	} else {
		w.json("markdown", "")
		w.objects("messages", len(t.pieces), func(i int) { t.chat(w, &t.pieces[i]) })
	}
	w.end()
	w.scratch = t.text
}

// partsMissing is how many parts Intercom did not give; nil where it does not count them.
func (c *conversation) partsMissing() *int64 {
	if c.partCount == nil {
		return nil
	}
	return &c.missing
}

// missingNotice says what the thread lacks behind its source, the newest parts being those that are shown.
func (c *conversation) missingNotice() string {
	switch {
	case c.complete():
		return ""
	case c.missing > 0:
		return fmt.Sprintf("%d parts are missing here: Intercom did not give them.", c.missing)
	}
	return fmt.Sprintf("Parts may be missing here: Intercom gives the newest %d.", maxParts)
}

// shown tells whether a transcript has the message: redacted ones, too, and notes if they are wanted.
func (m *message) shown(notes bool) bool {
	return (notes || !m.note()) && (m.redacted || m.spoken || m.filed)
}

// A piece is one message of a transcript, or, where of is nil, what the connector has to say.
type piece struct {
	of       *message
	from, to int // where it lies in the transcriber's text
}

const (
	emptyLine    = "\n\n"
	redactedText = "This message was redacted."
)

// A transcriber writes the pieces of a transcript one behind the other. In Markdown an empty line parts them.
type transcriber struct {
	markdown bool
	most     int // characters; 0: any number
	text     []byte
	head     int // how long the title is
	pieces   []piece
	left     int64 // messages that did not fit
}

func (t *transcriber) title(title string) {
	if title != "" && t.markdown {
		t.text = append(append(t.text, "# "...), markup.Escape(title)...)
		t.head = len(t.text)
	}
}

// begin begins a piece, which what is written next is; end ends it.
func (t *transcriber) begin(of *message) {
	t.part()
	t.pieces = append(t.pieces, piece{of: of, from: len(t.text)})
}

func (t *transcriber) end() { t.pieces[len(t.pieces)-1].to = len(t.text) }

// part parts what comes next in Markdown from what there is.
func (t *transcriber) part() {
	if t.markdown && len(t.text) > 0 {
		t.text = append(t.text, emptyLine...)
	}
}

func (t *transcriber) notice(text string) {
	t.begin(nil)
	t.emphasized(text)
	t.end()
}

func (t *transcriber) emphasized(text string) {
	if t.markdown {
		text = "_" + text + "_"
	}
	t.text = append(t.text, text...)
}

func (t *transcriber) message(m *message) {
	t.begin(m)
	if t.markdown {
		t.block(m)
	} else {
		t.plain(m)
	}
	t.end()
}

// block writes a message in Markdown: who and when, what, and its files.
func (t *transcriber) block(m *message) {
	t.text = append(t.text, "**"...)
	t.text = append(t.text, markup.Escape(m.name())...)
	t.text = append(t.text, "** ("...)
	t.text = append(t.text, m.kindOfAuthor()...)
	if m.note() {
		t.text = append(t.text, ", note"...)
	}
	t.text = append(t.text, ')')
	if m.at > 0 {
		t.text = time.Unix(m.at, 0).UTC().AppendFormat(t.text, ", 2006-01-02 15:04:05 UTC")
	}
	switch {
	case m.redacted:
		t.part()
		t.emphasized(redactedText)
	case m.spoken:
		t.part()
		t.text = m.parse().AppendMarkdown(t.text, protocol.Unsigned)
	}
	for i, a := range m.attachments() {
		separator := ", "
		if i == 0 {
			separator = emptyLine + "Attached: "
		}
		t.text = append(t.text, separator...)
		t.text = append(t.text, markup.Link(a.Get("name").String(), protocol.Unsigned(a.Get("url").String()))...)
	}
}

// plain writes a message as text, with a line for each file.
func (t *transcriber) plain(m *message) {
	from := len(t.text)
	switch {
	case m.redacted:
		t.text = append(t.text, redactedText...)
	case m.spoken:
		t.text = m.parse().AppendText(t.text, protocol.Unsigned)
	}
	for _, a := range m.attachments() {
		if len(t.text) > from {
			t.text = append(t.text, '\n')
		}
		t.text = append(t.text, strings.TrimSpace(a.Get("name").String()+" ("+protocol.Unsigned(a.Get("url").String())+")")...)
	}
}

// name is the author's, or else what they are. An address is none: transcripts go far.
func (m *message) name() string {
	if m.author.name != "" {
		return m.author.name
	}
	return m.kindOfAuthor()
}

// kindOfAuthor is contact, admin or bot, and for others what Intercom calls them.
func (m *message) kindOfAuthor() string {
	switch m.role {
	case contactRole:
		return "contact"
	case adminRole:
		return "admin"
	case botRole:
		return "bot"
	}
	if m.author.kind != "" {
		return m.author.kind
	}
	return "unknown"
}

// chat writes a piece as language models take it.
func (t *transcriber) chat(w *rowWriter, p *piece) {
	role, author, kind, at := noticeRole, "", "", int64(0)
	if m := p.of; m != nil {
		author, kind, at = m.author.name, m.kindOfAuthor(), m.at
		switch {
		case m.note():
			role = noteRole
		case m.role == contactRole:
			role = customersRole
		default:
			role = oursRole
		}
	}
	w.text("role", role)
	w.text("author", author)
	w.text("author_type", kind)
	w.time("time", at)
	w.textOrEmpty("text", inPlace(t.text[p.from:p.to]))
}

// fit leaves out the messages that do not fit into the greatest length, from the first one on that does not. What is left
// out is said at the end, within that length.
func (t *transcriber) fit() {
	if t.most == 0 || utf8.RuneCount(t.text) <= t.most {
		return
	}
	messages := 0
	for _, p := range t.pieces {
		if p.of != nil {
			messages++
		}
	}
	room := t.most - utf8.RuneCountInString(leftOut(messages))
	if t.markdown {
		room -= len("__") + len(emptyLine)
	}
	length, end := utf8.RuneCount(t.text[:t.head]), t.head
	for i, p := range t.pieces {
		if length += utf8.RuneCount(t.text[end:p.to]); length <= room {
			end = p.to
			continue
		}
		for _, rest := range t.pieces[i:] {
			if rest.of != nil {
				t.left++
			}
		}
		t.pieces, t.text = t.pieces[:i], t.text[:end]
		t.notice(leftOut(int(t.left)))
		return
	}
}

// leftOut says that messages did not fit.
func leftOut(n int) string {
	return fmt.Sprintf("Messages left out here, for the length of the transcript: %d.", n)
}
