//go:build peers

package e2e

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// reports are the reports of docs/reports.md by their headings, worked out from the raw records, one after the other.
func (h *history) reports() map[string]*sheet {
	return map[string]*sheet{
		"1. Volume by week and channel":              h.volume(),
		"2. Time to first reply by week":             h.firstReplies(),
		"3. Time to resolution by team":              h.resolutions(),
		"4. Backlog at the end of each day":          h.backlog(),
		"5. Satisfaction by teammate and month":      h.satisfaction(),
		"6. Reopened, and resolved at first contact": h.firstContact(),
		"7. Replies per teammate and day":            h.workload(),
		"8. Busiest hours":                           h.busiestHours(),
		"9. Tags and their trend":                    h.tags(),
		"10. Resolved by the AI agent":               h.aiAgent(),
		"11. Service levels missed":                  h.serviceLevels(),
		"12. Companies that write most":              h.companies(),
	}
}

// A pile is the talks that share the first cells of a row.
type pile struct {
	cells []any
	talks []*talk
}

// piles sorts out the talks; of those without cells there is no row.
func (h *history) piles(cells func(k *talk) []any) []*pile {
	by := map[string]*pile{}
	for _, id := range slices.Sorted(maps.Keys(h.talks)) {
		k := h.talks[id]
		row := cells(k)
		if row == nil {
			continue
		}
		name := fmt.Sprintf("%q", row)
		if by[name] == nil {
			by[name] = &pile{cells: row}
		}
		by[name].talks = append(by[name].talks, k)
	}
	return slices.Collect(maps.Values(by))
}

func (p *pile) count(is func(k *talk) bool) int {
	n := 0
	for _, k := range p.talks {
		if is(k) {
			n++
		}
	}
	return n
}

// all are the values that the talks have; of some a talk has none.
func (p *pile) all(values func(k *talk) []float64) []float64 {
	var all []float64
	for _, k := range p.talks {
		all = append(all, values(k)...)
	}
	return all
}

func (s *sheet) addTo(p *pile, cells ...any) { s.add(append(slices.Clone(p.cells), cells...)...) }

func (h *history) volume() *sheet {
	s := newSheet("week channel conversations begun_by_customers")
	for _, p := range h.piles(func(k *talk) []any { return []any{weekOf(k.time("created_at")), textOrNil(k.Get("source.type"))} }) {
		s.addTo(p, len(p.talks), p.count((*talk).byCustomer))
	}
	return s.sorted("week", "channel")
}

func (h *history) firstReplies() *sheet {
	s := newSheet("week conversations replied not_replied unknown median_minutes p90_minutes")
	for _, p := range h.piles(func(k *talk) []any {
		if !k.byCustomer() {
			return nil
		}
		return []any{weekOf(k.time("created_at"))}
	}) {
		waits := p.all((*talk).firstReply)
		never := p.count(func(k *talk) bool { return k.firstReply() == nil && k.surelyWhole() })
		s.addTo(p, len(p.talks), len(waits), never, len(p.talks)-len(waits)-never, quantile(waits, 0.5, 60), quantile(waits, 0.9, 60))
	}
	return s.sorted("week")
}

func (h *history) resolutions() *sheet {
	s := newSheet("team_id team closed unknown median_hours p90_hours")
	for _, p := range h.piles(func(k *talk) []any {
		if k.Get("state").Str != "closed" {
			return nil
		}
		team := textOrNil(k.Get("team_assignee_id"))
		return []any{team, h.name("teams", team)}
	}) {
		lives := p.all(func(k *talk) []float64 {
			if k.lastClose().IsZero() {
				return nil
			}
			return []float64{max(0, k.lastClose().Sub(k.time("created_at")).Seconds())}
		})
		s.addTo(p, len(p.talks), len(p.talks)-len(lives), quantile(lives, 0.5, 3600), quantile(lives, 0.9, 3600))
	}
	return s.sorted("team_id")
}

