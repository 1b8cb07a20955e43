package connector

import (
	"errors"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"source-intercom/emulator"

	"github.com/tidwall/gjson"
)

// calls keeps when calls came, how many were under way at a time, and what they said.
type calls struct {
	mu        sync.Mutex
	at        []time.Time
	now, most int
	header    http.Header
	bodies    []string
	paths     []string
	slow      time.Duration // each call takes so long
}

func (c *calls) intercept(_ http.ResponseWriter, r *http.Request) bool {
	body, _ := io.ReadAll(r.Body) // what the client sent is whole
	r.Body = io.NopCloser(strings.NewReader(string(body)))
	c.mu.Lock()
	c.at = append(c.at, time.Now())
	c.now++
	c.most = max(c.most, c.now)
	c.header = r.Header.Clone()
	c.bodies, c.paths = append(c.bodies, string(body)), append(c.paths, r.URL.String())
	c.mu.Unlock()
	time.Sleep(c.slow) // of the bubble
	c.mu.Lock()
	c.now--
	c.mu.Unlock()
	return false
}

// mostIn is how many calls came in the fullest stretch of that length.
func (c *calls) mostIn(d time.Duration) (most int) {
	for i, from := range c.at {
		n := 0
		for _, at := range c.at[i:] {
			if at.Sub(from) < d {
				n++
			}
		}
		most = max(most, n)
	}
	return most
}

// TestTruths: a setting that is true or false may be written as a text, as the environment has it, and nothing else.
func TestTruths(t *testing.T) {
	for value, want := range map[any]bool{true: true, false: false, "true": true, "True": true, "false": false, "0": false, "": false, nil: false} {
		config, err := loadJSON(false, string(settingsJSON(map[string]any{"companies_list_fallback": value})))
		if err != nil || config.CompaniesListFallback != want {
			t.Errorf("%v: error %v, want %v", value, err, want)
		}
	}
	for _, value := range []any{"yes, please", 1, []any{true}} {
		_, err := loadJSON(false, string(settingsJSON(map[string]any{"companies_list_fallback": value})))
		if problems := problemsOf(t, err); len(problems) != 1 || problems[0].Want != "true or false" {
			t.Errorf("%v: %v", value, problems)
		}
	}
}

// TestOnOrOff: a setting that is on, off or automatic takes a truth, too: YAML makes one of on and off.
func TestOnOrOff(t *testing.T) {
	for value, want := range map[any]string{"on": "on", "off": "off", "auto": "auto", true: "on", false: "off", "true": "on", "False": "off", "": "auto", nil: "auto"} {
		config, err := loadJSON(false, string(settingsJSON(map[string]any{"typed_custom_attributes": value})))
		if err != nil || config.TypedAttributes != want {
			t.Errorf("%v: error %v, want %v", value, err, want)
		}
	}
	for value, typed := range map[any]bool{"yes": true, 1: true, "On": true} {
		_, err := loadJSON(true, string(settingsJSON(map[string]any{"typed_custom_attributes": value})))
		var e *ConfigError
		if !errors.As(err, &e) || len(e.Problems) != 1 || e.Problems[0].Want != "one of auto, on, off" || e.Typed != typed {
			t.Errorf("%v: %v", value, err)
		}
	}
}

