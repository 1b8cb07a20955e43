package connector

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"encoding/csv"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"source-intercom/intercom"

	"github.com/rs/zerolog"
	"pgregory.net/rapid"
)

func readCSV(text string) (rows [][]string, err error) {
	r := newCSVReader(strings.NewReader(text))
	for {
		cells, err := r.next(nil)
		if errors.Is(err, io.EOF) {
			return rows, nil
		}
		if err != nil {
			return rows, err
		}
		rows = append(rows, cells)
	}
}

func TestCSV(t *testing.T) {
	for text, want := range map[string][][]string{
		"":                                  nil,
		"\ufeffa,b\n1,2\n":                  {{"a", "b"}, {"1", "2"}},
		"a,b\r\n1,2":                        {{"a", "b"}, {"1", "2"}},
		"a\r1\r":                            {{"a"}, {"1"}},
		"a,b\n\n,\n\n":                      {{"a", "b"}, {"", ""}},
		"\"a\",\"b,\"\"c\"\"\nd\r\ne\"\nx,": {{"a", "b,\"c\"\nd\r\ne"}, {"x", ""}},
		"\"\"\n":                            nil,
		"größe,\xff\n":                      {{"größe", "\ufffd"}},
		"\"a\"\n":                           {{"a"}},
		"\"a\"":                             {{"a"}},
		"a,\"\"":                            {{"a", ""}},
	} {
		got, err := readCSV(text)
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%q: %q, error %v", text, got, err)
		}
	}
	for text, row := range map[string]int{"a\n\"b\" c\n": 2, "a\nb\nc \"d\"\n": 3, "a\n\"b\n": 2, "\"": 1, "\"a\"\"": 1} {
		_, err := readCSV(text)
		if bad, ok := errors.AsType[*csvError](err); !ok || bad.row != row {
			t.Errorf("%q: error %v, want one in row %d", text, err, row)
		}
	}
	if _, err := readCSV("a\n\"" + strings.Repeat("x", maxCSVRow+1) + "\"\n"); err == nil {
		t.Error("a row without bound was read")
	}
}

// TestCSVIsReadAsItIsWritten: what any writer writes comes back, byte by byte.
func TestCSVIsReadAsItIsWritten(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		cell := rapid.OneOf(rapid.String(), rapid.StringMatching(`[a",\r\n ]*`))
		width := rapid.IntRange(1, 4).Draw(t, "width")
		rows := rapid.SliceOf(rapid.SliceOfN(cell, width, width)).Draw(t, "rows")
		for _, row := range rows {
			for i := range row {
				row[i] = strings.TrimLeft(row[i], "\ufeff")
			}
		}
		rows = slices.DeleteFunc(rows, func(row []string) bool { return width == 1 && row[0] == "" })
		var text bytes.Buffer
		w := csv.NewWriter(&text)
		if err := w.WriteAll(rows); err != nil {
			t.Fatal(err)
		}
		got, err := readCSV(text.String())
		if err != nil || len(got) != len(rows) || len(rows) > 0 && !reflect.DeepEqual(got, rows) {
			t.Fatalf("%q became %q, error %v", rows, got, err)
		}
	})
}

