package emulator

import (
	"fmt"
	"net/http"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Fault is a rule that spoils some of the answers it applies to. Its limits combine: Every and Probability
// choose among the matching requests after the first After, Times caps how many are spoilt. With neither Every nor
// Probability all are. The first rule that fires wins.
type Fault struct {
	Method string // "" means any
	// Path is a prefix such as "/conversations" (the slash may be left out), or a pattern with * as in path.Match.
	// "" and "*" mean any.
	Path string

	After       int     // matching requests let through first
	Every       int     // every n-th matching request
	Probability float64 // of a matching request; drawn from Options.Seed and the request's place, so runs repeat
	Times       int     // at most so often; 0 means no bound

	// Kind is an HTTP status of 400 and above ("429" comes without rate headers, "502" as HTML, the others as
	// error.list), or one of: "cut" (the connection ends in the middle of the body), "truncated" (half of the
	// body with a fitting length), "invalid" (whole length, not JSON), "empty" (200 without a body), "captcha" (405
	// HTML), "nginx404" (404 HTML), "delay" (the right answer, Delay later).
	Kind  string
	Delay time.Duration // before any answer of this rule
}

var faultKinds = []string{"cut", "truncated", "invalid", "empty", "captcha", "nginx404", "delay"}

func (f Fault) validate() error {
	if status, err := strconv.Atoi(f.Kind); err == nil && status >= 400 && status < 600 || slices.Contains(faultKinds, f.Kind) {
		if _, err := path.Match(f.Path, "/"); err != nil {
			return fmt.Errorf("fault path %q: %w", f.Path, err)
		}
		return nil
	}
	return fmt.Errorf("fault kind %q: want an HTTP status from 400 to 599 or one of %s", f.Kind, strings.Join(faultKinds, ", "))
}

func (f Fault) applies(r *http.Request) bool {
	if f.Method != "" && !strings.EqualFold(f.Method, r.Method) {
		return false
	}
	pattern := "/" + strings.TrimPrefix(f.Path, "/")
	if f.Path == "" || f.Path == "*" {
		return true
	}
	if strings.Contains(pattern, "*") {
		ok, _ := path.Match(pattern, r.URL.Path) // validated
		return ok
	}
	return strings.HasPrefix(r.URL.Path, pattern)
}

// ParseFaults reads rules of the form kind:path:how separated by commas, where kind is a Fault.Kind (or delay=2s), path
// a prefix, a pattern or *, and how a probability (0.05), every n-th (1/20) or a number of times (3x). Without the last
// part, all are spoilt: "500:conversations:0.05,429:*:0.01,cut:contacts/search:1x".
func ParseFaults(text string) ([]Fault, error) {
	var faults []Fault
	for _, rule := range strings.Split(text, ",") {
		if rule = strings.TrimSpace(rule); rule == "" {
			continue
		}
		parts := strings.Split(rule, ":")
		if len(parts) > 3 {
			return nil, fmt.Errorf("fault %q: want kind:path:how", rule)
		}
		f := Fault{Kind: parts[0]}
		if kind, delay, ok := strings.Cut(parts[0], "="); ok {
			d, err := time.ParseDuration(delay)
			if err != nil {
				return nil, fmt.Errorf("fault %q: %w", rule, err)
			}
			f.Kind, f.Delay = kind, d
		}
		if len(parts) > 1 {
			f.Path = parts[1]
		}
		if len(parts) > 2 {
			if err := f.setRate(parts[2]); err != nil {
				return nil, fmt.Errorf("fault %q: %w", rule, err)
			}
		}
		if err := f.validate(); err != nil {
			return nil, err
		}
		faults = append(faults, f)
	}
	return faults, nil
}

func (f *Fault) setRate(how string) error {
	var err error
	if n, ok := strings.CutPrefix(how, "1/"); ok {
		f.Every, err = strconv.Atoi(n)
	} else if n, ok := strings.CutSuffix(how, "x"); ok {
		f.Times, err = strconv.Atoi(n)
	} else {
		f.Probability, err = strconv.ParseFloat(how, 64)
	}
	if err != nil || f.Every < 0 || f.Times < 0 || f.Probability < 0 || f.Probability > 1 || f.Every == 0 && f.Times == 0 && f.Probability == 0 {
		return fmt.Errorf("how often is %q: want a probability, 1/n or nx", how)
	}
	return nil
}

// faultCount is how often a rule matched and fired.
type faultCount struct{ seen, fired int }

// fault returns the rule that spoils this request, or nil. The caller holds the lock of the counters.
func (e *Emulator) fault(r *http.Request) *Fault {
	for i := range e.options.Faults {
		f, n := &e.options.Faults[i], &e.faultCounts[i]
		if !f.applies(r) {
			continue
		}
		n.seen++
		place := n.seen - f.After
		if place <= 0 || f.Times > 0 && n.fired >= f.Times {
			continue
		}
		if f.Every > 0 && place%f.Every != 0 {
			continue
		}
		if f.Probability > 0 && float64(seed(e.options.Seed).at(i).n(n.seen, 1_000_000)) >= f.Probability*1_000_000 {
			continue
		}
		n.fired++
		return f
	}
	return nil
}

// refuses tells whether the fault keeps the request from being worked on: a refused scroll page is still to come, while one
// that was lost on its way is gone.
func (f *Fault) refuses() bool {
	status, _ := strconv.Atoi(f.Kind)
	return status > 0 && status < 500 || f.Kind == "captcha" || f.Kind == "nginx404"
}

// spoil turns a right answer into the fault's. It returns true if the connection has to end after half of the body.
func (f *Fault) spoil(a *answer) (cut bool) {
	switch f.Kind {
	case "delay":
	case "cut":
		return true
	case "truncated":
		a.body = a.body[:len(a.body)/2]
	case "invalid":
		a.body = append([]byte("<!"), a.body...)
	case "empty":
		*a = answer{status: http.StatusOK, kind: a.kind, requestID: a.requestID, rated: a.rated}
	case "captcha":
		a.html(http.StatusMethodNotAllowed, "<html><head><title>Human verification</title></head><body><script src=\"challenge.js\"></script></body></html>")
	case "nginx404":
		a.html(http.StatusNotFound, "<html>\n<head><title>404 Not Found</title></head>\n<body>\n<center><h1>404 Not Found</h1></center>\n<hr><center>nginx</center>\n</body>\n</html>")
	default:
		status, _ := strconv.Atoi(f.Kind) // validated
		code, message := faultCode(status)
		if status == http.StatusBadGateway {
			a.html(status, "<html><body><h1>502 Bad Gateway</h1></body></html>")
			return false
		}
		rated := a.rated && status != http.StatusTooManyRequests
		*a = *fail(status, code, message).answer(a.requestID)
		a.rated = rated
	}
	return false
}

func faultCode(status int) (code, message string) {
	switch status {
	case http.StatusUnauthorized:
		return "unauthorized", "Access Token Invalid"
	case http.StatusForbidden:
		return "forbidden", "Forbidden"
	case http.StatusNotFound:
		return "not_found", "Resource Not Found"
	case http.StatusRequestTimeout:
		return "request_timeout", "The request took too long"
	case http.StatusTooManyRequests:
		return "rate_limit_exceeded", "Exceeded rate limit"
	case http.StatusServiceUnavailable:
		return "service_unavailable", "Sorry, the API service is temporarily unavailable"
	case http.StatusInternalServerError, http.StatusGatewayTimeout:
		return "server_error", "Request failed due to an internal network error. Please restart the scroll operation."
	}
	return "client_error", http.StatusText(status)
}
