package protocol

import (
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/tidwall/gjson"
)

// Encoder turns the records of one stream into lines. It is safe for concurrent use.
type Encoder struct {
	plan    *node
	altered *spot // what the stream's alterations change in records; nil: nothing
	airbyte bool
	prefix  string // the line up to the record's own JSON
	deleted string // see Deleted
	drift   tally
}

func newEncoder(s Stream, drop []FieldPath, airbyte bool) (*Encoder, error) {
	times, deleted := dateTimeKind, singerDeleted
	if airbyte {
		times, deleted = unixKind, airbyteDeleted
	}
	s = deleted.in(s)
	plan, err := compile(s, drop, times)
	if err != nil {
		return nil, err
	}
	prefix := []byte(`{"type":"RECORD","stream":`)
	data := `,"record":`
	if airbyte {
		prefix = []byte(`{"type":"RECORD","record":{"stream":`)
		data = `,"data":`
	}
	prefix = gjson.AppendJSONString(prefix, s.Name)
	if s.Version > 0 && !airbyte {
		prefix = strconv.AppendInt(append(prefix, `,"version":`...), s.Version, 10)
	}
	return &Encoder{plan: plan, altered: s.altered, airbyte: airbyte, prefix: string(prefix) + data, deleted: s.always}, nil
}

// Append adds the line of one record to dst. raw must be one valid JSON object. What the schema
// agrees with is copied byte for byte; the rest is converted, and a value that cannot be converted
// becomes null, or leaves its array where that cannot hold null: it is counted, and in Airbyte's
// output the record says so. Only a field that must not be null, which is a key, stays as it came.
func (e *Encoder) Append(dst []byte, raw string, inject []Inject, at time.Time) ([]byte, Encoded) {
	dst = append(dst, e.prefix...)
	src := tidy(raw, !e.airbyte)
	if e.altered != nil {
		src, inject = e.altered.record(src), e.altered.injected(inject, e.deleted, !e.airbyte)
	}
	if e.deleted != "" && !injected(inject, e.deleted) {
		inject = append(inject[:len(inject):len(inject)], Inject{Name: e.deleted, JSON: "null"})
	}
	w := rewriter{enc: e, copier: copier{src: src, dst: dst, from: skipSpace(src, 0)}}
	start := len(dst)
	end := w.record(inject)
	w.copyTo(end)
	span := Encoded{Start: start, End: len(w.dst)}
	if e.airbyte {
		return w.airbyteTail(at), span
	}
	dst = append(w.dst, `,"time_extracted":"`...)
	dst = at.UTC().AppendFormat(dst, "2006-01-02T15:04:05.000000Z")
	return append(dst, "\"}\n"...), span
}

// Drift counts, by dotted path, the fields that came and that the schema does not know.
func (e *Encoder) Drift() map[string]int64 { return e.drift.counts() }

// Nulled counts, by dotted path, the values that could not be converted to the schema's type.
func (e *Encoder) Nulled() map[string]int64 {
	counts := make(map[string]int64)
	e.plan.each(func(n *node) {
		if c := n.nulled.Load(); c > 0 {
			counts[n.path] += c
		}
	})
	return counts
}

// rewriter is one walk over one record.
type rewriter struct {
	copier
	enc     *Encoder
	changes []*node
}

func (w *rewriter) record(inject []Inject) (end int) {
	end, kept := w.object(w.enc.plan, w.from, inject)
	for _, field := range inject {
		n := w.enc.plan.props[field.Name]
		if n != nil && n.drop {
			continue
		}
		w.copyTo(end - 1) // before the closing brace
		if kept {
			w.dst = append(w.dst, ',')
		}
		kept = true
		w.dst = gjson.AppendJSONString(w.dst, field.Name)
		w.dst = append(w.dst, ':')
		w.inject(n, field.JSON)
	}
	return end
}

// inject appends a value of ours; it goes by the schema like any other.
func (w *rewriter) inject(n *node, json string) {
	inner := rewriter{enc: w.enc, copier: copier{src: tidy(json, !w.enc.airbyte), dst: w.dst}, changes: w.changes}
	end := len(inner.src)
	if n != nil {
		end = inner.member(n, skipSpace(inner.src, 0))
	}
	inner.copyTo(end)
	w.dst, w.changes = inner.dst, inner.changes
}

// object walks the object at i, without its deselected members and those that are injected. kept
// tells whether a member is left.
func (w *rewriter) object(n *node, i int, inject []Inject) (end int, kept bool) {
	guess := &n.first
	for i++; ; {
		sep := i
		i = skipSpace(w.src, i)
		if w.src[i] == '}' {
			return i + 1, kept
		}
		if w.src[i] == ',' {
			i = skipSpace(w.src, i+1)
		}
		child, name, value := w.lookUp(n, guess, i)
		if child != nil {
			guess = &child.next
		}
		if child != nil && child.drop || injected(inject, name) {
			i = w.cut(sep, skipValue(w.src, value), kept)
			continue
		}
		kept = true
		if n.declared && (child == nil || child.unknown) {
			w.enc.drift.add(n, name)
		}
		if child == nil {
			i = skipValue(w.src, value)
		} else {
			i = w.member(child, value)
		}
	}
}

