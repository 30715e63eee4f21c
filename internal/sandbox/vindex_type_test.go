package sandbox

import (
	"bytes"
	"context"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
	"vitess.io/vitess/go/sqltypes"
	"vitess.io/vitess/go/vt/key"
	"vitess.io/vitess/go/vt/vtgate/vindexes"

	"shardform/internal/keyrange"
)

// These tests hold keyrange's table of vindexes to Vitess's own package. They are here as only the sandbox may import
// it; TestProgramHasNoServerOfVitess of the program sees to it that the import stays one of tests.

func TestVindexTypesAreThoseOfVitess(t *testing.T) {
	dir, err := exec.CommandContext(t.Context(), "go", "list", "-f", "{{.Dir}}", "vitess.io/vitess/go/vt/vtgate/vindexes").Output()
	if err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob(filepath.Join(strings.TrimSpace(string(dir)), "*.go"))
	if err != nil {
		t.Fatal(err)
	}
	var registered []string
	for _, file := range files {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		source, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, match := range regexp.MustCompile(`(?m)^\tRegister\("(\w+)"`).FindAllStringSubmatch(string(source), -1) {
			registered = append(registered, match[1])
		}
	}
	var known []string
	for _, v := range keyrange.VindexTypes() {
		known = append(known, v.Name)
	}
	slices.Sort(registered)
	if !slices.Equal(known, registered) {
		t.Errorf("known    %q\nregistered %q", known, registered)
	}
}

func TestVindexTypesAreAsVitessHasThem(t *testing.T) {
	regions := filepath.Join(t.TempDir(), "regions.json")
	if err := os.WriteFile(regions, []byte(`{"US": 1}`), 0o600); err != nil {
		t.Fatal(err)
	}
	good := map[string]map[string]string{
		"multicol":            {"column_count": "3", "column_vindex": "binary,,xxhash"},
		"numeric_static_map":  {"json": `{"1": 2}`},
		"region_experimental": {"region_bytes": "1"},
		"region_json":         {"region_bytes": "2", "region_map": regions},
	}
	for _, known := range keyrange.VindexTypes() {
		t.Run(known.Name, func(t *testing.T) {
			params := good[known.Name]
			v, err := vindexes.CreateVindex(known.Name, "v", params)
			if err != nil {
				t.Fatal(err)
			}
			if known.Unique != v.IsUnique() || known.Lookup != v.NeedsVCursor() {
				t.Errorf("unique %t, lookup %t; Vitess has %t, %t", known.Unique, known.Lookup, v.IsUnique(), v.NeedsVCursor())
			}
			if _, multi := v.(vindexes.MultiColumn); multi != known.MultiColumn {
				t.Errorf("multi-column %t, in Vitess %t", known.MultiColumn, multi)
			}
			if known.Cost(params) != v.Cost() {
				t.Errorf("cost %d, in Vitess %d", known.Cost(params), v.Cost())
			}
			if err := known.Check(params); err != nil {
				t.Error(err)
			}
			all := map[string]string{"zzz": "1", "aaa": "2"}
			maps.Copy(all, params)
			if v, err = vindexes.CreateVindex(known.Name, "v", all); err != nil {
				t.Fatal(err)
			}
			if got, want := known.Unknown(all), ignoredParams(v); !slices.Equal(got, want) {
				t.Errorf("unknown parameters %q, in Vitess %q", got, want)
			}
		})
	}
}

// ignoredParams is what Vitess says it ignores; multicol says nothing.
func ignoredParams(v vindexes.Vindex) []string {
	if validating, ok := v.(vindexes.ParamValidating); ok {
		return validating.UnknownParams()
	}
	return nil
}

