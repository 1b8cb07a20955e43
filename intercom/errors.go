package intercom

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"
	"unicode"

	"github.com/tidwall/gjson"
)

// Kind says what an Error means for the one who reads.
type Kind string

const (
	BadToken       Kind = "bad token"       // no call can succeed
	MissingScope   Kind = "missing scope"   // this endpoint is closed to the token
	PlanRestricted Kind = "plan restricted" // the workspace's plan lacks it
	NotFound       Kind = "not found"       // also: merged into another object (Error.Location)
	BadRequest     Kind = "bad request"     // the same request will fail again
	BadVersion     Kind = "bad version"     // Intercom refuses the API version
	ScrollExists   Kind = "scroll exists"   // another scroll of this workspace is open
	JobPending     Kind = "job pending"     // as many jobs of this workspace as there may be are under way
	RateLimited    Kind = "rate limited"    // 429 for longer than MaxRetry
	Temporary      Kind = "temporary"       // outage, broken answer or network; retries are used up
	TooLarge       Kind = "too large"       // the answer passes MaxBody; a smaller page may do
	Redirected     Kind = "redirected"      // the API never redirects; the base URL is wrong or something is in between
)

// Error is a call that failed for good. It holds neither the token nor the request's body.
type Error struct {
	Kind      Kind
	Status    int // 0: no answer came
	Code      string
	Message   string
	RequestID string
	Method    string
	Path      string
	Stream    string
	Location  string // where a merged object lives now (410), as a path
	Tries     int    // how often the call was made
	Err       error  // what the network or the decoder said; may be nil

	retryAfter time.Duration
	unsent     bool          // the request certainly did not reach the server
	throttled  bool          // 429
	queued     time.Duration // how long the try waited for its turn
}

func (e *Error) Unwrap() error { return e.Err }

// Error tells what was asked, what came back, and what the user can do about it.
func (e *Error) Error() string {
	var b strings.Builder
	if e.Stream != "" {
		b.WriteString(e.Stream + ": ")
	}
	b.WriteString(e.Method + " " + readable(e.Path) + ":")
	if e.Status != 0 {
		fmt.Fprintf(&b, " %d", e.Status)
	}
	if e.Code != "" {
		b.WriteString(" " + readable(e.Code))
	}
	switch {
	case e.Message != "":
		b.WriteString(" (" + readable(e.Message) + ")")
	case e.Code == "" && e.Status != 0:
		b.WriteString(" " + http.StatusText(e.Status))
	}
	if e.Err != nil {
		b.WriteString(" " + readable(e.Err.Error()))
	}
	if e.Tries > 1 {
		fmt.Fprintf(&b, " [%d tries]", e.Tries)
	}
	if e.RequestID != "" {
		b.WriteString(" [request " + readable(e.RequestID) + "]")
	}
	if hint := e.Kind.hint(); hint != "" {
		b.WriteString(": " + hint)
	}
	return b.String()
}

// mostShown bounds what an error repeats of a text that a server made.
const mostShown = 500

// discreet leaves out what a server said in its own words, and what an address tells beside the endpoint.
func (e *Error) discreet() {
	e.Path, _, _ = strings.Cut(e.Path, "?")
	steps := strings.Split(e.Path, "/")
	for i, step := range steps {
		if strings.ContainsAny(step, "0123456789%") {
			steps[i] = "{id}"
		}
	}
	e.Path = strings.Join(steps, "/")
	if e.Message != "" {
		e.Message = "what Intercom says is not shown"
	}
	if asked, ok := errors.AsType[*url.Error](e.Err); ok {
		e.Err = asked.Err // without the address
	}
}

// readable is a text of the server's as an error may show it: on one line, printable, and not too long. It
// comes after secrets are taken out, for half of one would not be found.
func readable(text string) string {
	long := len(text) > mostShown
	if long {
		text = text[:mostShown]
	}
	text = strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return ' '
	}, strings.ToValidUTF8(text, ""))
	if long {
		text += "…"
	}
	return text
}

func (k Kind) hint() string {
	switch k {
	case BadToken:
		return "check the access token and that it belongs to this region (us, eu, au)"
	case MissingScope:
		return "give the app this permission in Intercom's Developer Hub and authorise it again, or leave the stream out"
	case PlanRestricted:
		return "the workspace's Intercom plan does not include this; leave the stream out"
	case BadVersion:
		return "choose another api_version"
	case ScrollExists:
		return "another program is reading this workspace's companies; wait until it is done, or a minute after it died"
	case JobPending:
		return "an export of this workspace is under way: another program's, somebody's in Intercom, or that of an earlier run that was killed; wait until it has ended"
	case RateLimited:
		return "other programs use up the rate limit of this workspace; try later, or lower their share"
	case Temporary:
		return "Intercom or the network is in trouble; try again later"
	case Redirected:
		return "check base_url, and that no proxy stands in between"
	}
	return ""
}