// backlog asks on each evening each conversation what has happened to it so far.
func (h *history) backlog() *sheet {
	var all []happening
	for _, events := range h.events {
		all = append(all, slices.Collect(maps.Values(events))...)
	}
	slices.SortFunc(all, func(a, b happening) int { return a.at.Compare(b.at) })
	s := newSheet("day open_conversations")
	for day := all[0].at.UTC().Truncate(24 * time.Hour); !day.After(all[len(all)-1].at); day = day.AddDate(0, 0, 1) {
		midnight, open := day.AddDate(0, 0, 1), 0
		for _, events := range h.events {
			latest := happening{kind: closed}
			for _, e := range events {
				if e.at.Before(midnight) && (e.at.After(latest.at) || e.at.Equal(latest.at) && e.kind > latest.kind) {
					latest = e
				}
			}
			if latest.kind != closed {
				open++
			}
		}
		s.add(dayOf(day), open)
	}
	return s
}

func (h *history) satisfaction() *sheet {
	s := newSheet("month teammate_id teammate asked ratings csat_percent average")
	for _, p := range h.piles(func(k *talk) []any {
		if k.time("conversation_rating.created_at").IsZero() {
			return nil
		}
		id := textOrNil(k.Get("conversation_rating.teammate.id"))
		return []any{monthOf(k.time("conversation_rating.created_at")), id, h.name("admins", id)}
	}) {
		ratings := p.all((*talk).rating)
		good := len(slices.DeleteFunc(slices.Clone(ratings), func(r float64) bool { return r < 4 }))
		s.addTo(p, len(p.talks), len(ratings), percent(good, len(ratings)), average(ratings))
	}
	return s.sorted("month", "teammate_id")
}

func (k *talk) rating() []float64 {
	if r := k.Get("conversation_rating.rating"); r.Exists() && r.Float() > 0 {
		return []float64{r.Float()}
	}
	return nil
}

func (h *history) firstContact() *sheet {
	s := newSheet("month resolved reopened reopened_percent reopens_unknown first_contact first_contact_percent first_contact_unknown")
	for _, p := range h.piles(func(k *talk) []any {
		if !k.byCustomer() || k.firstReply() == nil || k.lastClose().IsZero() {
			return nil
		}
		return []any{monthOf(k.time("created_at"))}
	}) {
		again := p.count(func(k *talk) bool { return k.reopens() > 0 })
		vague := p.count(func(k *talk) bool { return k.reopens() < 0 })
		notAtOnce := func(k *talk) bool { return k.Get("state").Str != "closed" || k.reopens() > 0 || k.humanMessages() > 1 }
		no := p.count(notAtOnce)
		yes := p.count(func(k *talk) bool { return !notAtOnce(k) && k.reopens() == 0 && k.surelyWhole() })
		s.addTo(p, len(p.talks), again, percent(again, len(p.talks)-vague), vague, yes, percent(yes, yes+no), len(p.talks)-yes-no)
	}
	return s.sorted("month")
}

func (h *history) workload() *sheet {
	s := newSheet("day teammate_id teammate replies conversations")
	type desk struct{ day, teammate string }
	replies, talks := map[desk]int{}, map[desk]map[string]bool{}
	for _, p := range h.parts {
		if author(p) != "human" || !says(p) {
			continue
		}
		at := desk{dayOf(timeOf(p.Get("created_at"))), p.Get("author.id").String()}
		if talks[at] == nil {
			talks[at] = map[string]bool{}
		}
		replies[at]++
		talks[at][p.Get("conversation_id").Str] = true
	}
	for at, n := range replies {
		s.add(at.day, at.teammate, h.name("admins", at.teammate), n, len(talks[at]))
	}
	return s.sorted("day", "teammate_id")
}

