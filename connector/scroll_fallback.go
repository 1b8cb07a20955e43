package connector

import (
	"context"
	"fmt"
	"strconv"

	"source-intercom/intercom"

	"github.com/tidwall/gjson"
)

const (
	companiesList = "/companies/list"
	// companiesListCap is how many companies the list shows at most. A page that goes beyond is refused, so that pages of
	// a divisor of it show all that can be had; 60 would be the largest.
	// https://developers.intercom.com/docs/references/rest-api/api.intercom.io/companies/listallcompanies
	companiesListCap  = 10_000
	companiesListPage = 50
)

// CappedError ends a read of the companies by a list that does not show all of them.
type CappedError struct {
	Shown, Total int64 // companies, at least
	Scroll       error // why the scroll, which shows all, could not be had
}

func (e *CappedError) Error() string {
	return fmt.Sprintf("companies/list shows %d of %d companies or more; all of them need the scroll, which failed: %v", e.Shown, e.Total, e.Scroll)
}

// scrollCannotBeHad tells whether an error is the scroll's own and no other call need meet it.
func scrollCannotBeHad(err error) bool {
	switch intercom.KindOf(err) {
	case intercom.ScrollExists, intercom.Temporary, intercom.NotFound, intercom.MissingScope, intercom.PlanRestricted:
		return true
	}
	return false
}

// listInstead reads the companies by their list, because the scroll failed, and emits what the scroll has not shown yet.
// Unless the list shows all companies the walk fails, lest a bookmark pass one that was not shown.
func (f *feedRun) listInstead(ctx context.Context, met *seen, scroll error) error {
	f.Log.Warn().Err(scroll).Msg("the scroll over companies cannot be had: reading them by companies/list, as companies_list_fallback allows")
	t, ctx := newTrail(ctx, nil)
	list := numberedList{method: "POST", capped: true, path: companiesList + "?per_page=" + strconv.Itoa(min(companiesListPage, f.Config.PageSize))}
	w, err := f.numbered(ctx, list, func(rows []gjson.Result, release func()) error {
		return f.listed(ctx, t, rows, met, span{0, f.upper}, release)
	})
	if err = t.end(err); err != nil {
		return fmt.Errorf("%w; companies/list, which was to take its place and needs the permission write_users_companies: %w", scroll, err)
	}
	// At the cap nobody knows whether the total is the workspace's or the cap itself.
	if shown := int64(len(w.known)); shown < w.first.total || shown >= companiesListCap || w.refused {
		return &CappedError{Shown: shown, Total: max(shown, w.first.total), Scroll: scroll}
	}
	return nil
}
