package main

import (
	"bufio"
	"bytes"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"source-intercom/connector"
	"source-intercom/emulator"

	"github.com/google/go-cmp/cmp"
	"github.com/tidwall/gjson"
)

// exporting is a workspace and a folder that it is exported to, again and again.
type exporting struct {
	*emulator.Emulator
	clock *worldClock
	dir   string
	ever  truth // all that the workspace ever held
}

func newExporting(t *testing.T, o emulator.Options) *exporting {
	t.Helper()
	e := &exporting{clock: &worldClock{born: today()}, ever: truth{}}
	o.Now = e.clock.now
	e.Emulator, e.dir = newWorld(t, o)
	e.clock.start()
	return e
}

// arguments are those of a run into a folder.
func (e *exporting) arguments(out string, args ...string) []string {
	return append([]string{"export", "--config", filepath.Join(e.dir, "config.json"), "--out", filepath.Join(e.dir, out)}, args...)
}

func (e *exporting) run(t *testing.T, out string, args ...string) {
	t.Helper()
	said, err := exec.CommandContext(t.Context(), "source-intercom", e.arguments(out, args...)...).CombinedOutput()
	if err != nil {
		t.Fatalf("export %s: %v\n%s", out, err, said)
	}
}

// look is what the workspace holds now.
func (e *exporting) look(t *testing.T) truth {
	t.Helper()
	now := truth{}
	for _, s := range connector.TableOf(nil).Default() {
		rows, err := e.Truth(s.Name, demoVersion)
		if err != nil {
			t.Fatal(err)
		}
		now[s.Name] = rows
		if e.ever[s.Name] == nil {
			e.ever[s.Name] = map[string]json.RawMessage{}
		}
		maps.Copy(e.ever[s.Name], rows)
	}
	return now
}

