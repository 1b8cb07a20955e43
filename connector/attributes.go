package connector

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"unicode/utf8"

	"source-intercom/intercom"
	"source-intercom/protocol"

	"github.com/rs/zerolog"
	"github.com/tidwall/gjson"
)

// Discover renders the catalog of a configuration; nil is one that sets nothing. Only where custom attributes
// are to be typed does it ask Intercom, for them and for the workspace's reports: for 30 seconds at most, and what it
// cannot learn is an error.
func Discover(ctx context.Context, d protocol.Dialect, cfg *Config, log zerolog.Logger) ([]byte, error) {
	streams := TableOf(cfg).Catalog()
	if cfg == nil || !cfg.typed(d) {
		return cfg.catalog(d, streams)
	}
	ctx, cancel := context.WithTimeout(ctx, giveUp)
	defer cancel()
	client, _, err := reach(ctx, cfg, log)
	if err != nil {
		return nil, err
	}
	defer client.Close()
	attributes, err := discoverAttributes(ctx, client, cfg, log)
	if err != nil {
		return nil, err
	}
	found, err := discoverReports(ctx, client, cfg, log)
	if err != nil {
		return nil, err
	}
	streams = append(streams, found.Catalog()...)
	for i := range streams {
		streams[i] = streams[i].WithAttributes(func(model string, _ protocol.FieldPath) []protocol.Attribute { return attributes[model] })
	}
	return cfg.catalog(d, streams)
}

// catalog renders streams as the configuration wants their records.
func (c *Config) catalog(d protocol.Dialect, streams []protocol.Stream) ([]byte, error) {
	for i := range streams {
		streams[i] = c.altered(streams[i])
	}
	return d.Catalog(streams)
}

// typed tells whether discovery types custom attributes. A Singer platform discovers before every run.
func (c *Config) typed(d protocol.Dialect) bool {
	return c.TypedAttributes == "on" || c.TypedAttributes == "auto" && d.Name() != "singer"
}

// described is a stream as a catalog has it: the schema is ours, but for the types of custom attributes.
func (s *Stream) described(by protocol.Selected) protocol.Stream {
	return s.Described().WithAttributes(func(_ string, path protocol.FieldPath) []protocol.Attribute { return by.Attributes(path) })
}

// An attributeList is where Intercom lists the attributes that a workspace has given to one of its models.
type attributeList struct {
	model, permission string
	feed              *Feed
	within            *Stream // cuts them out of the feed's rows; nil: the rows are they
}

func attributeLists(version intercom.Version) []attributeList {
	ofConversations := conversationAttributes
	if !version.AtLeast(intercom.V2_16) {
		ofConversations = &Feed{Name: conversationAttributes.Name, Path: "/data_attributes?model=conversation&include_archived=true", Rows: "data"}
	}
	return []attributeList{
		{"contact", readPeople, contactAttributes, nil},
		{"company", readPeople, companyAttributes, nil},
		{"conversation", readConversations, ofConversations, nil},
		{"ticket", readTickets, ticketTypes, Streams.Named("ticket_type_attributes")},
	}
}

// AttributesError says of which models the attributes could not be listed, and why.
type AttributesError struct{ Errs []error }

func (e *AttributesError) Error() string {
	reasons := make([]string, len(e.Errs))
	for i, err := range e.Errs {
		reasons[i] = err.Error()
	}
	return "custom attributes cannot be typed: " + strings.Join(reasons, "; ") + " (with typed_custom_attributes off they are open objects)"
}

func (e *AttributesError) Unwrap() []error { return e.Errs }

// discoverAttributes lists the workspace's attributes by model, each by name.
func discoverAttributes(ctx context.Context, client *intercom.Client, cfg *Config, log zerolog.Logger) (map[string][]protocol.Attribute, error) {
	lists := attributeLists(intercom.Version(cfg.APIVersion))
	found, errs := make([]attributeSet, len(lists)), make([]error, len(lists))
	var reading sync.WaitGroup
	for i, l := range lists {
		reading.Go(func() {
			f := &feedRun{Reader: &Reader{Options: Options{Config: cfg, Log: log}, client: client}, feed: l.feed}
			found[i], errs[i] = l.read(ctx, f)
		})
	}
	reading.Wait()
	out := map[string][]protocol.Attribute{}
	failed := &AttributesError{}
	for i, l := range lists {
		switch kind := intercom.KindOf(errs[i]); {
		case errs[i] == nil:
			out[l.model] = found[i].sorted(l.model, log)
		case kind == intercom.BadToken:
			return nil, connectError(cfg, errs[i])
		case l.feed.Feature && (kind == intercom.NotFound || kind == intercom.PlanRestricted):
			log.Warn().Err(errs[i]).Msg("the workspace has no " + l.model + " attributes: Intercom does not have this list for it")
		case kind == intercom.MissingScope && cfg.TypedAttributes == "auto": // nor can it read what has them
			log.Warn().Err(errs[i]).Str("permission", l.permission).Msg("the token may not see the " + l.model + " attributes: they are left untyped")
		case kind == intercom.MissingScope:
			failed.Errs = append(failed.Errs, fmt.Errorf("the token lacks the permission %q: %w", l.permission, errs[i]))
		case errors.Is(errs[i], context.DeadlineExceeded):
			failed.Errs = append(failed.Errs, fmt.Errorf("Intercom did not list the %s attributes within %s: %w", l.model, giveUp, errs[i]))
		default:
			failed.Errs = append(failed.Errs, errs[i])
		}
	}
	if len(failed.Errs) > 0 {
		return nil, failed
	}
	return out, nil
}

