package emulator

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"io"
	"net/http"
	"strings"
)

// personal are the members that tell of a person: what people are called, where they are, how they are reached, and what
// they write.
var personal = nameSet("email email_address email_domain phone formatted_phone user_phone_number name external_id user_id " +
	"user_external_id ip city region country job_title browser os referrer image_url url recording_url transcription_url " +
	"body body_text body_markdown html history subject title description text summary call_summary remark rating_remark " +
	"request_body response_body raw_response_body error_message activity_description update_by_name content_title series_title " +
	"question response reaction failure_url failed_selector utm_source utm_content en fr de")

// open are the objects whose members each workspace names itself: any text in them may tell of a person.
var open = nameSet("custom_attributes ticket_attributes metadata")

func nameSet(names string) map[string]bool {
	set := map[string]bool{}
	for name := range strings.FieldsSeq(names) {
		set[name] = true
	}
	return set
}

// marked puts the mark before a text, or behind the host of an address.
func marked(text, mark string) string {
	scheme, rest, web := strings.Cut(text, "://")
	if host, path, ok := strings.Cut(rest, "/"); web && ok {
		return scheme + "://" + host + "/" + mark + "/" + path
	}
	return mark + text
}

// impersonal are the lists that describe fields, whose names the other answers go by.
var impersonal = nameSet("/data_attributes /conversations/attributes /ticket_types /export/reporting_data/get_datasets")

// mark marks what tells of a person in an answer. Intercom's errors may repeat what they are about.
func (a *answer) mark(path, mark string) {
	if !strings.HasPrefix(a.kind, "application/json") || impersonal[path] {
		return
	}
	d := json.NewDecoder(bytes.NewReader(a.body))
	d.UseNumber()
	var out bytes.Buffer
	m := marker{in: d, out: &out, mark: mark, failed: a.status >= http.StatusBadRequest}
	m.value("", "")
	a.body = out.Bytes()
}

// marker copies JSON, and keeps the order of its members.
type marker struct {
	in     *json.Decoder
	out    *bytes.Buffer
	mark   string
	failed bool // the answer is an error
}

func (m *marker) value(key, parent string) {
	token, err := m.in.Token()
	if err != nil {
		return // our own answers are JSON
	}
	switch v := token.(type) {
	case json.Delim:
		m.container(v, key, parent)
	case string:
		if v != "" && (personal[key] || open[parent] && key != "type" || m.failed && key == "message") {
			v = marked(v, m.mark)
		}
		m.write(v)
	default:
		m.write(v)
	}
}

func (m *marker) container(begin json.Delim, key, parent string) {
	m.out.WriteRune(rune(begin))
	for first := true; m.in.More(); first = false {
		if !first {
			m.out.WriteByte(',')
		}
		if begin == '[' {
			m.value(key, parent)
			continue
		}
		name, _ := m.in.Token()
		m.write(name)
		m.out.WriteByte(':')
		m.value(name.(string), key)
	}
	end, _ := m.in.Token()
	m.out.WriteRune(rune(end.(json.Delim)))
}

func (m *marker) write(v any) {
	text, _ := json.Marshal(v) // a token always marshals
	m.out.Write(text)
}

// marked is a file of an export with the same marks, by its columns.
func (f csvFile) marked(mark string) csvFile {
	if mark == "" {
		return f
	}
	var out bytes.Buffer
	in, w := csv.NewReader(bytes.NewReader(f.text)), csv.NewWriter(&out)
	in.FieldsPerRecord = -1
	var header []string
	for {
		cells, err := in.Read()
		if err == io.EOF {
			break
		}
		if header == nil {
			header = cells
		} else {
			for i, column := range header {
				if i < len(cells) && cells[i] != "" && personal[strings.ToLower(column)] {
					cells[i] = marked(cells[i], mark)
				}
			}
		}
		_ = w.Write(cells) // into memory
	}
	w.Flush()
	return csvFile{f.name, out.Bytes()}
}

func marks(files []csvFile, mark string) []csvFile {
	for i := range files {
		files[i] = files[i].marked(mark)
	}
	return files
}
