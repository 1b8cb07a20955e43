package main

import (
	"bufio"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"testing"

	"source-intercom/emulator"

	"github.com/spf13/pflag"
)

// What a flag numbers is no longer in proportion to the size; all else is.
func TestEmulateNumbersKindsApart(t *testing.T) {
	o := emulateOptions{worldFlags: worldFlags{size: "tiny"}}
	flags := pflag.NewFlagSet("emulate", pflag.ContinueOnError)
	o.addKinds(flags)
	if err := flags.Parse(strings.Fields("--conversations 1 --contacts 0 --companies 3")); err != nil {
		t.Fatal(err)
	}
	e, _, err := o.emulator()
	if err != nil {
		t.Fatal(err)
	}
	tiny, err := emulator.SizeOf("tiny")
	if err != nil {
		t.Fatal(err)
	}
	e.Edit(func(w *emulator.World) {
		for kind, want := range map[string]int{"conversations": 1, "contacts": 0, "companies": 3, "tickets": tiny.Tickets} {
			if got := len(w.IDs(kind)); got != want {
				t.Errorf("%d %s, want %d", got, kind, want)
			}
		}
	})
	if flags.Parse([]string{"--tickets", "many"}) == nil {
		t.Error("--tickets many is accepted")
	}
}

// A rate limited emulator tells at its end what came in each window. The calls may fall into two windows.
func TestEmulateTellsWhatItCounted(t *testing.T) {
	const calls, limit = 7, 3
	cmd := exec.CommandContext(t.Context(), "source-intercom", "emulate", "--listen", "127.0.0.1:0", "--size", "tiny", "--rate", fmt.Sprint(limit))
	pipe, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	stderr := bufio.NewScanner(pipe)
	var base string
	for base == "" && stderr.Scan() {
		_, _ = fmt.Sscanf(stderr.Text(), "An invented Intercom workspace is at %s", &base)
	}
	for range calls {
		get(t, base+"/me")
	}
	if err := cmd.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	var counted, refused int
	for stderr.Scan() {
		var begin string
		var inWindow, beyond int
		if n, _ := fmt.Sscanf(stderr.Text(), "window %s %d calls, %d refused", &begin, &inWindow, &beyond); n == 3 {
			counted, refused = counted+inWindow, refused+beyond
		}
	}
	if err := cmd.Wait(); err != nil {
		t.Error(err)
	}
	if counted+refused != calls || counted > 2*limit || refused == 0 {
		t.Errorf("%d calls counted and %d refused, want %d together, %d in a window at most", counted, refused, calls, limit)
	}
}

func get(t *testing.T, url string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+emulator.DefaultToken)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
}
