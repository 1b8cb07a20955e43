//go:build unix

package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
)

// quiet shows what a run costs when nothing has changed since the one before.
func quiet(ctx context.Context, b *bench) error {
	b.progress("quiet: all streams, twice")
	keep := filepath.Join(b.dir, "state.json")
	var first, second outcome
	err := b.during(ctx, world{size: "2000"}, func(s *server) (err error) {
		if first, err = b.read(ctx, s, reading{protocol: "singer", keep: keep}); err != nil {
			return err
		}
		second, err = b.read(ctx, s, reading{protocol: "singer", state: keep + ".next"})
		return err
	})
	if err == nil && len(first.callsOf) == 0 {
		err = errors.New("the connector told no calls by stream")
	}
	if err != nil {
		return err
	}
	var rows [][]string
	for _, stream := range slices.Sorted(maps.Keys(first.callsOf)) {
		rows = append(rows, []string{stream, fmt.Sprint(first.callsOf[stream]), fmt.Sprint(second.callsOf[stream]),
			ratio(second.callsOf[stream], first.callsOf[stream]), fmt.Sprint(first.records[stream]), fmt.Sprint(second.records[stream])})
	}
	rows = append(rows, []string{"all, with what no stream owns", fmt.Sprint(first.calls), fmt.Sprint(second.calls), ratio(second.calls, first.calls),
		fmt.Sprint(first.allRecords()), fmt.Sprint(second.allRecords())})
	b.table("Incremental: the calls of a second run with nothing new, over those of the first", "stream|first calls|second calls|second/first|first records|second records", rows)
	return nil
}
