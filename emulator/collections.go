package emulator

const (
	awayReasonBase  = 17_400
	ticketTypeBase  = 100
	ticketStateBase = 8577
)

// half is for kinds of which there are fewer than of others, but at least one.
func half(z Size) int { return (z.Reference + 1) / 2 }

func atBirth(w *World, _ seed, _, _ int) int64 { return w.start }

func customObjectCount(z Size) int { return z.CustomObjects }

// kinds are all items of a world; owners come before what belongs to them.
var kinds = []kind{
	{name: "away_status_reasons", base: awayReasonBase, count: fixed(5), write: (*printer).awayStatusReason},
	{name: "ticket_types", base: ticketTypeBase, count: fixed(archivedType + 1), write: (*printer).ticketTypeRow, born: atBirth},
	{name: "ticket_states", base: ticketStateBase, count: fixed(archivedState + 1), write: (*printer).ticketStateRow, born: atBirth},
	{name: "subscription_types", base: 13_500, count: atMost(6), write: (*printer).subscriptionType},
	{name: "conversation_attributes", base: 12_890, count: atMost(len(ownAttributes["conversation"])), write: (*printer).conversationAttribute},
	{name: "articles", base: 6_871_000, count: times(1), write: (*printer).article},
	{name: "internal_articles", base: 6_931_000, count: times(1), write: (*printer).internalArticle},
	{name: "collections", base: 7_101_000, count: times(1), write: (*printer).collection},
	{name: "help_centers", base: 7_900, count: atMost(3), write: (*printer).helpCenter},
	{name: "help_center_redirects", base: 2_600, count: times(1), write: (*printer).redirect, under: "help_centers"},
	{name: "content_snippets", base: 310_000, count: times(1), write: (*printer).contentSnippet},
	{name: "audiences", base: 320_000, count: times(1), write: (*printer).audience},
	{name: "macros", base: 330_000, count: times(1), write: (*printer).macro},
	{name: "content_import_sources", base: 34_000, count: half, write: (*printer).contentImportSource},
	{name: "external_pages", base: 350_000, count: times(1), write: (*printer).externalPage},
	{name: "newsfeeds", base: 198_000, count: half, write: (*printer).newsfeed},
	{name: "news_items", base: 29_000, count: times(1), write: (*printer).newsItem},
	{name: "brands", base: 1_200, count: func(z Size) int { return 1 + min(2, z.Reference) }, write: (*printer).brand},
	{name: "emails", base: 1_300, count: atMost(4), write: (*printer).email},
	{name: "office_hours_schedules", base: 1_400, count: atMost(4), write: (*printer).officeHours},
	{name: "office_hours_exceptions", base: 1_500, count: atMost(7), write: (*printer).officeHoursException, under: "office_hours_schedules"},
	{name: "calls", base: 600_000, count: func(z Size) int { return z.Calls }, write: (*printer).phoneCall, owner: callConversation},
	{name: "data_connectors", base: 12_000, count: half, write: (*printer).dataConnector},
	{name: "data_connector_executions", base: 99_000_000, count: times(4), write: (*printer).execution, under: "data_connectors", born: executionTime},
	{name: "custom_objects_order", base: 2_000_000, count: customObjectCount, write: (*printer).order},
	{name: "custom_objects_device", base: 3_000_000, count: customObjectCount, write: (*printer).device},
}

// without is a list by page number whose pages object has no next: the file's example shows none, and neither does its prose.
func without(standard, most int) pager {
	return numbers{limits: limits{standard, most, false}}.page
}

// linked is a list by page number with a URL in next.
func linked(standard, most int, strict bool) pager {
	return numbers{limits: limits{standard, most, strict}, next: true}.page
}

// most rows of a page where no document names a limit.
const unlimited = 250

