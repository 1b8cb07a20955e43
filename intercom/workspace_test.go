package intercom_test

import (
	"errors"
	"net"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"source-intercom/intercom"
)

func TestWorkspace(t *testing.T) {
	for name, want := range map[string]string{
		"America/Los_Angeles":        "America/Los_Angeles",
		"Eastern Time (US & Canada)": "America/New_York",
		"UTC":                        "Etc/UTC",
		"Chennai":                    "Asia/Kolkata",
		"Middle of Nowhere":          "",
		"Local":                      "",
		"":                           "",
		"../../etc/passwd":           "",
	} {
		c := newClient(t, intercom.Config{Transport: inMemory(status(200, `{"type":"admin","app":{"id_code":"abc","name":"Acme","timezone":"`+name+`","region":"EU"}}`))})
		w, err := c.Workspace(t.Context())
		if err != nil || w.ID != "abc" || w.Name != "Acme" || w.Region != "EU" {
			t.Fatalf("%+v, %v", w, err)
		}
		got := ""
		if w.TimeZone != nil {
			got = w.TimeZone.String()
		}
		if got != want {
			t.Errorf("zone %q read as %q, want %q", name, got, want)
		}
	}
	c := newClient(t, intercom.Config{Transport: inMemory(status(200, `{"type":"admin","app":{"name":"Acme"}}`))})
	if _, err := c.Workspace(t.Context()); err == nil {
		t.Error("a workspace without an id was accepted")
	}
	c = newClient(t, intercom.Config{Transport: inMemory(status(200, `{"type":"admin","app":null}`))})
	if w, err := c.Workspace(t.Context()); err != nil || w != (intercom.Workspace{}) {
		t.Errorf("no app: %+v, %v", w, err)
	}
}

// hosts answers by host; a host that is not there cannot be reached.
type hosts map[string]http.HandlerFunc

func (h hosts) RoundTrip(r *http.Request) (*http.Response, error) {
	f := h[r.URL.Host]
	if f == nil {
		return nil, &net.OpError{Op: "dial", Err: errors.New("no route")}
	}
	return inMemory(f).RoundTrip(r)
}

func TestDetectRegion(t *testing.T) {
	const us, eu, au = "api.intercom.io", "api.eu.intercom.io", "api.au.intercom.io"
	yes, no := status(200, `{}`), status(401, list("unauthorized", "x"))
	for name, test := range map[string]struct {
		hosts hosts
		want  string
		kind  intercom.Kind
	}{
		"us":                        {hosts{us: yes, eu: no, au: no}, us, ""},
		"eu":                        {hosts{us: no, eu: yes, au: no}, eu, ""},
		"au":                        {hosts{us: no, eu: no, au: yes}, au, ""},
		"us silent":                 {hosts{eu: yes, au: no}, eu, ""},
		"us in trouble":             {hosts{us: status(502, ""), eu: no, au: yes}, au, ""},
		"/me refused":               {hosts{us: no, eu: status(403, list("forbidden", "x")), au: no}, eu, ""},
		"known nowhere":             {hosts{us: no, eu: no, au: no}, "", intercom.BadToken},
		"known nowhere, one silent": {hosts{us: no, eu: no}, "", intercom.Temporary},
		"no network":                {hosts{}, "", intercom.Temporary},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				got, err := intercom.DetectRegion(t.Context(), intercom.Config{Token: token, Transport: test.hosts, MaxRetry: time.Minute})
				if test.want != "" {
					test.want = "https://" + test.want
				}
				if got != test.want || intercom.KindOf(err) != test.kind {
					t.Errorf("%q, %v; want %q and kind %q", got, err, test.want, test.kind)
				}
			})
		})
	}
	for name, want := range map[string]string{"us": "https://" + us, "EU": "https://" + eu, "au": "https://" + au, "auto": "", "mars": ""} {
		if got := intercom.RegionURL(name); got != want {
			t.Errorf("region %s: %q, want %q", name, got, want)
		}
	}
}

func TestVersions(t *testing.T) {
	for s, want := range map[string]intercom.Version{"2.10": intercom.V2_10, "2.17": intercom.V2_17, "Preview": intercom.Preview, "preview": intercom.Preview, "Unstable": intercom.Preview, "2.9": "", "2.1": "", "": ""} {
		if got, err := intercom.ParseVersion(s); got != want || (err == nil) != (want != "") {
			t.Errorf("%q: %q, %v", s, got, err)
		}
	}
	exact := map[intercom.Version]bool{intercom.V2_17: true, intercom.Preview: true}
	all := intercom.Versions()
	for i, v := range all {
		for j, w := range all {
			if v.AtLeast(w) != (i >= j) {
				t.Errorf("%s at least %s: %v", v, w, v.AtLeast(w))
			}
		}
		if v.SearchesExactSeconds() != exact[v] {
			t.Errorf("%s searches exact seconds: %v", v, v.SearchesExactSeconds())
		}
	}
	if len(all) != 9 || intercom.Version("2.9").SearchesExactSeconds() {
		t.Errorf("versions %v", all)
	}
}
