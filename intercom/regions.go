package intercom

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// regions in the order in which DetectRegion tries them. A token works in its own region alone.
var regions = []struct{ name, baseURL string }{
	{"us", "https://api.intercom.io"},
	{"eu", "https://api.eu.intercom.io"},
	{"au", "https://api.au.intercom.io"},
}

// RegionURL returns the base URL of a region: us, eu or au. Other names have none: "". For "auto" there is
// DetectRegion.
func RegionURL(region string) string {
	for _, r := range regions {
		if strings.EqualFold(r.name, region) {
			return r.baseURL
		}
	}
	return ""
}

// quickRetry is how long a host may be in trouble before the next region is asked.
const quickRetry = 3 * time.Second

// DetectRegion finds the region that knows the token by asking each for /me; cfg.BaseURL is not used. A
// host that does not answer is passed over if another one accepts the token, and asked again for as long
// as cfg.MaxRetry allows if none does. When all have refused the token the error is a BadToken.
func DetectRegion(ctx context.Context, cfg Config) (baseURL string, err error) {
	patience := cfg.MaxRetry
	cfg.MaxRetry = min(patience, quickRetry)
	candidates := make([]string, len(regions))
	for i, r := range regions {
		candidates[i] = r.baseURL
	}
	var silent []string
	var refused, trouble error
	for ask := range 2 {
		if ask == 1 {
			candidates, silent, cfg.MaxRetry = silent, nil, patience
		}
		for _, candidate := range candidates {
			cfg.BaseURL = candidate
			err := knows(ctx, cfg)
			switch kind := KindOf(err); {
			case ctx.Err() != nil:
				return "", ctx.Err()
			case kind == BadToken:
				refused = err
			case kind == Temporary:
				silent, trouble = append(silent, candidate), err
			case kind == "" && err != nil:
				return "", err
			default:
				// Every other answer, even a refusal of /me, comes after the token was accepted.
				return candidate, nil
			}
		}
	}
	if len(silent) > 0 {
		return "", trouble
	}
	return "", refused
}

func knows(ctx context.Context, cfg Config) error {
	c, err := New(cfg)
	if err != nil {
		return err
	}
	defer c.Close()
	a, err := c.Do(ctx, Request{Method: http.MethodGet, Path: "/me"})
	if err != nil {
		return err
	}
	a.Release()
	return nil
}

// FollowURL turns the URL of a next page into a path and query for Do. Only URLs of Intercom or of our own
// base are accepted, and their host is not used: the token goes nowhere else.
func (c *Client) FollowURL(next string) (path string, err error) {
	u, err := url.Parse(next)
	if err != nil {
		return "", errors.New("the URL of the next page is no URL")
	}
	host := strings.ToLower(u.Hostname())
	path = u.EscapedPath()
	switch {
	case u.User != nil || !strings.HasPrefix(path, "/") || strings.HasPrefix(path, "//"):
		return "", fmt.Errorf("the URL of the next page, at %q, cannot be followed", host)
	case u.Host == "", host == "intercom.io", strings.HasSuffix(host, ".intercom.io"):
	case strings.EqualFold(u.Host, c.base.Host):
		if rest, found := strings.CutPrefix(path, c.base.EscapedPath()); found && strings.HasPrefix(rest, "/") {
			path = rest
		}
	default:
		return "", fmt.Errorf("the URL of the next page leads to another host, %q", host)
	}
	if u.RawQuery != "" {
		path += "?" + u.RawQuery
	}
	return path, nil
}