// collections are the lists of the API. Where no document names the scope, it is that of the resource.
var collections = []collection{
	{stream: "activity_log_event_types", path: "/admins/activity_log_event_types", scope: "read_admins", since: v216, kind: "activity_log_event_type.list",
		key: "event_types", rows: eventTypes, page: unpaged},
	{stream: "away_status_reasons", path: "/away_status_reasons", scope: "read_admins", since: v214, rows: items("away_status_reasons", byID), page: unpaged},
	{stream: "team_metrics", path: "/teams/{id}/metrics", of: "teams", scope: "read_admins", since: v216, kind: "team_metric.list",
		rows: teamMetricRows, page: unpaged, inject: "team_id"},

	{stream: "ticket_types", path: "/ticket_types", scope: "read_tickets", since: v210, rows: items("ticket_types", byID), page: unpaged, single: true},
	{stream: "ticket_states", path: "/ticket_states", scope: "read_tickets", since: v212, rows: items("ticket_states", byID), page: unpaged},
	{stream: "subscription_types", path: "/subscription_types", scope: "read_users_companies", since: v210,
		rows: items("subscription_types", byID), page: unpaged},

	{stream: "articles", path: "/articles", scope: "read_articles_scope", since: v210, rows: items("articles", lastUpdated),
		page: linked(25, 250, false), single: true},
	{stream: "article_versions", path: "/articles/{id}/versions", of: "articles", scope: "read_articles_scope", since: v216,
		rows: articleVersions, page: without(25, unlimited), inject: "article_id article_updated_at"},
	{stream: "internal_articles", path: "/internal_articles", scope: "read_articles_scope", since: v213, rows: items("internal_articles", newest),
		page: numbers{limits: limits{50, unlimited, false}, next: true, text: true}.page, single: true},
	{stream: "collections", path: "/help_center/collections", scope: "read_articles_scope", since: v210, rows: items("collections", byID),
		page: without(20, unlimited), single: true},
	{stream: "help_centers", path: "/help_center/help_centers", scope: "read_articles_scope", since: v210, rows: items("help_centers", byID),
		page: unpaged, single: true},
	{stream: "help_center_redirects", path: "/help_center/help_centers/{id}/redirects", of: "help_centers", scope: "read_help_center_redirects_scope",
		since: v216, rows: itemsUnder("help_center_redirects", lastUpdated), page: without(50, 250), single: true, inject: "help_center_id"},

	{stream: "content_snippets", path: "/content_snippets", scope: "read_write_content_snippets", since: v216, rows: items("content_snippets", byID),
		page: numbers{limits: limits{50, 50, false}, flat: true}.page, single: true},
	{stream: "audiences", path: "/audiences", scope: "read_audiences", since: v216, rows: items("audiences", byID),
		page: numbers{limits: limits{50, 50, false}, flat: true}.page, single: true},
	{stream: "macros", path: "/macros", scope: "read_macros", since: v216, rows: macrosSince, page: cursors{limits: limits{50, 150, true}}.page, single: true},
	{stream: "external_pages", path: "/ai/external_pages", scope: "read_content", since: v212, rows: items("external_pages", newest),
		page: linked(50, unlimited, false), single: true},
	{stream: "content_import_sources", path: "/ai/content_import_sources", scope: "read_content", since: v212,
		rows: items("content_import_sources", byID), page: linked(50, unlimited, false), single: true},

	{stream: "news_items", path: "/news/news_items", scope: "read_news_items", since: v210, rows: items("news_items", byID),
		page: without(10, unlimited), single: true},
	{stream: "newsfeeds", path: "/news/newsfeeds", scope: "read_news_items", since: v210, rows: items("newsfeeds", byID),
		page: without(10, unlimited), single: true},
	{stream: "newsfeed_items", path: "/news/newsfeeds/{id}/items", of: "newsfeeds", scope: "read_news_items", since: v210,
		rows: newsfeedItems, page: without(20, unlimited), inject: "newsfeed_id"},

	{stream: "brands", path: "/brands", scope: "read_brands", since: v215, rows: items("brands", byID), page: unpaged, single: true},
	{stream: "emails", path: "/emails", scope: "read_emails", since: v215, rows: items("emails", byID), page: unpaged, single: true},
	{stream: "office_hours_schedules", path: "/office_hours_schedules", scope: "read_write_office_hours", since: v216, kind: "office_hours_schedule.list",
		rows: items("office_hours_schedules", byID), page: unpaged, single: true},
	{stream: "office_hours_exceptions", path: "/office_hours_schedules/{id}/office_hours_exceptions", of: "office_hours_schedules",
		scope: "read_write_office_hours", since: v216, kind: "office_hours_exception.list", rows: itemsUnder("office_hours_exceptions", byID),
		page: unpaged, single: true, inject: "office_hours_schedule_id"},

	{stream: "data_connectors", path: "/data_connectors", scope: "read_data_connectors", since: v216, rows: items("data_connectors", lastUpdated),
		page: cursors{limits: limits{20, 50, true}, numeric: true}.page},
	{stream: "data_connector_executions", path: "/data_connectors/{id}/execution_results", of: "data_connectors", scope: "read_data_connectors",
		since: v216, rows: executions, page: cursors{limits: limits{10, 30, true}, numeric: true}.page, single: true, whole: "start_ts=0", inject: "data_connector_id"},
	{stream: "calls", path: "/calls", scope: "read_calls", since: v214, rows: items("calls", newest), page: without(25, 25), single: true},
	{path: "/custom_object_instances/{id}", scope: "read_custom_object_instances", since: v213, rows: customObjects, page: customObjectPages, single: true},

	{stream: "conversation_attributes", path: "/conversations/attributes", scope: "read_conversations", since: v216, rows: conversationAttributes,
		page: unpaged, single: true, whole: "include_archived=true"},
	{stream: "deleted_conversations", path: "/conversations/deleted", scope: "read_conversations", since: v216, kind: "conversations.list", key: "conversations",
		rows: deletedRows, page: linked(20, 60, true)},
	{stream: "conversation_handling_events", path: "/conversations/{id}/handling_events", of: "conversations", scope: "read_conversations", since: v215,
		key: "handling_events", rows: handlingRows, page: untyped, inject: "conversation_id conversation_updated_at position"},
	{stream: "side_conversations", path: "/conversations/{id}/side_conversations", of: "conversations", scope: "read_conversations", since: v216,
		kind: "side_conversation.list", key: "side_conversations", rows: sideRows, page: without(25, 50), inject: "conversation_id conversation_updated_at"},
	{stream: "fin_voice_calls", path: "/fin_voice/conversation/{id}", of: "conversations", scope: "read_calls", since: v215, rows: finVoiceRows, page: bare,
		inject: "conversation_id conversation_updated_at"},

	{stream: "contact_activities", path: "/contacts/activities", scope: "read_users_companies", since: preview, rows: activityRows,
		page: cursors{limits: limits{50, 150, false}, ascending: true, plain: true}.page},
	{path: "/contacts/{id}/tags", of: "contacts", scope: "read_users_companies", since: v210, rows: contactRows(contactTagRows), page: unpaged},
	{path: "/contacts/{id}/companies", of: "contacts", scope: "read_users_companies", since: v210, rows: contactRows(contactCompanyRows),
		page: linked(50, maxPerPage, true)},
	{path: "/contacts/{id}/merge_history", of: "contacts", scope: "read_users_companies", since: v216, rows: mergeRows, page: mergePages},
	{stream: "contact_notes", path: "/contacts/{id}/notes", of: "contacts", scope: "read_users_companies", since: v210, rows: contactRows(contactNoteRows),
		page: linked(50, maxPerPage, false), inject: "contact_id contact_updated_at"},
	{stream: "contact_segments", path: "/contacts/{id}/segments", of: "contacts", scope: "read_users_companies", since: v210,
		rows: contactRows(contactSegmentRows), page: unpaged, inject: "contact_id contact_updated_at"},
	{stream: "contact_subscriptions", path: "/contacts/{id}/subscriptions", of: "contacts", scope: "read_users_companies", since: v210,
		rows: contactRows(contactSubscriptionRows), page: unpaged, inject: "contact_id contact_updated_at"},
	{stream: "contact_events", path: "/events", of: "contacts", scope: "read_events", since: v210, kind: "event.list", key: "events", rows: eventRows,
		page: eventPages, inject: "contact_id contact_updated_at position"},

	{stream: "company_contacts", path: "/companies/{id}/contacts", of: "companies", scope: "read_users_companies", since: v210, rows: companyContactRows,
		page: cursors{limits: limits{50, maxPerPage, false}, ascending: true, counted: true}.page, inject: "company_id"},
	{stream: "company_notes", path: "/companies/{id}/notes", of: "companies", scope: "read_users_companies", since: v215, rows: companyNoteRows,
		page: linked(50, maxPerPage, false), inject: "company_id"},
}

// collectionAt is the list with a path of the table.
func collectionAt(path string) *collection {
	for i := range collections {
		if collections[i].path == path {
			return &collections[i]
		}
	}
	return nil
}

// eventTypes are texts, not objects.
func eventTypes(*call) (rowSet, *apiError) {
	names := append([]string(nil), moreEventTypes...)
	for _, k := range activityKinds {
		names = append(names, k.name)
	}
	return rowsOf(names, func(name string) string { return name }, func(p *printer, name string) { p.str("", name) }), nil
}

var moreEventTypes = []string{"admin_deletion", "admin_invite_creation", "app_data_export", "app_timezone_change", "bulk_delete", "office_hours_change",
	"seat_change", "welcome_message_change"}
