package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"time"

	"source-intercom/connector"
	"source-intercom/emulator"
	"source-intercom/protocol"

	"github.com/spf13/cobra"
	"github.com/tidwall/gjson"
)

// demoVersion is the API version that the demo reads and compares.
const demoVersion = "2.16"

type demoOptions struct {
	worldFlags
	output string
}

func (p *process) demoCommand() *cobra.Command {
	var o demoOptions
	cmd := &cobra.Command{
		Use:   "demo",
		Short: "Show everything on an invented workspace; needs no token",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return p.demo(cmd.Context(), o)
		},
	}
	o.worldFlags.addTo(cmd)
	cmd.Flags().StringVar(&o.output, "output", "", "`DIR` that the message files are kept in")
	return cmd
}

// demo reads an invented workspace over HTTP as the commands do, three times in each protocol, and
// fails unless what it got is what the workspace holds.
type demo struct {
	*process
	demoOptions
	dir   string
	clock *worldClock
	world *emulator.Emulator
	tours []*tour
}

// tour is the demo's way through one protocol.
type tour struct {
	dialect protocol.Dialect
	union   union
	reads   []readResult
}

// readResult is what one read brought.
type readResult struct {
	summary *connector.Summary
	found   map[string]tally // by stream
}

func (p *process) demo(ctx context.Context, o demoOptions) error {
	d := &demo{process: p, demoOptions: o, dir: o.output, clock: &worldClock{born: today()}, tours: []*tour{
		{dialect: protocol.Airbyte{}, union: union{}},
		{dialect: protocol.Singer{}, union: union{}},
	}}
	size, err := emulator.SizeOf(o.size)
	if err != nil {
		return &usageError{"--size: " + err.Error()}
	}
	if tiny, _ := emulator.SizeOf("tiny"); size.Conversations < tiny.Conversations {
		return &usageError{fmt.Sprintf("--size: the demo edits more than %d conversations hold, want at least %d", size.Conversations, tiny.Conversations)}
	}
	if d.world, err = emulator.New(emulator.Options{Seed: o.seed, Size: size, Now: d.clock.now}); err != nil {
		return err
	}
	d.clock.start()
	if d.dir == "" {
		if d.dir, err = os.MkdirTemp("", "source-intercom-demo-"); err != nil {
			return err
		}
		defer os.RemoveAll(d.dir)
	} else if err = os.MkdirAll(d.dir, 0o755); err != nil {
		return err
	}

	var listen net.ListenConfig
	listener, err := listen.Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	serving, stop := context.WithCancel(ctx)
	served := make(chan error, 1)
	go func() { served <- serve(serving, listener, d.world) }()
	defer func() {
		stop()
		if failed := <-served; err == nil {
			err = failed
		}
	}()
	d.say("An invented Intercom workspace (size %s, seed %d) at %s\n\n", o.size, o.seed, baseURL(listener.Addr()))
	return d.show(ctx, baseURL(listener.Addr()))
}

func (d *demo) say(format string, args ...any) { _, _ = fmt.Fprintf(d.stdout, format, args...) }

func (d *demo) path(name string) string { return filepath.Join(d.dir, name) }

// show is the demo's programme.
func (d *demo) show(ctx context.Context, base string) error {
	if err := d.prepare(ctx, base); err != nil {
		return err
	}
	before, err := d.truth()
	if err != nil {
		return err
	}
	if err := d.readBoth(ctx); err != nil {
		return err
	}
	d.say("\nWhat happens between read 1 and read 2:\n%s\n", d.edit())
	for range 2 {
		d.clock.pass(time.Hour)
		if err := d.readBoth(ctx); err != nil {
			return err
		}
	}
	after, err := d.truth()
	if err != nil {
		return err
	}
	wrong := 0
	for _, t := range d.tours {
		d.say("\n%s\n%s", title(t.dialect), t.table())
		held, holds := t.union.judge(before, after)
		silence, quiet := t.quiet()
		d.say("  %s\n  %s\n", held, silence)
		if !holds || !quiet {
			wrong++
		}
	}
	if wrong > 0 {
		return errors.New("the reads did not do what they must")
	}
	return d.handOver()
}

func title(d protocol.Dialect) string {
	name := d.Name()
	return strings.ToUpper(name[:1]) + name[1:]
}

// prepare checks the connection and discovers the catalogs that the reads go by.
func (d *demo) prepare(ctx context.Context, base string) error {
	if err := d.writeConfig(base); err != nil {
		return err
	}
	checked, err := d.command("check.jsonl", func(p *process) error {
		return p.check(ctx, inputs{config: []string{d.path("config.json")}})
	})
	if err != nil {
		return err
	}
	status := gjson.GetBytes(checked, `..#(type=="CONNECTION_STATUS").connectionStatus`)
	d.say("check      %s, %s\n", status.Get("status"), status.Get("message"))
	if status.Get("status").String() != "SUCCEEDED" {
		return errors.New("the check failed")
	}
	for _, t := range d.tours {
		began := time.Now()
		catalog, err := d.command(t.dialect.Name()+"-catalog.json", func(p *process) error {
			return p.discover(ctx, t.dialect, inputs{}, nil)
		})
		if err != nil {
			return err
		}
		took := time.Since(began).Round(time.Millisecond)
		selection, err := protocol.ParseCatalog(catalog)
		if err != nil {
			return err
		}
		d.say("discover   %s: %d streams in %s\n", title(t.dialect), len(selection.Streams), took)
	}
	return nil
}

