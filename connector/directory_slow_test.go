package connector

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"

	"source-intercom/emulator"
)

// slowContact is a contact with all its companies, as one call after the other shows it; nil if there is none.
func (w *world) slowContact(id any, version string) obj {
	if id == nil {
		return nil
	}
	at := "/contacts/" + id.(string)
	contact, link := w.slowGet(at, version)
	for range 3 {
		if link != "" {
			at = link
			contact, link = w.slowGet(at, version)
		}
	}
	if contact == nil {
		return nil
	}
	companies := []any{}
	for page := "1"; page != ""; {
		list, _ := w.slowGet(at+"/companies?page="+page, version)
		for _, key := range []string{"data", "companies"} {
			rows, _ := list[key].([]any)
			companies = append(companies, rows...)
		}
		page = ""
		if next := pattern(`[?&]page=([0-9]+)`).FindStringSubmatch(list.obj("pages").text("next")); next != nil {
			page = next[1]
		}
	}
	contact["all"] = companies
	return contact
}

// slowGet is an answer of the emulator, whatever faults it has, and where an object that was merged is now.
func (w *world) slowGet(path, version string) (answer obj, link string) {
	for {
		r := httptest.NewRequest(http.MethodGet, path, http.NoBody)
		r.Header.Set("Authorization", "Bearer "+emulator.DefaultToken)
		r.Header.Set("Accept", "application/json")
		r.Header.Set("Intercom-Version", version)
		rec := httptest.NewRecorder()
		w.ServeHTTP(rec, r)
		switch rec.Code {
		case http.StatusNotFound, http.StatusGone:
			link, _, _ = strings.Cut(strings.TrimPrefix(rec.Header().Get("Link"), "<"), ">")
			return nil, link
		case http.StatusOK:
			d := json.NewDecoder(rec.Body)
			d.UseNumber()
			if d.Decode(&answer) == nil {
				return answer, ""
			}
		}
	}
}

// slowCompany chooses among a contact's companies.
func slowCompany(contact obj) (id, external, source any) {
	if contact == nil {
		return nil, nil, nil
	}
	all := contact.list("all")
	if len(all) == 0 {
		return nil, nil, "none"
	}
	best := all[0]
	for _, c := range all[1:] {
		at, most := c.number("last_request_at"), best.number("last_request_at")
		if at > most || at == most && c.text("id") < best.text("id") {
			best = c
		}
	}
	source = "most_recent"
	if len(all) == 1 {
		source = "sole"
	}
	return best.text("id"), nullOr(best.text("company_id")), source
}