func zipOf(t *testing.T, files map[string]string) []byte {
	t.Helper()
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for _, name := range slices.Sorted(maps.Keys(files)) {
		w, err := z.Create(name)
		if err != nil {
			t.Fatal(err)
		}
		_, _ = io.WriteString(w, files[name])
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func tarOf(t *testing.T, files map[string]string) []byte {
	t.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, name := range slices.Sorted(maps.Keys(files)) {
		if err := w.WriteHeader(&tar.Header{Name: name, Size: int64(len(files[name])), Mode: 0o600}); err != nil {
			t.Fatal(err)
		}
		_, _ = io.WriteString(w, files[name])
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestSpool(t *testing.T) {
	long := strings.Repeat("a,b,c\n", 5000)
	archived := map[string]string{"x/open_1.csv": "a\n1\n", "receipt_1.CSV": long, "readme.txt": "no"}
	inside := map[string]string{"open_1.csv": "a\n1\n", "receipt_1.CSV": long}
	for name, test := range map[string]struct {
		file []byte
		want map[string]string
	}{
		"csv":       {[]byte(long), map[string]string{"": long}},
		"short csv": {[]byte("a\n"), map[string]string{"": "a\n"}},
		"zip":       {zipOf(t, archived), inside},
		"tar":       {tarOf(t, archived), inside},
		"empty zip": {zipOf(t, nil), map[string]string{}},
	} {
		for place, s := range map[string]*spool{
			"memory": {log: zerolog.Nop(), most: 1 << 20}, "file": {log: zerolog.Nop(), most: 10, dir: t.TempDir()},
			"no file": {log: zerolog.Nop(), most: 10, dir: filepath.Join(t.TempDir(), "missing")},
		} {
			for range 2 { // what was taken before is forgotten
				if err := s.take(bytes.NewReader(test.file)); err != nil {
					t.Fatalf("%s, %s: %v", name, place, err)
				}
				got := map[string]string{}
				err := s.each(func(name string, in io.Reader) error {
					b, err := io.ReadAll(in)
					got[name] = string(b)
					return err
				})
				if err != nil || !maps.Equal(got, test.want) {
					t.Errorf("%s, %s: files %q, error %v", name, place, slices.Collect(maps.Keys(got)), err)
				}
			}
			if s.filed != (place == "file" && len(test.file) > 10) {
				t.Errorf("%s, %s: in a file: %v", name, place, s.filed)
			}
			if files, _ := filepath.Glob(filepath.Join(s.dir, "*")); place == "file" && len(files) > 0 {
				t.Errorf("%s: left behind: %q", name, files)
			}
			s.close()
		}
	}
	whole := zipOf(t, archived)
	s := newSpool(zerolog.Nop())
	if err := s.take(bytes.NewReader(whole[:len(whole)-9])); !errors.Is(err, intercom.ErrIncomplete) {
		t.Errorf("a ZIP without its end: %v", err)
	}
}

func TestCellTimes(t *testing.T) {
	const at = 1772357400 // 2026-03-01 09:30:00 UTC
	for text, want := range map[string]moment{
		"1772357400": {at, true}, "1772357400000": {at, true}, "1772357400.7": {at, true}, "2026-03-01 09:30:00 UTC": {at, true}, "2026-03-01T09:30:00Z": {at, true},
		"2026-03-01T11:30:00.5+02:00": {at, true}, "2026-03-01 04:30:00 -0500": {at, true}, "2026-03-01 09:30:00": {at, false}, "2026-03-01 09:30": {at, false},
		"2026-03-01": {at - 34200, false}, "0": {0, true},
	} {
		if got, ok := cellTime(text); !ok || got != want {
			t.Errorf("%q: %v %v, want %v", text, got, ok, want)
		}
	}
	for _, text := range []string{"", "yesterday", "-5", "1e30", "NaN", "2026-13-01", "1960-01-01", "01/03/2026 09:30"} {
		if got, ok := cellTime(text); ok {
			t.Errorf("%q: %v", text, got)
		}
	}
}

func TestCSVRecords(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		name, value := rapid.String().Draw(t, "name"), rapid.String().Draw(t, "value")
		var row csvRow
		row.begin()
		row.text(name, value)
		row.time("at", "2026-03-01 09:30:00 UTC")
		row.time("never", "0")
		row.time("odd", "soon")
		var got map[string]any
		if err := json.Unmarshal([]byte(row.end().Raw), &got); err != nil {
			t.Fatal(err)
		}
		want := map[string]any{name: value, "at": 1772357400.0, "never": nil, "odd": "soon"}
		if value == "" {
			want[name] = nil
		}
		if !reflect.DeepEqual(got, want) && name != "at" && name != "never" && name != "odd" {
			t.Fatalf("%v, want %v", got, want)
		}
	})
}

func TestRowIDs(t *testing.T) {
	ids := rowIDs{}
	seen := map[string]bool{}
	for _, parts := range [][]string{{"a", "b"}, {"ab", ""}, {"", "ab"}, {"a", "b"}, {"a", "b"}, {"a", "b", ""}} {
		id := ids.of(parts...)
		if seen[id] {
			t.Errorf("%q: %s came before", parts, id)
		}
		seen[id] = true
	}
	if again := (rowIDs{}).of("a", "b"); !seen[again] || len(again) != 32 {
		t.Errorf("another run's id is %s", again)
	}
}
