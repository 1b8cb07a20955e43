package connector

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"source-intercom/intercom"

	"github.com/tidwall/gjson"
)

const (
	// exportStep is how much time one job is made for, in seconds.
	exportStep = 30 * 24 * 60 * 60
	// readAgain is how far back every run reads again, at least: opens and clicks come days after the message, and the row
	// of a conversation changes while it goes on, but a job's range is about when the message was sent, or the
	// conversation begun.
	readAgain = 7 * 24 * time.Hour

	jobTries     = 3
	jobPatience  = 4 * time.Hour    // "Exporting your message data can take up to a few hours", says Intercom's help
	firstLook    = 2 * time.Second  // how long after its creation a job is asked about
	lastLook     = 30 * time.Second // how often, later on
	notThereYet  = 2 * time.Minute  // for so long a new job may be unknown, as clients of reports have seen
	jobsPatience = 30 * time.Minute // for jobs of others to end
	cancelTime   = 3 * time.Second
)

// An exporter makes jobs of one kind, and fetches what they bring.
// https://developers.intercom.com/docs/references/rest-api/api.intercom.io/data-export
// https://developers.intercom.com/docs/references/rest-api/api.intercom.io/reporting-data-export
type exporter struct {
	*feedRun
	stream   string // whose calls they are
	create   string // path
	body     func(span) []byte
	status   func(id string) string // path
	download func(id string) string // path
	cancel   func(id string) string // path; nil: such jobs cannot be canceled
}

// JobError is a job that Intercom did not carry out.
type JobError struct {
	Feed   string
	Job    string
	State  string // Intercom's word, or what took too long
	Window span
}

func (e *JobError) Error() string {
	at := func(t int64) string { return time.Unix(t, 0).UTC().Format(time.RFC3339) }
	return fmt.Sprintf("%s: the export job %s, of %s to %s, ended as %q where \"completed\" was expected; what was read so far is kept, run again",
		e.Feed, clip(e.Job), at(e.Window.lo), at(e.Window.hi), clip(e.State))
}

// bring has a job done for a window and returns its file, which must be closed; nil: there is nothing in the window. A
// job that fails is made again, a few times.
func (x *exporter) bring(ctx context.Context, w span) (*spool, error) {
	for try := 1; ; try++ {
		file, err := x.job(ctx, w)
		failed, ok := errors.AsType[*JobError](err)
		again := ok && failed.State != stillRunning || intercom.KindOf(err) == intercom.NotFound // it has expired
		if !again || try == jobTries {
			return file, err
		}
		wait := time.Duration(try) * 30 * time.Second
		x.Log.Warn().Err(err).Str("stream", x.stream).Stringer("wait", wait).Msg("an export job came to nothing: making another")
		if err := pause(ctx, wait); err != nil {
			return nil, err
		}
	}
}

// job has one job done.
func (x *exporter) job(ctx context.Context, w span) (file *spool, err error) {
	id, err := x.make(ctx, w)
	if err != nil {
		return nil, err
	}
	ended := false
	defer func() {
		if !ended && x.cancel != nil {
			x.abandon(ctx, id)
		}
	}()
	state, err := x.wait(ctx, id)
	if err != nil {
		return nil, err
	}
	switch ended = state != stillRunning; {
	case state == "no_data":
		return nil, nil
	case !strings.HasPrefix(state, "complete"): // reports are "complete", content exports "completed"
		return nil, &JobError{Feed: x.feed.Name, Job: id, State: state, Window: w}
	}
	file = newSpool(x.Log)
	if err := x.client.Download(ctx, intercom.Download{Path: x.download(id), Stream: x.stream, Take: file.take}); err != nil {
		file.close()
		return nil, err
	}
	return file, nil
}

