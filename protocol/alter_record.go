package protocol

// An alterer is one walk over one record, without regard to its schema: what stands in a spot is changed, whatever it is.
// It goes down as deep as the record is nested, which the API's client bounds.
type alterer struct{ copier }

// record is a record with its values changed.
func (p *spot) record(src string) string { return p.walk(src, (*alterer).object) }

// value is a value of that spot, changed.
func (p *spot) value(src string) string { return p.walk(src, (*alterer).value) }

func (p *spot) walk(src string, walk func(*alterer, *spot, int) int) string {
	a := &alterer{copier{src: src}}
	end := walk(a, p, skipSpace(src, 0))
	if a.dst == nil {
		return src
	}
	a.copyTo(end)
	return string(a.dst)
}

// injected are our own fields of a record, changed like any other but for the one that says that the record is gone.
func (p *spot) injected(fields []Inject, deleted string, dropNUL bool) []Inject {
	var out []Inject
	for _, field := range fields {
		var q *spot
		if field.Name != deleted {
			q = p.member(field.Name)
		}
		if q != nil && q.leavesOut() {
			continue
		}
		if q != nil {
			field.JSON = q.value(tidy(field.JSON, dropNUL))
		}
		out = append(out, field)
	}
	return out
}

func (a *alterer) object(p *spot, i int) (end int) {
	kept := false
	for i++; ; {
		sep := i
		i = skipSpace(a.src, i)
		if a.src[i] == '}' {
			return i + 1
		}
		if a.src[i] == ',' {
			i = skipSpace(a.src, i+1)
		}
		name, value := a.key(i)
		q := p.member(name)
		if q != nil && q.leavesOut() {
			a.grow()
			i = a.cut(sep, skipValue(a.src, value), kept)
			continue
		}
		kept = true
		if q == nil {
			i = skipValue(a.src, value)
		} else {
			i = a.value(q, value)
		}
	}
}

func (a *alterer) value(p *spot, i int) (end int) {
	switch c := a.src[i]; {
	case c == '[':
		return a.list(p, i)
	case c == '{' && !p.whole():
		return a.object(p, i)
	case c != '{' && c != 'n' && p.wrap != "" && p.rule == nil:
		return a.wrapped(p.member(p.wrap), i)
	}
	end = skipValue(a.src, i)
	a.change(p, i, end)
	return end
}

func (a *alterer) list(p *spot, i int) (end int) {
	for i++; ; {
		i = skipSpace(a.src, i)
		switch a.src[i] {
		case ']':
			return i + 1
		case ',':
			i++
		default:
			i = a.value(p, i)
		}
	}
}

// wrapped changes a value that older versions of the API have where newer ones have an object with that value in it.
func (a *alterer) wrapped(p *spot, i int) (end int) {
	switch {
	case p == nil:
		return skipValue(a.src, i)
	case p.leavesOut():
		end = skipValue(a.src, i)
		a.replace(i, end, "null")
		return end
	}
	return a.value(p, i)
}

// grow makes room for the record before the first change, once.
func (a *alterer) grow() {
	if a.dst == nil {
		a.dst = make([]byte, 0, len(a.src)+len(a.src)/8)
	}
}

// change changes the value src[i:end], which is not looked into.
func (a *alterer) change(p *spot, i, end int) {
	raw := a.src[i:end]
	if p.body != nil && raw[0] == '"' {
		if p.rule != nil && p.rule.Texts { // which may know HTML better than what becomes of it
			raw = string(p.rule.Apply(nil, raw))
		}
		raw = string(p.body.Apply(nil, raw))
	}
	if p.rule != nil && raw != "null" && (raw[0] == '"' || !p.rule.Texts) {
		raw = string(p.rule.Apply(nil, raw))
	}
	if raw != a.src[i:end] {
		a.grow()
		a.replace(i, end, raw)
	}
}
