package connector

import (
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"source-intercom/markup"
	"source-intercom/protocol"
)

// A transcript is a row of transcripts: what was said in a conversation, in order, as one text or as a list.
type transcript struct {
	ConversationID string        `json:"conversation_id"`
	UpdatedAt      *int64        `json:"updated_at"`
	CreatedAt      *int64        `json:"created_at"`
	State          *string       `json:"state"`
	Title          *string       `json:"title"`
	ContactID      *string       `json:"contact_id"`
	MessageCount   int64         `json:"message_count"`
	RedactedCount  int64         `json:"redacted_count"`
	LeftOutCount   int64         `json:"left_out_count"`
	PartsMissing   *int64        `json:"parts_missing"`
	Markdown       *string       `json:"markdown"`
	Messages       []chatMessage `json:"messages"`
}

// A chatMessage is one message as language models take it.
type chatMessage struct {
	Role       string  `json:"role"`
	Author     *string `json:"author"`
	AuthorType *string `json:"author_type"`
	Time       *int64  `json:"time"`
	Text       string  `json:"text"`
}

// roles are what chat calls those who write; what the connector itself has to say comes from the system.
const (
	customersRole = "user"
	oursRole      = "assistant"
	noteRole      = "note"
	noticeRole    = "system"
)

// transcriptRows is the one row of a conversation.
func transcriptRows(c *conversation, cfg *Config) []any {
	t := &transcript{
		ConversationID: c.id, UpdatedAt: orNone(secondsOf(c.get("updated_at"))), CreatedAt: c.createdAt(),
		State: c.state(), Title: textOf(c.get("title")), ContactID: c.contactID(), PartsMissing: c.partsMissing(),
	}
	asMessages := cfg.TranscriptFormat == "messages"
	w := transcriber{most: cfg.TranscriptLength, markdown: !asMessages}
	if t.Title != nil && w.markdown {
		w.head = "# " + markup.Escape(*t.Title)
	}
	said := c.spoken(cfg.TranscriptNotes)
	if len(said) > 0 && said[0] == &c.source {
		w.message(said[0])
		said = said[1:]
	}
	if notice := c.missingNotice(); notice != "" {
		w.notice(notice)
	}
	for _, m := range said {
		w.message(m)
	}
	pieces := w.fitted()
	for _, p := range pieces {
		switch {
		case p.of == nil:
		case p.of.redacted:
			t.RedactedCount++
			t.MessageCount++
		default:
			t.MessageCount++
		}
	}
	t.LeftOutCount = w.left
	if asMessages {
		t.Messages = []chatMessage{}
		for _, p := range pieces {
			t.Messages = append(t.Messages, p.chat())
		}
		return []any{t}
	}
	texts := []string{}
	if w.head != "" {
		texts = append(texts, w.head)
	}
	for _, p := range pieces {
		texts = append(texts, p.text)
	}
	t.Markdown = known(strings.Join(texts, emptyLine))
	return []any{t}
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

// spoken are the messages in the order of the thread, redacted ones among them, and notes if they are wanted.
func (c *conversation) spoken(notes bool) []*message {
	var all []*message
	if c.source.says() || c.source.redacted {
		all = append(all, &c.source)
	}
	for i := range c.parts {
		m := &c.parts[i]
		switch {
		case m.note() && !notes:
		case m.redacted, m.spoken, len(m.attachments) > 0:
			all = append(all, m)
		}
	}
	return all
}

// A piece is one message of a transcript, or, where of is nil, what the connector has to say.
type piece struct {
	of   *message
	text string
}

const (
	emptyLine    = "\n\n"
	redactedText = "This message was redacted."
)

// A transcriber gathers the pieces of a transcript.
type transcriber struct {
	markdown bool
	head     string
	most     int // characters; 0: any number
	pieces   []piece
	left     int64 // messages that did not fit
}

func (w *transcriber) notice(text string) {
	w.pieces = append(w.pieces, piece{text: w.emphasized(text)})
}

func (w *transcriber) emphasized(text string) string {
	if w.markdown {
		return "_" + text + "_"
	}
	return text
}

func (w *transcriber) message(m *message) {
	if !w.markdown {
		w.pieces = append(w.pieces, piece{m, m.plain()})
		return
	}
	head := "**" + markup.Escape(m.name()) + "** (" + m.kindOfAuthor()
	if m.note() {
		head += ", note"
	}
	head += ")"
	if m.at > 0 {
		head += ", " + time.Unix(m.at, 0).UTC().Format("2006-01-02 15:04:05 UTC")
	}
	blocks := []string{head}
	switch {
	case m.redacted:
		blocks = append(blocks, w.emphasized(redactedText))
	case m.spoken:
		blocks = append(blocks, m.markdown())
	}
	var files []string
	for _, a := range m.attachments {
		files = append(files, markup.Link(a.Get("name").String(), protocol.Unsigned(a.Get("url").String())))
	}
	if files != nil {
		blocks = append(blocks, "Attached: "+strings.Join(files, ", "))
	}
	w.pieces = append(w.pieces, piece{m, strings.Join(blocks, emptyLine)})
}

// plain is the message as text, with a line for each file.
func (m *message) plain() string {
	if m.redacted {
		return redactedText
	}
	var lines []string
	if m.spoken {
		lines = append(lines, m.text())
	}
	for _, a := range m.attachments {
		lines = append(lines, strings.TrimSpace(a.Get("name").String()+" ("+protocol.Unsigned(a.Get("url").String())+")"))
	}
	return strings.Join(lines, "\n")
}

// name is the author's, or else what they are. An address is none: transcripts go far.
func (m *message) name() string {
	if name := m.author.Get("name").String(); name != "" {
		return name
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
	if kind := m.author.Get("type").String(); kind != "" {
		return kind
	}
	return "unknown"
}

func (p *piece) chat() chatMessage {
	if p.of == nil {
		return chatMessage{Role: noticeRole, Text: p.text}
	}
	m := chatMessage{Role: oursRole, Author: textOf(p.of.author.Get("name")), AuthorType: known(p.of.kindOfAuthor()), Time: orNone(p.of.at), Text: p.text}
	switch {
	case p.of.note():
		m.Role = noteRole
	case p.of.role == contactRole:
		m.Role = customersRole
	}
	return m
}

// fitted are the pieces that fit into the greatest length, whole, from the first one on. What is left out is said at the
// end, within that length.
func (w *transcriber) fitted() []piece {
	length := w.size(w.head)
	whole := length
	for _, p := range w.pieces {
		whole += w.size(p.text)
	}
	if w.most == 0 || whole-w.size("") <= w.most {
		return w.pieces
	}
	messages := 0
	for _, p := range w.pieces {
		if p.of != nil {
			messages++
		}
	}
	longest := w.size(w.cut(messages)) - w.size("")
	for i, p := range w.pieces {
		if length += w.size(p.text); length+longest > w.most {
			for _, rest := range w.pieces[i:] {
				if rest.of != nil {
					w.left++
				}
			}
			return append(w.pieces[:i:i], piece{text: w.cut(int(w.left))})
		}
	}
	return w.pieces
}

// cut says that messages did not fit.
func (w *transcriber) cut(n int) string {
	return w.emphasized(fmt.Sprintf("Messages left out here, for the length of the transcript: %d.", n))
}

// size is how many characters a piece takes, with what parts it from the next one.
func (w *transcriber) size(text string) int {
	n := utf8.RuneCountInString(text)
	if w.markdown {
		n += len(emptyLine)
	}
	return n
}
