package protocol

import (
	"bytes"
	"regexp"
	"strings"
	"testing"

	"github.com/cespare/xxhash/v2"
	"pgregory.net/rapid"
)

var marker = regexp.MustCompile(`ignature=|xpires=|-[Aa]mz-`)

// slowFingerprint looks for the markers in the plain way, and leaves no URL out of sight.
func slowFingerprint(data []byte) uint64 {
	if !marker.Match(data) {
		return xxhash.Sum64(data)
	}
	return sumUnsigned(data)
}

// The short ways change no fingerprint: states of earlier runs hold them. In front stands a parameter
// that is left out only if a marker is found anywhere, so that each marker decides.
func TestFingerprintEqualsSlowOne(t *testing.T) {
	pieces := []string{
		"https://", `http:\/\/`, "a.intercomcdn.com", "example.com", "/i", "?", "&", `\u0026`, "&amp;", "#", "=", "1", `"`, " ", "z", "-", "=z",
		"signature=", "Signature=a", "SIGNATURE=b", "ignature", "ignature=", "expires=2", "EXPIRES=3", "xpires", "req=x",
		"X-Amz-Date=4", "x-amz-Date=5", "X-AMZ-Date=6", "-Amz-", "-Amz", "-amz-=", "mz-", "-bmz-", strings.Repeat("text ", 9),
	}
	rapid.Check(t, func(t *rapid.T) {
		front := rapid.SampledFrom([]string{"", "http://a.intercom.io?req=x&"}).Draw(t, "front")
		data := []byte(front + strings.Join(rapid.SliceOfN(rapid.SampledFrom(pieces), 0, 12).Draw(t, "pieces"), ""))
		if Fingerprint(data) != slowFingerprint(data) {
			t.Fatalf("another fingerprint of %q", data)
		}
	})
}

// Fingerprints are kept in states, so that these numbers stay the same from version to version.
func TestFingerprintsOfEarlierVersions(t *testing.T) {
	tests := map[string]uint64{
		`{"id":"1"}`: 4739040514519525903,
		`{"url":"https://downloads.intercomcdn.com/a.png?expires=1&signature=aa&req=x&b=2"}`: 17015137569612704321,
	}
	for data, want := range tests {
		if got := Fingerprint([]byte(data)); got != want {
			t.Errorf("%s: %d, want %d", data, got, want)
		}
	}
}

func FuzzFingerprint(f *testing.F) {
	f.Add([]byte(`https://a.intercom.io/?signature=1\u0026expires=`))
	f.Add([]byte(`http http:// https:\/\/intercom?X-Amz-a=\`))
	f.Fuzz(func(t *testing.T, data []byte) {
		if Fingerprint(data) != Fingerprint(bytes.Clone(data)) {
			t.Error("two fingerprints of the same bytes")
		}
		if Fingerprint(data) != slowFingerprint(data) {
			t.Error("another fingerprint than in the slow way")
		}
	})
}

func TestUnsigned(t *testing.T) {
	for address, want := range map[string]string{
		"https://downloads.intercomcdn.com/a.png?expires=1&signature=aa&req=x":      "https://downloads.intercomcdn.com/a.png",
		"https://downloads.intercomcdn.com/a.png?b=2&Signature=aa&X-Amz-Date=1#end": "https://downloads.intercomcdn.com/a.png?b=2#end",
		"https://downloads.intercomcdn.com/a.png":                                   "https://downloads.intercomcdn.com/a.png",
		"https://example.com/?signature=1":                                          "https://example.com/?signature=1",
		"/a?signature=1":                                                            "/a?signature=1",
		"mailto:a@intercom.example?expires=1":                                       "mailto:a@intercom.example?expires=1",
		"":                                                                          "",
	} {
		if got := Unsigned(address); got != want {
			t.Errorf("%s became %s, want %s", address, got, want)
		}
	}
}
