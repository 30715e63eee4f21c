package keyrange

import (
	"errors"
	"math"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

func mustVindex(t testing.TB, kind string) Vindex {
	t.Helper()
	v, err := NewVindex(kind)
	if err != nil {
		t.Fatal(err)
	}
	if v.Name() != kind {
		t.Fatalf("vindex %s is named %s", kind, v.Name())
	}
	return v
}

var kinds = [...]string{"binary_md5", "hash", "numeric", "xxhash"}

func TestNewVindexListsWhatItHas(t *testing.T) {
	for _, kind := range []string{"", "unicode_loose_md5", "lookup_unique", "HASH"} {
		_, err := NewVindex(kind)
		if err == nil || !strings.Contains(err.Error(), strings.Join(kinds[:], ", ")) || !strings.Contains(err.Error(), `"`+kind+`"`) {
			t.Errorf("NewVindex(%q): %v", kind, err)
		}
	}
}

func TestMapRefusesWhatNoDriverGives(t *testing.T) {
	for _, kind := range kinds {
		for _, value := range []any{time.Unix(0, 0), struct{}{}, []string{"1"}} {
			id, err := mustVindex(t, kind).Map(value)
			if err == nil || errors.Is(err, ErrNoDestination) || id != nil || !strings.Contains(err.Error(), kind) {
				t.Errorf("%s of a %T: %x, %v", kind, value, id, err)
			}
		}
	}
}

// The same column value comes as a number or as text, depending on the driver and its protocol.
func TestNumbersAndTheirTextsHaveOneKeyspaceID(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		n := rapid.Uint64().Draw(rt, "n")
		text := string(binaryText(t, n))
		for _, kind := range kinds {
			v := mustVindex(t, kind)
			want, err := v.Map(n)
			if err != nil {
				rt.Fatal(err)
			}
			values := []any{text, []byte(text)}
			if n <= math.MaxInt64 {
				values = append(values, int64(n))
			}
			for _, value := range values {
				if got, err := v.Map(value); err != nil || string(got) != string(want) {
					rt.Fatalf("%s of %T %v: %x, %v; of the uint64 %x", kind, value, value, got, err, want)
				}
			}
		}
	})
}

func binaryText(t testing.TB, value any) []byte {
	t.Helper()
	text, err := appendText(nil, value)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func TestIntegersInTextAreReadAsVitessReadsThem(t *testing.T) {
	for text, want := range map[string]uint64{
		"0": 0, "007": 7, " 5": 5, "5\t ": 5, "18446744073709551615": math.MaxUint64,
	} {
		if got, err := toUint64(text); err != nil || got != want {
			t.Errorf("%q: %d, %v", text, got, err)
		}
	}
	for _, text := range []string{"", " ", "-1", "+1", "1_000", "0x10", "1.0", "1e3", "5\n", "18446744073709551616", "a", "1 2"} {
		if got, err := toUint64(text); !errors.Is(err, ErrNoDestination) {
			t.Errorf("%q: %d, %v", text, got, err)
		}
	}
}

func TestFloatsHaveMySQLsText(t *testing.T) {
	for f, want := range map[float64]string{
		0: "0", 1: "1", 1.5: "1.5", -2.25: "-2.25", 1e14: "100000000000000", 1e15: "1e15", -1e20: "-1e20", 1e-15: "0.000000000000001", 1e-16: "1e-16",
	} {
		if got := string(binaryText(t, f)); got != want {
			t.Errorf("%v: %q, want %q", f, got, want)
		}
	}
}

func TestMapLeavesItsValueAlone(t *testing.T) {
	for _, kind := range kinds {
		value := append(make([]byte, 0, 64), "123"...)
		if _, err := mustVindex(t, kind).Map(value); err != nil {
			t.Fatal(err)
		}
		if got := string(value[:8]); got != "123\x00\x00\x00\x00\x00" {
			t.Errorf("%s changed its value to %q", kind, got)
		}
	}
}

func BenchmarkVindexMap(b *testing.B) {
	for _, kind := range kinds {
		v := mustVindex(b, kind)
		b.Run(kind, func(b *testing.B) {
			b.ReportAllocs()
			n := int64(0)
			for b.Loop() {
				if _, err := v.Map(n); err != nil {
					b.Fatal(err)
				}
				n++
			}
		})
	}
}
