package keyrange

import (
	_ "embed"
	"encoding/hex"
	"errors"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// recorded is what Vitess v0.24's own functions answered.
//
//go:embed testdata/keyrange-vindex.txt
var recorded string

// section gives the lines below "== title", a line that an error message broke in two put together again; lines of
// that section begin with what lineRE matches, and every one has to match it.
func section(t *testing.T, title, lineRE string, continued bool) [][]string {
	t.Helper()
	_, rest, ok := strings.Cut(recorded, "== "+title+"\n")
	if !ok {
		t.Fatalf("the vectors have no section %q", title)
	}
	rest, _, _ = strings.Cut(rest, "\n== ")
	var lines []string
	for line := range strings.SplitSeq(strings.TrimRight(rest, "\n"), "\n") {
		if continued && !strings.HasPrefix(line, `"`) && len(lines) > 0 {
			lines[len(lines)-1] += "\n" + line
			continue
		}
		lines = append(lines, line)
	}
	re := regexp.MustCompile(`(?s)^` + lineRE + `$`)
	var fields [][]string
	for _, line := range lines {
		m := re.FindStringSubmatch(line)
		if m == nil {
			t.Fatalf("section %q: line %q is not of the form %s", title, line, re)
		}
		fields = append(fields, m[1:])
	}
	return fields
}

func unquote(t *testing.T, s string) string {
	t.Helper()
	text, err := strconv.Unquote(s)
	if err != nil {
		t.Fatalf("unquote %s: %v", s, err)
	}
	return text
}

func unhex(t *testing.T, s string) []byte {
	t.Helper()
	id, err := hex.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return id
}

func shards(t *testing.T, names ...string) Layout {
	t.Helper()
	l := make(Layout, len(names))
	for i, name := range names {
		s, err := ParseShard(name)
		if err != nil {
			t.Fatal(err)
		}
		l[i] = s
	}
	return l
}

func rangeOf(t *testing.T, name string) Range {
	t.Helper()
	return shards(t, name)[0].Range
}

func TestRecordedShardNames(t *testing.T) {
	lines := section(t, "ValidateShardName / IsValidKeyRange / ParseShardingSpec",
		`("[^"]*") +name="([^"]*)" kr=(?:nil|\[([0-9a-f]*),([0-9a-f]*)\)(?: str="([^"]*)")?) err=(.*) \| regexOK=(true|false) \| spec=\[(.*)\] specerr=(.*)`, true)
	for _, f := range lines {
		name := unquote(t, f[0])
		t.Run(f[0], func(t *testing.T) {
			got, err := ParseShard(name)
			wantErr := f[5] != "<nil>" || name == "80-8000" // the one name that Vitess takes and this package does not: it is empty
			if (err != nil) != wantErr {
				t.Fatalf("ParseShard: error %v, Vitess: %s", err, f[5])
			}
			if err != nil {
				var nameErr *NameError
				if !errors.As(err, &nameErr) || nameErr.Summary == "" || nameErr.Hint == "" {
					t.Errorf("error %#v is no NameError with summary and hint", err)
				}
				if many := strings.Fields(f[7]); len(many) > 1 {
					want := `"` + strings.Join(many, `", "`) + `"`
					if !strings.Contains(err.Error(), want) {
						t.Errorf("error %q does not list the shards that ParseShardingSpec reads: %s", err, want)
					}
				}
				return
			}
			want := Shard{Name: f[1], Range: NewRange(unhex(t, f[2]), unhex(t, f[3]))}
			if got != want {
				t.Errorf("got %q %s, want %q %s", got.Name, got.Range, want.Name, want.Range)
			}
			if f[4] != "" && spell(got, got) != f[4] {
				t.Errorf("spelled %q, Vitess prints %q", spell(got, got), f[4])
			}
			if strings.Contains(name, "-") && f[6] != "true" {
				t.Errorf("ParseShard takes the key range, IsValidKeyRange does not")
			}
			if spec := strings.Fields(f[7]); len(spec) == 1 && rangeOf(t, spec[0]) != got.Range {
				t.Errorf("range %s, ParseShardingSpec reads %s", got.Range, spec[0])
			}
		})
	}
}

func TestRecordedPairs(t *testing.T) {
	lines := section(t, "pairs: Equal Less Intersect AContainsB BContainsA Contiguous Add",
		`(\S+) +(\S+) +eq=(\w+) less=(\w+) inter=(\w+) a⊇b=(\w+) b⊇a=(\w+) contig\(a,b\)=(\w+) add=(\S+)`, false)
	for _, f := range lines {
		t.Run(f[0]+" "+f[1], func(t *testing.T) {
			a, b := rangeOf(t, f[0]), rangeOf(t, f[1])
			add := "no"
			if u, ok := a.Union(b); ok {
				add = u.String()
			}
			got := []string{
				strconv.FormatBool(a.Equal(b)), strconv.FormatBool(a.Compare(b) < 0), strconv.FormatBool(a.Intersects(b)),
				strconv.FormatBool(a.Covers(b)), strconv.FormatBool(b.Covers(a)), add,
			}
			want := slices.Concat(f[2:7], f[8:]) // contiguity is nobody's question here
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("equal, less, intersects, a covers b, b covers a, union (-Vitess +here):\n%s", diff)
			}
			if (a == b) != a.Equal(b) || b.Compare(a) != -a.Compare(b) || b.Intersects(a) != a.Intersects(b) {
				t.Error("==, Compare and Intersects do not agree from both sides")
			}
		})
	}
}

