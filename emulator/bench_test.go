package emulator_test

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"source-intercom/emulator"
)

// BenchmarkPage measures a page of 150 out of 100,000 conversations: the usual window, one that needs every row looked at, and
// the first after an edit.
func BenchmarkPage(b *testing.B) {
	size, err := emulator.SizeOf("large")
	if err != nil {
		b.Fatal(err)
	}
	c := newClock()
	e, err := emulator.New(emulator.Options{Size: size, Now: c.now})
	if err != nil {
		b.Fatal(err)
	}
	lo := c.now().AddDate(-1, 0, 0).Unix()
	window := fmt.Sprintf(`{"operator":"OR","value":[{"field":"updated_at","operator":">","value":%d},{"field":"updated_at","operator":"=","value":%d}]}`, lo, lo)
	for _, bb := range []struct {
		name, query string
		edit        bool
	}{
		{"window", window, false},
		{"window after an edit", window, true},
		{"every row", `{"operator":"AND","value":[` + window + `,{"field":"state","operator":"=","value":"open"}]}`, false},
		{"every row after an edit", `{"operator":"AND","value":[` + window + `,{"field":"state","operator":"=","value":"open"}]}`, true},
	} {
		b.Run(bb.name, func(b *testing.B) {
			body := `{"query":` + bb.query + `,"pagination":{"per_page":150},"sort":{"field":"updated_at","order":"ascending"}}`
			rng := rand.New(rand.NewPCG(1, 2))
			var served int
			for b.Loop() {
				if bb.edit {
					e.Edit(func(w *emulator.World) { w.RandomEdit(rng) })
				}
				r := httptest.NewRequest(http.MethodPost, "/conversations/search", strings.NewReader(body))
				r.Header.Set("Authorization", "Bearer "+emulator.DefaultToken)
				r.Header.Set("Accept", "application/json")
				rec := httptest.NewRecorder()
				e.ServeHTTP(rec, r)
				if rec.Code != http.StatusOK {
					b.Fatal(rec.Body.String())
				}
				served += rec.Body.Len()
			}
			b.SetBytes(int64(served / b.N))
		})
	}
}

func BenchmarkEdit(b *testing.B) {
	size, err := emulator.SizeOf("large")
	if err != nil {
		b.Fatal(err)
	}
	e, err := emulator.New(emulator.Options{Size: size})
	if err != nil {
		b.Fatal(err)
	}
	rng := rand.New(rand.NewPCG(1, 2))
	for b.Loop() {
		e.Edit(func(w *emulator.World) { w.RandomEdit(rng) })
	}
}

func BenchmarkNew(b *testing.B) {
	for _, name := range []string{"100000", "1000000"} {
		size, err := emulator.SizeOf(name)
		if err != nil {
			b.Fatal(err)
		}
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := emulator.New(emulator.Options{Size: size}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
