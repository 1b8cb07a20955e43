package protocol

import (
	"flag"
	"os"
	"testing"
)

// TestMain makes the properties search longer than by default, since what breaks an encoder is rare
// combinations. Flags on the command line still hold.
func TestMain(m *testing.M) {
	for name, value := range map[string]string{"rapid.checks": "1000", "rapid.nofailfile": "true"} {
		if err := flag.Set(name, value); err != nil {
			panic(err)
		}
	}
	os.Exit(m.Run())
}
