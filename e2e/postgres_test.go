//go:build peers && linux

package e2e

import (
	"context"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"source-intercom/emulator"

	"github.com/tidwall/gjson"
)

// TestTargetPostgres loads into a real PostgreSQL, the second time from the state that the target
// printed, and compares the tables with the workspace.
func TestTargetPostgres(t *testing.T) {
	w := newWorkspace(t)
	dir := t.TempDir()
	port := startPostgres(t)
	env := []string{
		"TAP_INTERCOM_ACCESS_TOKEN=" + emulator.DefaultToken,
		"TAP_INTERCOM_START_DATE=2015-01-01T00:00:00Z",
		"TAP_INTERCOM_BASE_URL=" + w.url,
		"PGHOST=127.0.0.1", "PGPORT=" + port, "PGUSER=postgres", "PGDATABASE=postgres", "PGTZ=UTC",
	}
	write(t, dir, "target.json", `{"sqlalchemy_url": "postgresql+psycopg2://postgres@127.0.0.1:`+port+`/postgres", "default_target_schema": "intercom"}`)
	sync := absolute(t, "examples", "ci", "sync.sh") + " target " + filepath.Join(peer(t, "meltanolabs-target-postgres"), "target-postgres") + " --config target.json"

	had := w.allRows(t)
	load := func(deleted tables) {
		shell(t, dir, sync, env...)
		got := tables{}
		for stream := range had {
			lines := shell(t, dir, `psql -qAtX -c 'SELECT row_to_json(r) FROM intercom.`+stream+` r'`, env...)
			gjson.ForEachLine(lines, func(row gjson.Result) bool {
				got.add(stream, row)
				return true
			})
			got.check(t, w, stream, deleted[stream])
		}
	}
	load(nil)
	w.edit()
	load(had)
}

// startPostgres runs a server of its own, and returns the port on which anybody of this machine may
// come in.
func startPostgres(t *testing.T) (port string) {
	t.Helper()
	found, err := filepath.Glob("/usr/lib/postgresql/*/bin/initdb") // where Debian keeps it
	if inPath, lookErr := exec.LookPath("initdb"); lookErr == nil {
		found = append(found, inPath)
	}
	if err != nil || len(found) == 0 {
		t.Skip("SKIPPED: there is no PostgreSQL server here; apt-get install postgresql brings one")
	}
	programs := filepath.Dir(found[len(found)-1])

	dir, err := os.MkdirTemp("", "source-intercom-postgres-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	var identity *syscall.SysProcAttr
	if os.Getuid() == 0 { // PostgreSQL refuses to run as root
		const nobody = 65534
		identity = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: nobody, Gid: nobody}}
		if err := os.Chown(dir, nobody, nobody); err != nil {
			t.Fatal(err)
		}
	}
	// The context outlives the test's own, which ends before the cleanup that stops the server.
	run := func(name string, args ...string) {
		t.Helper()
		cmd := exec.CommandContext(context.Background(), filepath.Join(programs, name), args...)
		cmd.Dir, cmd.SysProcAttr = dir, identity
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%s: %v\n%s", name, err, out)
		}
	}
	var config net.ListenConfig
	free, err := config.Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	port = strconv.Itoa(free.Addr().(*net.TCPAddr).Port)
	free.Close()

	data := filepath.Join(dir, "data")
	run("initdb", "--pgdata", data, "--username", "postgres", "--auth", "trust", "--no-sync")
	options := []string{"-p", port, "-h", "127.0.0.1", "-k", dir, "-F"}
	run("pg_ctl", "start", "--wait", "--pgdata", data, "--log", filepath.Join(dir, "log"), "--options", strings.Join(options, " "))
	t.Cleanup(func() { run("pg_ctl", "stop", "--wait", "--mode", "immediate", "--pgdata", data) })
	return port
}
