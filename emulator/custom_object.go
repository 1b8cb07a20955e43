package emulator

import "strconv"

// customObjects lists the instances of a type; an external id asks for one instance, which is not in a list.
func customObjects(c *call) (rowSet, *apiError) {
	sh, ok := c.w.shelves["custom_objects_"+c.id]
	if !ok {
		return rowSet{}, notFound("not_found", "Custom object type not found")
	}
	list := newest(sh.items)
	contact, conversation := c.query.Get("references_contact_id"), c.query.Get("references_conversation_id")
	if contact != "" {
		list = filtered(list, func(x *item) bool { return hexID(contactPrefix, c.w.holder(x)) == contact })
	}
	if conversation != "" {
		list = filtered(list, func(x *item) bool {
			return c.w.size.Conversations > 0 && strconv.Itoa(conversationBase+x.s.n(9, c.w.size.Conversations)) == conversation
		})
	}
	return c.itemRows(sh.name, list), nil
}

// customObjectPages answers a page, or the single instance that an external id names.
func customObjectPages(c *call, l *collection, rows rowSet) *apiError {
	external := c.query.Get("external_id")
	if external == "" {
		return numbers{limits: limits{20, 150, false}, next: true}.page(c, l, rows)
	}
	for _, x := range c.w.shelves["custom_objects_"+c.id].items {
		if x.externalID() == external {
			c.customObject(c.id, x)
			return nil
		}
	}
	return notFound("not_found", "Custom object instance not found")
}

// holder is the contact that an instance belongs to.
func (w *World) holder(x *item) int32 { return int32(x.s.n(8, w.size.Contacts)) }

func (x *item) externalID() string { return "ref_" + strconv.Itoa(int(x.ord)) }

func (p *printer) order(x *item)  { p.customObject("order", x) }
func (p *printer) device(x *item) { p.customObject("device", x) }

func (p *printer) customObject(kind string, x *item) {
	p.obj("")
	p.str("id", x.id)
	p.str("type", kind)
	p.obj("custom_attributes")
	if kind == "order" {
		p.str("order_number", x.revised("ORDER-"+strconv.Itoa(10_000+int(x.ord))))
		p.raw("total_amount", strconv.FormatFloat(float64(x.s.n(1, 100_000))/100, 'f', -1, 64)) // numbers, as in the example
		p.str("Größe", "XL")
	} else {
		p.str("serial", x.revised("SN"+strconv.Itoa(x.s.n(2, 1_000_000))))
		if x.ord%2 == 0 {
			p.str("colour", "red")
		}
	}
	p.end()
	p.str("external_id", x.externalID())
	known := int64(btoi(x.ord%3 != 1))
	p.numOrNull("external_created_at", (x.created-600)*known)
	p.numOrNull("external_updated_at", (x.updated-300)*known)
	p.num("created_at", x.created)
	p.num("updated_at", x.updated)
	p.end()
}