func TestVindexParametersAreRefusedAsVitessDoes(t *testing.T) {
	values := map[string][]string{
		"":                       {"", "1", "2", "9", "x", "true", "false"},
		"hash":                   {"", "md5", "xxhash64", "sha1"},
		"offsets":                {"", "[2,4]", "[4,2]", "[0]", "[]", "null", "2", "[1,1]"},
		"read_lock":              {"", "shared", "exclusive", "none", "other"},
		"column_count":           {"1", "2", "8", "0", "9", "x"},
		"column_bytes":           {"", "1", "1,2", "8", "9", "1,,3", "4,5", "x"},
		"column_vindex":          {"", "hash", "binary,xxhash", " numeric ", "lookup", "nothing", "null", "cfc", ",hash", "multicol", "region_experimental", "unicode_loose_md5,reverse_bits,binary_md5", "numeric_static_map"},
		"json":                   {`{"1": 2}`, `{}`, `{"a": 2}`, `{"1": -2}`, `[`},
		"fallback_type":          {"xxhash", "nothing", "region_experimental", "lookup", "cfc"},
		"json_path":              {}, // a file of the server
		"region_map":             {},
		"autocommit":             {"true", "false", "yes", ""},
		"multi_shard_autocommit": {"true", "1"},
	}
	for _, known := range keyrange.VindexTypes() {
		if known.Name == "region_json" {
			continue // a file of the server
		}
		t.Run(known.Name, rapid.MakeCheck(func(t *rapid.T) {
			params := map[string]string{}
			for _, name := range known.Params() {
				list, ok := values[name]
				if !ok {
					list = values[""]
				}
				if len(list) > 0 && rapid.Bool().Draw(t, "with "+name) {
					params[name] = rapid.SampledFrom(list).Draw(t, name)
				}
			}
			v, refusal := vindexes.CreateVindex(known.Name, "v", params)
			err := known.Check(params)
			if (err == nil) != (refusal == nil) {
				t.Fatalf("%v: %v, Vitess: %v", params, err, refusal)
			}
			if err == nil && !slices.Equal(known.Unknown(params), ignoredParams(v)) {
				t.Fatalf("%v: unknown parameters %q, in Vitess %q", params, known.Unknown(params), ignoredParams(v))
			}
			if err == nil && known.Cost(params) != v.Cost() {
				t.Fatalf("%v: cost %d, in Vitess %d", params, known.Cost(params), v.Cost())
			}
		}))
	}
}

func TestComputedVindexesPlaceRowsAsVitessDoes(t *testing.T) {
	for _, known := range keyrange.VindexTypes() {
		if !known.Computed() {
			continue
		}
		if !known.Functional() {
			t.Errorf("%s is computed and is not functional", known.Name)
		}
		theirs, err := vindexes.CreateVindex(known.Name, "v", nil)
		if err != nil {
			t.Fatal(err)
		}
		ours, err := keyrange.NewVindex(known.Name)
		if err != nil {
			t.Fatal(err)
		}
		t.Run(known.Name, rapid.MakeCheck(func(t *rapid.T) {
			value, same := anyValue(t)
			got, err := ours.Map(value)
			destinations, mapErr := vindexes.Map(context.Background(), theirs, nil, [][]sqltypes.Value{{same}})
			var want []byte
			if mapErr == nil {
				if id, ok := destinations[0].(key.DestinationKeyspaceID); ok {
					want = id
				}
			}
			if (err == nil) != (want != nil) || !bytes.Equal(got, want) {
				t.Fatalf("%T(%v): %x (%v), in Vitess %x (%v, %v)", value, value, got, err, want, destinations, mapErr)
			}
		}))
	}
}

// anyValue draws a value as a driver gives it, and the same one as Vitess has it.
func anyValue(t *rapid.T) (any, sqltypes.Value) {
	switch rapid.IntRange(0, 4).Draw(t, "kind") {
	case 0:
		n := rapid.Int64().Draw(t, "int64")
		return n, sqltypes.NewInt64(n)
	case 1:
		n := rapid.Uint64().Draw(t, "uint64")
		return n, sqltypes.NewUint64(n)
	case 2:
		s := rapid.OneOf(rapid.String(), rapid.Just(""), rapid.Map(rapid.Int(), func(n int) string { return fmt.Sprint(n) })).Draw(t, "string")
		return s, sqltypes.NewVarChar(s)
	case 3:
		b := rapid.SliceOf(rapid.Byte()).Draw(t, "bytes")
		return b, sqltypes.NewVarBinary(string(b))
	}
	return nil, sqltypes.NULL
}
