package emulator

import (
	"encoding/json"
	"net/http"
	"slices"
	"strconv"
	"strings"
)

// callConversation is the place of the conversation that a call belongs to; every ninth has none.
func callConversation(w *World, ord int) int32 {
	if n := w.size.Conversations; n > 0 && ord%9 != 8 {
		return int32((ord*8 + 5) % n)
	}
	return -1
}

const callsURL = "https://api.intercom.io/calls/"

func (p *printer) phoneCall(x *item) {
	p.obj("")
	p.phoneCallFields(x)
	p.end()
}

func (p *printer) phoneCallFields(x *item) {
	missed := x.ord%5 == 4
	p.str("type", "call")
	p.str("id", x.id)
	if x.parent >= 0 {
		p.str("conversation_id", strconv.Itoa(conversationBase+int(x.parent)))
	} else {
		p.null("conversation_id")
	}
	p.strOrNull("admin_id", []string{strconv.FormatInt(p.adminOf(x.s, 1), 10), ""}[btoi(missed)])
	if n := p.w.size.Contacts; n > 0 && x.ord%7 != 6 {
		p.str("contact_id", hexID(contactPrefix, int32(x.s.n(2, n))))
	} else {
		p.null("contact_id")
	}
	p.str("state", []string{"completed", "missed"}[btoi(missed)])
	lasted := int64(30 + x.s.n(3, 900))
	p.num("initiated_at", x.created)
	if !missed {
		p.num("answered_at", x.created+7)
	}
	p.num("ended_at", x.created+lasted)
	p.num("created_at", x.created)
	p.num("updated_at", x.updated)
	p.strOrNull("recording_url", when(x.recorded(), callsURL+x.id+"/recording"))
	p.strOrNull("transcription_url", when(x.transcribed(), callsURL+x.id+"/transcript"))
	p.str("call_type", []string{"phone", "messenger"}[x.ord%2])
	p.str("direction", []string{"inbound", "outbound"}[x.ord%2])
	p.strOrNull("ended_reason", when(x.ord%3 != 2, x.revised("completed")))
	p.strOrNull("phone", when(x.ord%4 != 3, "+3535550"+strconv.Itoa(10_000+int(x.ord)%90_000)))
	p.strOrNull("fin_recording_url", when(x.ord%6 == 0, callsURL+x.id+"/recording?fin=true"))
	p.strOrNull("fin_transcription_url", when(x.ord%6 == 0, callsURL+x.id+"/transcript?fin=true"))
	if p.v >= preview {
		for i, name := range []string{"duration", "talk_time", "queue_time", "hold_time"} {
			if missed && i < 2 {
				p.null(name)
			} else {
				p.num(name, lasted/int64(i+1))
			}
		}
	}
}

// when is a text or, where it does not hold, none.
func when(holds bool, text string) string {
	if !holds {
		return ""
	}
	return text
}

func (x *item) recorded() bool    { return x.ord%5 != 4 }
func (x *item) transcribed() bool { return x.ord%3 != 1 && x.recorded() }

// callTranscript writes a call with what was said in it.
func (p *printer) callTranscript(x *item) {
	p.obj("")
	p.phoneCallFields(x)
	p.arr("transcript")
	for _, line := range x.said() {
		p.obj("")
		p.str("speaker", line[0])
		p.str("text", line[1])
		p.end()
	}
	p.endArr()
	p.strOrNull("transcript_status", []string{"", "completed"}[btoi(x.transcribed())])
	p.end()
}

func (x *item) said() [][2]string {
	if !x.transcribed() {
		return nil
	}
	return [][2]string{{"admin", "Hello, how can I help?"}, {"contact", plainText(pick(x.s, 5, bodies))}, {"admin", x.revised("Done.")}}
}

// searchCalls answers the calls of 1 to 20 conversations, with transcripts.
func (c *call) searchCalls() *apiError {
	if c.v < v214 {
		return resourceNotFound()
	}
	const most = 20
	var body struct {
		ConversationIDs []any `json:"conversation_ids"`
	}
	if json.Unmarshal(c.body, &body) != nil {
		return badParameter("", "the request body is not valid JSON")
	}
	if n := len(body.ConversationIDs); n == 0 || n > most {
		return badParameter("conversation_ids", "between 1 and 20 conversation_ids must be given")
	}
	var wanted []int32
	for _, id := range body.ConversationIDs {
		switch id := id.(type) {
		case string:
			wanted = append(wanted, fromNumericID(conversationBase, id))
		case float64:
			wanted = append(wanted, fromNumericID(conversationBase, strconv.FormatInt(int64(id), 10)))
		}
	}
	return listOf(c, "list", "data", filtered(c.w.shelves["calls"].items, func(x *item) bool {
		return x.parent >= 0 && slices.Contains(wanted, x.parent)
	}), c.callTranscript)
}

// transcript answers what was said as a text file.
func (c *call) transcript() *apiError {
	x := c.w.shelves["calls"].find(c.id)
	if c.v < v214 || x == nil || !x.transcribed() {
		return resourceNotFound()
	}
	var text strings.Builder
	for _, line := range x.said() {
		text.WriteString(line[0] + ": " + line[1] + "\n")
	}
	c.other = &answer{status: http.StatusOK, kind: "text/plain; charset=utf-8", body: []byte(text.String())}
	return nil
}

// recording sends the client to where the sound is.
func (c *call) recording() *apiError {
	x := c.w.shelves["calls"].find(c.id)
	if c.v < v214 || x == nil || !x.recorded() {
		return resourceNotFound()
	}
	c.other = &answer{status: http.StatusFound, kind: "application/json; charset=utf-8", location: c.signedURL(x.s, "recording.wav")}
	return nil
}
