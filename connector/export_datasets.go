package connector

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"source-intercom/intercom"

	"github.com/tidwall/gjson"
)

// A dataset is one of those that Intercom's reports are made of. They differ by workspace, since the attributes that people
// gave their conversations, contacts and companies are part of them.
// https://developers.intercom.com/docs/references/rest-api/api.intercom.io/reporting-data-export
type dataset struct {
	id      string
	time    string // id of its default time attribute
	columns []reportColumn
}

// A reportColumn is an attribute of a dataset.
type reportColumn struct {
	id        string // "may be ambiguous if the same name exists across different attribute types"
	qualified string // by which it is asked for; the id in versions that have no other
	name      string
	property  string // of our records
}

// datasets asks which ones the workspace has.
func datasets(ctx context.Context, client *intercom.Client) ([]dataset, error) {
	answer, err := client.Do(ctx, intercom.Request{Method: http.MethodGet, Path: reporting.Probe, Stream: reporting.Name})
	if err != nil {
		return nil, err
	}
	defer answer.Release()
	rows, err := answer.Rows("data")
	if err != nil {
		return nil, err
	}
	var out []dataset
	for _, row := range rows {
		d, err := readDataset(row)
		if err != nil {
			return nil, err
		}
		if len(d.columns) > 0 {
			out = append(out, d)
		}
	}
	return out, nil
}

func readDataset(row gjson.Result) (dataset, error) {
	text := func(v gjson.Result, name string) string { return strings.Clone(v.Get(name).String()) } // the answer's memory is given back
	d := dataset{id: text(row, "id"), time: text(row, "default_time_attribute_id")}
	attributes := row.Get("attributes")
	if d.id == "" || !attributes.IsArray() {
		return d, &intercom.ShapeError{Stream: reporting.Name, Path: "data.#", Want: "a dataset with an id and an array of attributes", Found: found(row)}
	}
	for _, a := range attributes.Array() {
		c := reportColumn{id: text(a, "id"), qualified: text(a, "qualified_id"), name: text(a, "name")}
		c.qualified = cmp.Or(c.qualified, c.id)
		known := slices.ContainsFunc(d.columns, func(other reportColumn) bool { return other.qualified == c.qualified })
		if c.qualified != "" && !known {
			d.columns = append(d.columns, c)
		}
	}
	d.nameProperties()
	return d, nil
}

// nameProperties gives each column a property of its own: its id's name, or, where several have that, its qualified id's.
func (d *dataset) nameProperties() {
	times := map[string]int{}
	for _, c := range d.columns {
		times[columnName(c.id)]++
	}
	taken := map[string]bool{rowIDField: true}
	for i := range d.columns {
		c := &d.columns[i]
		c.property = columnName(c.id)
		if times[c.property] > 1 {
			c.property = columnName(c.qualified)
		}
		c.property = unique(c.property, c.qualified, taken)
	}
}

// unique is name, or, if that is taken, name with a hash of what it stands for behind it, so that it does not depend on the
// order of names.
func unique(name, what string, taken map[string]bool) string {
	if taken[name] {
		sum := sha256.Sum256([]byte(what))
		name += "_" + hex.EncodeToString(sum[:4])
	}
	for n := 2; taken[name]; n++ {
		name += "_" + strconv.Itoa(n)
	}
	taken[name] = true
	return name
}

// columnNames are the properties that a header's columns become.
func columnNames(header []string) []string {
	taken := map[string]bool{}
	names := make([]string, len(header))
	for i, column := range header {
		names[i] = unique(columnName(column), column, taken)
	}
	return names
}

// columnName is a column's name in lower case, its words joined by underscores: "Escalated to AM?" is escalated_to_am.
// Names of other letters than a to z become a hash of them.
func columnName(column string) string {
	var b strings.Builder
	lower := false // the sign before was a small letter or a digit
	gap := false   // signs that are none of a word come before
	for _, r := range column {
		big := r >= 'A' && r <= 'Z'
		if !big && (r < 'a' || r > 'z') && (r < '0' || r > '9') {
			gap = true
			continue
		}
		if b.Len() > 0 && (gap || big && lower) {
			b.WriteByte('_')
		}
		gap, lower = false, !big
		if big {
			r += 'a' - 'A'
		}
		b.WriteRune(r)
	}
	name := b.String()
	if name == "" || name[0] >= '0' && name[0] <= '9' {
		sum := sha256.Sum256([]byte(column))
		name = "column_" + hex.EncodeToString(sum[:4])
	}
	return name
}

func (d *dataset) stream() string { return reportPrefix + columnName(d.id) }

// key is the dataset's id, where a column tells by its name that it is that: conversation_id of the conversations, but not of
// the states that conversations were in. Rows of other datasets are known by all that is in them.
func (d *dataset) key() []string {
	id := columnName(d.id)
	for _, c := range d.columns {
		if c.id == id+"_id" || c.id == strings.TrimSuffix(id, "s")+"_id" {
			return []string{c.property}
		}
	}
	return []string{rowIDField}
}

// cursor is the property of the default time attribute, "" where there is none.
func (d *dataset) cursor() string {
	for _, c := range d.columns {
		if d.time != "" && (c.id == d.time || c.qualified == d.time) {
			return c.property
		}
	}
	return ""
}

// schema describes the rows. All is text: nothing tells how Intercom writes an attribute's values, and text loses nothing.
func (d *dataset) schema() []byte {
	key := d.key()
	b := []byte(`{"$schema":"http://json-schema.org/draft-07/schema#","type":"object","additionalProperties":true,"properties":{`)
	add := func(property, kind, description string) {
		if b[len(b)-1] != '{' {
			b = append(b, ',')
		}
		b = append(appendText(b, property), `:{"type":`+kind+`,"description":`...)
		b = append(appendText(b, strings.ToValidUTF8(description, "")), '}')
	}
	if key[0] == rowIDField {
		add(rowIDField, `["string"]`, "Hash of the row: Intercom gives it no id.")
	}
	for _, c := range d.columns {
		kind := `["null","string"]`
		if slices.Contains(key, c.property) {
			kind = `["string"]`
		}
		add(c.property, kind, "Attribute "+c.qualified+" of Intercom's reports: "+c.name+".")
	}
	return append(b, `}}`...)
}