func (h *history) busiestHours() *sheet {
	dublin, err := time.LoadLocation("Europe/Dublin")
	if err != nil {
		panic(err)
	}
	s := newSheet("weekday hour conversations")
	for _, p := range h.piles(func(k *talk) []any {
		if !k.byCustomer() {
			return nil
		}
		at := k.time("created_at").In(dublin)
		return []any{(int(at.Weekday())+6)%7 + 1, at.Hour()}
	}) {
		s.addTo(p, len(p.talks))
	}
	return s.sorted("weekday", "hour")
}

// latestChange is that of any conversation.
func (h *history) latestChange() time.Time {
	var latest time.Time
	for _, k := range h.talks {
		if at := k.time("updated_at"); at.After(latest) {
			latest = at
		}
	}
	return latest
}

func (h *history) tags() *sheet {
	week := monday(h.latestChange())
	recent, earlier := map[string]int{}, map[string]int{}
	for _, k := range h.talks {
		at := k.time("created_at")
		for _, tag := range k.Get("tags.tags").Array() {
			switch ago := week.Sub(at); {
			case ago <= 0 || ago > 8*7*24*time.Hour:
				continue
			case ago <= 4*7*24*time.Hour:
				recent[tag.Get("name").Str]++
			default:
				earlier[tag.Get("name").Str]++
			}
			recent[tag.Get("name").Str] += 0
		}
	}
	s := newSheet("tag last_4_weeks the_4_weeks_before change")
	for name, n := range recent {
		s.add(name, n, earlier[name], n-earlier[name])
	}
	return s.sorted("-last_4_weeks", "tag").first(20)
}

func (h *history) aiAgent() *sheet {
	s := newSheet("month conversations with_ai_agent resolved resolved_percent without_human unknown")
	for _, p := range h.piles(func(k *talk) []any { return []any{monthOf(k.time("created_at"))} }) {
		took := func(k *talk) bool { return k.Get("ai_agent_participated").Bool() }
		resolved := func(k *talk) bool {
			return took(k) && strings.HasSuffix(k.Get("ai_agent.resolution_state").Str, "ed_resolution")
		}
		alone := p.count(func(k *talk) bool { return resolved(k) && k.humanMessages() == 0 && k.surelyWhole() })
		vague := p.count(func(k *talk) bool {
			return !k.Get("ai_agent_participated").IsBool() || resolved(k) && k.humanMessages() == 0 && !k.surelyWhole()
		})
		s.addTo(p, len(p.talks), p.count(took), p.count(resolved), percent(p.count(resolved), p.count(took)), alone, vague)
	}
	return s.sorted("month")
}

func (h *history) serviceLevels() *sheet {
	s := newSheet("month sla_name hit missed still_running cancelled missed_percent")
	for _, p := range h.piles(func(k *talk) []any {
		if name := textOrNil(k.Get("sla_applied.sla_name")); name != nil {
			return []any{monthOf(k.time("created_at")), name}
		}
		return nil
	}) {
		n := func(status string) int {
			return p.count(func(k *talk) bool { return k.Get("sla_applied.sla_status").Str == status })
		}
		s.addTo(p, n("hit"), n("missed"), n("active"), n("cancelled"), percent(n("missed"), n("hit")+n("missed")))
	}
	return s.sorted("month", "sla_name")
}

func (h *history) companies() *sheet {
	since := h.latestChange().AddDate(0, 0, -90)
	s := newSheet("company_id company conversations not_closed without_first_reply median_first_reply_minutes ratings average_rating")
	for _, p := range h.piles(func(k *talk) []any {
		if k.time("created_at").Before(since) {
			return nil
		}
		id := textOrNil(k.Get("company.id"))
		return []any{id, h.name("companies", id)}
	}) {
		waits, ratings := p.all((*talk).firstReply), p.all((*talk).rating)
		open := p.count(func(k *talk) bool { return k.Get("state").Str != "closed" })
		s.addTo(p, len(p.talks), open, len(p.talks)-len(waits), quantile(waits, 0.5, 60), len(ratings), average(ratings))
	}
	return s.sorted("-conversations", "company_id").first(20)
}
