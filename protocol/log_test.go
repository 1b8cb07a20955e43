package protocol

import (
	"bytes"
	"errors"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rs/zerolog"
	"github.com/tidwall/gjson"
)

func noEnv(string) string { return "" }

// logged returns what a logger of dialect d writes to stdout and to stderr.
func logged(t *testing.T, d Dialect, env func(string) string, redact *Redactor, log func(zerolog.Logger)) (stdout, stderr string) {
	t.Helper()
	var out, errs bytes.Buffer
	log(NewLogger(d, NewLines(&out), &errs, env, redact))
	return out.String(), errs.String()
}

func TestAirbyteLogs(t *testing.T) {
	stdout, stderr := logged(t, Airbyte{}, noEnv, &Redactor{}, func(l zerolog.Logger) {
		l = l.With().Str("stream", "contacts").Logger()
		l.Info().Int("records", 3).Str("note", "two words").Bool("last", true).Msg("a page")
		l.Err(errors.New("line 1\nline 2")).Msg("failed")
		for _, level := range []zerolog.Level{zerolog.TraceLevel, zerolog.DebugLevel, zerolog.WarnLevel, zerolog.FatalLevel, zerolog.PanicLevel, zerolog.NoLevel} {
			l.WithLevel(level).Send()
		}
	})
	want := `{"type":"LOG","log":{"level":"INFO","message":"a page stream=contacts records=3 note=\"two words\" last=true"}}
{"type":"LOG","log":{"level":"ERROR","message":"failed stream=contacts error=\"line 1\\nline 2\""}}
{"type":"LOG","log":{"level":"TRACE","message":"stream=contacts"}}
{"type":"LOG","log":{"level":"DEBUG","message":"stream=contacts"}}
{"type":"LOG","log":{"level":"WARN","message":"stream=contacts"}}
{"type":"LOG","log":{"level":"FATAL","message":"stream=contacts"}}
{"type":"LOG","log":{"level":"FATAL","message":"stream=contacts"}}
{"type":"LOG","log":{"level":"INFO","message":"stream=contacts"}}
`
	if stdout != want || stderr != "" {
		t.Errorf("got\n%swant\n%sstderr %q", stdout, want, stderr)
	}
}

func TestSingerLogs(t *testing.T) {
	stdout, stderr := logged(t, Singer{}, noEnv, &Redactor{}, func(l zerolog.Logger) {
		l.Debug().Str("empty", "").Msg("one")
		l.Warn().Msg("two\nlines")
		l.Error().Send()
		l.WithLevel(zerolog.FatalLevel).Int("n", 1).Msg("the end")
	})
	want := "DEBUG one empty=\"\"\nWARNING two\nWARNING lines\nERROR \nCRITICAL the end n=1\n"
	if stderr != want || stdout != "" {
		t.Errorf("got\n%swant\n%sstdout %q", stderr, want, stdout)
	}
}

func TestStructuredSingerLogs(t *testing.T) {
	dir := t.TempDir()
	configs := map[string]struct {
		text       string
		structured bool
	}{
		"sdk.json":   {`{"formatters":{"structured":{"()":"singer_sdk.logging.StructuredFormatter"}}}`, true},
		"plain.json": {`{"formatters":{"default":{"format":"%(message)s"}}}`, false},
		"none.json":  {"", false},
	}
	for file, config := range configs {
		path := filepath.Join(dir, file)
		if config.text != "" {
			if err := os.WriteFile(path, []byte(config.text), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		for _, variable := range []string{"SINGER_SDK_LOG_CONFIG", "LOGGING_CONF_FILE"} {
			env := func(name string) string {
				if name == variable {
					return path
				}
				return ""
			}
			_, stderr := logged(t, Singer{}, env, NewRedactor("s3cret"), func(l zerolog.Logger) {
				l.Warn().Str("stream", "contacts").Str("token", "s3cret").Int("records", 3).Msg("a page\nwith s3cret")
			})
			if got := gjson.Valid(stderr); got != config.structured {
				t.Errorf("%s in %s: structured is %v: %s", file, variable, got, stderr)
			}
			if !config.structured {
				continue
			}
			for _, key := range []string{"level", "pid", "logger_name", "ts", "thread_name", "app_name", "stream_name", "message"} {
				if !gjson.Get(stderr, key).Exists() {
					t.Errorf("%s lacks %s", stderr, key)
				}
			}
			got := gjson.GetMany(stderr, "level", "stream_name", "message", "extra")
			for i, want := range []string{`"warning"`, `"contacts"`, `"a page\nwith ***"`, `{"records":3,"token":"***"}`} {
				if got[i].Raw != want {
					t.Errorf("got %s, want %s", got[i].Raw, want)
				}
			}
			if strings.Count(stderr, "\n") != 1 {
				t.Errorf("not one line: %q", stderr)
			}
		}
	}
}

// A secret does not get out, whatever it is made of and wherever it is put.
func TestSecretsAreRedacted(t *testing.T) {
	secret := `dG9r"ZW4=/+ <&> é` + "\t" + `\x`
	redact := NewRedactor("", secret, "dG9r")
	for _, d := range dialects() {
		stdout, stderr := logged(t, d, noEnv, redact, func(l zerolog.Logger) {
			l.Info().Str("header", "Bearer "+secret).Str("url", "https://example.com/?t="+url.QueryEscape(secret)+"&path="+url.PathEscape(secret)).
				Str("body", string(gjson.AppendJSONString(nil, secret))).Interface("config", map[string]string{"access_token": secret}).
				Msg("with " + secret)
		})
		out := stdout + stderr
		for _, part := range []string{"dG9r", "ZW4"} {
			if strings.Contains(out, part) {
				t.Errorf("%s leaks %q: %s", d.Name(), part, out)
			}
		}
		if !strings.Contains(out, "Bearer "+mask) || !strings.Contains(out, "with "+mask) {
			t.Errorf("%s lost more than the secret: %s", d.Name(), out)
		}
	}
}

func TestRedactorWithoutSecrets(t *testing.T) {
	for _, r := range []*Redactor{{}, NewRedactor(), NewRedactor("")} {
		if got := r.Redact("as it is"); got != "as it is" {
			t.Errorf("got %q", got)
		}
	}
}

func TestAppendMetric(t *testing.T) {
	got, err := AppendMetric([]byte("before\n"), "counter", "record_count", 12, map[string]string{"stream": "contacts", "endpoint": "a&b"})
	if err != nil {
		t.Fatal(err)
	}
	want := "before\n" + `INFO METRIC: {"type":"counter","metric":"record_count","value":12,"tags":{"endpoint":"a&b","stream":"contacts"}}` + "\n"
	if string(got) != want {
		t.Errorf("got %s, want %s", got, want)
	}
}
