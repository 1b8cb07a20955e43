package connector

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	"source-intercom/intercom"

	"github.com/rs/zerolog"
	"github.com/tidwall/gjson"
)

const (
	scrollPage     = 100 // rows of a full page; Intercom fixes it
	scrollIdle     = 30 * time.Second
	scrollRestarts = 10
	scrollWait     = 3 * time.Minute // for another scroll of the workspace to end; one lives for a minute
)

// A scroll is one walk over the companies. Intercom lets only one be open in a workspace, and lets it
// die after a minute without a call, so that nothing slow may happen between two of its calls: pages
// go into a spill, which another goroutine empties.
// https://developers.intercom.com/docs/references/rest-api/api.intercom.io/companies/scrolloverallcompanies
type scroll struct {
	*feedRun
	pages *spill
	ids   map[uint64]int32 // of all walks: the last one that met the company
	round int32            // of the walk
	page  []uint64         // the companies of the walk's last page
}

// walkScroll reads the companies, and all that hangs on them.
func walkScroll(ctx context.Context, f *feedRun) error {
	met := newSeen()
	err := f.scrolled(ctx, met)
	if f.Config.CompaniesListFallback && ctx.Err() == nil && scrollCannotBeHad(err) {
		return f.listInstead(ctx, met, err)
	}
	return err
}

func (f *feedRun) scrolled(ctx context.Context, met *seen) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	s := &scroll{feedRun: f, pages: newSpill(f.Log), ids: map[uint64]int32{}}
	done := make(chan struct{})
	go func() {
		defer close(done)
		s.pages.end(s.all(ctx))
	}()
	err := s.drain(ctx, met)
	cancel()
	<-done
	return errors.Join(err, s.pages.close())
}

// drain emits the pages as they come out of the spill.
func (s *scroll) drain(ctx context.Context, met *seen) error {
	t, ctx := newTrail(ctx, nil)
	for {
		body, err := s.pages.pop(ctx)
		if errors.Is(err, errDrained) {
			return t.end(nil)
		}
		if err != nil {
			return t.end(err)
		}
		if err := s.listed(ctx, t, gjson.GetBytes(body, s.feed.Rows).Array(), met, span{0, s.upper}, func() {}); err != nil {
			return t.end(err)
		}
	}
}

// ending is how a walk of the scroll ended.
type ending int

const (
	ended ending = iota
	expired
	broken
)

// all walks the scroll until it has ended by itself. One that expired or broke in the middle cannot
// be taken up again: it is walked anew, and rows that came before are not emitted twice.
func (s *scroll) all(ctx context.Context) error {
	most, expiredAt := 0, -1 // companies that any walk showed, and the last one if it expired
	var farthest []uint64    // the last page of the walk that showed most
	for restart, broke := 0, 0; ; restart++ {
		before := len(s.ids)
		s.round++
		met, how, err := s.walk(ctx)
		if met >= most {
			most, farthest = met, s.page
		}
		switch {
		case how == ended, err != nil && how != broken && how != expired:
			return err
		case how == expired && met == expiredAt && len(s.ids) == before && s.reached(farthest):
			return nil // it ends there every time, and has nothing more to show
		case restart == scrollRestarts:
			return fmt.Errorf("the scroll over companies was begun %d times and never reached its end: %w", restart+1, err)
		}
		if expiredAt = -1; how == expired {
			expiredAt = met
		} else {
			broke++
		}
		level := zerolog.WarnLevel
		if how == expired && restart == 0 {
			level = zerolog.InfoLevel // or ended: the second walk tells
		}
		s.Log.WithLevel(level).Err(err).Int("companies", len(s.ids)).Msg("the scroll over companies broke off: beginning it anew")
		if err := pause(ctx, min(time.Second<<broke, 30*time.Second)); err != nil {
			return err
		}
	}
}

// reached tells whether the walk has come to a page that an earlier one showed: a company of it was met. Not all
// need be there any more.
func (s *scroll) reached(page []uint64) bool {
	return len(page) == 0 || slices.ContainsFunc(page, func(id uint64) bool { return s.ids[id] == s.round })
}

