package emulator

import (
	"net/http"
	"strconv"
	"sync"
	"time"
)

// scroll is the workspace's only scroll over its companies: a snapshot that is lost when nobody reads on for a minute.
type scroll struct {
	mu sync.Mutex
	scrollState
}

type scrollState struct {
	param    string // "" while none is open
	rows     []*company
	lastUsed time.Time
	calls    int
}

const scrollIdle = time.Minute

func (s *scroll) drop() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.close()
}

func (s *scroll) close() { s.param, s.rows = "", nil }

// mark returns what sets the scroll back to where it is now, unless more than one call has come since.
func (s *scroll) mark() (back func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	before := s.scrollState
	return func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		if s.calls <= before.calls+1 {
			s.scrollState = before
		}
	}
}

// next returns the rows of the next page, none at the end.
func (s *scroll) next(param, fresh string, now time.Time, size int, endsWith404 bool, open func() []*company) (string, []*company, *apiError) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.calls++
	if s.param != "" && now.Sub(s.lastUsed) >= scrollIdle {
		s.close()
	}
	switch {
	case param == "" && s.param != "":
		return "", nil, fail(http.StatusBadRequest, "scroll_exists", "scroll already exists for this workspace")
	case param == "":
		s.param, s.rows = fresh, open()
	case param != s.param:
		return "", nil, notFound("not_found", "scroll parameter not found")
	}
	s.lastUsed = now
	param = s.param
	page := s.rows[:min(size, len(s.rows))]
	s.rows = s.rows[len(page):]
	if len(page) == 0 {
		s.close()
		if endsWith404 {
			return "", nil, notFound("not_found", "scroll parameter not found")
		}
	}
	return param, page, nil
}

func (c *call) scrollCompanies() *apiError {
	c.undo = c.e.scroll.mark()
	fresh := c.requestID + "-" + strconv.FormatInt(c.now.Unix(), 16)
	param, rows, err := c.e.scroll.next(c.query.Get("scroll_param"), fresh, c.now, c.e.options.ScrollPage, c.e.options.ScrollEndsWith404, c.w.visibleCompanies)
	if err != nil {
		return err
	}
	c.obj("")
	c.str("type", "list")
	c.arr("data")
	for _, x := range rows {
		c.company("", x)
	}
	c.endArr()
	c.null("pages")
	c.null("total_count")
	c.str("scroll_param", param)
	c.end()
	return nil
}
