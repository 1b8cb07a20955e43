//go:build peers

package e2e

import (
	"strings"
	"testing"

	"github.com/tidwall/gjson"
)

// TestParquet runs the commands of docs/export.md over files of two runs: both ways to Parquet come to the newest row of each
// conversation.
func TestParquet(t *testing.T) {
	w := newWorkspace(t)
	dir := t.TempDir()
	w.config(t, dir)
	export := func() {
		for _, how := range []string{"out", "merged --merge", "tables --merge --format csv"} {
			shell(t, dir, "source-intercom export --config config.json --out "+how)
		}
	}
	export()
	had := w.truth(t, "conversations")
	w.edit()
	export()
	ways := 0
	for _, b := range blocks(t, read(t, absolute(t, "docs", "export.md"))) {
		if b.language != "sh" || !strings.Contains(b.text, "duckdb") {
			continue
		}
		for command := range strings.SplitSeq(b.text, "\n\n") { // both write the same file
			if out := shell(t, dir, command, peerPath(t, "duckdb-cli")...); !strings.Contains(command, "TO 'conversations.parquet'") {
				if !strings.Contains(out, "rows") {
					t.Errorf("%s\nshows nothing: %s", command, out)
				}
				continue
			}
			ways++
			got := tables{}
			for _, row := range gjson.Parse(shell(t, dir, `duckdb -json -c "SELECT id, updated_at FROM 'conversations.parquet'"`, peerPath(t, "duckdb-cli")...)).Array() {
				got.add("conversations", gjson.Parse(strings.Replace(row.Raw, " ", "T", 1)))
			}
			got.check(t, w, "conversations", had)
		}
	}
	if ways != 2 {
		t.Errorf("docs/export.md shows %d ways to Parquet, and two are checked", ways)
	}
}