// lookUp finds the schema of the member at i, its name and its value. The records of a stream have
// their members in the same order, so the one that came at this place last time is tried first:
// a comparison of bytes costs far less than a look into the map.
func (w *rewriter) lookUp(n *node, guess *atomic.Pointer[node], i int) (child *node, name string, value int) {
	if child = guess.Load(); child != nil && strings.HasPrefix(w.src[i:], child.label) {
		return child, child.name, skipSpace(w.src, i+len(child.label))
	}
	name, value = w.key(i)
	if child = n.props[name]; child != nil && child.label != "" {
		guess.Store(child)
	}
	return child, name, value
}

func injected(inject []Inject, name string) bool {
	for i := range inject {
		if inject[i].Name == name {
			return true
		}
	}
	return false
}

func (w *rewriter) member(n *node, i int) (end int) {
	end, ok := w.value(n, i)
	if !ok && n.nullable {
		w.replace(i, end, "null")
		w.changed(n)
	}
	return end
}

func (w *rewriter) changed(n *node) {
	n.nulled.Add(1)
	for _, c := range w.changes {
		if c.path == n.path {
			return
		}
	}
	w.changes = append(w.changes, n)
}

// value walks the value at i. When ok is false the value does not fit its schema and nothing has
// been written for it.
func (w *rewriter) value(n *node, i int) (end int, ok bool) {
	if n.opaque() {
		return skipValue(w.src, i), true
	}
	switch w.src[i] {
	case '"':
		if n.kind == stringKind {
			return skipString(w.src, i), true
		}
	case 'n':
		return i + len("null"), true
	case '{':
		if n.props != nil && (n.kind == objectKind || n.kind == anyKind) {
			end, _ = w.object(n, i, nil)
			return end, true
		}
		end = skipContainer(w.src, i)
		return end, n.kind == objectKind || n.kind == anyKind || n.own && w.wrapUp(n, i, end)
	case '[':
		if n.items != nil && n.kind == arrayKind {
			return w.array(n.items, i), true
		}
		end = skipContainer(w.src, i)
		return end, n.kind == arrayKind || n.kind == anyKind || n.own && w.wrapUp(n, i, end)
	}
	if n.kind == objectKind && n.wrap != "" {
		return w.wrap(n, i), true
	}
	return w.scalar(n, i)
}

func (w *rewriter) array(items *node, i int) (end int) {
	if items.opaque() {
		return skipContainer(w.src, i)
	}
	kept := false
	for i++; ; {
		sep := i
		i = skipSpace(w.src, i)
		if w.src[i] == ']' {
			return i + 1
		}
		if w.src[i] == ',' {
			i = skipSpace(w.src, i+1)
		}
		end, ok := w.value(items, i)
		if ok && w.src[i] == 'n' {
			ok = items.nullable
		}
		if !ok {
			w.changed(items)
			if !items.nullable {
				i = w.cut(sep, end, kept)
				continue
			}
			w.replace(i, end, "null")
		}
		kept = true
		i = end
	}
}

// wrapUp brings the object or list src[i:end] to the type of an attribute without losing anything: where text is
// wanted it becomes its JSON, where a list is wanted a list of it alone.
func (w *rewriter) wrapUp(n *node, i, end int) bool {
	switch {
	case n.kind == stringKind:
		w.copyTo(i)
		w.dst = gjson.AppendJSONString(w.dst, w.src[i:end])
		w.from = end
	case n.kind == arrayKind && w.src[i] == '{' && n.items != nil && n.items.kind == objectKind:
		w.replace(i, i, "[")
		w.value(n.items, i)
		w.copyTo(end)
		w.dst = append(w.dst, ']')
	default:
		return false
	}
	return true
}

// wrap puts a scalar, which is how an older version of the API has it, into the object that newer
// ones send.
func (w *rewriter) wrap(n *node, i int) (end int) {
	w.copyTo(i)
	child := n.props[n.wrap]
	if child != nil && child.drop {
		end = skipValue(w.src, i)
		w.replace(i, end, "{}")
		return end
	}
	w.dst = append(w.dst, '{')
	w.dst = gjson.AppendJSONString(w.dst, n.wrap)
	w.dst = append(w.dst, ':')
	if child != nil {
		end = w.member(child, i)
	} else {
		end = skipValue(w.src, i)
	}
	w.copyTo(end)
	w.dst = append(w.dst, '}')
	return end
}

func (w *rewriter) scalar(n *node, i int) (end int, ok bool) {
	end = skipInteger(w.src, i)
	integer := end > i
	if !integer {
		end = skipValue(w.src, i)
	}
	raw := w.src[i:end]
	if fits(n.kind, raw, integer) {
		return end, true
	}
	length, from := len(w.dst), w.from
	w.copyTo(i)
	w.dst, ok = appendConverted(w.dst, n.kind, raw)
	w.from = end
	if !ok {
		w.dst, w.from = w.dst[:length], from
	}
	return end, ok
}

func (w *rewriter) airbyteTail(at time.Time) []byte {
	dst := append(w.dst, `,"emitted_at":`...)
	dst = strconv.AppendInt(dst, at.UnixMilli(), 10)
	if len(w.changes) > 0 {
		dst = append(dst, `,"meta":{"changes":[`...)
		for i, n := range w.changes {
			if i > 0 {
				dst = append(dst, ',')
			}
			dst = append(dst, `{"field":`...)
			dst = gjson.AppendJSONString(dst, n.path)
			dst = append(dst, `,"change":"NULLED","reason":"SOURCE_SERIALIZATION_ERROR"}`...)
		}
		dst = append(dst, "]}"...)
	}
	return append(dst, "}}\n"...)
}
