package main

import (
	"archive/zip"
	"bytes"
	"compress/gzip"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestEmbeddedZones holds what the program finds without zone files against another reader of the
// same archive. Older data than the toolchain's is no fault, a zone that it lacks is one.
func TestEmbeddedZones(t *testing.T) {
	embedded := zoneFiles(t, unpackedZones(t))
	for name, want := range embedded {
		if got, err := loadZone(name); err != nil || got != want {
			t.Errorf("%s: %d bytes, error %v; want the archive's %d bytes", name, len(got), err, len(want))
		}
		if _, err := time.LoadLocationFromTZData(name, []byte(want)); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	for name := range toolchainZones(t) {
		if _, ok := embedded[name]; !ok {
			t.Errorf("%s is not embedded: go generate ./cmd/source-intercom", name)
		}
	}
}

// TestZoneWithoutFiles looks for a zone that no machine has a file for.
func TestZoneWithoutFiles(t *testing.T) {
	embedZones(t, strings.ReplaceAll(unpackedZones(t), "Asia/Tokyo", "Mars/Tokyo"))
	zone, err := time.LoadLocation("Mars/Tokyo")
	if err != nil {
		t.Fatal(err)
	}
	noon := time.Date(2026, 1, 2, 12, 0, 0, 0, time.UTC)
	if got := noon.In(zone).Format(time.RFC3339); got != "2026-01-02T21:00:00+09:00" {
		t.Errorf("noon in UTC is %s", got)
	}
}

func TestUnknownZone(t *testing.T) {
	for _, name := range []string{"Mars/Tokyo", "Asia", "Asia/", "Asia/Toky", ""} {
		if _, err := loadZone(name); !isNoSuchZone(err) {
			t.Errorf("%q: %v, want ENOENT, not wrapped", name, err)
		}
	}
}

// A container has no /etc/localtime. Its programs must not pay for that when they start.
func TestLocalTimeUnpacksNothing(t *testing.T) {
	zoneArchiveOf(t, "must not be read")
	if _, err := loadZone("localtime"); !isNoSuchZone(err) {
		t.Errorf("%v, want ENOENT, not wrapped", err)
	}
}

func TestBrokenZoneArchive(t *testing.T) {
	whole := unpackedZones(t)
	for name, archive := range map[string]string{
		"empty":               "",
		"no archive":          strings.Repeat("x", 100),
		"ends in a header":    whole[:20],
		"ends in a file":      whole[:100],
		"ends before the end": whole[:strings.Index(whole, "PK\x01\x02")],
	} {
		embedZones(t, archive)
		if _, err := loadZone("Mars/Tokyo"); err == nil || isNoSuchZone(err) {
			t.Errorf("%s: %v, want an error that is not ENOENT", name, err)
		}
	}
}

// isNoSuchZone tells as package time does.
func isNoSuchZone(err error) bool {
	return err == syscall.ENOENT //nolint:errorlint // a wrapped one would be taken for a fault
}

// unpackedZones is the embedded archive as it was before its compression.
func unpackedZones(t *testing.T) string {
	t.Helper()
	r, err := gzip.NewReader(strings.NewReader(zoneArchive))
	if err != nil {
		t.Fatal(err)
	}
	archive, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return string(archive)
}

// embedZones makes archive the embedded one until the test ends.
func embedZones(t *testing.T, archive string) {
	t.Helper()
	var packed bytes.Buffer
	w := gzip.NewWriter(&packed)
	if _, err := io.WriteString(w, archive); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	zoneArchiveOf(t, packed.String())
}

func zoneArchiveOf(t *testing.T, packed string) {
	before := zoneArchive
	t.Cleanup(func() { zoneArchive = before })
	zoneArchive = packed
}

// toolchainZones are those that come with Go.
func toolchainZones(t *testing.T) map[string]string {
	t.Helper()
	root, err := exec.CommandContext(t.Context(), "go", "env", "GOROOT").Output()
	if err != nil {
		t.Fatal(err)
	}
	archive, err := os.ReadFile(filepath.Join(strings.TrimSpace(string(root)), "lib", "time", "zoneinfo.zip"))
	if err != nil {
		t.Fatal(err)
	}
	return zoneFiles(t, string(archive))
}

// zoneFiles maps the names of a zip archive's files to their content, whose checksums it compares.
func zoneFiles(t *testing.T, archive string) map[string]string {
	t.Helper()
	r, err := zip.NewReader(strings.NewReader(archive), int64(len(archive)))
	if err != nil {
		t.Fatal(err)
	}
	files := map[string]string{}
	for _, f := range r.File {
		content, err := f.Open()
		if err != nil {
			t.Fatal(err)
		}
		data, err := io.ReadAll(content)
		if err != nil {
			t.Fatal(f.Name, err)
		}
		files[f.Name] = string(data)
	}
	if len(files) < 400 {
		t.Fatalf("an archive of %d zones is not whole", len(files))
	}
	return files
}
