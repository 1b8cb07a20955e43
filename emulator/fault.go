package emulator

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Fault is a rule that spoils some of the answers it applies to. A request matches if all of Method, Path, Rows and ID
// do. The limits combine: Every and Probability choose among the matching requests after the first After, Times caps
// how many are spoilt. With neither Every nor Probability all are. The first rule that fires wins.
type Fault struct {
	Method string // "" means any
	// Path is a prefix such as "/conversations" (the slash may be left out), or a pattern with * as in path.Match.
	// "" and "*" mean any.
	Path string
	// Rows and ID look at the right answer. An answer shows its own object, or the rows of its list; not what is nested
	// in them.
	Rows int    // only answers that show more rows than this; 0 means any
	ID   string // only answers that show the object with this id; "" means any

	After       int     // matching requests let through first
	Every       int     // every n-th matching request
	Probability float64 // of a matching request; drawn from Options.Seed and the request's place, so runs repeat
	Times       int     // at most so often; 0 means no bound

	// Kind is an HTTP status of 400 and above ("429" comes without rate headers, "502" as HTML, the others as
	// error.list), or one of: "cut" (the connection ends in the middle of the body), "truncated" (half of the
	// body with a fitting length), "invalid" (whole length, not JSON), "empty" (200 without a body), "captcha" (405
	// HTML), "nginx404" (404 HTML), "length" (a Content-Length that the body does not reach and, the next time, one
	// that it passes), "drip" (the right answer, whose body comes in pieces and takes Delay in all), "reset" (the
	// connection is reset before any answer), "hang" (no answer until the client gives up), "delay" (the right
	// answer, Delay later).
	Kind  string
	Delay time.Duration // before any answer of this rule; of a drip, see there
}

var faultKinds = []string{"cut", "truncated", "invalid", "empty", "captcha", "nginx404", "length", "drip", "reset", "hang", "delay"}

func (f Fault) validate() error {
	if status, err := strconv.Atoi(f.Kind); (err != nil || status < 400 || status > 599) && !slices.Contains(faultKinds, f.Kind) {
		return fmt.Errorf("fault kind %q: want an HTTP status from 400 to 599 or one of %s", f.Kind, strings.Join(faultKinds, ", "))
	}
	if f.Kind == "drip" && f.Delay <= 0 {
		return fmt.Errorf("fault kind drip: want the time that it takes, as in drip=30s")
	}
	if _, err := path.Match(f.Path, "/"); err != nil {
		return fmt.Errorf("fault path %q: %w", f.Path, err)
	}
	return nil
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

// ParseFaults reads rules of the form kind:path:which separated by commas, where kind is a Fault.Kind (with its Delay:
// delay=2s) and path a prefix, a pattern or *. Which requests are spoilt is said by any number of conditions with colons
// between them: a probability (0.05), every n-th (1/20), a number of times (3x), answers of more than so many rows
// (rows>50), answers that show an object (id=123). Without one, all are:
// "500:conversations:0.05,429:*:0.01,cut:contacts/search:1x,504:conversations/search:rows>50".
func ParseFaults(text string) ([]Fault, error) {
	var faults []Fault
	for _, rule := range strings.Split(text, ",") {
		if rule = strings.TrimSpace(rule); rule == "" {
			continue
		}
		f, err := parseFault(rule)
		if err != nil {
			return nil, fmt.Errorf("fault %q: %w", rule, err)
		}
		faults = append(faults, f)
	}
	return faults, nil
}

func parseFault(rule string) (f Fault, err error) {
	parts := strings.Split(rule, ":")
	kind, delay, timed := strings.Cut(parts[0], "=")
	if f.Kind = kind; timed {
		if f.Delay, err = time.ParseDuration(delay); err != nil {
			return f, err
		}
	}
	if len(parts) > 1 {
		f.Path = parts[1]
		for _, condition := range parts[2:] {
			if err := f.setCondition(condition); err != nil {
				return f, err
			}
		}
	}
	return f, f.validate()
}

func (f *Fault) setCondition(text string) error {
	if id, ok := strings.CutPrefix(text, "id="); ok && id != "" {
		f.ID = id
		return nil
	}
	if rows, ok := strings.CutPrefix(text, "rows>"); ok {
		n, err := strconv.Atoi(rows)
		if err != nil || n < 1 {
			return fmt.Errorf("rows>%s: want a number of one and above", rows)
		}
		f.Rows = n
		return nil
	}
	return f.setRate(text)
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
		return fmt.Errorf("which is %q: want a probability, 1/n, nx, rows>n or id=text", how)
	}
	return nil
}

// faultCount is how often a rule matched and fired.
type faultCount struct{ seen, fired int }

// fault returns the rule that spoils this request, whose right answer is a, and how often that has fired; or nil.
func (e *Emulator) fault(r *http.Request, a *answer) (*Fault, int) {
	var shown []string
	if slices.ContainsFunc(e.options.Faults, func(f Fault) bool { return (f.Rows > 0 || f.ID != "") && f.applies(r) }) {
		shown = a.shown()
	}
	e.counts.Lock()
	defer e.counts.Unlock()
	for i := range e.options.Faults {
		f, n := &e.options.Faults[i], &e.faultCounts[i]
		if !f.applies(r) || f.Rows > 0 && len(shown) <= f.Rows || f.ID != "" && !slices.Contains(shown, f.ID) {
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
		return f, n.fired
	}
	return nil, 0
}

// shown returns the ids of the objects that an answer shows, "" of those that have none.
func (a *answer) shown() (ids []string) {
	var top map[string]json.RawMessage
	if bytes.HasPrefix(a.body, []byte("[")) { // a list with nothing around it
		top = map[string]json.RawMessage{"": a.body}
	} else if a.status != http.StatusOK || json.Unmarshal(a.body, &top) != nil {
		return nil
	}
	if id, single := top["id"]; single {
		return []string{string(trimQuotes(id))}
	}
	for _, value := range top {
		var rows []struct{ ID json.RawMessage }
		if value[0] != '[' || json.Unmarshal(value, &rows) != nil {
			continue
		}
		for _, row := range rows {
			ids = append(ids, string(trimQuotes(row.ID)))
		}
	}
	return ids
}

// refuses tells whether the fault keeps the request from being worked on: a refused scroll page is still to come, while one
// that was lost on its way, or whose request never got an answer, is gone.
func (f *Fault) refuses() bool {
	status, _ := strconv.Atoi(f.Kind)
	return status > 0 && status < 500 || f.Kind == "captcha" || f.Kind == "nginx404"
}