func TestRecordedContains(t *testing.T) {
	for _, f := range section(t, "contains id", `(\S+) +contains ("[0-9a-f]*") += (true|false)`, false) {
		id := unhex(t, unquote(t, f[1]))
		if got := strconv.FormatBool(rangeOf(t, f[0]).Contains(id)); got != f[2] {
			t.Errorf("%s contains %x: %s, Vitess: %s", f[0], id, got, f[2])
		}
	}
}

func TestRecordedReshards(t *testing.T) {
	for _, f := range section(t, "ValidateForReshard", `\[(.*?)\] -> \[(.*?)\] : (.*)`, false) {
		got := "<nil>"
		if err := CheckReshard(shards(t, strings.Fields(f[0])...), shards(t, strings.Fields(f[1])...)); err != nil {
			got = err.Error()
		}
		if got != f[2] {
			t.Errorf("%s -> %s: %q, Vitess: %q", f[0], f[1], got, f[2])
		}
	}
}

func TestRecordedEvenShards(t *testing.T) {
	for _, f := range section(t, "GenerateShardRanges", `(\d+)(?:,(\d+))? (?:\[(.*)\] (?:(\S+) )?<nil>|(\D.*))`, false) {
		n, _ := strconv.Atoi(f[0])
		got, err := Even(n)
		if f[1] != "" {
			digits, _ := strconv.Atoi(f[1])
			got, err = even(n, digits)
		}
		if (err != nil) != (f[4] != "") {
			t.Fatalf("%s: error %v, Vitess: %q", f[0], err, f[4])
		}
		if err != nil {
			continue
		}
		names, want := got.Names(), strings.Fields(f[2])
		if f[3] != "" { // only the first ones and the last are recorded
			want = append(want, f[3])
			names = append(slices.Clone(names[:len(want)-1]), names[n-1])
		}
		if diff := cmp.Diff(want, names); diff != "" || len(got) != n {
			t.Errorf("%d shards, want %d (-Vitess +here):\n%s", len(got), n, diff)
		}
	}
}

func TestRecordedVindexes(t *testing.T) {
	supported := map[string]int{"binary_md5": 0, "hash": 0, "numeric": 0, "xxhash": 0}
	valueRE := regexp.MustCompile(`^(\w+)(?:\((.*)\))?$`)
	for _, f := range section(t, "vindexes", `(\w+) +(NULL|\w+\(.*?\)) +(?:DestinationKeyspaceID\((.*)\)|(DestinationNone\(\)|ERR .*))`, false) {
		kind, literal := f[0], f[1]
		vindex, err := NewVindex(kind)
		if _, ok := supported[kind]; !ok {
			if err == nil {
				t.Errorf("NewVindex(%q) gives a vindex that no vector is checked for", kind)
			}
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		supported[kind]++
		var value any
		switch m := valueRE.FindStringSubmatch(literal); m[1] {
		case "NULL":
		case "INT64":
			value, err = strconv.ParseInt(m[2], 10, 64)
		case "UINT64":
			value, err = strconv.ParseUint(m[2], 10, 64)
		case "FLOAT64":
			value, err = strconv.ParseFloat(m[2], 64)
		case "VARCHAR":
			value = unquote(t, m[2])
		case "VARBINARY":
			value = []byte(unquote(t, m[2]))
		default:
			t.Fatalf("value %s is of a type that the test does not know", literal)
		}
		if err != nil {
			t.Fatal(err)
		}
		id, err := vindex.Map(value)
		if (f[3] != "") != errors.Is(err, ErrNoDestination) || f[3] == "" && err != nil {
			t.Errorf("%s of %s: error %v, Vitess: %q", kind, literal, err, f[3])
		}
		if got := hex.EncodeToString(id); got != f[2] {
			t.Errorf("%s of %s: %s, Vitess: %s", kind, literal, got, f[2])
		}
	}
	for kind, n := range supported {
		if n == 0 {
			t.Errorf("no vector checked %s", kind)
		}
	}
}
