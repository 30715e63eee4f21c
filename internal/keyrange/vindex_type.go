package keyrange

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	near "shardform/internal/diag/spell"
)

// VindexType is what is known of a vindex type of Vitess 24. A test of internal/sandbox holds all of it to Vitess's own
// vindexes package, which only that test imports.
type VindexType struct {
	Name        string
	Unique      bool // a value has one keyspace id
	Lookup      bool // a table has to be read to find it: the streams of a reshard cannot
	MultiColumn bool // it takes several columns, and can only be a table's primary vindex

	params []vindexParam
	cost   func(params map[string]string) int // nil: 1
	check  func(params map[string]string) error
	open   bool // takes other parameters as well
}

// vindexParam is a parameter. With values it takes no others.
type vindexParam struct {
	name     string
	required bool
	values   []string
}

// VindexTypes returns the vindex types of Vitess 24 by name.
func VindexTypes() []VindexType {
	boolean := func(names ...string) []vindexParam {
		params := make([]vindexParam, len(names))
		for i, name := range names {
			params[i] = vindexParam{name: name, values: []string{"true", "false"}}
		}
		return params
	}
	consistent := append(boolean("ignore_nulls", "batch_lookup", "write_only"),
		vindexParam{name: "table"}, vindexParam{name: "from"}, vindexParam{name: "to"},
		vindexParam{name: "read_lock", values: []string{"exclusive", "shared", "none"}})
	lookupHash := slices.Concat(consistent, boolean("autocommit", "multi_shard_autocommit"))
	lookup := slices.Concat(lookupHash, boolean("no_verify"))
	regionBytes := vindexParam{name: "region_bytes", required: true, values: []string{"1", "2"}}
	const lookupUniqueCost, lookupCost = 10, 20
	return []VindexType{
		{Name: "binary", Unique: true, cost: fixedCost(0)},
		{Name: "binary_md5", Unique: true},
		{Name: "cfc", Unique: true, params: []vindexParam{{name: "hash", values: []string{"", "md5", "xxhash64"}}, {name: "offsets"}}, check: checkCFC},
		{Name: "consistent_lookup", Lookup: true, params: consistent, cost: fixedCost(lookupCost)},
		{Name: "consistent_lookup_unique", Unique: true, Lookup: true, params: consistent, cost: fixedCost(lookupUniqueCost)},
		{Name: "hash", Unique: true},
		{Name: "lookup", Lookup: true, params: lookup, cost: fixedCost(lookupCost)},
		{Name: "lookup_cost", Lookup: true, params: lookup, cost: givenCost},
		{Name: "lookup_hash", Lookup: true, params: lookupHash, cost: fixedCost(lookupCost)},
		{Name: "lookup_hash_unique", Unique: true, Lookup: true, params: lookupHash, cost: fixedCost(lookupUniqueCost)},
		{Name: "lookup_unicodeloosemd5_hash", Lookup: true, params: lookupHash, cost: fixedCost(lookupCost)},
		{Name: "lookup_unicodeloosemd5_hash_unique", Unique: true, Lookup: true, params: lookupHash, cost: fixedCost(lookupUniqueCost)},
		{Name: "lookup_unique", Unique: true, Lookup: true, params: lookup, cost: fixedCost(lookupUniqueCost)},
		{Name: "multicol", Unique: true, MultiColumn: true, open: true, cost: multicolCost, check: checkMulticol,
			params: []vindexParam{{name: "column_count", required: true}, {name: "column_bytes"}, {name: "column_vindex"}}},
		{Name: "null", Unique: true, cost: fixedCost(100)},
		{Name: "numeric", Unique: true, cost: fixedCost(0)},
		{Name: "numeric_static_map", Unique: true, params: []vindexParam{{name: "json"}, {name: "json_path"}, {name: "fallback_type"}}, check: checkStaticMap},
		{Name: "region_experimental", Unique: true, MultiColumn: true, params: []vindexParam{regionBytes}},
		{Name: "region_json", Unique: true, MultiColumn: true, params: []vindexParam{regionBytes, {name: "region_map", required: true}}},
		{Name: "reverse_bits", Unique: true},
		{Name: "unicode_loose_md5", Unique: true},
		{Name: "unicode_loose_xxhash", Unique: true},
		{Name: "xxhash", Unique: true},
	}
}

