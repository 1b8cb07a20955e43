package connector

import (
	"context"
	"errors"
	"strings"
	"sync"
	"sync/atomic"

	"source-intercom/intercom"
	"source-intercom/protocol"

	lru "github.com/hashicorp/golang-lru/v2"
	"golang.org/x/sync/singleflight"
)

const (
	askedAtOnce = 50     // contacts that one search asks for
	peopleKept  = 10_000 // contacts, and as many companies: some 3 MB
	mergeHops   = 3      // from a contact to the one that it was merged into
)

// A lack is what a conversation does not tell of its contact. The zero value is none.
type lack struct {
	contact        string // id
	email, company bool
}

// kept is a lack that does not keep the page in memory.
func (l lack) kept() lack {
	l.contact = strings.Clone(l.contact)
	return l
}

// within tells whether who asked for the other lack knows this one, too.
func (l lack) within(other lack) bool {
	return l.contact == "" || l.contact == other.contact && (other.company || !l.company)
}

// A lookup is what Intercom was asked beside a conversation.
type lookup struct {
	lack
	email, external string
	company         company
}

// A company as the columns have it; source is "" where nobody knows of one.
type company struct{ id, external, source string }

// A directory tells of contacts what conversations do not show. Ids that wait are asked for together, fifty at a time, and
// what was answered is remembered, that there is no such contact, too. Whoever asks must hold no answer.
type directory struct {
	*feedRun
	ctx       context.Context //nolint:containedctx // the walk's: a search goes on for the others when one who waits gives up
	run       *streamRun      // by whom the calls are counted
	people    *lru.Cache[string, *person]
	companies *lru.Cache[string, string] // your own ids of them, by Intercom's
	flights   singleflight.Group
	closed    atomic.Bool // to the token
	working   sync.WaitGroup

	mu       sync.Mutex
	asked    map[string]*inquiry
	waiting  []*inquiry
	searches int // under way
}

// An inquiry is a contact that is being asked for, by one or many.
type inquiry struct {
	id    string
	done  chan struct{}
	found *person // nil: there is no such contact
	err   error
}

// A person is a contact as the directory remembers it.
type person struct {
	id, email, external string
	companies           int    // how many it has; untold: Intercom does not say
	sole                string // id of the only company
	employer            atomic.Pointer[company]
}

const untold = -1

// newDirectory is nil where nobody wants to know more than conversations tell.
func newDirectory(ctx context.Context, f *feedRun) *directory {
	if f.Config.Enrich != "api" {
		return nil
	}
	for _, run := range f.runs {
		if run.stream.LooksUp {
			people, _ := lru.New[string, *person](peopleKept)
			companies, _ := lru.New[string, string](peopleKept) // sizes below 1 alone fail
			return &directory{feedRun: f, ctx: ctx, run: run, people: people, companies: companies, asked: map[string]*inquiry{}}
		}
	}
	return nil
}

// about answers what is lacking.
func (d *directory) about(ctx context.Context, l lack) (*lookup, error) {
	found := &lookup{lack: l}
	p, err := d.person(ctx, l.contact)
	if err != nil || p == nil {
		return found, err
	}
	found.email, found.external = p.email, p.external
	if l.company {
		found.company, err = d.employer(ctx, p)
	}
	return found, err
}

// person is a contact; nil: there is none, or the token may not see it.
func (d *directory) person(ctx context.Context, id string) (*person, error) {
	if p, ok := d.people.Get(id); ok {
		return p, nil
	}
	q := d.inquire(id)
	select {
	case <-q.done:
		return q.found, q.err
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}

// inquire joins those who ask for a contact. While a search is under way others gather for the next; it begins before when
// there are enough of them.
func (d *directory) inquire(id string) *inquiry {
	d.mu.Lock()
	defer d.mu.Unlock()
	if q := d.asked[id]; q != nil {
		return q
	}
	q := &inquiry{id: id, done: make(chan struct{})}
	d.asked[id] = q
	d.waiting = append(d.waiting, q)
	d.begin()
	return q
}

// begin begins a search for those who wait, if it is time; d is locked.
func (d *directory) begin() {
	n := min(len(d.waiting), askedAtOnce)
	if n == 0 || n < askedAtOnce && d.searches > 0 {
		return
	}
	batch := d.waiting[:n:n]
	d.waiting = d.waiting[n:]
	d.searches++
	d.working.Go(func() {
		found, err := d.search(batch)
		for _, q := range batch {
			switch p := found[q.id]; {
			case err != nil || p != nil:
				d.answer(q, p, err)
			default: // archived, merged or gone: a search does not tell
				d.working.Go(func() {
					p, err := d.single(q.id)
					d.answer(q, p, err)
				})
			}
		}
		d.mu.Lock()
		defer d.mu.Unlock()
		d.searches--
		d.begin()
	})
}

// answer ends an inquiry.
func (d *directory) answer(q *inquiry, p *person, err error) {
	if q.found, q.err = p, d.closing(err); q.err == nil {
		d.people.Add(q.id, p)
	}
	d.mu.Lock()
	delete(d.asked, q.id)
	d.mu.Unlock()
	close(q.done)
}

// closing makes nothing of an error that says that the token may not ask. It is told once, and nothing is asked any more.
func (d *directory) closing(err error) error {
	kind := intercom.KindOf(err)
	if kind != intercom.MissingScope && kind != intercom.PlanRestricted {
		return err
	}
	if !d.closed.Swap(true) {
		d.Log.Warn().Str("stream", d.run.stream.Name).Err(err).
			Msg("contacts and companies may not be looked up: what conversations do not tell of them stays null")
	}
	return nil
}

// call makes one call and counts it.
func (d *directory) call(method, path string, body []byte) (*intercom.Answer, error) {
	d.run.lookups.Add(1)
	return d.client.Do(d.ctx, intercom.Request{Method: method, Path: path, Body: body, Stream: d.run.stream.Name})
}

// search asks for a batch at once, and returns whom it found, by id.
func (d *directory) search(batch []*inquiry) (map[string]*person, error) {
	if d.closed.Load() {
		return nil, nil
	}
	ids := make([]string, len(batch))
	for i, q := range batch {
		ids[i] = quoted(q.id)
	}
	body := `{"query":{"field":"id","operator":"IN","value":[` + strings.Join(ids, ",") + `]},"pagination":{"per_page":50}}`
	answer, err := d.call("POST", "/contacts/search", []byte(body))
	if err != nil {
		return nil, err
	}
	defer answer.Release()
	rows, err := answer.Rows("data")
	if err != nil {
		return nil, err
	}
	found := map[string]*person{}
	for _, row := range rows {
		p := newPerson(protocol.Members(row.Raw))
		found[p.id] = p
	}
	return found, nil
}

// single asks for one contact, and follows it to the one that it was merged into.
func (d *directory) single(id string) (*person, error) {
	path := "/contacts/" + id
	for range mergeHops + 1 {
		if d.closed.Load() {
			return nil, nil
		}
		answer, err := d.call("GET", path, nil)
		if api, ok := errors.AsType[*intercom.Error](err); ok && api.Kind == intercom.NotFound {
			if path = api.Location; !strings.HasPrefix(path, "/contacts/") {
				return nil, nil
			}
			continue
		}
		if err != nil {
			return nil, err
		}
		p := newPerson(answer.Members())
		answer.Release()
		return p, nil
	}
	return nil, nil
}