// KindOf returns the Kind of the Error in err's chain, or "" where there is none.
func KindOf(err error) Kind {
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Kind
	}
	return ""
}

// ShapeError is an answer that is valid JSON but not what the API documents. A missing array must
// never pass for an empty one.
type ShapeError struct {
	Stream string
	Path   string // of the value, in gjson's syntax
	Want   string
	Found  string
}

func (e *ShapeError) Error() string {
	s := fmt.Sprintf("unexpected answer: %s should be %s, found %s", e.Path, e.Want, e.Found)
	if e.Stream != "" {
		s = e.Stream + ": " + s
	}
	return s
}

// describe names a value's type without showing its content, which may be personal.
func describe(v gjson.Result) string {
	switch {
	case !v.Exists():
		return "nothing"
	case v.IsArray():
		return "an array"
	case v.IsObject():
		return "an object"
	}
	return strings.ToLower(v.Type.String())
}

// refusal turns an answer other than 2xx into an Error. known tells that the token has worked before:
// Intercom answers 401 for a missing scope too.
func refusal(status int, h http.Header, body []byte, known bool) *Error {
	e := &Error{Status: status, retryAfter: retryAfter(h)}
	isJSON := isJSON(string(body))
	if isJSON {
		first := gjson.GetBytes(body, "errors.0")
		e.Code = first.Get("code").String()
		e.Message = first.Get("message").String()
		e.RequestID = gjson.GetBytes(body, "request_id").String()
	}
	if e.RequestID == "" {
		e.RequestID = h.Get("X-Request-Id")
	}
	switch {
	case status < 400:
		e.Kind = Redirected
	case status == http.StatusTooManyRequests && aboutJobs(body):
		e.Kind = JobPending
	case status == http.StatusTooManyRequests:
		e.Kind, e.throttled = RateLimited, true
	case status >= 500, status == http.StatusRequestTimeout:
		e.Kind = Temporary
	case (status == http.StatusMethodNotAllowed || status == http.StatusForbidden) && !isJSON,
		status == http.StatusBadRequest && !isJSON,
		status != http.StatusNotFound && status != http.StatusGone && len(body) > 0 && !isJSON:
		// A captcha page of whatever guards the API, or an answer that was cut short.
		e.Kind, e.Message = Temporary, "a web page or half an answer"
	case status == http.StatusUnauthorized:
		e.Kind = BadToken
		if known && !tokenIsDead[e.Code] {
			e.Kind = MissingScope
		}
	case status == http.StatusPaymentRequired, e.Code == "api_plan_restricted":
		e.Kind = PlanRestricted
	case status == http.StatusForbidden:
		e.Kind = MissingScope
	case status == http.StatusNotFound, status == http.StatusGone:
		e.Kind, e.Location = NotFound, linkTarget(h.Get("Link"))
	case e.Code == "scroll_exists":
		e.Kind = ScrollExists
	case e.Code == "intercom_version_invalid":
		e.Kind = BadVersion
	default:
		e.Kind = BadRequest
	}
	return e
}

// aboutJobs tells whether a 429 is not about calls but about jobs: "Exceeded rate limit of 1 pending message data export jobs".
// https://developers.intercom.com/docs/references/rest-api/api.intercom.io/data-export/createdataexport
func aboutJobs(body []byte) bool {
	message := gjson.GetBytes(body, "errors.0.message").String()
	return strings.Contains(message, "pending") && strings.Contains(message, "export job")
}

// isJSON tells whether text is one JSON document that nests no deeper than answers may.
func isJSON(text string) bool { return space(text, value(text, 0, maxDepth)) == len(text) }

// tokenIsDead holds the codes that can only be about the token itself, whatever worked before.
var tokenIsDead = map[string]bool{"token_revoked": true, "token_expired": true, "token_blocked": true}

// linkTarget takes the path out of a header like `</contacts/5f2>; rel="canonical"`.
func linkTarget(link string) string {
	_, rest, _ := strings.Cut(link, "<")
	target, _, found := strings.Cut(rest, ">")
	if !found {
		return ""
	}
	return target
}