// FindVindexType returns the type of a name. The error says which was probably meant.
func FindVindexType(name string) (VindexType, error) {
	types := VindexTypes()
	if i := slices.IndexFunc(types, func(t VindexType) bool { return t.Name == name }); i >= 0 {
		return types[i], nil
	}
	known := make([]string, len(types))
	for i, t := range types {
		known[i] = t.Name
	}
	if meant := meantVindex(name, known); meant != "" {
		return VindexType{}, fmt.Errorf("there is no vindex type %q; did you mean %q?", name, meant)
	}
	return VindexType{}, fmt.Errorf("there is no vindex type %q; there are %s", name, strings.Join(known, ", "))
}

// meantVindex is the nearest name, else the shortest one that contains it: "md5" is "binary_md5".
func meantVindex(name string, known []string) string {
	if meant := near.Nearest(name, known); meant != "" {
		return meant
	}
	meant := ""
	for _, candidate := range known {
		contains := len(name) > 2 && strings.Contains(candidate, strings.ToLower(name))
		if contains && (meant == "" || len(candidate) < len(meant)) {
			meant = candidate
		}
	}
	return meant
}

// Functional reports whether a row's keyspace id can be computed from its columns alone.
func (t VindexType) Functional() bool { return t.Unique && !t.Lookup }

// Computed reports whether NewVindex has it: whether this program can tell where a row belongs.
func (t VindexType) Computed() bool {
	_, err := NewVindex(t.Name)
	return err == nil
}

// Cost is what Vitess compares vindexes by: of a table's functional, unique ones the streams use the cheapest, and of
// several at one cost the first.
func (t VindexType) Cost(params map[string]string) int {
	if t.cost == nil {
		return 1
	}
	return t.cost(params)
}

// Params returns the names of the parameters that are known.
func (t VindexType) Params() []string {
	names := make([]string, len(t.params))
	for i, p := range t.params {
		names[i] = p.name
	}
	return names
}

// Unknown returns the parameters, sorted, that Vitess would ignore.
func (t VindexType) Unknown(params map[string]string) []string {
	if t.open {
		return nil
	}
	known := t.Params()
	return slices.DeleteFunc(slices.Sorted(maps.Keys(params)), func(name string) bool { return slices.Contains(known, name) })
}

// Check returns what Vitess refuses of the parameters, as one error. What they say of files on the servers is not
// looked at.
func (t VindexType) Check(params map[string]string) error {
	for _, p := range t.params {
		value, given := params[p.name]
		switch {
		case !given && p.required:
			return fmt.Errorf("vindex type %s needs the parameter %s", t.Name, p.name)
		case given && p.values != nil && !slices.Contains(p.values, value):
			return fmt.Errorf("parameter %s of vindex type %s is %q, and has to be one of %s", p.name, t.Name, value, quoted(p.values))
		}
	}
	if t.check != nil {
		return t.check(params)
	}
	return nil
}

func quoted(values []string) string {
	list := make([]string, len(values))
	for i, v := range values {
		list[i] = strconv.Quote(v)
	}
	return strings.Join(list, ", ")
}

func fixedCost(n int) func(map[string]string) int {
	return func(map[string]string) int { return n }
}

// givenCost is that of lookup_cost, which Vitess has for its tests.
func givenCost(params map[string]string) int {
	if n, err := strconv.Atoi(params["cost"]); err == nil {
		return n
	}
	return 5
}

func checkCFC(params map[string]string) error {
	if params["hash"] == "" {
		return nil
	}
	var offsets []int
	err := json.Unmarshal([]byte(params["offsets"]), &offsets)
	for i, n := range offsets {
		if n <= 0 || i > 0 && n <= offsets[i-1] {
			err = fmt.Errorf("%d is out of order", n)
		}
	}
	if err != nil || len(offsets) == 0 {
		return fmt.Errorf("parameter offsets of vindex type cfc is %q, and has to be a list like [2,4] of rising numbers above 0", params["offsets"])
	}
	return nil
}

