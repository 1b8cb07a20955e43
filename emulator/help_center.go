package emulator

import (
	"slices"
	"strconv"
)

// locales are those that an article or a collection can be translated into.
var locales = []string{"ar", "bg", "bs", "ca", "cs", "da", "de", "el", "en", "es", "et", "fi", "fr", "he", "hr", "hu", "id", "it", "ja", "ko", "lt",
	"lv", "mn", "nb", "nl", "pl", "pt", "ro", "ru", "sl", "sr", "sv", "tr", "vi", "pt-BR", "zh-CN", "zh-TW"}

const helpCenterURL = "https://help.example.com/"

// multilingual objects have a default locale and translations, the others lack both fields.
func (x *item) multilingual() bool { return x.ord%3 != 1 }

// translated writes the locales of an object: French always, and a few that differ from object to object.
func (p *printer) translated(x *item, kind string, write func(locale string)) {
	if !x.multilingual() {
		return
	}
	p.str("default_locale", "en")
	p.obj("translated_content")
	p.str("type", kind)
	shown := []string{"fr"}
	for i := range 5 {
		nth := int(x.ord - (x.ord+1)/3) // of the multilingual ones
		if l := locales[(nth*5+i)%len(locales)]; l != "fr" {
			shown = append(shown, l)
		}
	}
	for _, l := range shown {
		p.obj(l)
		write(l)
		p.end()
	}
	p.end()
}

func (x *item) published() bool { return x.ord%4 != 3 }

// article writes an article; a single read adds its statistics.
func (p *printer) article(x *item) {
	p.obj("")
	p.str("type", "article")
	p.str("id", x.id())
	p.str("workspace_id", p.w.workspace)
	p.articleText(x, "")
	parents := p.w.some("collections", int(x.ord%3), int(x.ord))
	p.nums("parent_ids", parents)
	if p.v < v216 {
		if len(parents) > 0 {
			p.num("parent_id", parents[0])
			p.str("parent_type", "collection")
		} else {
			p.null("parent_id")
			p.null("parent_type")
		}
	}
	if p.v >= v213 {
		p.contentTags(x)
	}
	if p.v >= v216 {
		p.flag("exclude_from_article_suggestions", x.ord%6 == 4)
		audiences := []string{"everyone", "all_users", "all_visitors", "all_leads", "all_visitors_and_leads", "restricted", ""}
		p.strOrNull("help_center_audience", audiences[int(x.ord)%len(audiences)])
		soon := x.settled + 864_000
		p.numOrNull("scheduled_publish_at", soon*int64(btoi(x.ord%8 == 3)))
		p.numOrNull("scheduled_unpublish_at", soon*int64(btoi(x.ord%8 == 4)))
	}
	if p.v >= preview {
		p.folder(x)
	}
	p.translated(x, "article_translated_content", func(l string) {
		p.str("type", "article_content")
		p.articleText(x, l)
	})
	if p.single {
		p.articleStatistics(x)
	}
	p.end()
}

// articleText writes what an article has in common with each of its translations. Of these, French alone has gaps.
func (p *printer) articleText(x *item, locale string) {
	own, gaps := locale == "", locale == "" || locale == "fr"
	title := x.revised("How to use the " + pick(x.s, 1, nouns))
	body := pick(x.s, 2, bodies)
	if !own {
		title += " [" + locale + "]"
	}
	p.str("title", title)
	if own && x.ord%5 == 4 {
		p.null("description")
	} else {
		p.str("description", "All about "+title)
	}
	if own && x.ord%7 == 6 {
		p.null("body")
	} else {
		p.str("body", body)
	}
	p.num("author_id", p.adminOf(x.s, 3))
	p.str("state", []string{"draft", "published"}[btoi(x.published())])
	p.num("created_at", x.created)
	p.num("updated_at", x.updated)
	if own && !x.published() {
		p.null("url")
	} else {
		p.str("url", helpCenterURL+"articles/"+x.id()+"-how-to"+locale)
	}
	if p.v < v216 {
		return
	}
	staged := int64(0)
	if !gaps || x.ord%4 == 1 {
		staged = x.settled
	}
	p.str("body_markdown", "# "+title+"\n\n"+plainText(body)+"\n")
	p.flag("has_unpublished_changes", staged > 0)
	p.numOrNull("draft_updated_at", staged)
	p.availability(x)
	if gaps && x.ord%6 == 5 {
		p.null("created_by_id")
		p.null("updated_by_id")
	} else {
		p.num("created_by_id", p.adminOf(x.s, 4))
		p.num("updated_by_id", p.adminOf(x.s, 5+len(x.edits)))
	}
	if !own {
		p.audiences(x, gaps)
	}
}

