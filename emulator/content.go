package emulator

import (
	"math"
	"strconv"
	"time"
)

// isoTime writes a moment as the newer endpoints do, with or without thousandths.
func isoTime(unix int64, layout string) string { return time.Unix(unix, 0).UTC().Format(layout) }

const (
	isoSeconds = "2006-01-02T15:04:05Z"
	isoMillis  = "2006-01-02T15:04:05.000Z"
)

func (p *printer) contentSnippet(x *item) {
	p.obj("")
	p.str("type", "content_snippet")
	p.str("id", x.id)
	if x.ord%5 == 4 {
		p.null("title")
	} else {
		p.str("title", x.revised("Snippet on the "+pick(x.s, 1, nouns)))
	}
	p.str("locale", "en")
	p.arr("json_blocks")
	p.obj("")
	p.str("type", "paragraph")
	p.str("text", plainText(pick(x.s, 2, bodies)))
	p.end()
	p.endArr()
	p.strOrNull("body_markdown", []string{"# Snippet\n\n" + plainText(pick(x.s, 2, bodies)) + "\n", ""}[btoi(x.ord%7 == 6)])
	p.num("chatbot_availability", int64(btoi(x.ord%2 == 0)))
	p.num("copilot_availability", int64(btoi(x.ord%3 == 0)))
	p.availability(x)
	p.num("created_at", x.created)
	p.num("updated_at", x.updated)
	p.audiences(x, true)
	p.end()
}

func (p *printer) audience(x *item) {
	p.obj("")
	p.str("type", "audience")
	p.str("id", x.id)
	p.str("name", x.revised("Audience "+pick(x.s, 1, nouns)))
	p.arr("predicates")
	if x.ord%4 != 3 {
		p.predicate("company.name", "string", "contains", pick(x.s, 2, trades))
		p.predicate("custom_attributes.tier", "string", "eq", "brönze")
	}
	p.endArr()
	p.arr("role_predicates")
	p.predicate("role", "role", "eq", []string{"user", "lead"}[x.ord%2])
	p.endArr()
	p.num("created_at", x.created)
	p.num("updated_at", x.updated)
	p.end()
}

func (p *printer) predicate(attribute, kind, comparison, value string) {
	p.obj("")
	p.str("attribute", attribute)
	p.str("type", kind)
	p.str("comparison", comparison)
	p.str("value", value)
	p.end()
}

func (p *printer) macro(x *item) {
	p.obj("")
	p.str("type", "macro")
	p.str("id", x.id)
	p.str("name", x.revised("Macro "+pick(x.s, 1, nouns)))
	p.str("body", `<p>Hi <attribute key="user.name" default="there"/>, your `+pick(x.s, 2, nouns)+` is ready!</p>`)
	p.str("body_text", `Hi {{user.name|fallback:"there"}}, your `+pick(x.s, 2, nouns)+` is ready!`)
	p.str("created_at", isoTime(x.created, isoMillis))
	p.str("updated_at", isoTime(x.updated, isoMillis))
	if x.ord%3 == 2 && p.w.size.Teams > 0 {
		p.str("visible_to", "specific_teams")
		p.strs("visible_to_team_ids", strconv.Itoa(teamBase+int(x.ord)%p.w.size.Teams))
	} else {
		p.str("visible_to", "everyone")
		p.strs("visible_to_team_ids")
	}
	p.strs("available_on", []string{"inbox", "messenger"}[:1+x.ord%2]...)
	p.end()
}

// macrosSince lists macros updated after a moment, if one is named.
func macrosSince(c *call) (rowSet, *apiError) {
	list := lastUpdated(c.w.shelves["macros"].items)
	if text := c.query.Get("updated_since"); text != "" {
		since, ok := parseNumber(text)
		if !ok {
			return rowSet{}, badParameter("updated_since", "updated_since must be a Unix timestamp")
		}
		list = filtered(list, func(x *item) bool { return x.updated > since })
	}
	return c.itemRows("macros", list), nil
}

