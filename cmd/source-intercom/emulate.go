package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strconv"
	"sync/atomic"
	"time"

	"source-intercom/emulator"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// worldFlags say which invented workspace is served. The same values make the same workspace.
type worldFlags struct {
	size string
	seed int64
}

func (w *worldFlags) addTo(cmd *cobra.Command) {
	cmd.Flags().StringVar(&w.size, "size", "small", "`SIZE` of the workspace: tiny, small, medium, large, or a number of conversations")
	cmd.Flags().Int64Var(&w.seed, "seed", 1, "`NUMBER` that the workspace grows from")
}

type emulateOptions struct {
	worldFlags
	emulator.Options
	listen string
	born   string
	faults string
	counts []func(*emulator.Size) // one for each kind that was numbered apart from the size
}

// kinds are the objects that can be numbered apart from the size.
var kinds = []struct {
	flag, usage string
	of          func(*emulator.Size) *int
}{
	{"conversations", "`NUMBER` of conversations, whatever the size says", func(s *emulator.Size) *int { return &s.Conversations }},
	{"contacts", "`NUMBER` of contacts, likewise", func(s *emulator.Size) *int { return &s.Contacts }},
	{"tickets", "`NUMBER` of tickets, likewise", func(s *emulator.Size) *int { return &s.Tickets }},
	{"companies", "`NUMBER` of companies, of which one in eleven has no users and is not listed", func(s *emulator.Size) *int { return &s.Companies }},
	{"parts", "`NUMBER` of parts that a conversation has on average", func(s *emulator.Size) *int { return &s.PartsPerConversation }},
	{"long", "`NUMBER` of conversations with more than 500 parts", func(s *emulator.Size) *int { return &s.LongConversations }},
}

const emulateHelp = `Serves an invented Intercom workspace over HTTP, to try things on.

--faults takes rules with commas between them, of the form KIND:PATH:WHICH. The first rule that fires spoils an answer.

KIND   an HTTP status (502 comes as HTML, 429 without a header), or cut, truncated, invalid, empty, captcha, nginx404,
       length, reset, hang, delay=2s, drip=30s (the body comes in pieces and takes so long)
PATH   a prefix, a pattern with *, or * for all; /conversations and conversations are the same
WHICH  any number of these with colons between them; without one, all answers of the path:
       0.05         a probability
       1/20         every twentieth
       3x           three times
       rows>50      answers that would show more than 50 rows
       id=123       answers that show the object 123, itself or as a row of a list

For example: 500:conversations:0.05,504:conversations/search:rows>50,500:*:id=123,cut:contacts/search:1x`

func (p *process) emulateCommand() *cobra.Command {
	var o emulateOptions
	cmd := &cobra.Command{
		Use:   "emulate",
		Short: "Serve an invented Intercom workspace over HTTP, to try things on",
		Long:  emulateHelp,
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return p.emulate(cmd.Context(), o)
		},
	}
	o.worldFlags.addTo(cmd)
	flags := cmd.Flags()
	o.addKinds(flags)
	flags.StringVar(&o.listen, "listen", "127.0.0.1:8080", "`ADDRESS` to listen on")
	flags.StringVar(&o.born, "born", "", "`DAY` up to which the workspace was invented, as 2026-01-31; today without it")
	flags.StringVar(&o.Token, "token", emulator.DefaultToken, "`TOKEN` that requests must carry")
	flags.StringVar(&o.Region, "region", "US", "`REGION` that the workspace says it is in: US, EU or AU")
	flags.StringVar(&o.TimeZone, "time-zone", "America/Chicago", "`ZONE` of the workspace, in which contact searches cut days")
	flags.StringVar(&o.AppVersion, "api-version", "2.16", "`VERSION` of requests that name none")
	flags.IntVar(&o.RateLimit, "rate", 0, "`CALLS` allowed in a window; 0 allows any number. At its end the command tells what came in each window")
	flags.DurationVar(&o.RateWindow, "window", 10*time.Second, "`LENGTH` of such a window")
	flags.DurationVar(&o.Latency, "latency", 0, "`TIME` that every answer takes")
	flags.DurationVar(&o.Jitter, "jitter", 0, "up to so much `TIME` more")
	flags.DurationVar(&o.IndexLag, "index-lag", 0, "`TIME` for which searches lag behind changes")
	flags.StringVar(&o.faults, "faults", "", "`FAULTS` to answer with, as in 500:conversations:0.05,429:*:0.01; see above")
	flags.StringSliceVar(&o.DeniedScopes, "deny", nil, "`SCOPES` that the token lacks, as in read_tickets,read_tags")
	return cmd
}