func (l *attributeList) read(ctx context.Context, f *feedRun) (attributeSet, error) {
	set := attributeSet{}
	_, err := f.numbered(ctx, numberedList{method: "GET", path: l.feed.Path, serial: true}, func(rows []gjson.Result, _ func()) error {
		for _, row := range rows {
			if l.within == nil {
				set.add(row)
				continue
			}
			err := l.within.Cut.records(l.within, row, func(attribute gjson.Result) error {
				set.add(attribute)
				return nil
			})
			if err != nil {
				return err
			}
		}
		return nil
	})
	return set, err
}

// attributeTypes are Intercom's names of types, of the lists of all versions. Dates come as Unix seconds or, from
// some that write them, as ISO 8601.
// https://developers.intercom.com/docs/references/rest-api/api.intercom.io/data-attributes
var attributeTypes = map[string]protocol.AttributeType{
	"string": protocol.TextAttribute, "list": protocol.TextAttribute,
	"integer": protocol.IntegerAttribute, "float": protocol.NumberAttribute, "decimal": protocol.NumberAttribute,
	"boolean": protocol.BooleanAttribute,
	"date":    protocol.TimeAttribute, "datetime": protocol.TimeAttribute,
	"relationship": protocol.ObjectAttribute, // {"type": "Order.list", "instances": [...]}
	"files":        protocol.ObjectsAttribute,
}

// An attributeSet is one model's attributes, by name.
type attributeSet map[string]protocol.Attribute

// add takes the attribute of a row, unless it is one that every workspace has. Names need not be unique: an
// archived attribute leaves its name free, and each type of tickets has its own.
func (set attributeSet) add(row gjson.Result) {
	const prefix = "custom_attributes."
	name := row.Get("name").String()
	if full := row.Get("full_name").String(); full != "" {
		var own bool
		if name, own = strings.CutPrefix(full, prefix); !own {
			return
		}
	}
	if name == "" {
		return
	}
	a := protocol.Attribute{Name: strings.Clone(name), Type: attributeTypes[row.Get("data_type").String()]}
	a.Description = shortened(cmp.Or(row.Get("description").String(), row.Get("label").String()))
	if other, known := set[a.Name]; known {
		a.Type = widest(a.Type, other.Type)
		a.Description = max(a.Description, other.Description) // whichever came first
	}
	set[a.Name] = a
}

// widest is the type that holds the values of both; "" is one that nobody knows.
func widest(a, b protocol.AttributeType) protocol.AttributeType {
	numbers := a == protocol.IntegerAttribute && b == protocol.NumberAttribute || a == protocol.NumberAttribute && b == protocol.IntegerAttribute
	switch {
	case a == b:
		return a
	case a == "" || b == "":
		return ""
	case numbers:
		return protocol.NumberAttribute
	}
	return protocol.TextAttribute
}

// sorted are the attributes by name, without those of a type that nobody knows: they come as they are.
func (set attributeSet) sorted(model string, log zerolog.Logger) []protocol.Attribute {
	var out []protocol.Attribute
	for _, name := range slices.Sorted(maps.Keys(set)) {
		if set[name].Type == "" {
			log.Warn().Str("model", model).Str("attribute", clipped(name)).Msg("its type is not known: the attribute is left untyped")
			continue
		}
		out = append(out, set[name])
	}
	return out
}

// shortened is the beginning of a text, on one line.
func shortened(text string) string {
	const most = 120
	text = strings.Join(strings.Fields(text), " ")
	if utf8.RuneCountInString(text) <= most {
		return strings.Clone(text)
	}
	return string([]rune(text)[:most-1]) + "…"
}
