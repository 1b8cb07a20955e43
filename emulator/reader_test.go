package emulator_test

import (
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
)

// pages reads a list to its end, going on in the way that each answer calls for, and returns the pages.
func (r *rig) pages(path string) []map[string]any {
	r.t.Helper()
	var out []map[string]any
	for next := path; next != ""; {
		if len(out) > 200 {
			r.t.Fatalf("%s does not end", path)
		}
		a := r.call("GET "+next, "")
		if a.status != http.StatusOK {
			r.t.Fatalf("%s: status %d: %s", next, a.status, a.body)
		}
		if a.body[0] == '[' {
			a.body = fmt.Appendf(nil, `{"":%s}`, a.body)
		}
		page := a.json(r.t)
		out = append(out, page)
		next = ""
		numbers, _ := page["pages"].(map[string]any)
		if numbers == nil {
			numbers = page
		}
		with := func(name, value string) string {
			base, query, _ := strings.Cut(path, "?")
			return base + "?" + strings.TrimPrefix(query+"&"+name+"="+value, "&")
		}
		number := func(name string) int { n, _ := strconv.Atoi(fmt.Sprint(numbers[name])); return n }
		switch n := numbers["next"].(type) {
		case string:
			next = n[len(r.url):]
		case map[string]any:
			next = with("starting_after", n["starting_after"].(string))
		default:
			if page["has_more"] == true {
				next = with("cursor", page["next_cursor"].(string))
			} else if number("page") < number("total_pages") {
				next = with("page", strconv.Itoa(number("page")+1))
			}
		}
	}
	return out
}

// read returns the rows of a list with what a reader adds to them, by key; rows that come twice are an error.
func (r *rig) read(l list, parents map[string]map[string]any) map[string]map[string]any {
	r.t.Helper()
	if l.of == "" {
		parents = map[string]map[string]any{"": nil}
	}
	out := map[string]map[string]any{}
	for id, parent := range parents {
		same := map[string]int{}
		for _, page := range r.pages(l.url(id, l.query)) {
			for _, x := range page[l.rows].([]any) {
				row, ok := x.(map[string]any)
				if !ok {
					row = map[string]any{"name": x}
				}
				r.add(l, row, id, parent, same, out)
			}
		}
	}
	return out
}

func (r *rig) add(l list, row map[string]any, id string, parent map[string]any, same map[string]int, out map[string]map[string]any) {
	key := func() string {
		var parts []string
		for _, name := range strings.Fields(l.key) {
			if x, ok := row[name]; ok {
				parts = append(parts, textOf(x))
			}
		}
		return strings.Join(parts, "/")
	}
	for _, name := range strings.Fields(l.inject) {
		switch {
		case name == "position":
			alike := key()
			row[name] = float64(same[alike])
			same[alike]++
		case strings.HasSuffix(name, "_updated_at"):
			row[name] = parent["updated_at"]
		default:
			row[name] = id
		}
	}
	if _, twice := out[key()]; twice {
		r.t.Errorf("%s: %s comes twice", l.stream, key())
	}
	out[key()] = row
}

func textOf(x any) string {
	if f, ok := x.(float64); ok {
		return strconv.FormatFloat(f, 'f', -1, 64)
	}
	return fmt.Sprint(x)
}

// parentsOf reads the objects that rows belong to.
func (r *rig) parentsOf(stream string) map[string]map[string]any {
	switch stream {
	case "":
		return nil
	case "conversations", "contacts", "companies", "teams", "tickets":
		return walk(r, stream)
	}
	i := slices.IndexFunc(lists, func(l list) bool { return l.stream == stream })
	return r.read(lists[i], nil)
}
