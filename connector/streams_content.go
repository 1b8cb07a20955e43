package connector

import "source-intercom/intercom"

var (
	articles         = &Feed{Name: "articles", Walk: walkList, Path: "/articles?per_page=250", One: "/articles/{id}", Rows: "data", Cursor: "updated_at", Feature: true}
	internalArticles = &Feed{Name: "internal_articles", Walk: walkList, Path: "/internal_articles", One: "/internal_articles/{id}", Rows: "data", PerPage: 50, Cursor: "updated_at", Feature: true}
	collections      = &Feed{Name: "collections", Walk: walkList, Path: "/help_center/collections", Rows: "data", PerPage: 20, Feature: true}
	helpCenters      = &Feed{Name: "help_centers", Walk: walkList, Path: "/help_center/help_centers", Rows: "data", Feature: true}
	contentSnippets  = &Feed{Name: "content_snippets", Walk: walkList, Path: "/content_snippets?per_page=50", Rows: "data", Feature: true}
	audiences        = &Feed{Name: "audiences", Walk: walkList, Path: "/audiences?per_page=50", Rows: "data", Feature: true}
	macros           = &Feed{Name: "macros", Walk: walkList, Path: "/macros?per_page=150", Rows: "data", Feature: true}
	externalPages    = &Feed{Name: "external_pages", Walk: walkList, Path: "/ai/external_pages", One: "/ai/external_pages/{id}", Rows: "data", PerPage: 50, Cursor: "updated_at", Feature: true}
	importSources    = &Feed{Name: "content_import_sources", Walk: walkList, Path: "/ai/content_import_sources", Rows: "data", PerPage: 50, Feature: true}
	newsItems        = &Feed{Name: "news_items", Walk: walkList, Path: "/news/news_items", One: "/news/news_items/{id}", Rows: "data", PerPage: 10, Cursor: "updated_at", Feature: true}
	newsfeeds        = &Feed{Name: "newsfeeds", Walk: walkList, Path: "/news/newsfeeds", Rows: "data", PerPage: 10, Feature: true}
)

const (
	readArticles = "Read articles"
	readContent  = "Read content"
	readNews     = "Read news items"
)

// contentStreams are the help centre, the answers that teammates and Fin draw from, and the news.
var contentStreams = []Stream{
	{Name: "articles", Feed: articles, Key: []string{"id"}, Cursor: "updated_at",
		Permission: readArticles, Method: wholeList},
	{Name: "article_versions", Feed: articles, Child: fetchList, Endpoint: "/articles/{id}/versions?per_page=50", Rows: "data", Parent: "article",
		Key: []string{"article_id", "id"}, Cursor: "article_updated_at", Since: intercom.V2_16, Costly: true,
		Permission: readArticles, Method: "one call for each changed article"},
	{Name: "internal_articles", Feed: internalArticles, Key: []string{"id"}, Cursor: "updated_at", Since: intercom.V2_13,
		Permission: readArticles, Method: wholeList},
	{Name: "collections", Feed: collections, Key: []string{"id"},
		Permission: readArticles, Method: "read in full"},
	{Name: "help_centers", Feed: helpCenters, Key: []string{"id"},
		Permission: readArticles, Method: "read in full"},
	{Name: "help_center_redirects", Feed: helpCenters, Child: fetchList, Endpoint: "/help_center/help_centers/{id}/redirects", Rows: "data", Parent: "help_center",
		Key: []string{"help_center_id", "id"}, Since: intercom.V2_16,
		Permission: "Read help center redirects", Method: "read in full, one call for each help centre"},
	{Name: "content_snippets", Feed: contentSnippets, Key: []string{"id"}, Since: intercom.V2_16,
		Permission: readContent, Method: "read in full"},
	{Name: "audiences", Feed: audiences, Key: []string{"id"}, Since: intercom.V2_16,
		Permission: readContent, Method: "read in full"},
	{Name: "macros", Feed: macros, Key: []string{"id"}, Since: intercom.V2_16,
		Permission: readContent, Method: "read in full"},
	{Name: "external_pages", Feed: externalPages, Key: []string{"id"}, Cursor: "updated_at", Since: intercom.V2_12,
		Permission: readContent, Method: wholeList},
	{Name: "content_import_sources", Feed: importSources, Key: []string{"id"}, Since: intercom.V2_12,
		Permission: readContent, Method: "read in full"},
	{Name: "news_items", Feed: newsItems, Key: []string{"id"}, Cursor: "updated_at",
		Permission: readNews, Method: wholeList},
	{Name: "newsfeeds", Feed: newsfeeds, Key: []string{"id"},
		Permission: readNews, Method: "read in full"},
	{Name: "newsfeed_items", Feed: newsfeeds, Child: fetchList, Endpoint: "/news/newsfeeds/{id}/items", Rows: "data", Parent: "newsfeed",
		Key: []string{"newsfeed_id", "id"}, Permission: readNews, Method: "read in full, one call for each newsfeed"},
}
