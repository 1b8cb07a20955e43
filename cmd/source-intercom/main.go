// Command source-intercom reads an Intercom workspace, incrementally, for data platforms.
//
// It speaks two protocols: Airbyte's with the commands spec, check, discover and read, and Singer's
// when it is called with flags only or under the name tap-intercom. The commands demo and emulate are
// for people. Stdout carries the protocol's lines and nothing else.
//
// The exit code is 0 when all was read, 1 when something failed, 2 when the command line is wrong.
package main

import (
	"context"
	"io"
	"log" //nolint:depguard // to silence it
	"os"
	"os/signal"
	"syscall"
	"time"
)

// lastWords is how long after a signal the last states may take. Only a reader of stdout that does not read
// can keep them up.
const lastWords = 5 * time.Second

func main() {
	// net/http logs what a server sends beyond an answer's end, which may be anybody's data.
	log.SetOutput(io.Discard)
	// A reader of stdout that goes away is an error of a write, which ends the run in order.
	signal.Ignore(syscall.SIGPIPE)
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, func() {
		stop() // so that a second signal kills
		time.AfterFunc(lastWords, func() {
			_, _ = os.Stderr.WriteString("source-intercom: stdout does not take the last state: ended without it; the states before it are true\n")
			os.Exit(1)
		})
	})
	os.Exit(newProcess(os.Stdout, os.Stderr).run(ctx, os.Args))
}
