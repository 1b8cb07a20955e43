package connector

import (
	"fmt"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestScrub(t *testing.T) {
	tests := map[string]struct{ text, want string }{
		"an address":               {"write to jane.doe+x@mail.example.com, please", "write to [email], please"},
		"in angle brackets":        {"Jane <jane@x.example>", "Jane <[email]>"},
		"of other scripts":         {"söme.öne@exämple.de and 用户@例子.世界", "[email] and [email]"},
		"an entity":                {"<p>jane&#64;x.example jane&commat;x&period;example jane&#x40;x.example</p>", "<p>[email] [email] [email]</p>"},
		"hidden characters":        {"ja\u200bne\u00ad@x.exa\u2060mple", "[email]"},
		"full width":               {"jane＠x．example", "[email]"},
		"marked up":                {"<p>jane@<b>x</b>.example</p>", "<p>[email]<b></b></p>"},
		"a link":                   {`<a href="mailto:jane@x.example?subject=a">jane@x.example</a>`, `<a href="mailto:[email]?subject=a">[email]</a>`},
		"in an address of the web": {"https://x.example/p?email=jane%40x.example&b=1", "https://x.example/p?email=[email]&b=1"},
		"in Markdown":              {`jane\_doe@x.example, **bo@x.example**`, "[email], **[email]**"},
		"in cells":                 {"<td>jane@x.example</td><td>bo@x.example</td>", "<td>[email]</td><td>[email]</td>"},
		"no address":               {"@jane, 5 @ 3 €, a@b, x@y.z1", "@jane, 5 @ 3 €, a@b, x@y.z1"},
		"an odd apostrophe":        {"'o'brien@x.example'", "'[email]'"},

		"international":       {"+49 151 2345678, +1 (555) 010-9999, 0044 20 7946 0958", "[phone], [phone], [phone]"},
		"national":            {"(0151) 234 56789 or 01 42 68 53 00 or 015123456789", "[phone] or [phone] or [phone]"},
		"american":            {"call 555-201-9999 or (555) 201-9999 or 1-555-201-9999.", "call [phone] or [phone] or [phone]."},
		"named":               {"Tel.: 5551234, phone 12 34 56, fax: 555 0100", "Tel.: [phone], phone [phone], fax: [phone]"},
		"linked":              {`<a href="tel:5551234">call</a>`, `<a href="tel:[phone]">call</a>`},
		"split by blanks":     {"+49&nbsp;151\u202f2345678", "[phone]"},
		"of other digits":     {"+٤٩ ١٥١ ٢٣٤٥٦٧٨", "[phone]"},
		"no telephone":        {"order 120000000001, #0123456789, 1700000000, 2026-03-10 12:34:56, 02.03.2026 14:30, v1.20.300, 3.141592653589, 12,345,678.90", "order 120000000001, #0123456789, 1700000000, 2026-03-10 12:34:56, 02.03.2026 14:30, v1.20.300, 3.141592653589, 12,345,678.90"},
		"no telephone, an id": {"64a000000000000000000001 0a1b2c3d-0123-4567-89ab-0123456789ab", "64a000000000000000000001 0a1b2c3d-0123-4567-89ab-0123456789ab"},

		"cards":          {"4111 1111 1111 1111, 5500-0000-0000-0004 and 378282246310005", "[card], [card] and [card]"},
		"no card":        {"4111 1111 1111 1112, 1700000000000, 0000000000000000", "4111 1111 1111 1112, 1700000000000, 0000000000000000"},
		"ibans":          {"DE89 3704 0044 0532 0130 00 AND GB29NWBK60161331926819, fr14 2004 1010 0505 0001 3m02 606", "[iban] AND [iban], [iban]"},
		"no iban":        {"DE88 3704 1144 1532 1131 12; XX89370400440532013000", "DE88 3704 1144 1532 1131 12; XX89370400440532013000"},
		"ip":             {"from 192.0.2.17 and 2001:db8::8a2e:370:7334; IP:198.51.100.7. fe80::1: down", "from [ip] and [ip]; IP:[ip]. [ip]: down"},
		"no ip":          {"1.2.3 1.2.3.4.5 300.1.1.1 12:34:56 std::vector a::b ::", "1.2.3 1.2.3.4.5 300.1.1.1 12:34:56 std::vector a::b ::"},
		"nothing at all": {"", ""},
		"a broken tag":   {"<p class=\"jane@x.example", "<p class=\"[email]"},
		"a comment":      {"a<!-- jane@x.example -->b", "a<!-- [email] -->b"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			if got := newScrubber(nil).scrub(test.text); got != test.want {
				t.Errorf("%q became\n%q, want\n%q", test.text, got, test.want)
			}
		})
	}
	own := newScrubber([]string{`(?i)customer-\d+`, `K\d{4}`})
	if got := own.scrub("CUSTOMER&#45;77 has <b>K1</b>234, +49 151 2345678"); got != "[removed] has <b>[removed]</b>, [phone]" {
		t.Errorf("own patterns: %q", got)
	}
}

// Whatever is around it and however it is written, an address goes.
func TestScrubFindsAddressesAnywhere(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var text strings.Builder
		around := rapid.SampledFrom([]string{"", " ", "\n", "<p>", "</td><td>", "<a href=\"mailto:", "(", "&lt;", ": ", ",", "<br>", "=", "/", "\u200b"})
		text.WriteString(around.Draw(t, "before"))
		for _, c := range "jane.roe@mail.example" {
			text.WriteString(rapid.SampledFrom([]string{string(c), string(c), "&#" + itoa(c) + ";", string(c) + "\u200b", string(c) + "<wbr>", "\u00ad" + string(c)}).Draw(t, "character"))
		}
		text.WriteString(rapid.SampledFrom([]string{"", " ", "\n", "</p>", "\">x</a>", ")", "&gt;", ",", ". Then", "<br>", "?a=b", ":"}).Draw(t, "after"))
		got := newScrubber(nil).scrub(text.String())
		if !strings.Contains(got, "[email]") || strings.Contains(got, "roe") || strings.Contains(got, "mail.") {
			t.Fatalf("%q became %q", text.String(), got)
		}
	})
}

func itoa(c rune) string {
	return strings.TrimLeft(strings.Repeat("0", 3)+string([]rune{'0' + c/100, '0' + c/10%10, '0' + c%10}), "0")
}

// BenchmarkScrub: a text that is all suspicion takes no longer than its length asks for, so that ten times as much of it goes
// at the same speed.
func BenchmarkScrub(b *testing.B) {
	for _, piece := range []string{"0", "1 ", ":", "a:", "1.", "+4", "a@", "&", "%", "<", "<a ", "a.b@c.de ", "DE8", "4 ", "é", "(0"} {
		for _, times := range []int{1000, 10_000} {
			b.Run(fmt.Sprintf("%q x %d", piece, times), func(b *testing.B) {
				text, s := strings.Repeat(piece, times), newScrubber(nil)
				b.SetBytes(int64(len(text)))
				for b.Loop() {
					s.scrub(text)
				}
			})
		}
	}
}
