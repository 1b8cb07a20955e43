package emulator

import (
	"strconv"
)

// conversationRow is the conversation in the path, as single reads see it; nil if there is none.
func (c *call) conversationRow() *conversation {
	ord := fromNumericID(conversationBase, c.id)
	if c.e != nil {
		return at(c.w.conversations.replica.rows, ord)
	}
	return c.w.conversations.get(ord) // Truth knows no lag
}

// handlingEvent is a pause of the work on a conversation, or its end.
type handlingEvent struct {
	by     int // admin, team or bot
	paused bool
	at     int64
}

func handlingRows(c *call) (rowSet, *apiError) {
	x := c.conversationRow()
	if x == nil {
		return rowSet{}, resourceNotFound()
	}
	var list []handlingEvent
	step := (x.settled - x.created) / 8
	for i := range []int{0, 2, 0, 3}[x.ord%4] { // the third pause goes on
		list = append(list, handlingEvent{int(x.ord/4+int32(i)/2) % 3, i%2 == 0, x.created + int64(i+1)*step})
	}
	nameless := func(handlingEvent) string { return "" }
	return rowsOf(list, nameless, func(p *printer, e handlingEvent) { p.handlingEvent(x, e) }), nil
}

func (p *printer) handlingEvent(c *conversation, e handlingEvent) {
	p.obj("")
	p.obj("teammate")
	n := c.s.n(3000, p.w.size.Admins)
	switch {
	case e.by == 1 && p.w.size.Teams > 0:
		p.str("type", "team")
		p.num("id", teamBase)
		p.str("name", p.w.teamName(0))
		p.null("email")
	case e.by == 2:
		p.str("type", "bot")
		p.num("id", 278)
		p.str("name", "Fin")
	default:
		p.str("type", "admin")
		p.num("id", adminBase+int64(n))
		p.str("name", p.w.adminName(n))
		p.str("email", adminEmail(n))
	}
	p.end()
	if e.paused {
		p.str("type", "paused")
	} else {
		p.str("type", "resumed")
	}
	p.str("timestamp", isoTime(e.at, isoSeconds))
	if e.paused {
		p.str("reason", []string{"Paused", "Away"}[c.ord/8%2])
	} else {
		p.null("reason")
	}
	p.end()
}

const (
	sideBase  = 51_000_000
	sideRoom  = 64      // side conversations that one conversation can have
	sideFirst = 1 << 24 // ordinals of side conversations are beyond those of conversations
)

// sideConversations lists the threads that teammates started from a conversation, as conversations of their own.
func (w *World) sideConversations(c *conversation) []*conversation {
	n := []int{0, 0, 1, 0, 2, 0}[c.ord%6]
	if c.ord%30 == 28 {
		n = 55
	}
	out := make([]*conversation, n)
	for i := range out {
		ord := sideFirst + c.ord*sideRoom + int32(i)
		side := conversation{ord: ord, s: c.s.at(4000 + i), created: c.created, updated: c.settled, settled: c.settled}
		side.partCount = int32(3 + i%4)
		out[i] = &side
	}
	return out
}

func (c *conversation) sideID() string { return strconv.Itoa(sideBase + int(c.ord-sideFirst)) }

func sideRows(c *call) (rowSet, *apiError) {
	x := c.conversationRow()
	if x == nil {
		return rowSet{}, resourceNotFound()
	}
	return rowsOf(c.w.sideConversations(x), (*conversation).sideID, (*printer).sideConversation), nil
}

func (p *printer) sideConversation(c *conversation) {
	p.obj("")
	p.str("side_conversation_id", c.sideID())
	p.arr("conversation_parts")
	for i := range c.parts() {
		p.part("", c, i)
	}
	p.endArr()
	p.num("total_count", int64(c.parts()))
	p.end()
}

type finVoiceCall struct {
	of *conversation
	n  int
}

// finVoiceRows lists the calls that were matched to a conversation, which need not exist any more.
func finVoiceRows(c *call) (rowSet, *apiError) {
	x := c.conversationRow()
	if x == nil {
		return rowSet{}, nil
	}
	var list []finVoiceCall
	for i := range []int{0, 0, 0, 1, 0, 2}[x.ord%6] {
		list = append(list, finVoiceCall{x, i})
	}
	return rowsOf(list, finVoiceCall.id, (*printer).finVoiceCall), nil
}

func (f finVoiceCall) id() string { return strconv.Itoa(91_000_000 + int(f.of.ord)*2 + f.n) }

func (p *printer) finVoiceCall(f finVoiceCall) {
	known := (int(f.of.ord)+f.n)%5 != 4
	p.obj("")
	p.raw("id", f.id())
	p.num("app_id", 4711)
	p.str("user_phone_number", "+3535551"+strconv.Itoa(10_000+int(f.of.ord)%90_000))
	p.str("status", []string{"registered", "in-progress", "resolved"}[f.of.ord/3%3])
	p.strOrNull("intercom_call_id", when(known, strconv.Itoa(600+int(f.of.ord))))
	p.str("external_call_id", "call-"+f.id())
	p.strOrNull("intercom_conversation_id", when(known, f.of.id()))
	p.arr("call_transcript")
	if f.n == 0 {
		p.obj("")
		p.str("role", "agent")
		p.str("text", "Hello, this is Fin.")
		p.end()
	}
	p.endArr()
	p.str("call_summary", when(f.of.ord%4 != 3, "Asked about an invoice 🧾"))
	p.arr("intent")
	if f.n == 0 {
		p.obj("")
		p.str("name", "billing")
		p.end()
	}
	p.endArr()
	p.end()
}

// teamMetric counts the conversations of an admin at this moment.
type teamMetric struct {
	admin               int
	open, idle, snoozed int64
}

func teamMetricRows(c *call) (rowSet, *apiError) {
	ord := fromNumericID(teamBase, c.id)
	if ord < 0 || int(ord) >= len(c.w.teams) {
		return rowSet{}, notFound("team_not_found", "Team not found")
	}
	threshold := int64(1800)
	if n, ok := parseNumber(c.query.Get("idle_threshold")); ok {
		threshold = min(max(n, 1), 86_400) // "Clamped to the range 1–86400"
	}
	var list []teamMetric
	place := map[int]int{}
	for _, admin := range c.w.membersOf(int(ord)) {
		place[admin] = len(list)
		list = append(list, teamMetric{admin: admin})
	}
	for _, x := range c.w.conversations.live {
		if x == nil || x.admin == 0 {
			continue
		}
		if i, ok := place[int(x.admin)-1]; ok && x.state == stateOpen {
			list[i].open++
			list[i].idle += int64(btoi(c.now.Unix()-x.settled > threshold))
		} else if ok && x.state == stateSnoozed {
			list[i].snoozed++
		}
	}
	return rowsOf(list, func(m teamMetric) string { return strconv.Itoa(adminBase + m.admin) }, (*printer).teamMetric), nil
}

func (p *printer) teamMetric(m teamMetric) {
	p.obj("")
	p.str("type", "team_metric")
	p.str("admin_id", strconv.Itoa(adminBase+m.admin))
	p.num("open", m.open)
	p.num("idle", m.idle)
	p.num("snoozed", m.snoozed)
	p.end()
}