// availability tells which of Intercom's agents may use a content.
func (p *printer) availability(x *item) {
	p.flag("ai_chatbot_availability", x.ord%2 == 0)
	p.flag("ai_copilot_availability", x.ord%3 == 0)
	p.flag("ai_sales_agent_availability", x.ord%5 == 0)
}

// audiences writes the ids of those that a content is meant for.
func (p *printer) audiences(x *item, gaps bool) {
	if gaps && x.ord%6 == 3 {
		p.null("audience_ids")
		return
	}
	p.nums("audience_ids", p.w.some("audiences", 1+int(x.ord%2), int(x.ord)))
}

func (p *printer) folder(x *item) {
	if x.ord%2 == 0 {
		p.num("folder_id", 610+int64(x.ord%4))
	} else {
		p.null("folder_id")
	}
}

func (p *printer) contentTags(x *item) {
	p.obj("tags")
	p.str("type", "tag.list")
	p.arr("tags")
	for i := range min(int(x.ord%3), p.w.size.Tags) {
		p.obj("")
		p.str("type", "tag")
		p.str("id", strconv.Itoa(tagBase+i))
		p.str("name", baseTagName(int32(i)))
		p.num("applied_at", x.created)
		p.reference("applied_by", "admin", strconv.FormatInt(p.adminOf(x.s, 6), 10))
		p.end()
	}
	p.endArr()
	p.end()
}

func (p *printer) articleStatistics(x *item) {
	p.obj("statistics")
	p.str("type", "article_statistics")
	for i, name := range []string{"views", "conversions", "reactions", "fin_involvements", "fin_resolutions"} {
		p.num(name, int64(x.s.n(20+i, 900)))
	}
	for i, name := range []string{"happy_reaction_percentage", "neutral_reaction_percentage", "sad_reaction_percentage", "fin_resolution_rate"} {
		p.raw(name, strconv.FormatFloat(float64(x.s.n(30+i, 800))/8, 'f', -1, 64))
	}
	p.end()
}

// articleVersions are a function of the article: each edit adds one.
func articleVersions(c *call) (rowSet, *apiError) {
	article := c.w.shelves["articles"].find(c.id)
	if article == nil {
		return rowSet{}, resourceNotFound()
	}
	if l := c.query.Get("locale"); l != "" && !slices.Contains(locales, l) {
		return rowSet{}, badParameter("locale", "locale is not configured for this workspace")
	}
	born := 1 + int(article.ord%4)
	if article.ord%10 == 3 {
		born = 30
	}
	n := born + len(article.edits)
	id := func(k int) string { return strconv.Itoa(301_000_000 + int(article.ord)*10_000 + k) }
	rows := rowSet{n: n, id: func(i int) string { return id(n - 1 - i) }}
	rows.write = func(p *printer, i int) { // newest first
		k := n - 1 - i
		at := article.created + (article.settled-article.created)*int64(k)/int64(born)
		if k >= born {
			at = article.edits[k-born]
		}
		p.obj("")
		p.str("type", "article_version")
		p.str("id", id(k))
		p.str("article_id", article.id())
		p.str("title", "How to use the "+pick(article.s, 1, nouns)+", version "+strconv.Itoa(k+1))
		p.strOrNull("description", []string{"Shorter", ""}[k%2])
		p.str("author_id", strconv.FormatInt(p.adminOf(article.s, 3), 10))
		author := strconv.FormatInt(p.adminOf(article.s, 40+k), 10)
		p.strOrNull("created_by_id", []string{author, author, ""}[k%3])
		p.str("created_via", []string{"web", "api"}[k%2])
		if k > 0 {
			p.str("from_version_id", id(k-1))
		} else {
			p.null("from_version_id")
		}
		p.str("state", []string{"draft", "published"}[btoi(i == 0 && article.published())])
		p.num("created_at", at)
		p.end()
	}
	return rows, nil
}

