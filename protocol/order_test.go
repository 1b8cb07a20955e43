package protocol

import (
	"encoding/json"
	"maps"
	"strings"
	"sync"
	"testing"

	"pgregory.net/rapid"
)

// An encoder learns in which order members come. That shows in nothing but its speed: after any
// records, the next one is encoded and counted as by an encoder that has seen none.
func TestEarlierRecordsChangeNothing(t *testing.T) {
	for _, d := range dialects() {
		t.Run(d.Name(), rapid.MakeCheck(func(t *rapid.T) {
			root := genRoot(t)
			s := Stream{Name: "s", Schema: root.json()}
			drop := rapid.SliceOfN(rapid.SliceOfN(rapid.SampledFrom(fieldNames), 1, 2), 0, 2).Draw(t, "drop")
			newEncoder := func() *Encoder {
				var paths []FieldPath
				for _, path := range drop {
					paths = append(paths, path)
				}
				e, err := d.Encoder(s, paths)
				if err != nil {
					t.Fatal(err)
				}
				return e
			}
			inject := Inject{rapid.SampledFrom(fieldNames).Draw(t, "inject"), `"5"`}
			used := newEncoder()
			drift, nulled := map[string]int64{}, map[string]int64{}
			for range rapid.IntRange(2, 6).Draw(t, "records") {
				raw := genObject(t, root, style{stray: 15, broken: true, space: rapid.Bool().Draw(t, "space")})
				fresh := newEncoder()
				want, _ := encode(t, fresh, raw, inject)
				if got, _ := encode(t, used, raw, inject); got != want {
					t.Fatalf("%q became %q, want %q", raw, got, want)
				}
				addCounts(drift, fresh.Drift())
				addCounts(nulled, fresh.Nulled())
			}
			if got := used.Drift(); !maps.Equal(got, drift) {
				t.Fatalf("drift is %v, want %v", got, drift)
			}
			if got := used.Nulled(); !maps.Equal(got, nulled) {
				t.Fatalf("nulled is %v, want %v", got, nulled)
			}
		}))
	}
}

func addCounts(sum, counts map[string]int64) {
	for path, n := range counts {
		sum[path] += n
	}
}

// A name's bytes prove the name only where no escape can hide its end.
func TestNamesThatNeedEscapes(t *testing.T) {
	s := Stream{Name: "s", Schema: json.RawMessage(`{"type":"object","properties":{
		"a\\":{"type":["null","integer"]},"b\"c":{"type":["null","integer"]},"é":{"type":["null","integer"]},"a":{"type":["null","string"]}}}`)}
	e := mustEncoder(t, Airbyte{}, s)
	for _, tt := range []struct{ raw, want string }{
		{`{"a\\":"1","b\"c":"2","é":"3","a":4}`, `{"a\\":1,"b\"c":2,"é":3,"a":"4"}`},
		{`{"a\":":"1","b\"c" :"2","\u00e9":"3","a" : 4}`, `{"a\":":"1","b\"c" :2,"\u00e9":3,"a" : "4"}`},
		{`{"a\\":"1","b\"c\":":"2","é\"":"3","\u0061":4}`, `{"a\\":1,"b\"c\":":"2","é\"":"3","\u0061":"4"}`},
		{`{"a":1,"a\\":"2"}`, `{"a":"1","a\\":2}`},
	} {
		for range 2 { // the second time in an order that is known
			if _, got := encode(t, e, tt.raw); got != tt.want {
				t.Errorf("%s became %s, want %s", tt.raw, got, tt.want)
			}
		}
	}
}

// With -race this shows that records in different orders may be encoded at the same time.
func TestConcurrentAppendInManyOrders(t *testing.T) {
	s := Stream{Name: "s", Schema: json.RawMessage(`{"type":"object","properties":{
		"a":{"type":["null","string"]},"b":{"type":["null","string"]},"c":{"type":["null","string"]}}}`)}
	e := mustEncoder(t, Airbyte{}, s)
	var workers sync.WaitGroup
	for _, order := range []string{"abc", "cba", "bca", "ac"} {
		members := strings.Split(order, "")
		raw := `{"` + strings.Join(members, `":1,"`) + `":1}`
		want := `{"` + strings.Join(members, `":"1","`) + `":"1"}`
		workers.Go(func() {
			for range 300 {
				dst, span := e.Append(nil, raw, nil, noon)
				if got := string(dst[span.Start:span.End]); got != want {
					t.Errorf("%s became %s, want %s", raw, got, want)
				}
			}
		})
	}
	workers.Wait()
}
