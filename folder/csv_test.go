package folder

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/tidwall/gjson"
	"pgregory.net/rapid"
)

func TestFormulasAreDefused(t *testing.T) {
	for text, want := range map[string]string{
		`=1+1`:                       `'=1+1`,
		`=HYPERLINK("http://x","y")`: `"'=HYPERLINK(""http://x"",""y"")"`,
		`+49 170 1234567`:            `'+49 170 1234567`,
		`+353555010028`:              `'+353555010028`,
		`-2+3`:                       `'-2+3`,
		`-5`:                         `-5`,
		`-5.25`:                      `-5.25`,
		`-`:                          `'-`,
		`-5.`:                        `'-5.`,
		`- a list`:                   `'- a list`,
		`@SUM(A1)`:                   `'@SUM(A1)`,
		"\t=1":                       "\"'\t=1\"",
		"\r=1":                       "\"'\r=1\"",
		"\n=1":                       "\"'\n=1\"",
		`＝1+1`:                       `'＝1+1`,
		`a=b`:                        `a=b`,
		`'=1`:                        `'=1`,
		`2026-01-31T10:00:00Z`:       `2026-01-31T10:00:00Z`,
		``:                           `""`,
		`a, "b"`:                     `"a, ""b"""`,
		` padded `:                   `" padded "`,
	} {
		value, _ := json.Marshal(text)
		if got := string(appendValue(nil, gjson.ParseBytes(value))); got != want {
			t.Errorf("%q became %s, want %s", text, got, want)
		}
	}
	for value, want := range map[string]string{
		`null`: ``, `true`: `true`, `false`: `false`, `-5`: `-5`, `-1.5e-7`: `-1.5e-7`, `12345678901234567890`: `12345678901234567890`,
		`[]`: `[]`, `{"a":[1,"=x"]}`: `"{""a"":[1,""=x""]}"`,
	} {
		if got := string(appendValue(nil, gjson.Parse(value))); got != want {
			t.Errorf("%s became %s, want %s", value, got, want)
		}
	}
}

// Whatever comes, each row is as long as the header, every value is in its column, and what has none is in the
// last; also after a merge with a file that had other columns.
func TestRowsKeepToTheirColumns(t *testing.T) {
	columns := []string{"id", "a", "b,c", `d"`, "updated_at"}
	text := rapid.StringOf(rapid.SampledFrom([]rune("ab,;\"\r\n\t='é🙂 \\{}")))
	rapid.Check(t, func(rt *rapid.T) {
		dir := t.TempDir()
		want := map[string]map[string]any{}
		var last []string
		for run := range 3 {
			names := slices.Clone(columns)
			for _, gone := range rapid.SliceOfNDistinct(rapid.SampledFrom(columns[1:4]), 0, 2, rapid.ID).Draw(rt, "unknown") {
				names = slices.DeleteFunc(names, func(name string) bool { return name == gone })
			}
			var records []string
			for range rapid.IntRange(0, 5).Draw(rt, "records") {
				id := rapid.SampledFrom([]string{"1", "2", "-3", "=4", `"5,`}).Draw(rt, "id")
				record := map[string]any{"id": id, "updated_at": fmt.Sprintf("2026-01-0%dT00:00:00Z", run+1)}
				for _, name := range columns[1:4] {
					if v := text.Draw(rt, name); v != "" {
						record[name] = v
					}
				}
				line, _ := json.Marshal(record)
				records = append(records, string(line))
				want[id] = record
			}
			last = names
			export(rt, Options{Dir: dir, Format: CSV, Merge: true}, things(names), records...)
		}
		rows := readTable(rt, content(rt, dir+"/things.csv"))
		if len(rows) != len(want)+1 {
			rt.Fatalf("%d rows, want a header and %d", len(rows), len(want))
		}
		header := rows[0]
		if header[len(header)-1] != otherFields || !slices.Equal(header[:1], last[:1]) {
			rt.Fatalf("header %q", header)
		}
		for id, record := range want {
			at := slices.IndexFunc(rows, func(row []string) bool { return row[slices.Index(header, "id")] == defuse(id) })
			if at < 0 {
				rt.Fatalf("row %q is missing", id)
			}
			for name, value := range record {
				got := gjson.Get(rows[at][len(header)-1], gjson.Escape(name)).String()
				expected := value.(string)
				if column := slices.Index(header, name); column >= 0 && got == "" {
					got, expected = rows[at][column], strings.ReplaceAll(defuse(expected), "\r\n", "\n")
				}
				if got != expected {
					rt.Fatalf("row %q has %q as %q, want %q", id, got, name, expected)
				}
			}
		}
	})
}

// readTable reads a table as RFC 4180 has it; but line breaks come out as Unix has them.
func readTable(t fataler, data []byte) [][]string {
	t.Helper()
	text, marked := bytes.CutPrefix(data, []byte(bom))
	if !marked {
		t.Fatalf("no byte order mark")
	}
	rows, err := csv.NewReader(bytes.NewReader(text)).ReadAll()
	if err != nil {
		t.Fatalf("%v in %q", err, text)
	}
	return rows
}
