//go:build unix

package main

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
)

// measured is one line of a Go benchmark that counts bytes.
type measured struct {
	name   string
	speed  float64 // MB/s
	allocs string  // per operation
}

// record runs the Go benchmarks of the record path, round after round, so that a noisy moment of the
// machine does not meet all measurements of one benchmark.
func record(ctx context.Context, b *bench) error {
	rounds := 5
	if b.quick {
		rounds = 2
	}
	var text []byte
	for i := range rounds {
		b.progress("record: go test -bench, round %d of %d", i+1, rounds)
		cmd := exec.CommandContext(ctx, "go", "test", "-run", "^$", "-bench", ".", "-benchmem", "-benchtime", "300ms", "-cpu", "1", "./protocol", "./connector")
		cmd.Stderr = os.Stderr
		round, err := cmd.Output()
		if err != nil {
			return fmt.Errorf("go test: %w\n%s", err, round)
		}
		text = append(text, round...)
	}
	list := best(text)
	var rows [][]string
	for _, m := range list {
		rows = append(rows, []string{m.name, fmt.Sprintf("%.0f", m.speed), m.allocs,
			ratio(m.speed, yardstickOf(list, m, "floor")), ratio(m.speed, yardstickOf(list, m, "decode-encode"))})
	}
	b.table("Record path on one core: MB/s over reading and copying the same bytes (floor), and over decoding and encoding them with encoding/json",
		"benchmark|MB/s|allocations|over floor|over decode-encode", rows)
	return nil
}

// best takes the fastest of each benchmark's lines: what slows one down is the rest of the machine.
func best(text []byte) []measured {
	var list []measured
	place := map[string]int{}
	for lines := bufio.NewScanner(bytes.NewReader(text)); lines.Scan(); {
		m, ok := parseBenchmark(lines.Text())
		if !ok {
			continue
		}
		if i, known := place[m.name]; !known {
			place[m.name] = len(list)
			list = append(list, m)
		} else if m.speed > list[i].speed {
			list[i] = m
		}
	}
	return list
}

// parseBenchmark reads "BenchmarkX/y  100  123 ns/op  45.6 MB/s  7 B/op  8 allocs/op".
func parseBenchmark(line string) (measured, bool) {
	fields := strings.Fields(line)
	if len(fields) == 0 || !strings.HasPrefix(fields[0], "Benchmark") {
		return measured{}, false
	}
	name := strings.TrimPrefix(fields[0], "Benchmark")
	m := measured{name: strings.ReplaceAll(name, "_", " ")}
	for i := 2; i+1 < len(fields); i += 2 {
		switch value := fields[i]; fields[i+1] {
		case "MB/s":
			m.speed, _ = strconv.ParseFloat(value, 64)
		case "allocs/op":
			m.allocs = value
		}
	}
	return m, m.speed > 0
}

// yardstickOf is the speed of the benchmark of the same group whose name begins with kind, 0 without one.
func yardstickOf(list []measured, m measured, kind string) float64 {
	group, _, _ := strings.Cut(m.name, "/")
	for _, other := range list {
		if strings.HasPrefix(other.name, group+"/"+kind) {
			return other.speed
		}
	}
	return 0
}