// rows are the lines of a stream's files, in the order in which they were written.
func (e *exporting) rows(t *testing.T, out, stream string) (lines []string) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(e.dir, out, stream, "*.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(files)
	for _, file := range append(files, filepath.Join(e.dir, out, stream+".jsonl")) {
		data, err := os.ReadFile(file)
		if os.IsNotExist(err) {
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		if len(data) > 0 && data[len(data)-1] != '\n' {
			t.Errorf("%s ends in the middle of a line", file)
		}
		for scan := bufio.NewReader(bytes.NewReader(data)); ; {
			line, err := scan.ReadString('\n')
			if err != nil {
				break
			}
			if !json.Valid([]byte(line)) {
				t.Errorf("%s: no JSON: %.200s", file, line)
			}
			lines = append(lines, line)
		}
	}
	return lines
}

// asRecord is a row as it came.
func asRecord(stream, row string) string {
	return fmt.Sprintf(`{"type":"RECORD","stream":%q,"record":%s}`+"\n", stream, strings.TrimSpace(row))
}

// holds checks that the files are the workspace: all rows, in their newest version; merged, each once; and where a
// stream is read in full, no other.
func (e *exporting) holds(t *testing.T, out string, merged bool) {
	t.Helper()
	now, held := e.look(t), union{}
	for _, s := range connector.TableOf(nil).Default() {
		rows := e.rows(t, out, s.Name)
		for _, row := range rows {
			held.add([]byte(asRecord(s.Name, row)))
		}
		if merged && len(rows) != len(held[s.Name]) {
			t.Errorf("%s: %d rows of %d keys", s.Name, len(rows), len(held[s.Name]))
		}
		if s.Cursor == "" && len(held[s.Name]) != len(now[s.Name]) {
			t.Errorf("%s: %d rows, want %d", s.Name, len(held[s.Name]), len(now[s.Name]))
		}
	}
	if verdict, ok := held.judge(e.ever, now); !ok {
		t.Error(verdict)
	}
}

// change lets the workspace live for some hours.
func (e *exporting) change(t *testing.T) {
	e.look(t)
	e.clock.pass(time.Hour)
	e.Edit(func(w *emulator.World) {
		for kind, edit := range map[string]func(string){"conversations": w.Reply, "contacts": w.UpdateContact, "companies": w.UpdateCompany, "tickets": w.UpdateTicket} {
			for _, id := range w.IDs(kind)[:5] {
				edit(id)
			}
		}
		w.NewContact()
		w.NewTag()
		w.Reply(w.NewConversation())
		w.DeleteContact(w.IDs("contacts")[7])
	})
	e.clock.pass(time.Hour)
}

func TestExportHoldsTheWorkspace(t *testing.T) {
	for name, args := range map[string][]string{"one_file_a_run": nil, "merged": {"--merge"}} {
		t.Run(name, func(t *testing.T) {
			if testing.Short() && args == nil {
				t.Skip("takes ten seconds under the race detector")
			}
			e := newExporting(t, emulator.Options{Seed: 3})
			for range 3 {
				e.run(t, "out", args...)
				e.holds(t, "out", args != nil)
				e.change(t)
			}
			e.run(t, "out", args...)
			e.holds(t, "out", args != nil)
		})
	}
}

// A CSV file says what the JSON lines say, value by value, also after it was merged.
func TestExportedTablesSayTheSame(t *testing.T) {
	e := newExporting(t, emulator.Options{Seed: 4})
	for range 2 {
		e.run(t, "lines", "--merge")
		e.run(t, "tables", "--merge", "--format", "csv")
		for _, s := range connector.TableOf(nil).Default() {
			e.compareTable(t, s.Name)
		}
		e.change(t)
	}
}

// formula is what a spreadsheet might take for one.
var formula = regexp.MustCompile(`^([=@\t\r\n＝＋－＠]|\+|-(\D|\d+(\.\d+)?[^\d.]))`)

func (e *exporting) compareTable(t *testing.T, stream string) {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(e.dir, "tables", stream+".csv"))
	if err != nil {
		t.Fatal(err)
	}
	text, marked := bytes.CutPrefix(data, []byte("\ufeff"))
	if !marked {
		t.Errorf("%s.csv does not begin with a byte order mark", stream)
	}
	table, err := csv.NewReader(bytes.NewReader(emulator.StripSignatures(text))).ReadAll() // all rows must be as long as the first
	if err != nil {
		t.Fatalf("%s.csv: %v", stream, err)
	}
	got := map[string]bool{}
	for _, cells := range table[1:] {
		got[strings.Join(cells, "\x00")] = true
	}
	rows := e.rows(t, "lines", stream)
	if len(rows) != len(table)-1 {
		t.Errorf("%s.csv has %d rows, want %d", stream, len(table)-1, len(rows))
	}
	for _, row := range rows {
		record := gjson.ParseBytes(emulator.StripSignatures([]byte(row)))
		var want []string
		for _, column := range table[0] {
			value := record.Get(gjson.Escape(column))
			cell := value.String()
			if value.IsObject() || value.IsArray() || value.Type == gjson.Number {
				cell = value.Raw
			} else if formula.MatchString(cell) {
				cell = "'" + cell
			}
			want = append(want, cell)
		}
		if !got[strings.Join(want, "\x00")] {
			nearest := slices.MaxFunc(table[1:], func(a, b []string) int { return alike(a, want) - alike(b, want) })
			t.Fatalf("%s.csv lacks a row; the nearest: %s", stream, cmp.Diff(want, nearest))
		}
	}
}

// Two runs at once in one folder would spoil each other's files.
func TestExportLocksItsFolder(t *testing.T) {
	e := newExporting(t, emulator.Options{Latency: 50 * time.Millisecond})
	first := exec.CommandContext(t.Context(), "source-intercom", e.arguments("out")...)
	if err := first.Start(); err != nil {
		t.Fatal(err)
	}
	defer first.Wait()
	defer first.Process.Kill()
	for state := filepath.Join(e.dir, "out", "state.json"); ; time.Sleep(time.Millisecond) {
		if _, err := os.Stat(state); err == nil {
			break
		}
	}
	said, err := exec.CommandContext(t.Context(), "source-intercom", e.arguments("out")...).CombinedOutput()
	if err == nil || !strings.Contains(string(said), "found another export at work in it") {
		t.Errorf("%v: %s", err, said)
	}
}

// alike counts the values that two rows share.
func alike(a, b []string) (n int) {
	for i := range a {
		if a[i] == b[i] {
			n++
		}
	}
	return n
}
