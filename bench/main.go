//go:build unix

// Command bench measures a built source-intercom against an emulated Intercom in another process, and
// prints every figure as a ratio to a limit or to a yardstick of the same run, with its parts.
//
// docs/performance.md says what the sections mean. It needs the signals and the resource usage of a Unix,
// and for the section "record" the Go tool and this source tree.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"
	"time"
)

// bench is what all sections share.
type bench struct {
	binary string
	dir    string // for files of the run
	quick  bool   // a first look
	out    io.Writer
}

type section struct {
	name string
	run  func(context.Context, *bench) error
}

var sections = []section{
	{"rate", rate}, {"time", wallTime}, {"yardstick", yardstick},
	{"memory", memory}, {"quiet", quiet}, {"derived", derived}, {"record", record},
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Args[1:])
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string) error {
	b := &bench{out: os.Stdout}
	flags := flag.NewFlagSet("bench", flag.ContinueOnError)
	flags.StringVar(&b.binary, "binary", "bin/source-intercom", "the program to measure")
	only := flags.String("only", "", "sections to run, separated by commas: "+names(sections)+"; all without it")
	flags.BoolVar(&b.quick, "quick", false, "a first look in about four minutes")
	if err := flags.Parse(args); err != nil {
		return err
	}
	chosen, err := choose(*only)
	if err != nil {
		return err
	}
	if b.dir, err = os.MkdirTemp("", "bench"); err != nil {
		return err
	}
	defer os.RemoveAll(b.dir)
	for _, s := range chosen {
		began := time.Now()
		if err := s.run(ctx, b); err != nil {
			return fmt.Errorf("section %s: %w", s.name, err)
		}
		b.progress("section %s took %s", s.name, time.Since(began).Round(time.Second))
	}
	return nil
}

func choose(only string) ([]section, error) {
	if only == "" {
		return sections, nil
	}
	var chosen []section
	for _, name := range strings.Split(only, ",") {
		i := slices.IndexFunc(sections, func(s section) bool { return s.name == name })
		if i < 0 {
			return nil, fmt.Errorf("no section %q: want %s", name, names(sections))
		}
		chosen = append(chosen, sections[i])
	}
	return chosen, nil
}

func names(list []section) string {
	var out []string
	for _, s := range list {
		out = append(out, s.name)
	}
	return strings.Join(out, ", ")
}
