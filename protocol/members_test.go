package protocol

import (
	"slices"
	"testing"

	"github.com/tidwall/gjson"
	"pgregory.net/rapid"
)

// TestMembersAreGJSONs: both find the same members, in objects of any form.
func TestMembersAreGJSONs(t *testing.T) {
	value := rapid.SampledFrom([]string{"1", "-2.5e3", "null", "true", `""`, `"a\"b\\"`, `"\u00e9"`, "[]", "{}", `[1, {"x":[]} ]`, `{"x" : "}"}`, `"{"`})
	blank := rapid.SampledFrom([]string{"", "", " ", "\n\t"})
	rapid.Check(t, func(t *rapid.T) {
		text := blank.Draw(t, "blank") + "{"
		for i, n := 0, rapid.IntRange(0, 6).Draw(t, "members"); i < n; i++ {
			if i > 0 {
				text += ","
			}
			text += blank.Draw(t, "blank") + rapid.SampledFrom([]string{`"a"`, `"b\"c"`, `""`, `"\u0061"`}).Draw(t, "name") + blank.Draw(t, "blank") + ":" +
				blank.Draw(t, "blank") + value.Draw(t, "value") + blank.Draw(t, "blank")
		}
		text += "}"
		var got, want []string
		for name, value := range Members(text) {
			got = append(got, name, value)
		}
		gjson.Parse(text).ForEach(func(name, value gjson.Result) bool {
			want = append(want, name.Str, value.Raw)
			return true
		})
		if !slices.Equal(got, want) {
			t.Fatalf("%s\ngot  %q\nwant %q", text, got, want)
		}
	})
	for _, none := range []string{"", "null", "7", `"{}"`, "[{}]", "{}", " { } "} {
		for name := range Members(none) {
			t.Errorf("%s has %q", none, name)
		}
	}
}
