// Package emulator is a stateful Intercom REST API served as an http.Handler.
//
// It serves invented workspaces of any size with the documented behaviour of the endpoints a reader
// needs, for the API versions 2.10 to 2.17 and Preview: the searches of contacts, conversations and tickets, the scroll of
// companies, the activity log, and all that comes from lists, which the table collections describes: the help center and other
// content, news, settings, calls, data connectors, custom objects, and what belongs to one conversation, contact or
// company; and the jobs that export content and reports. It keeps Intercom's limits and oddities on purpose: cursors
// over live data, contact searches that compare whole days, one scroll per workspace, threads cut at 500 parts, nested
// lists cut at 10, rate windows, a search index that may lag, and faults on demand.
//
// The published documents win over convenience: where a client and the documents disagree, the
// emulator follows the documents. What no document settles (whether > is strict, what a cursor holds,
// how a scroll ends) is an option, or stands beside the code. Writes over HTTP, webhooks and
// everything else outside that list are not emulated; the world changes through Edit.
//
// Every object is a function of the seed and its ordinal plus a small record of what was edited, so a
// million conversations fit in memory and the same seed serves the same workspace again.
package emulator
