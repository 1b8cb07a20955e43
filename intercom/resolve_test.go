package intercom

import (
	"net/url"
	"testing"
)

// TestResolve: paths that need no parsing become the same URLs as parsed ones, and none leads to another host.
func TestResolve(t *testing.T) {
	for _, base := range []string{"https://api.intercom.io", "http://127.0.0.1:8080/proxy"} {
		c, err := New(Config{BaseURL: base, Token: "t"})
		if err != nil {
			t.Fatal(err)
		}
		for _, path := range []string{
			"/", "/tags", "/conversations/215468000003878", "/contacts/a%2Fb", "/contacts/x y", "/companies/scroll?scroll_param=a%2Fb",
			"/admins/activity_logs?created_at_after=1&per_page=250&page=2", "/data_attributes?model=company&include_archived=true",
			"/x?a=b#c", "/x?a=ä", "//example.net/x", "/../x", "/a:b", "/x?a=%zz", "/@example.net",
		} {
			got, err := c.resolve(path)
			want, wrong := url.Parse(base + path)
			if err != nil || wrong != nil {
				if (err != nil) != (wrong != nil) {
					t.Errorf("%s%s: error %v, url.Parse says %v", base, path, err, wrong)
				}
				continue
			}
			if got.String() != want.String() || got.Host != c.base.Host || got.RequestURI() != want.RequestURI() {
				t.Errorf("%s%s: %s, want %s", base, path, got, want)
			}
		}
		for _, path := range []string{"", "tags", ".example.net/x", "@example.net/x", ":80/x"} {
			if got, err := c.resolve(path); err == nil {
				t.Errorf("%q became %s", path, got)
			}
		}
	}
}