func (d *demo) writeConfig(base string) error {
	return os.WriteFile(d.path("config.json"), []byte(configFor(base, emulator.DefaultToken, d.clock.born)), 0o600)
}

// command runs f with a file of the demo's folder for its stdout, and returns what is in there.
func (d *demo) command(file string, f func(*process) error) ([]byte, error) {
	out, err := os.Create(d.path(file))
	if err != nil {
		return nil, err
	}
	defer out.Close()
	log, err := os.OpenFile(d.path("demo.log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return nil, err
	}
	defer log.Close()
	p := newProcess(out, log)
	p.debug = d.debug
	if err := f(p); err != nil {
		return nil, err
	}
	return os.ReadFile(d.path(file))
}

// readBoth reads on from the state file in each protocol.
func (d *demo) readBoth(ctx context.Context) error {
	for _, t := range d.tours {
		name := t.dialect.Name()
		o := readOptions{inputs: inputs{
			config:    []string{d.path("config.json")},
			catalog:   d.path(name + "-catalog.json"),
			stateFile: d.path(name + "-state.json"),
		}}
		if len(t.reads) == 0 {
			_ = os.Remove(o.stateFile) // of an earlier demo
		}
		d.stderr.show(fmt.Sprintf("%s, read %d", title(t.dialect), len(t.reads)+1))
		var result readResult
		lines, err := d.command(fmt.Sprintf("%s-%d.jsonl", name, len(t.reads)+1), func(p *process) (err error) {
			result.summary, err = p.read(ctx, t.dialect, o)
			return err
		})
		d.stderr.show("")
		if err != nil {
			return fmt.Errorf("%s, read %d: %w", title(t.dialect), len(t.reads)+1, err)
		}
		result.found = t.union.add(lines)
		t.reads = append(t.reads, result)
	}
	return nil
}

// truth is what the workspace holds now.
func (d *demo) truth() (truth, error) {
	all := truth{}
	for _, s := range connector.TableOf(nil).Default() {
		rows, err := d.world.Truth(s.Name, demoVersion)
		if err != nil {
			return nil, err
		}
		all[s.Name] = rows
	}
	return all, nil
}

// table shows what each read of a tour brought.
func (t *tour) table() string {
	header := []string{"stream", "read 1", "requests", "read 2", "new or changed", "read 3", "new or changed"}
	var rows [][]string
	total := []string{"total"}
	sums := make([]int64, len(header)-1)
	for i, s := range t.reads[0].summary.Streams {
		cells := []int64{s.Records, t.reads[0].summary.Client.ByStream[s.Name].Requests}
		for _, r := range t.reads[1:] {
			cells = append(cells, r.summary.Streams[i].Records, r.found[s.Name].fresh)
		}
		row := []string{s.Name}
		for j, n := range cells {
			row = append(row, count(n))
			sums[j] += n
		}
		rows = append(rows, row)
	}
	sums[1] = t.reads[0].summary.Client.Requests // those that belong to no stream too
	for _, n := range sums {
		total = append(total, count(n))
	}
	return table(header, append(rows, total))
}

// quiet tells whether the last read kept silent about what had not changed. Streams without a cursor
// are read in full each time.
func (t *tour) quiet() (verdict string, ok bool) {
	last := t.reads[len(t.reads)-1].found
	for _, s := range connector.TableOf(nil).Default() {
		if n := last[s.Name].records; n > 0 && s.Cursor != "" {
			return fmt.Sprintf("✗ read 3 brought %s records of %s again, though nothing had changed", count(n), s.Name), false
		}
	}
	return "✓ read 3 brought nothing again, but for the streams that Intercom gives no time of change", true
}

// handOver tells how to go on by hand. The files' configuration then names the address that emulate
// listens on by itself.
func (d *demo) handOver() error {
	if d.output == "" {
		d.say("\nTo keep the message files, name a folder: source-intercom demo --output demo\n")
		return nil
	}
	if err := d.writeConfig("http://127.0.0.1:8080"); err != nil {
		return err
	}
	d.say("\nThe message files are in %s. To go on by hand, serve the workspace and read it:\n"+
		"  source-intercom emulate --size %s --seed %d --born %s\n"+
		"  source-intercom read --config %s --catalog %s --state-file %s > more.jsonl\n",
		d.output, d.size, d.seed, d.clock.born.Format(time.DateOnly),
		d.path("config.json"), d.path("airbyte-catalog.json"), d.path("airbyte-state.json"))
	return nil
}
