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
	"os"
	"os/signal"
	"syscall"
)

func main() {
	// A reader of stdout that goes away is an error of a write, which ends the run in order.
	signal.Ignore(syscall.SIGPIPE)
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // so that a second signal kills
	os.Exit(newProcess(os.Stdout, os.Stderr).run(ctx, os.Args))
}