func checkStaticMap(params map[string]string) error {
	text, inline := params["json"]
	if _, file := params["json_path"]; file == inline {
		return fmt.Errorf("vindex type numeric_static_map needs one of the parameters json and json_path")
	}
	if inline {
		var table map[string]uint64
		if err := json.Unmarshal([]byte(text), &table); err != nil {
			return fmt.Errorf("parameter json of vindex type numeric_static_map: %w", err)
		}
		for number := range table {
			if _, err := strconv.ParseUint(number, 10, 64); err != nil {
				return fmt.Errorf("parameter json of vindex type numeric_static_map: key %q is not an unsigned number", number)
			}
		}
	}
	if fallback, given := params["fallback_type"]; given {
		t, err := FindVindexType(fallback)
		if err == nil {
			err = t.Check(nil)
		}
		if err != nil {
			return fmt.Errorf("parameter fallback_type of vindex type numeric_static_map: %w", err)
		}
	}
	return nil
}

// multicolVindexes returns the vindexes of the columns of a multicol.
func multicolVindexes(params map[string]string) ([]VindexType, error) {
	count, err := strconv.Atoi(params["column_count"])
	if err != nil || count < 1 || count > 8 {
		return nil, fmt.Errorf("parameter column_count of vindex type multicol is %q, and has to be a number from 1 to 8", params["column_count"])
	}
	var names []string
	if list, given := params["column_vindex"]; given {
		names = strings.Split(list, ",")
	}
	if len(names) > count {
		return nil, fmt.Errorf("parameter column_vindex of vindex type multicol names %d vindexes for %d columns", len(names), count)
	}
	names = append(names, make([]string, count-len(names))...)
	types := make([]VindexType, count)
	for i, name := range names {
		if name = strings.TrimSpace(name); name == "" {
			name = "hash"
		}
		if types[i], err = FindVindexType(name); err != nil {
			return nil, fmt.Errorf("parameter column_vindex of vindex type multicol: %w", err)
		}
		if !types[i].hashes() {
			return nil, fmt.Errorf("parameter column_vindex of vindex type multicol: %s cannot be a part of it", name)
		}
	}
	return types, nil
}

// hashes reports whether the type can be a part of multicol.
func (t VindexType) hashes() bool {
	return t.Functional() && !t.MultiColumn && t.Name != "cfc" && t.Name != "null"
}

func multicolCost(params map[string]string) int {
	types, err := multicolVindexes(params)
	if err != nil {
		return 1
	}
	sum := 0
	for _, t := range types {
		sum += t.Cost(nil)
	}
	return sum
}

func checkMulticol(params map[string]string) error {
	types, err := multicolVindexes(params)
	if err != nil {
		return err
	}
	rest := maps.Clone(params)
	for _, own := range []string{"column_count", "column_bytes", "column_vindex"} {
		delete(rest, own)
	}
	for _, t := range types {
		if err := t.Check(rest); err != nil {
			return fmt.Errorf("vindex type multicol: %w", err)
		}
	}
	var sizes []string
	if list, given := params["column_bytes"]; given {
		sizes = strings.Split(list, ",")
	}
	if len(sizes) > len(types) {
		return fmt.Errorf("parameter column_bytes of vindex type multicol has %d sizes for %d columns", len(sizes), len(types))
	}
	used, open := 0, len(types)
	for _, size := range sizes {
		if size == "" {
			continue
		}
		n, err := strconv.Atoi(size)
		if err != nil {
			return fmt.Errorf("parameter column_bytes of vindex type multicol: %q is not a number", size)
		}
		used, open = used+n, open-1
	}
	if open > 8-used {
		return fmt.Errorf("parameter column_bytes of vindex type multicol: the columns take more than the 8 bytes of a keyspace id")
	}
	return nil
}
