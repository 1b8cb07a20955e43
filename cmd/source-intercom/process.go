package main

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"time"

	"source-intercom/connector"
	"source-intercom/protocol"

	"github.com/rs/zerolog"
	"github.com/spf13/cobra"
)

// process is one run of the program.
type process struct {
	stdout  *os.File
	lines   *protocol.Lines // the only way to stdout in a protocol
	stderr  *console
	redact  *protocol.Redactor // knows the token as soon as we do
	debug   bool
	started bool // the command line was understood
}

func newProcess(stdout, stderr *os.File) *process {
	return &process{stdout: stdout, lines: protocol.NewLines(stdout), stderr: newConsole(stderr), redact: protocol.NewRedactor()}
}

// run executes a command line, the program's name first, and returns the exit code.
func (p *process) run(ctx context.Context, argv []string) int {
	root := p.rootCommand(argv)
	root.SetArgs(argv[1:])
	root.SetOut(p.stderr)
	root.SetErr(p.stderr)
	cmd, err := root.ExecuteContextC(ctx)
	if err == nil {
		return 0
	}
	return p.fail(cmd, err)
}

// rootCommand is the tree of all commands; itself it is a Singer tap.
func (p *process) rootCommand(argv []string) *cobra.Command {
	name := strings.TrimSuffix(filepath.Base(argv[0]), ".exe")
	if name != "tap-intercom" {
		name = "source-intercom"
	}
	root := p.singerCommand(name)
	if name == "tap-intercom" || len(argv) > 1 && strings.HasPrefix(argv[1], "-") {
		speaks(root, singer)
	}
	root.SilenceUsage, root.SilenceErrors = true, true
	root.CompletionOptions.DisableDefaultCmd = true
	root.PersistentFlags().BoolVar(&p.debug, "debug", false, "log what is done in detail")
	root.PersistentPreRun = func(*cobra.Command, []string) { p.started = true }
	root.AddCommand(p.specCommand(), p.checkCommand(), p.discoverCommand(), p.readCommand(),
		p.exportCommand(), p.demoCommand(), p.emulateCommand())

	// Help that somebody asked for is an answer; help beside an error is not.
	help := root.HelpFunc()
	root.SetHelpFunc(func(cmd *cobra.Command, args []string) {
		cmd.SetOut(p.stdout)
		help(cmd, args)
	})
	return root
}

// The protocols, as --protocol names them.
const (
	airbyte = "airbyte"
	singer  = "singer"
)

// speaks notes the protocol of a command, in which its failures are told too. A flag --protocol
// overrides it.
func speaks(cmd *cobra.Command, name string) {
	cmd.Annotations = map[string]string{"protocol": name}
}

// dialectOf is the protocol that a command speaks, nil for the commands that are for people.
func dialectOf(cmd *cobra.Command) protocol.Dialect {
	name := cmd.Annotations["protocol"]
	if flag := cmd.Flags().Lookup("protocol"); flag != nil && flag.Value.String() == singer {
		name = singer
	}
	switch name {
	case airbyte:
		return protocol.Airbyte{}
	case singer:
		return protocol.Singer{}
	}
	return nil
}

// print writes protocol lines out at once.
func (p *process) print(lines []byte) error {
	if err := p.lines.Write(lines); err != nil {
		return err
	}
	return p.lines.Flush()
}

// logger logs where the protocol wants it, less the secrets known by now.
func (p *process) logger(d protocol.Dialect) zerolog.Logger {
	level := zerolog.InfoLevel
	if p.debug {
		level = zerolog.DebugLevel
	}
	return protocol.NewLogger(d, p.lines, p.stderr, os.Getenv, p.redact).Level(level)
}

// usageError is a command line that contradicts itself.
type usageError struct{ message string }

func (e *usageError) Error() string { return e.message }

// inputError is a file of the user's that cannot be used. Its text names the file.
type inputError struct{ err error }

func (e *inputError) Error() string { return e.err.Error() }
func (e *inputError) Unwrap() error { return e.err }

// reportedError is a failure that the user has been told already.
type reportedError struct{ err error }

func (e *reportedError) Error() string { return e.err.Error() }
func (e *reportedError) Unwrap() error { return e.err }

// fail tells a command's failure in the form of its protocol and returns the exit code.
func (p *process) fail(cmd *cobra.Command, err error) int {
	code := 1
	var usage *usageError
	if !p.started || errors.As(err, &usage) {
		code = 2
	}
	var reported *reportedError
	if errors.As(err, &reported) {
		return code
	}
	d := dialectOf(cmd)
	if d == nil {
		p.stderr.printf("%s: %s\n", cmd.Root().Name(), err)
		return code
	}
	failure := p.failure(err)
	line := d.AppendFailure(nil, failure, time.Now())
	if len(line) == 0 {
		log := p.logger(d)
		log.WithLevel(zerolog.FatalLevel).Msg(failure.Message)
		return code
	}
	if p.print(line) != nil { // stdout is gone; somebody may still read stderr
		p.stderr.printf("%s: %s\n", cmd.Root().Name(), failure.Message)
	}
	return code
}

// failure classifies an error. What the user typed or handed over is the user's to mend; all else the
// connector knows best.
func (p *process) failure(err error) protocol.Failure {
	var usage *usageError
	var input *inputError
	f := connector.Classify(err)
	if !p.started || errors.As(err, &usage) || errors.As(err, &input) {
		f = protocol.Failure{Kind: protocol.ConfigError, Message: err.Error()}
	}
	f.Message, f.Detail = p.redact.Redact(f.Message), p.redact.Redact(f.Detail)
	return f
}
