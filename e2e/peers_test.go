//go:build peers

package e2e

import (
	"os"
	"path/filepath"
	"testing"
)

// peer is the folder of a published program's commands; .ci/peers.sh has put it into $PEERS.
func peer(t *testing.T, name string) string {
	t.Helper()
	dir := os.Getenv("PEERS")
	if dir == "" {
		t.Fatal("PEERS is not set; make e2e sets it")
	}
	commands := filepath.Join(dir, name, "bin")
	if _, err := os.Stat(commands); err != nil {
		t.Fatal(err)
	}
	return commands
}