// TestEverySettingWorks holds that a setting reaches what it is about. Dates, lookback and index lag
// have tests of their own.
func TestEverySettingWorks(t *testing.T) {
	t.Run("api_version, user_agent and page_size", func(t *testing.T) {
		var c calls
		bubble(t, "2.14", emulator.Options{Intercept: c.intercept}, func(t *testing.T, w *world) {
			w.read(t, reading{streams: []string{"tickets"}, config: func(cfg *Config) { cfg.UserAgent, cfg.PageSize = "acme (data@acme.example)", 7 }})
			if got := c.header.Get("Intercom-Version"); got != "2.14" {
				t.Errorf("version %q", got)
			}
			if got := c.header.Get("User-Agent"); got != "acme (data@acme.example)" {
				t.Errorf("user agent %q", got)
			}
			if got := gjson.Get(c.bodies[len(c.bodies)-1], "pagination.per_page").Int(); got != 7 {
				t.Errorf("per_page %d", got)
			}
		})
	})
	t.Run("max_in_flight", func(t *testing.T) {
		c := calls{slow: 50 * time.Millisecond}
		bubble(t, "2.16", emulator.Options{Intercept: c.intercept, RateLimit: 10_000}, func(t *testing.T, w *world) {
			w.read(t, reading{config: func(cfg *Config) { cfg.MaxInFlight = 3 }})
			if c.most != 3 {
				t.Errorf("%d calls at a time, want 3", c.most)
			}
		})
	})
	t.Run("api_rate_limit", func(t *testing.T) {
		var c calls
		bubble(t, "2.16", emulator.Options{Intercept: c.intercept, RateLimit: 10_000}, func(t *testing.T, w *world) {
			w.read(t, reading{config: func(cfg *Config) { cfg.APIRateLimit = 120 }})
			if got := c.mostIn(10 * time.Second); got > 20 || len(c.at) < 50 {
				t.Errorf("%d of %d calls in ten seconds, want 20 at most", got, len(c.at))
			}
		})
	})
	t.Run("rate_limit_share", func(t *testing.T) {
		var c calls
		bubble(t, "2.16", emulator.Options{Intercept: c.intercept, RateLimit: 40}, func(t *testing.T, w *world) {
			w.read(t, reading{config: func(cfg *Config) { cfg.RateLimitShare = 0.5 }})
			windows := map[int64]int{}
			for _, at := range c.at[8:] { // before the first answers nobody knows the limit
				windows[born.Add(at.Sub(c.at[0])).Unix()/10]++
			}
			for window, n := range windows {
				if n > 21 {
					t.Errorf("%d calls in window %d, want half of 40", n, window)
				}
			}
			if len(windows) < 3 {
				t.Errorf("only %d windows", len(windows))
			}
		})
	})
	t.Run("activity_logs_time_step", func(t *testing.T) {
		var c calls
		bubble(t, "2.16", emulator.Options{Intercept: c.intercept}, func(t *testing.T, w *world) {
			w.read(t, reading{streams: []string{"activity_logs"}, config: func(cfg *Config) {
				cfg.StartDate, cfg.ActivityLogStep = born.AddDate(0, 0, -10), 24*time.Hour
			}})
			if got := len(c.paths) - 1; got < 11 || got > 13 { // the first is /me
				t.Errorf("%d windows for ten days of one day", got)
			}
		})
	})
	t.Run("request_timeout and max_retry_minutes", func(t *testing.T) {
		bubble(t, "2.16", emulator.Options{Intercept: func(_ http.ResponseWriter, r *http.Request) bool {
			if r.URL.Path == "/tags" {
				<-r.Context().Done()
			}
			return r.URL.Path == "/tags"
		}}, func(t *testing.T, w *world) {
			for _, test := range []struct{ timeout, retry time.Duration }{{20 * time.Second, 0}, {20 * time.Second, 7 * time.Minute}} {
				began := time.Now()
				w.read(t, reading{streams: []string{"tags"}, failing: true, config: func(cfg *Config) {
					cfg.RequestTimeout, cfg.MaxRetry = test.timeout, test.retry
				}})
				if took := time.Since(began); took < test.retry || took < test.timeout || took > test.retry+2*test.timeout {
					t.Errorf("timeout %s, retries for %s: ended after %s", test.timeout, test.retry, took)
				}
			}
		})
	})
	t.Run("region", func(t *testing.T) {
		for region, host := range map[string]string{"us": "api.intercom.io", "eu": "api.eu.intercom.io", "au": "api.au.intercom.io"} {
			l := newPipeListener()
			pipes.Store(host+":443", l)
			dialled := make(chan struct{})
			go func() {
				if conn, err := l.Accept(); err == nil {
					close(dialled)
					_ = conn.Close()
				}
			}()
			cfg := Config{AccessToken: "token", Region: region, APIVersion: "2.16", RequestTimeout: time.Minute, RateLimitShare: 1}
			if _, err := Check(t.Context(), &cfg, nil, testLog); err == nil {
				t.Errorf("region %s: a broken connection passed for an answer", region)
			}
			<-dialled
			pipes.Delete(host + ":443")
			_ = l.Close()
		}
	})
}
