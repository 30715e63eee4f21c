package keyrange

import (
	"strings"
	"testing"
)

func TestParseShardSaysWhatIsWrongAndWhatIsRight(t *testing.T) {
	for _, tc := range []struct{ name, want string }{
		{"", `the shard name is empty; write a key range such as "-80", or "-" for the whole key space`},
		{strings.Repeat("a", 65), `shard name "` + strings.Repeat("a", 65) + `" is 65 bytes long; Vitess takes at most 64`},
		{"a b", `shard name "a b" has the character ' ' at position 2; a name has only letters, digits, "-" and "_"`},
		{"-80\n", `shard name "-80\n" has the character '\n' at position 4; a name has only letters, digits, "-" and "_": write "-80"`},
		{"–80", `shard name "–80" has the character '–' at position 1; a name has only letters, digits, "-" and "_"`},
		{"--", `shard name "--" has 2 dashes; a key range is START-END with one "-", such as "40-80"`},
		{"-40-80-", `shard name "-40-80-" has 3 dashes; list the shards one by one: "-40", "40-80", "80-"`},
		{"-40-20-", `shard name "-40-20-" has 3 dashes; a key range is START-END with one "-", such as "40-80"`},
		{"4-80", `shard name "4-80": start "4" has an odd number of digits; bounds are whole bytes of two hexadecimal digits: write "40" or "04"`},
		{"40-8", `shard name "40-8": end "8" has an odd number of digits; bounds are whole bytes of two hexadecimal digits: write "80" or "08"`},
		{"40-g0", `shard name "40-g0": end "g0" has 'g', which is no hexadecimal digit; bounds are written with 0-9 and a-f, two digits a byte, such as "40-80"`},
		{"C0-40", `shard name "c0-40" ends before it starts; write "40-c0"`},
		{"80-80", `shard name "80-80" is an empty range; start and end are the same id (trailing zero bytes do not count): the end has to be higher than the start`},
		{"8000-80", `shard name "8000-80" is an empty range; start and end are the same id (trailing zero bytes do not count): the end has to be higher than the start`},
	} {
		_, err := ParseShard(tc.name)
		if err == nil || err.Error() != tc.want {
			t.Errorf("%q:\n got %v\nwant %s", tc.name, err, tc.want)
		}
	}
}

func TestNamesOfCustomShardsKeepTheirCase(t *testing.T) {
	for name, want := range map[string]string{"Main_Shard": "Main_Shard", "C0-": "c0-", strings.Repeat("A", 64): strings.Repeat("A", 64)} {
		s, err := ParseShard(name)
		if err != nil || s.Name != want || s.String() != want {
			t.Errorf("%q is %q, %v; want %q", name, s, err, want)
		}
	}
}

func TestRangeBoundsAreCopiesWithoutTrailingZeros(t *testing.T) {
	start := []byte{0x40, 0x00}
	r := NewRange(start, nil)
	start[0] = 0xff
	if got := r.Start(); string(got) != "\x40" || r.End() != nil || r.String() != "40-" {
		t.Errorf("range %s starts at %x, ends at %v", r, got, r.End())
	}
	r.Start()[0] = 0xff
	if r != NewRange([]byte{0x40}, []byte{0x00}) {
		t.Errorf("range became %s", r)
	}
	if (Range{}).Start() != nil || !(Range{}).IsWhole() || (Range{}).IsEmpty() {
		t.Error("the zero value is not the whole key space")
	}
	if empty := NewRange([]byte{0x80}, []byte{0x80, 0x00}); !empty.IsEmpty() || empty.Contains([]byte{0x80}) {
		t.Errorf("%s holds an id", empty)
	}
}

func FuzzParseShard(f *testing.F) {
	f.Fuzz(func(t *testing.T, name string) {
		s, err := ParseShard(name)
		if err != nil {
			if text := err.Error(); strings.ContainsAny(text, "\n\r") || len(text) < 10 {
				t.Fatalf("error text %q", text)
			}
			return
		}
		if !strings.EqualFold(s.Name, name) || s.Range.IsEmpty() || !strings.Contains(name, "-") && !s.Range.IsWhole() {
			t.Fatalf("%q is %q with the range %s", name, s.Name, s.Range)
		}
		if again, err := ParseShard(s.Name); err != nil || again != s {
			t.Fatalf("%q is read again as %v, %v", s.Name, again, err)
		}
		if again, err := ParseShard(s.Range.String()); err != nil || again.Range != s.Range {
			t.Fatalf("range %s is read as %s, %v", s.Range, again.Range, err)
		}
		if !s.Range.Contains(s.Range.Start()) || s.Range.End() != nil && s.Range.Contains(s.Range.End()) {
			t.Fatalf("%s does not contain its start, or contains its end", s)
		}
	})
}

func FuzzParseLayout(f *testing.F) {
	f.Fuzz(func(t *testing.T, list string) {
		names := strings.Split(list, ",")
		layout, err := ParseLayout(names)
		checkParsed(t, names, layout, err)
	})
}
