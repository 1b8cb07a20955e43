package emulator

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"sync"
	"time"
)

const (
	exportTime       = 5 * time.Second // what a job takes unless Options say otherwise
	downloadable     = 2 * 24 * time.Hour
	mostContentJobs  = 1
	mostReportedJobs = 5
)

// exports are the jobs of a workspace.
type exports struct {
	mu     sync.Mutex
	jobs   map[string]*exportJob
	serial int
}

// exportJob is one job. What it will bring is settled when it is created; its state follows from the clock.
type exportJob struct {
	id       string
	content  bool // else it is a report
	created  time.Time
	takes    time.Duration
	fails    bool
	canceled bool
	empty    bool
	file     []byte
	kind     string // its Content-Type
	encoding string // its Content-Encoding
}

func (j *exportJob) ends() time.Time { return j.created.Add(j.takes) }

// state is the job's in Intercom's words: those of the two kinds differ.
func (j *exportJob) state(now time.Time) string {
	switch {
	case j.canceled:
		return "canceled"
	case now.Before(j.created.Add(j.takes / 4)):
		return "pending"
	case now.Before(j.ends()) && j.content:
		return "in_progress"
	case now.Before(j.ends()):
		return "pending"
	case j.fails:
		return "failed"
	case !j.content:
		return "complete"
	case j.empty:
		return "no_data"
	}
	return "completed"
}

func (j *exportJob) active(now time.Time) bool { return !j.canceled && now.Before(j.ends()) }

// served tells whether the job's file can be had.
func (j *exportJob) served(now time.Time) bool {
	state := j.state(now)
	return (state == "complete" || state == "completed") && now.Before(j.ends().Add(downloadable))
}

// exportJob makes a job unless there are too many already.
func (c *call) exportJob(j *exportJob, most int, what string) *apiError {
	x := &c.e.exports
	x.mu.Lock()
	defer x.mu.Unlock()
	active := 0
	for id, other := range x.jobs {
		if other.content == j.content && other.active(c.now) {
			active++
		}
		if c.now.After(other.ends().Add(2 * downloadable)) {
			delete(x.jobs, id)
		}
	}
	if active >= most {
		return fail(http.StatusTooManyRequests, "rate_limit_exceeded", fmt.Sprintf("Exceeded rate limit of %d pending %s jobs", most, what))
	}
	j.created, j.takes, j.fails = c.now, c.e.options.ExportTime, x.serial < c.e.options.FailExports
	j.id = strconv.FormatUint(uint64(c.w.seed.at(41).at(x.serial)), 36)
	x.serial++
	x.jobs[j.id] = j
	c.undo = func() {
		x.mu.Lock()
		defer x.mu.Unlock()
		delete(x.jobs, j.id)
	}
	c.showJob(j)
	return nil
}

// job returns the job of the path.
func (c *call) job(content bool) *exportJob {
	x := &c.e.exports
	x.mu.Lock()
	defer x.mu.Unlock()
	if j := x.jobs[c.id]; j != nil && j.content == content {
		seen := *j
		return &seen
	}
	return nil
}

func (c *call) showJob(j *exportJob) {
	c.obj("")
	c.str("job_identifier", j.id)
	c.str("status", j.state(c.now))
	if j.served(c.now) {
		path := "/download/reporting_data/"
		if j.content {
			path = "/download/content/data/"
		}
		c.str("download_url", c.origin()+path+j.id)
		c.str("download_expires_at", strconv.FormatInt(j.ends().Add(downloadable).Unix(), 10))
	} else {
		c.str("download_url", "")
		c.str("download_expires_at", "")
	}
	c.end()
}

func (c *call) createContentExport() *apiError {
	var ask struct {
		After  *int64 `json:"created_at_after"`
		Before *int64 `json:"created_at_before"`
	}
	if err := json.Unmarshal(c.body, &ask); err != nil {
		return badParameter("", "the request body is no JSON of the expected form")
	}
	for name, bound := range map[string]*int64{"created_at_after": ask.After, "created_at_before": ask.Before} {
		if bound == nil {
			return fail(http.StatusBadRequest, "bad_request", "'"+name+"' is a required parameter")
		}
	}
	if *ask.After > *ask.Before {
		return fail(http.StatusBadRequest, "bad_request", "created_at_after must not be later than created_at_before")
	}
	j := &exportJob{content: true}
	shown := c.now.Add(-c.e.options.IndexLag).Unix()
	rows := c.w.within(*ask.After, min(*ask.Before, shown))
	j.empty = len(rows) == 0
	form := c.e.contentForm(c.v)
	stamp := c.now.UTC().Format("20060102-150405")
	j.kind, j.encoding, j.file = form.pack(marks(contentFiles(c.w, form, rows, stamp), c.e.options.Mark))
	return c.exportJob(j, mostContentJobs, "message data export")
}

func (c *call) getContentExport() *apiError {
	j := c.job(true)
	if j == nil {
		return notFound("not_found", "Object not found.")
	}
	c.showJob(j)
	return nil
}

func (c *call) cancelContentExport() *apiError {
	x := &c.e.exports
	x.mu.Lock()
	if j := x.jobs[c.id]; j != nil && j.content && j.active(c.now) {
		j.canceled = true
	}
	x.mu.Unlock()
	return c.getContentExport()
}

func (c *call) downloadContentExport() *apiError {
	return c.download(true, "The requested resource does not exist.")
}

// download answers with a job's file. Intercom documents 404 for a job that is not there, and that the file of one that is older
// than two days "will no longer be available".
func (c *call) download(content bool, missing string) *apiError {
	j := c.job(content)
	if j == nil || !j.served(c.now) {
		return notFound("not_found", missing)
	}
	c.other = &answer{status: http.StatusOK, kind: j.kind, encoding: j.encoding, file: true, body: bytes.Clone(j.file)}
	return nil
}

// contentForm is how downloads of content exports come. The OpenAPI files up to 2.16 say "gzipped CSV", the pages of 2.17 "a ZIP
// archive containing one CSV file per data group", those of 2.6 "a gzipped folder containing multiple CSVs".
// https://developers.intercom.com/docs/references/2.17/rest-api/api.intercom.io/data-export/downloaddataexport
func (e *Emulator) contentForm(v version) exportForm {
	switch {
	case e.options.ExportForm != "":
		return exportForm(e.options.ExportForm)
	case v == v217:
		return zipForm
	}
	return csvForm
}

// origin is the scheme and host that the client asked.
func (c *call) origin() string {
	if c.r.TLS != nil {
		return "https://" + c.r.Host
	}
	return "http://" + c.r.Host
}

// emptyFile tells whether nothing but a header is in a CSV.
func emptyFile(text []byte) bool { return bytes.Count(text, []byte("\n")) < 2 }
