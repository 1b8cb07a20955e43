package intercom_test

import (
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"

	"source-intercom/intercom"
)

func list(code, message string) string {
	return `{"type":"error.list","request_id":"req-1","errors":[{"code":"` + code + `","message":"` + message + `"}]}`
}

func TestRefusals(t *testing.T) {
	tests := []struct {
		status int
		body   string
		want   intercom.Kind
		later  intercom.Kind // once a call has succeeded, where that differs
	}{
		{400, list("bad_request", "page limit reached"), intercom.BadRequest, ""},
		{400, list("parameter_invalid", "x"), intercom.BadRequest, ""},
		{400, list("scroll_exists", "scroll already exists for this workspace"), intercom.ScrollExists, ""},
		{400, list("intercom_version_invalid", "x"), intercom.BadVersion, ""},
		{401, list("unauthorized", "Access Token Invalid"), intercom.BadToken, intercom.MissingScope},
		{401, list("token_revoked", "x"), intercom.BadToken, intercom.BadToken},
		{401, "", intercom.BadToken, intercom.MissingScope},
		{402, list("x", "Active subscription needed"), intercom.PlanRestricted, ""},
		{403, list("api_plan_restricted", "x"), intercom.PlanRestricted, ""},
		{403, list("forbidden", "You do not have the required scope"), intercom.MissingScope, ""},
		{403, "<html>", intercom.Temporary, ""},
		{400, `{"type":"error.list","errors":[{"code":"scroll_exi`, intercom.Temporary, ""},
		{401, `{"type":"error.list","err`, intercom.Temporary, ""},
		{404, list("not_found", "x"), intercom.NotFound, ""},
		{404, "<html><h1>404 Not Found</h1></html>", intercom.NotFound, ""},
		{405, list("x", "x"), intercom.BadRequest, ""},
		{406, list("x", "x"), intercom.BadRequest, ""},
		{409, list("conflict", "x"), intercom.BadRequest, ""},
		{422, list("unprocessable_entity", "x"), intercom.BadRequest, ""},
		{304, "", intercom.Redirected, ""},
		{400, `{"type":"error.list","request_id":null,"errors":[]}`, intercom.BadRequest, ""},
		{400, `{"errors":{"code":7}}`, intercom.BadRequest, ""},
		{400, `null`, intercom.BadRequest, ""},
	}
	for _, test := range tests {
		healthy := false
		c := newClient(t, intercom.Config{Transport: inMemory(func(w http.ResponseWriter, r *http.Request) {
			if healthy {
				ok(w)
				return
			}
			status(test.status, test.body)(w, r)
		})})
		_, err := c.Do(t.Context(), get)
		if got := intercom.KindOf(err); got != test.want {
			t.Errorf("%d %s: kind %q, want %q", test.status, test.body, got, test.want)
		}
		healthy = true
		if _, err := c.Do(t.Context(), get); err != nil {
			t.Fatal(err)
		}
		healthy = false
		later := test.want
		if test.later != "" {
			later = test.later
		}
		_, err = c.Do(t.Context(), get)
		if got := intercom.KindOf(err); got != later {
			t.Errorf("%d %s, when the token has worked: kind %q, want %q", test.status, test.body, got, later)
		}
	}
}

func TestErrorTellsWhatIsKnown(t *testing.T) {
	c := newClient(t, intercom.Config{Transport: inMemory(status(403, list("forbidden", "You do not have the required scope (read_tickets)")))})
	_, err := c.Do(t.Context(), intercom.Request{Method: "POST", Path: "/tickets/search", Stream: "tickets", Body: []byte(`{"secret":"body"}`)})
	for _, part := range []string{"tickets: ", "POST /tickets/search", "403", "forbidden", "read_tickets", "req-1", "Developer Hub"} {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("%q lacks %q", err, part)
		}
	}
	if strings.Contains(err.Error(), "body") {
		t.Errorf("%q shows the request's body", err)
	}
}

func TestMergedContactKeepsItsLocation(t *testing.T) {
	c := newClient(t, intercom.Config{Transport: inMemory(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Link", `</contacts/5f2>; rel="canonical"`)
		w.WriteHeader(410)
		_, _ = io.WriteString(w, list("contact_merged", "x"))
	})})
	_, err := c.Do(t.Context(), get)
	if e, is := errors.AsType[*intercom.Error](err); !is || e.Kind != intercom.NotFound || e.Location != "/contacts/5f2" {
		t.Errorf("error %#v", err)
	}
}
