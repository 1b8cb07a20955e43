package protocol

import (
	"encoding/json"
	"io"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/rs/zerolog"
	"github.com/tidwall/gjson"
)

// NewLogger returns the logger that a dialect's platform reads: LOG messages among the lines for
// Airbyte; lines on stderr for Singer, as JSON when env names a logging configuration that asks for
// it, as Meltano's does. Fields follow the message as key=value. Every text goes through redact.
// A program that must end cleanly logs at the fatal level by WithLevel, since Fatal would exit.
func NewLogger(d Dialect, lines *Lines, stderr io.Writer, env func(string) string, redact *Redactor) zerolog.Logger {
	var out zerolog.LevelWriter
	switch {
	case d.Name() == Airbyte{}.Name():
		out = &airbyteLog{lines: lines, redact: redact}
	case structuredLogs(env):
		out = &structuredLog{out: stderr, redact: redact}
	default:
		out = &singerLog{out: stderr, redact: redact}
	}
	return zerolog.New(out)
}

// structuredLogs reports whether a logging configuration names a structured formatter. Meltano sets
// these variables always; the file tells whether it would understand JSON.
func structuredLogs(env func(string) string) bool {
	for _, name := range []string{"SINGER_SDK_LOG_CONFIG", "LOGGING_CONF_FILE"} {
		file := env(name)
		if file == "" {
			continue
		}
		config, err := os.ReadFile(file)
		if err == nil && strings.Contains(string(config), "StructuredFormatter") {
			return true
		}
	}
	return false
}

// entry is one zerolog event, taken apart.
type entry struct {
	message string
	fields  []gjson.Result // name, value, name, value...
}

func parseEntry(event []byte) entry {
	var e entry
	gjson.ParseBytes(event).ForEach(func(name, value gjson.Result) bool {
		switch name.Str {
		case zerolog.LevelFieldName, zerolog.TimestampFieldName:
		case zerolog.MessageFieldName:
			e.message = value.String()
		default:
			e.fields = append(e.fields, name, value)
		}
		return true
	})
	return e
}

// text is the message with the fields behind it, a field on one line whatever it holds. Quoting comes
// after redacting, since it would change what a secret looks like.
func (e entry) text(redact *Redactor) string {
	var b strings.Builder
	b.WriteString(redact.Redact(e.message))
	for i := 0; i < len(e.fields); i += 2 {
		if b.Len() > 0 {
			b.WriteByte(' ')
		}
		b.WriteString(e.fields[i].Str)
		b.WriteByte('=')
		if value := e.fields[i+1]; value.Type == gjson.String {
			b.WriteString(quoted(redact.Redact(value.Str)))
		} else {
			b.WriteString(redact.Redact(value.Raw))
		}
	}
	return b.String()
}

// quoted puts quotes around a text only where it would not be clear where it ends.
func quoted(text string) string {
	if text == "" || strings.ContainsAny(text, " =\"\t\r\n") {
		return strconv.Quote(text)
	}
	return text
}

type airbyteLog struct {
	lines  *Lines
	redact *Redactor
}

func (l *airbyteLog) Write(event []byte) (int, error) {
	return l.WriteLevel(zerolog.NoLevel, event)
}

// WriteLevel flushes: a log line that waits for the next records comes too late.
func (l *airbyteLog) WriteLevel(level zerolog.Level, event []byte) (int, error) {
	line := Airbyte{}.AppendLog(nil, level, parseEntry(event).text(l.redact))
	if l.lines.Write(line) == nil {
		_ = l.lines.Flush()
	}
	return len(event), nil // Lines keeps the error; zerolog would print it on stderr for each entry
}

type singerLog struct {
	mu     sync.Mutex
	out    io.Writer
	redact *Redactor
}

func (l *singerLog) Write(event []byte) (int, error) {
	return l.WriteLevel(zerolog.NoLevel, event)
}

func (l *singerLog) WriteLevel(level zerolog.Level, event []byte) (int, error) {
	name := singerLevel(level) + " "
	text := parseEntry(event).text(l.redact)
	line := name + strings.ReplaceAll(text, "\n", "\n"+name) + "\n"
	l.mu.Lock()
	defer l.mu.Unlock()
	_, err := io.WriteString(l.out, line)
	return len(event), err
}

func singerLevel(level zerolog.Level) string {
	switch level {
	case zerolog.TraceLevel, zerolog.DebugLevel:
		return "DEBUG"
	case zerolog.WarnLevel:
		return "WARNING"
	case zerolog.ErrorLevel:
		return "ERROR"
	case zerolog.FatalLevel, zerolog.PanicLevel:
		return "CRITICAL"
	}
	return "INFO"
}

type structuredLog struct {
	mu     sync.Mutex
	out    io.Writer
	redact *Redactor
}

func (l *structuredLog) Write(event []byte) (int, error) {
	return l.WriteLevel(zerolog.NoLevel, event)
}

// structuredLine has every key that Meltano wants before it takes a line for a structured one.
type structuredLine struct {
	Level   string         `json:"level"`
	PID     int            `json:"pid"`
	Logger  string         `json:"logger_name"`
	Time    float64        `json:"ts"`
	Thread  string         `json:"thread_name"`
	App     string         `json:"app_name"`
	Stream  *string        `json:"stream_name"`
	Message string         `json:"message"`
	Extra   map[string]any `json:"extra"`
}

const tapName = "tap-intercom"

func (l *structuredLog) WriteLevel(level zerolog.Level, event []byte) (int, error) {
	e := parseEntry(event)
	line := structuredLine{
		Level: strings.ToLower(singerLevel(level)), PID: os.Getpid(), Logger: tapName, App: tapName,
		Thread: "MainThread", Time: float64(time.Now().UnixMicro()) / 1e6,
		Message: l.redact.Redact(e.message), Extra: map[string]any{},
	}
	for i := 0; i < len(e.fields); i += 2 {
		name, value := e.fields[i].Str, e.fields[i+1]
		text := l.redact.Redact(value.String())
		switch {
		case name == "stream":
			line.Stream = &text
		case value.Type == gjson.String || text != value.String():
			line.Extra[name] = text
		default:
			line.Extra[name] = json.RawMessage(value.Raw)
		}
	}
	out, err := marshal(line)
	if err != nil {
		return 0, err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	_, err = l.out.Write(out)
	return len(event), err
}

// AppendMetric adds a line of Singer's metrics, which go to stderr among the logs. kind is "counter"
// or "timer" (seconds); counters are what was counted since the last line.
func AppendMetric(dst []byte, kind, metric string, value any, tags map[string]string) ([]byte, error) {
	if tags == nil {
		tags = map[string]string{}
	}
	line, err := marshal(struct {
		Type   string            `json:"type"`
		Metric string            `json:"metric"`
		Value  any               `json:"value"`
		Tags   map[string]string `json:"tags"`
	}{kind, metric, value, tags})
	if err != nil {
		return dst, err
	}
	dst = append(dst, "INFO METRIC: "...)
	return append(dst, line...), nil
}