func (p *printer) internalArticle(x *item) {
	title := x.revised("Internal: " + pick(x.s, 1, nouns))
	body := pick(x.s, 2, bodies)
	p.obj("")
	p.str("type", "internal_article")
	p.str("id", x.id())
	p.str("title", title)
	if x.ord%6 == 5 {
		p.null("body")
	} else {
		p.str("body", body)
	}
	p.num("owner_id", p.adminOf(x.s, 3))
	p.num("author_id", p.adminOf(x.s, 4))
	p.num("created_at", x.created)
	p.num("updated_at", x.updated)
	p.str("locale", "en")
	if p.v >= v216 {
		p.strOrNull("body_markdown", []string{"# " + title + "\n\n" + plainText(body) + "\n", ""}[btoi(x.ord%6 == 5)])
		p.audiences(x, true)
		p.availability(x)
	}
	if p.v >= preview {
		p.folder(x)
		p.contentTags(x)
	}
	p.end()
}

func (p *printer) collection(x *item) {
	name := x.revised(pick(x.s, 1, nouns) + " basics")
	p.obj("")
	p.str("id", x.id())
	p.str("workspace_id", p.w.workspace)
	p.str("name", name)
	p.strOrNull("description", []string{"", "About " + name}[x.ord%2])
	p.num("created_at", x.created)
	p.num("updated_at", x.updated)
	p.strOrNull("url", []string{helpCenterURL + "collections/" + x.id(), ""}[btoi(x.ord%5 == 4)])
	p.strOrNull("icon", []string{"book-bookmark", "bookmark", ""}[x.ord%3])
	p.num("order", int64(x.ord))
	if x.ord%4 == 3 { // below another collection
		p.str("parent_id", strconv.FormatInt(p.w.idOf("collections", x.ord-1), 10))
		p.null("help_center_id")
	} else {
		p.null("parent_id")
		p.num("help_center_id", p.w.one("help_centers", int(x.ord)))
	}
	p.translated(x, "group_translated_content", func(l string) {
		p.str("type", "group_content")
		p.str("name", name+" ["+l+"]")
		p.str("description", "About "+name)
	})
	p.end()
}

func (p *printer) helpCenter(x *item) {
	n := strconv.Itoa(int(x.ord))
	domain := []string{"", "help" + n + ".example.com"}[x.ord%2]
	p.obj("")
	p.str("id", x.id())
	p.str("workspace_id", p.w.workspace)
	p.num("created_at", x.created)
	p.num("updated_at", x.updated)
	p.str("identifier", "emulated-"+n)
	p.flag("website_turned_on", x.ord%3 != 2)
	p.str("display_name", x.revised("Help Center "+n))
	p.str("url", helpCenterURL+"emulated-"+n)
	p.strOrNull("custom_domain", domain)
	if p.v >= v216 {
		p.flag("default", x.ord == 0)
		p.strs("locales", "en", "fr")
	}
	p.end()
}

func (p *printer) redirect(x *item) {
	target := []string{"article", "collection"}[x.ord%2]
	p.obj("")
	p.str("id", x.id())
	p.str("type", "help_center_redirect")
	p.str("from_url", helpCenterURL+x.revised("old-page-"+x.id()))
	p.str("locale", "en")
	p.str("help_center_id", strconv.FormatInt(p.w.idOf("help_centers", x.parent), 10))
	p.str("target_type", target)
	p.str("target_id", strconv.FormatInt(p.w.one(target+"s", int(x.ord)), 10))
	p.num("created_at", x.created)
	p.num("updated_at", x.updated)
	p.end()
}
