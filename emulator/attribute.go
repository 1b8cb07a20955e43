package emulator

import "strconv"

// ownAttribute is an attribute that the workspace has given to its contacts, companies, conversations or tickets.
// Which of them a record carries, and what, is in the printers of these.
type ownAttribute struct {
	name, dataType string // the type as /conversations/attributes and the types of tickets word it
	archived       bool
	options        []string
}

var tiers = []string{"gold", "silver", "brönze"}

// ownAttributes are those of each model. Two that records carry are missing, as at Intercom: a contact's reference to
// custom objects, a type that the documents of data attributes do not know, and what Intercom itself writes to
// conversations (CX Score).
var ownAttributes = map[string][]ownAttribute{
	"contact": {{name: "tier", dataType: "list", options: tiers}, {name: "seats", dataType: "integer"}, {name: "score", dataType: "decimal"},
		{name: "beta", dataType: "boolean"}, {name: "renewal_at", dataType: "datetime"}, {name: "old_code", dataType: "string", archived: true},
		{name: "account_number", dataType: "integer"}, {name: "Nöte to self", dataType: "string"}, {name: "revision", dataType: "integer"},
		{name: "Trial ends", dataType: "datetime"}},
	"company": {{name: "tier", dataType: "list", options: tiers}, {name: "seats", dataType: "integer"}, {name: "score", dataType: "decimal"},
		{name: "beta", dataType: "boolean"}, {name: "renewal_at", dataType: "datetime"}, {name: "old_code", dataType: "string", archived: true},
		{name: "contract", dataType: "string"}, {name: "revision", dataType: "string"}},
	"conversation": {{name: "tier", dataType: "list", options: tiers}, {name: "seats", dataType: "integer"}, {name: "score", dataType: "decimal"},
		{name: "beta", dataType: "boolean"}, {name: "renewal_at", dataType: "datetime"}, {name: "old_code", dataType: "string", archived: true},
		{name: "summary", dataType: "string"}, {name: "orders", dataType: "relationship"}, {name: "contract", dataType: "files"},
		{name: "account_number", dataType: "integer"}, {name: "stamped", dataType: "integer"}},
}

// listedAs is the type's name in the list of data attributes; "" where that has no such type.
func (a ownAttribute) listedAs() string {
	return map[string]string{"list": "string", "string": "string", "integer": "integer", "decimal": "float", "boolean": "boolean", "datetime": "date"}[a.dataType]
}

// ticketAttributesOf are the attributes of a type of tickets. Two types call something else severity.
func ticketAttributesOf(kind int) []ownAttribute {
	severity := "integer"
	if kind == 2 {
		severity = "list"
	}
	out := []ownAttribute{{name: "_default_title_", dataType: "string"}, {name: "_default_description_", dataType: "string"},
		{name: "Severity", dataType: severity}, {name: "Urgent?", dataType: "boolean"}, {name: "Areas", dataType: "list"}, {name: "Due date", dataType: "datetime"}}
	if kind == 0 {
		out = append(out, ownAttribute{name: "Screenshots", dataType: "files"}, ownAttribute{name: "Effort", dataType: "decimal"})
	}
	return append(out, ownAttribute{name: "Big number", dataType: "integer"}, ownAttribute{name: "Revision", dataType: "integer", archived: kind == archivedType})
}

// orders writes the reference to a custom object, which shows its own attributes. Edits of it do not show here: they would not
// move the record's updated_at.
func (p *printer) orders(key string, ord int32) {
	p.obj(key)
	p.str("type", "Order.list")
	p.arr("instances")
	for _, id := range p.w.some("custom_objects_order", 1, int(ord)) {
		p.obj("")
		p.str("id", strconv.FormatInt(id, 10))
		p.null("external_created_at")
		p.obj("custom_attributes")
		p.str("order_number", "ORDER-"+strconv.FormatInt(id%100_000, 10))
		p.str("total_amount", "99.99")
		p.end()
		p.str("type", "Order")
		p.end()
	}
	p.endArr()
	p.end()
}

// files writes the value of an attribute of files: a list, or the only one.
func (p *printer) files(key string, s seed, list bool) {
	if list {
		p.attachments(key, s, 2)
		return
	}
	p.obj(key)
	p.str("type", "upload")
	p.str("name", "proof.png")
	p.str("url", p.signedURL(s, "proof.png"))
	p.str("content_type", "image/png")
	p.num("filesize", 11_308)
	p.num("width", 640)
	p.num("height", 480)
	p.end()
}

// day writes a date as most have it, in Unix seconds, or as some programs that write attributes have it.
func (p *printer) day(key string, at int64, asText bool) {
	if asText {
		p.str(key, isoTime(at, isoSeconds))
		return
	}
	p.num(key, at)
}

// customAttributeRows adds the rows of /data_attributes that the workspace has made itself.
func (w *World) customAttributeRows(model string, add func(attribute)) {
	for i, own := range ownAttributes[model] {
		if own.listedAs() == "" {
			continue
		}
		a := attribute{model: model, name: own.name, dataType: own.listedAs(), custom: true, archived: own.archived, options: own.options,
			apiWritable: i != 1, messengerWritable: i == 0}
		if i == 0 {
			a.description = "Chosen by sales"
		}
		add(a)
	}
}
