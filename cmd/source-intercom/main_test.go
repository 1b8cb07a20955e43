package main

import (
	"encoding/json"
	"io/fs"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"source-intercom/emulator"

	"github.com/rogpeppe/go-internal/testscript"
	"github.com/tidwall/gjson"
)

// secret is the token of every emulated workspace here. No output may contain it.
const secret = "s3cr3t-t0ken-of-the-tests"

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"source-intercom": main, "tap-intercom": main})
}

func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir: "testdata/script",
		Setup: func(env *testscript.Env) error {
			env.Values[worldKey{}] = &scriptWorld{}
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"emulator":  scriptEmulator,
			"edit":      scriptEdit,
			"jsonlines": scriptJSONLines,
			"records":   scriptRecords,
			"nosecret":  scriptNoSecret,
		},
	})
}

type worldKey struct{}

// scriptWorld is the workspace that a script's commands read.
type scriptWorld struct {
	*emulator.Emulator
	clock *worldClock
}

// emulator [name=value...] serves a tiny workspace for the script: it sets $URL and writes
// config.json. The names are deny, workspace, seed.
func scriptEmulator(ts *testscript.TestScript, _ bool, args []string) {
	size, err := emulator.SizeOf("tiny")
	ts.Check(err)
	clock := &worldClock{born: today()}
	o := emulator.Options{Size: size, Token: secret, Now: clock.now}
	for _, arg := range args {
		switch name, value, _ := strings.Cut(arg, "="); name {
		case "deny":
			o.DeniedScopes = strings.Split(value, ",")
		case "workspace":
			o.Workspace = value
		default:
			ts.Fatalf("emulator: unknown option %s", name)
		}
	}
	e, err := emulator.New(o)
	ts.Check(err)
	clock.start()
	server := httptest.NewServer(e)
	ts.Defer(server.Close)
	*ts.Value(worldKey{}).(*scriptWorld) = scriptWorld{e, clock}
	ts.Setenv("URL", server.URL)
	ts.Check(os.WriteFile(ts.MkAbs("config.json"), []byte(configFor(server.URL, secret, today())), 0o600))
}

// edit changes two conversations and adds a contact, and lets an hour pass.
func scriptEdit(ts *testscript.TestScript, _ bool, _ []string) {
	w := ts.Value(worldKey{}).(*scriptWorld)
	w.clock.pass(time.Hour)
	w.Edit(func(w *emulator.World) {
		ids := w.IDs("conversations")
		w.Reply(ids[0])
		w.Close(ids[len(ids)-1])
		w.NewContact()
	})
	w.clock.pass(time.Hour)
}

// jsonlines FILE: every line of it is a JSON object.
func scriptJSONLines(ts *testscript.TestScript, _ bool, args []string) {
	text := ts.ReadFile(args[0])
	if text == "" {
		ts.Fatalf("%s is empty", args[0])
	}
	for i, line := range strings.Split(strings.TrimSuffix(text, "\n"), "\n") {
		if !json.Valid([]byte(line)) || !gjson.Parse(line).IsObject() {
			ts.Fatalf("%s:%d is no JSON object: %.200s", args[0], i+1, line)
		}
	}
}

// records FILE STREAM COUNT: the file has so many records of the stream, or at least one if COUNT is
// "some".
func scriptRecords(ts *testscript.TestScript, _ bool, args []string) {
	t := union{}.add([]byte(ts.ReadFile(args[0])))[args[1]]
	if args[2] == "some" && t.records > 0 {
		return
	}
	if want, err := strconv.ParseInt(args[2], 10, 64); err != nil || t.records != want {
		ts.Fatalf("%s has %d records of %s, want %s", args[0], t.records, args[1], args[2])
	}
}

// given are the files of scripts that hold the token.
var given = []string{"config.json", "config-bad.json", "broken-config.json"}

// nosecret: neither the last command's output nor any other file has the token.
func scriptNoSecret(ts *testscript.TestScript, _ bool, _ []string) {
	texts := map[string]string{"stdout": ts.ReadFile("stdout"), "stderr": ts.ReadFile("stderr")}
	work := ts.MkAbs(".")
	ts.Check(filepath.WalkDir(work, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || slices.Contains(given, d.Name()) {
			return err
		}
		data, err := os.ReadFile(path)
		texts[path] = string(data)
		return err
	}))
	for name, text := range texts {
		if strings.Contains(text, secret) {
			ts.Fatalf("the token is in %s", name)
		}
	}
}

// newWorld serves a workspace for a Go test, and writes its config.json into a new folder.
func newWorld(t *testing.T, o emulator.Options) (w *emulator.Emulator, dir string) {
	t.Helper()
	o.Token = secret
	w, err := emulator.New(o)
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(w)
	t.Cleanup(server.Close)
	dir = t.TempDir()
	config := filepath.Join(dir, "config.json")
	if err := os.WriteFile(config, []byte(configFor(server.URL, secret, today())), 0o600); err != nil {
		t.Fatal(err)
	}
	return w, dir
}
