// Package emulator is a stateful Intercom REST API served as an http.Handler.
//
// It serves invented workspaces of any size with the documented behaviour of the endpoints a reader
// needs: admins, activity logs, tags, teams, segments, data attributes, companies (scroll, list, single,
// segments), contacts, conversations, tickets and the feed of deleted conversations, for the API versions
// 2.10 to 2.17 and Preview. It keeps Intercom's limits and oddities on purpose: cursors over live data,
// contact searches that compare whole days, one scroll per workspace, threads cut at 500 parts, nested
// lists cut at 10, rate windows, a search index that may lag, and faults on demand.
//
// The published documents win over convenience: where a client and the documents disagree, the
// emulator follows the documents. What no document settles (whether > is strict, what a cursor holds,
// how a scroll ends) is an option. Writes over HTTP, webhooks, exports, articles, calls, custom objects
// and everything else outside that list are not emulated; the world changes through Edit.
//
// Every object is a function of the seed and its ordinal plus a small record of what was edited, so a
// million conversations fit in memory and the same seed serves the same workspace again.
package emulator
