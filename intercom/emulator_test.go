package intercom_test

import (
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"source-intercom/emulator"
	"source-intercom/intercom"
)

// emulate starts an emulator and returns a client for it.
func emulate(t *testing.T, o emulator.Options, cfg intercom.Config) *intercom.Client {
	t.Helper()
	o.Size, _ = emulator.SizeOf("tiny")
	e, err := emulator.New(o)
	if err != nil {
		t.Fatal(err)
	}
	s := httptest.NewServer(e)
	t.Cleanup(s.Close)
	cfg.BaseURL = s.URL
	if cfg.Token == "" {
		cfg.Token = emulator.DefaultToken
	}
	return newClient(t, cfg)
}

func TestEmulatorIsReadWhole(t *testing.T) {
	ahead := 5 * time.Hour
	c := emulate(t, emulator.Options{
		TimeZone: "America/Chicago", Now: func() time.Time { return time.Now().Add(ahead) },
		RateLimit: 25, RateWindow: time.Second,
	}, intercom.Config{})
	w, err := c.Workspace(t.Context())
	if err != nil || w.ID == "" || w.TimeZone == nil || w.TimeZone.String() != "America/Chicago" {
		t.Fatalf("workspace %+v, error %v", w, err)
	}
	if off := time.Now().Add(ahead).Sub(c.Now()); off < 0 || off > 2*time.Second {
		t.Errorf("the server's clock is %v ahead of what Now says", off)
	}
	seen := map[string]bool{}
	s := intercom.Search{
		Path: "/conversations/search", Rows: "conversations", Stream: "conversations", PerPage: 3,
		Query: `{"field":"updated_at","operator":">","value":0}`, SortField: "updated_at", Order: "ascending",
	}
	var total int64
	for pages := 0; ; pages++ {
		page, err := c.Search(t.Context(), s)
		if err != nil {
			t.Fatal(err)
		}
		for _, row := range page.Rows {
			seen[row.Get("id").String()] = true
		}
		total = page.Total
		if s.StartingAfter = page.Next; page.Next == "" || pages > 1000 {
			break
		}
	}
	if total == 0 || int64(len(seen)) != total {
		t.Errorf("%d conversations of %d", len(seen), total)
	}
	var wg sync.WaitGroup
	for range 60 {
		wg.Go(func() {
			if _, err := c.Do(t.Context(), intercom.Request{Method: "GET", Path: "/tags"}); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if s := c.Stats(); s.Throttled > 0 || s.Limit != 25 {
		t.Errorf("%d of %d calls were refused, limit learnt: %d", s.Throttled, s.Requests, s.Limit)
	}
}

func TestEmulatorRefusals(t *testing.T) {
	for name, test := range map[string]struct {
		options emulator.Options
		cfg     intercom.Config
		want    intercom.Kind
	}{
		"wrong token":     {emulator.Options{}, intercom.Config{Token: "other"}, intercom.BadToken},
		"denied":          {emulator.Options{DeniedScopes: []string{"read_tags"}}, intercom.Config{}, intercom.MissingScope},
		"denied with 401": {emulator.Options{DeniedScopes: []string{"read_tags"}, DenyWith401: true}, intercom.Config{}, intercom.MissingScope},
	} {
		c := emulate(t, test.options, test.cfg)
		_, _ = c.Workspace(t.Context())
		if _, err := c.Do(t.Context(), intercom.Request{Method: "GET", Path: "/tags"}); intercom.KindOf(err) != test.want {
			t.Errorf("%s: error %v, want kind %q", name, err, test.want)
		}
	}
}