// walk scrolls once from the start, and counts the companies that it meets.
func (s *scroll) walk(ctx context.Context) (met int, how ending, err error) {
	var param string
	var last time.Time
	s.page = nil
	full := scrollPage // rows of a full page; should Intercom give fewer, the page before tells
	for pages, rows := 0, 0; ; pages++ {
		answer, err := s.call(ctx, param)
		var api *intercom.Error
		switch {
		case errors.As(err, &api) && api.Kind == intercom.NotFound:
			if param == "" && len(s.ids) == 0 || pages > 1 && rows < full && time.Since(last) <= scrollIdle {
				return met, ended, nil
			}
			return met, expired, err
		case errors.As(err, &api) && api.Kind == intercom.Temporary && param != "" && ctx.Err() == nil:
			return met, broken, err
		case err != nil:
			return met, ended, err
		}
		last = time.Now()
		if rows > 0 {
			full = min(full, rows)
		}
		fresh := 0
		param, rows, fresh, err = s.take(ctx, answer)
		met += fresh
		if err != nil || rows == 0 {
			return met, ended, err
		}
	}
}

// take puts a page into the spill and returns the token of the next, and how many companies this walk met
// on it for the first time. An empty page is the end.
func (s *scroll) take(ctx context.Context, answer *intercom.Answer) (param string, rows, fresh int, err error) {
	defer answer.Release()
	page, err := answer.Rows(s.feed.Rows)
	if err != nil || len(page) == 0 {
		return "", 0, 0, err
	}
	if fresh = s.note(page); fresh == 0 {
		return "", 0, 0, &LoopError{Feed: s.feed.Name, What: "the scroll gave a page with nothing new"}
	}
	next := answer.Get("scroll_param")
	if next.Type != gjson.String || next.Str == "" {
		return "", 0, fresh, &intercom.ShapeError{Stream: s.feed.Name, Path: "scroll_param", Want: "a text", Found: found(next)}
	}
	param, body := strings.Clone(next.Str), []byte(answer.Body)
	answer.Release() // push may wait for those who wait for memory
	return param, len(page), fresh, s.pages.push(ctx, body)
}

// note counts the companies of a page that are new to this walk.
func (s *scroll) note(page []gjson.Result) (fresh int) {
	s.page = make([]uint64, len(page))
	for i, row := range page {
		id := keyHash(row.Get("id").String())
		s.page[i] = id
		if s.ids[id] != s.round {
			s.ids[id] = s.round
			fresh++
		}
	}
	return fresh
}

// call asks for the next page. It waits for another scroll of the workspace to end, but not for ever. The first call
// is tried again for as long as any: should its answer have been lost, the scroll that it opened is such another.
func (s *scroll) call(ctx context.Context, param string) (*intercom.Answer, error) {
	path := s.feed.Path
	if param != "" {
		path += "?scroll_param=" + url.QueryEscape(param)
	}
	longest := scrollWait
	for began, wait := time.Now(), 2*time.Second; ; wait = min(2*wait, 15*time.Second) {
		answer, err := s.client.Do(ctx, intercom.Request{Method: "GET", Path: path, Stream: s.feed.Name, Once: param != ""})
		var api *intercom.Error
		if !errors.As(err, &api) || api.Kind != intercom.ScrollExists {
			return answer, err
		}
		if api.Tries > 1 {
			longest = scrollWait + s.Config.MaxRetry // it may be our own, and that may happen again
		}
		if time.Since(began) > longest {
			return nil, fmt.Errorf("another scroll over this workspace's companies stayed open for %s: a second connection, "+
				"another tool that reads companies, or a run that is still going on: %w", longest, err)
		}
		s.Log.Info().Stringer("wait", wait).Msg("another scroll over the companies is open: waiting for it to end")
		if err := pause(ctx, wait); err != nil {
			return nil, err
		}
	}
}

func pause(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