func (p *printer) externalPage(x *item) {
	p.obj("")
	p.str("id", x.id)
	p.str("type", "external_page")
	p.str("title", x.revised("Page on the "+pick(x.s, 1, nouns)))
	p.str("html", "<h1>"+pick(x.s, 1, nouns)+"</h1>"+pick(x.s, 2, bodies))
	p.str("url", "https://docs.example.com/pages/"+x.id)
	p.flag("ai_agent_availability", x.ord%2 == 0)
	p.flag("ai_copilot_availability", x.ord%3 == 0)
	p.flag("ai_sales_agent_availability", x.ord%5 == 0)
	p.flag("fin_availability", x.ord%2 == 0)
	p.str("locale", "en")
	p.num("source_id", p.w.some("content_import_sources", 1, int(x.ord))[0])
	p.str("external_id", "page-"+strconv.Itoa(int(x.ord)))
	p.num("created_at", x.created)
	p.num("updated_at", x.updated)
	p.num("last_ingested_at", x.updated)
	p.end()
}

func (p *printer) contentImportSource(x *item) {
	p.obj("")
	p.raw("id", x.id)
	p.str("type", "content_import_source")
	p.num("last_synced_at", x.updated)
	p.str("status", []string{"active", "deactivated"}[btoi(x.ord%4 == 3)])
	p.str("url", "https://docs.example.com/"+x.revised("source-"+x.id))
	p.str("sync_behavior", []string{"api", "automatic", "manual"}[x.ord%3])
	p.num("created_at", x.created)
	p.num("updated_at", x.updated)
	if p.v >= v215 {
		p.audiences(x, p.v < preview) // which no longer lets them be null
	}
	p.end()
}

func (p *printer) newsItem(x *item) {
	p.obj("")
	p.str("id", x.id)
	p.str("type", "news-item")
	p.str("workspace_id", p.w.workspace)
	p.str("title", x.revised("News of the "+pick(x.s, 1, nouns)))
	p.str("body", pick(x.s, 2, bodies))
	p.num("sender_id", p.adminOf(x.s, 3))
	p.str("state", []string{"draft", "live"}[btoi(x.live())])
	p.arr("newsfeed_assignments")
	for i, id := range p.w.feedsOf(x) {
		p.obj("")
		p.num("newsfeed_id", id)
		p.num("published_at", x.created+int64(i))
		p.end()
	}
	p.endArr()
	if x.ord%3 == 0 {
		p.strs("labels")
	} else {
		p.strs("labels", "Product", pick(x.s, 4, trades))
	}
	p.strOrNull("cover_image_url", []string{"", "https://static.example.com/cover" + x.id + ".jpg"}[x.ord%2])
	p.arr("reactions") // the examples hold nulls
	p.str("", "👍")
	if p.v != v211 {
		p.null("")
	}
	p.endArr()
	p.flag("deliver_silently", x.ord%2 == 1)
	p.num("created_at", x.created)
	p.num("updated_at", x.updated)
	p.end()
}

func (x *item) live() bool { return x.ord%4 != 2 }

// feedsOf lists the newsfeeds of a news item: none, one or two, and never the last of them.
func (w *World) feedsOf(x *item) []int64 {
	ids := w.some("newsfeeds", math.MaxInt32, 0)
	if len(ids) < 2 || x.ord%5 == 4 {
		return nil
	}
	ids = ids[:len(ids)-1]
	first := int(x.ord/2) % len(ids) * int(x.ord%2) // every other item is in the first feed
	if second := first + 1; x.ord%3 == 0 && second < len(ids) {
		return []int64{ids[first], ids[second]}
	}
	return ids[first : first+1]
}

func (p *printer) newsfeed(x *item) {
	p.obj("")
	p.str("id", x.id)
	p.str("type", "newsfeed")
	p.str("name", x.revised("Feed "+pick(x.s, 1, nouns)))
	p.num("created_at", x.created)
	p.num("updated_at", x.updated)
	p.end()
}

// newsfeedItems lists the live items of a newsfeed.
func newsfeedItems(c *call) (rowSet, *apiError) {
	feed := c.w.shelves["newsfeeds"].find(c.id)
	if feed == nil {
		return rowSet{}, resourceNotFound()
	}
	list := filtered(c.w.shelves["news_items"].items, func(x *item) bool {
		for _, id := range c.w.feedsOf(x) {
			if x.live() && strconv.FormatInt(id, 10) == feed.id {
				return true
			}
		}
		return false
	})
	return c.itemRows("news_items", list), nil
}
