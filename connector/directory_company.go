package connector

import (
	"cmp"
	"context"
	"iter"
	"net/url"
	"strings"

	"source-intercom/intercom"
	"source-intercom/protocol"

	"github.com/tidwall/gjson"
)

// newPerson reads a contact. It does not keep the answer in memory.
func newPerson(members iter.Seq2[string, string]) *person {
	p := &person{companies: untold}
	for name, v := range members {
		switch name {
		case "id":
			p.id = strings.Clone(idIn(v))
		case "email":
			p.email = strings.Clone(strings.ToLower(strings.TrimSpace(textIn(v))))
		case "external_id":
			p.external = strings.Clone(textIn(v))
		case "companies":
			list := gjson.Parse(v)
			if total := list.Get("total_count"); total.Type == gjson.Number {
				p.companies = int(total.Int())
			}
			if p.companies == 1 {
				p.sole = strings.Clone(idIn(list.Get("data.0.id").Raw))
			}
		}
	}
	return p
}

// employer is the company that stands for a contact: its only one, or, of several, the one that was seen last. It is found
// out once.
func (d *directory) employer(ctx context.Context, p *person) (company, error) {
	if known := p.employer.Load(); known != nil {
		return *known, nil
	}
	c, err := shared(ctx, d, "contact "+p.id, func() (company, error) { return d.findEmployer(p) })
	if err = d.closing(err); err != nil {
		return company{}, err
	}
	return c, nil
}

func (d *directory) findEmployer(p *person) (company, error) {
	c := company{source: "none"}
	switch {
	case p.companies == 0:
	case d.closed.Load():
		return company{}, nil
	default:
		var err error
		if c, err = d.sole(p.sole); err == nil && c.source == "" {
			c, err = d.mostRecent(p.id)
		}
		if err != nil || c.source == "" {
			return company{}, err
		}
	}
	p.employer.Store(&c)
	return c, nil
}

// sole is a contact's only company, of which the contact shows the id alone. Many may belong to it: it is asked for once.
// No source: it is gone, though the contact still shows it.
func (d *directory) sole(id string) (company, error) {
	c := company{id: id, source: "sole"}
	if id == "" {
		return company{}, nil
	}
	if external, ok := d.companies.Get(id); ok {
		c.external = external
		return c, nil
	}
	return shared(d.ctx, d, "company "+id, func() (company, error) {
		answer, err := d.call("GET", "/companies/"+url.PathEscape(id), nil)
		if intercom.KindOf(err) == intercom.NotFound {
			return company{}, nil
		}
		if err != nil {
			return company{}, err
		}
		c.external = strings.Clone(textIn(answer.Get("company_id").Raw))
		answer.Release()
		d.companies.Add(id, c.external)
		return c, nil
	})
}

// mostRecent is, of all companies of a contact, the one that was seen last; of those of the same second, the one with the
// smallest id. No source: the contact is gone.
func (d *directory) mostRecent(contact string) (company, error) {
	best, seen, n := company{source: "none"}, int64(-1), 0
	list := numberedList{method: "GET", path: "/contacts/" + url.PathEscape(contact) + "/companies?per_page=50", rows: "data|companies", stream: d.run.stream.Name, serial: true}
	_, err := d.numbered(d.ctx, list, func(page []gjson.Result, _ func()) error {
		d.run.lookups.Add(1)
		for _, row := range page {
			var c company
			at := int64(0)
			for name, v := range protocol.Members(row.Raw) {
				switch name {
				case "id":
					c.id = idIn(v)
				case "company_id":
					c.external = textIn(v)
				case "last_request_at":
					at = secondsIn(v)
				}
			}
			n++
			if later := cmp.Compare(at, seen); later > 0 || later == 0 && c.id < best.id {
				seen, best = at, company{strings.Clone(c.id), strings.Clone(c.external), "most_recent"}
			}
		}
		return nil
	})
	if intercom.KindOf(err) == intercom.NotFound {
		return company{}, nil
	}
	if n == 1 {
		best.source = "sole"
	}
	return best, err
}

// shared has what many want at the same time found out once. It goes on when one of them gives up.
func shared(ctx context.Context, d *directory, what string, find func() (company, error)) (company, error) {
	select {
	case r := <-d.flights.DoChan(what, func() (any, error) { return find() }):
		c, _ := r.Val.(company)
		return c, r.Err
	case <-ctx.Done():
		return company{}, context.Cause(ctx)
	}
}