// make creates a job. While others of the workspace are under way none can be made, and those are waited for. A call
// whose answer was lost may have made one, too: no list of jobs tells. It is made again all the same, for Intercom itself
// sees to it that there are no more than there may be, and then the lost one is waited for like another's.
func (x *exporter) make(ctx context.Context, w span) (id string, err error) {
	var busySince, failing time.Time
	for wait := firstLook; ; wait = min(2*wait, lastLook) {
		answer, err := x.client.Do(ctx, intercom.Request{Method: http.MethodPost, Path: x.create, Body: x.body(w), Stream: x.stream, Once: true})
		switch now := time.Now(); {
		case err == nil:
			return x.identifier(answer)
		case intercom.KindOf(err) == intercom.JobPending:
			if busySince.IsZero() {
				busySince = now
				x.Log.Info().Str("stream", x.stream).Msg("other export jobs of this workspace are under way: waiting for them to end")
			}
			if now.Sub(busySince) > jobsPatience {
				return "", fmt.Errorf("no job could be made for %s: %w", jobsPatience, err)
			}
		case intercom.KindOf(err) == intercom.Temporary:
			if failing.IsZero() {
				failing = now
			}
			if now.Sub(failing) >= x.Config.MaxRetry {
				return "", err
			}
		default:
			return "", err
		}
		if err := pause(ctx, wait); err != nil {
			return "", err
		}
	}
}

// identifier reads the id of a new job; the OpenAPI files of some versions misspell it.
func (x *exporter) identifier(answer *intercom.Answer) (string, error) {
	defer answer.Release()
	for _, name := range []string{"job_identifier", "job_identfier"} {
		if id := answer.Get(name); isID(id) {
			return strings.Clone(id.String()), nil
		}
	}
	return "", &intercom.ShapeError{Stream: x.stream, Path: "job_identifier", Want: "the id of a job", Found: found(answer.Get("job_identifier"))}
}

// stillRunning stands for the state of a job that did not end in time.
const stillRunning = "still under way"

// wait looks after a job until it has ended, and returns its last state.
func (x *exporter) wait(ctx context.Context, id string) (state string, err error) {
	began := time.Now()
	for look := firstLook; ; look = min(look*3/2, lastLook) {
		if err := pause(ctx, look); err != nil {
			return "", err
		}
		state, err := x.look(ctx, id)
		switch took := time.Since(began); {
		case intercom.KindOf(err) == intercom.NotFound && took < notThereYet:
		case err != nil:
			return "", err
		case hasEnded(state):
			return state, nil
		case took > jobPatience:
			return stillRunning, nil
		}
	}
}

// hasEnded tells whether a job in that state will not change any more. Words that nobody has documented are taken for those of
// a job that goes on.
func hasEnded(state string) bool {
	switch state {
	case "no_data", "failed", "canceled", "cancelled", "error":
		return true
	}
	return strings.HasPrefix(state, "complete")
}

func (x *exporter) look(ctx context.Context, id string) (state string, err error) {
	answer, err := x.client.Do(ctx, intercom.Request{Method: http.MethodGet, Path: x.status(id), Stream: x.stream})
	if err != nil {
		return "", err
	}
	defer answer.Release()
	status := answer.Get("status")
	if status.Type != gjson.String || status.Str == "" {
		return "", &intercom.ShapeError{Stream: x.stream, Path: "status", Want: "the state of a job", Found: found(status)}
	}
	return strings.Clone(status.Str), nil
}

// abandon cancels a job that nobody waits for any more, so that it holds up nobody. It takes a moment even when ctx is
// over, and no more.
func (x *exporter) abandon(ctx context.Context, id string) {
	ctx, stop := context.WithTimeout(context.WithoutCancel(ctx), cancelTime)
	defer stop()
	answer, err := x.client.Do(ctx, intercom.Request{Method: http.MethodPost, Path: x.cancel(id), Stream: x.stream, Once: true})
	if err != nil {
		x.Log.Warn().Err(err).Str("stream", x.stream).Str("job", clip(id)).
			Msg("an export job could not be canceled: until it ends by itself, no other can be made")
		return
	}
	answer.Release()
	x.Log.Debug().Str("stream", x.stream).Str("job", clip(id)).Msg("export job canceled")
}

// jobPath makes paths of one kind of call about a job.
func jobPath(before, after string) func(id string) string {
	return func(id string) string { return before + url.PathEscape(id) + after }
}

// top is where the windows of jobs end: what is younger may not be there yet.
func (f *feedRun) top() int64 { return min(f.clock-f.lag(), f.upper) }

// steps cuts ranges into windows of so many seconds.
func (r ranges) steps(step int64) []span {
	var out []span
	for _, s := range r {
		for ; s.lo < s.hi; s.lo += step {
			out = append(out, span{s.lo, min(s.lo+step, s.hi)})
		}
	}
	return out
}