// addKinds makes a flag of each kind.
func (o *emulateOptions) addKinds(flags *pflag.FlagSet) {
	for _, kind := range kinds {
		flags.Func(kind.flag, kind.usage, func(text string) error {
			n, err := strconv.Atoi(text)
			o.counts = append(o.counts, func(s *emulator.Size) { *kind.of(s) = n })
			return err
		})
	}
}

func (p *process) emulate(ctx context.Context, o emulateOptions) error {
	e, born, err := o.emulator()
	if err != nil {
		return err
	}
	var listen net.ListenConfig
	listener, err := listen.Listen(ctx, "tcp", o.listen)
	if err != nil {
		return err
	}
	base := baseURL(listener.Addr())
	p.stderr.printf("An invented Intercom workspace is at %s until you press Ctrl-C.\n\nconfig.json for it:\n%s\n",
		base, configFor(base, o.Token, born))
	err = serve(ctx, listener, e)
	for _, w := range e.Windows() {
		p.stderr.printf("window %s %d calls, %d refused\n", w.Start.UTC().Format(time.RFC3339Nano), w.Calls, w.Refused)
	}
	return err
}

// emulator makes the workspace that the flags describe, and tells when it was born.
func (o emulateOptions) emulator() (*emulator.Emulator, time.Time, error) {
	clock := &worldClock{born: today()}
	var err error
	if o.born != "" {
		if clock.born, err = time.Parse(time.DateOnly, o.born); err != nil {
			return nil, clock.born, &usageError{"--born is " + o.born + ", expected a day such as 2026-01-31"}
		}
	}
	if o.Options.Size, err = emulator.SizeOf(o.size); err != nil {
		return nil, clock.born, &usageError{"--size: " + err.Error()}
	}
	for _, count := range o.counts {
		count(&o.Options.Size)
	}
	if o.Faults, err = emulator.ParseFaults(o.faults); err != nil {
		return nil, clock.born, &usageError{"--faults: " + err.Error()}
	}
	o.Options.Seed, o.Now = o.seed, clock.now
	e, err := emulator.New(o.Options)
	clock.start()
	return e, clock.born, err
}

// today is when workspaces are born: on a whole day, so that the same seed makes the same workspace
// all day long.
func today() time.Time { return time.Now().UTC().Truncate(24 * time.Hour) }

// worldClock is the clock of an emulated server. It stands at the workspace's birth while that is
// made, and shows this machine's time, or a time ahead of it, once it was started.
type worldClock struct {
	born    time.Time
	started atomic.Bool
	ahead   atomic.Int64 // nanoseconds
}

func (c *worldClock) now() time.Time {
	if !c.started.Load() {
		return c.born
	}
	return time.Now().Add(time.Duration(c.ahead.Load()))
}

func (c *worldClock) start() { c.started.Store(true) }

// pass lets time go by at once.
func (c *worldClock) pass(d time.Duration) { c.ahead.Add(int64(d)) }

// serve answers requests until ctx is done, and takes that for a good end.
func serve(ctx context.Context, listener net.Listener, handler http.Handler) error {
	server := &http.Server{Handler: handler, ReadHeaderTimeout: 10 * time.Second}
	closed := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		defer close(closed)
		// Answers that are on their way get a moment; a slow one must not hold up the end.
		ending, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
		defer cancel()
		if server.Shutdown(ending) != nil {
			_ = server.Close()
		}
	})
	err := server.Serve(listener)
	if !stop() {
		<-closed
	}
	if errors.Is(err, http.ErrServerClosed) {
		return nil
	}
	return err
}

// baseURL is where a program on this machine reaches a listener.
func baseURL(addr net.Addr) string {
	host, port, _ := net.SplitHostPort(addr.String()) // a listener's own address
	if ip := net.ParseIP(host); ip == nil || ip.IsUnspecified() {
		host = "127.0.0.1"
	}
	return "http://" + net.JoinHostPort(host, port)
}

// configFor is a configuration that reads all of an emulated workspace, which is two years old at birth.
func configFor(base, token string, born time.Time) string {
	return fmt.Sprintf("{\n  \"access_token\": %q,\n  \"start_date\": \"%d-01-01T00:00:00Z\",\n  \"base_url\": %q\n}\n",
		token, born.Year()-2, base)
}
