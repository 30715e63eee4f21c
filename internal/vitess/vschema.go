package vitess

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"

	"google.golang.org/protobuf/encoding/protojson"
	vschemapb "vitess.io/vitess/go/vt/proto/vschema"
)

// VSchema is what resharding has to know of a vschema.
type VSchema struct {
	Sharded  bool
	Vindexes map[string]Vindex
	Tables   map[string]VSchemaTable
}

// Vindex is a named vindex.
type Vindex struct {
	Type   string // "xxhash", "hash", …
	Params map[string]string
	Owner  string // owning table of a lookup vindex, "" if none
}

// VSchemaTable is a table as the vschema has it.
type VSchemaTable struct {
	Type          string // "", "sequence" or "reference"
	Vindexes      []ColumnVindex
	AutoIncrement *AutoIncrement // nil if none
	Pinned        string
	Source        string // of a reference table, "" if none
}

// ColumnVindex ties columns to a vindex.
type ColumnVindex struct {
	Columns []string
	Vindex  string // name
}

// AutoIncrement ties a column to a sequence.
type AutoIncrement struct {
	Column, Sequence string
}

// Primary is the vindex that places the table's rows; false if the table has none.
func (t VSchemaTable) Primary() (ColumnVindex, bool) {
	if len(t.Vindexes) == 0 {
		return ColumnVindex{}, false
	}
	return t.Vindexes[0], true
}

// CanonicalVSchema is a keyspace's vschema in one spelling, so that equal vschemas are equal texts: the fields that
// have values, under their proto names, keys sorted, two spaces a level, no line end after the last brace. A field that
// Vitess v0.24 does not know is an error: the server would drop it. "" is "".
func CanonicalVSchema(text string) (string, error) {
	if strings.TrimSpace(text) == "" {
		return "", nil
	}
	keyspace, err := readVSchema(text)
	if err != nil {
		return "", err
	}
	return canonicalVSchema(keyspace)
}

// SameVSchema compares canonical vschemas; none and an empty one are the same.
func SameVSchema(a, b string) bool {
	return a == b || strings.Trim(a, "{}") == "" && strings.Trim(b, "{}") == ""
}

func readVSchema(text string) (*vschemapb.Keyspace, error) {
	var keyspace vschemapb.Keyspace
	if err := protojson.Unmarshal([]byte(text), &keyspace); err != nil {
		return nil, fmt.Errorf("vschema: %s", strings.TrimPrefix(plainProtoError(err), "proto: "))
	}
	return &keyspace, nil
}

// plainProtoError is the error's text with ordinary spaces: protobuf puts no-break spaces in at random so that nobody
// compares its texts.
func plainProtoError(err error) string {
	return strings.ReplaceAll(err.Error(), "\u00a0", " ")
}

func canonicalVSchema(keyspace *vschemapb.Keyspace) (string, error) {
	raw, err := protojson.MarshalOptions{UseProtoNames: true}.Marshal(keyspace)
	if err != nil {
		return "", fmt.Errorf("vschema: %w", err)
	}
	decoder := json.NewDecoder(bytes.NewReader(raw))
	decoder.UseNumber()
	var tree any
	if err := decoder.Decode(&tree); err != nil {
		return "", fmt.Errorf("vschema: %w", err)
	}
	var text bytes.Buffer
	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	if err := encoder.Encode(tree); err != nil {
		return "", fmt.Errorf("vschema: %w", err)
	}
	return strings.TrimSuffix(text.String(), "\n"), nil
}

// ParseVSchema reads a vschema as CanonicalVSchema does. "" is an unsharded one without tables.
func ParseVSchema(text string) (*VSchema, error) {
	v := &VSchema{Vindexes: map[string]Vindex{}, Tables: map[string]VSchemaTable{}}
	if strings.TrimSpace(text) == "" {
		return v, nil
	}
	keyspace, err := readVSchema(text)
	if err != nil {
		return nil, err
	}
	v.Sharded = keyspace.Sharded
	for name, x := range keyspace.Vindexes {
		v.Vindexes[name] = Vindex{Type: x.GetType(), Params: x.GetParams(), Owner: x.GetOwner()}
	}
	for name, t := range keyspace.Tables {
		v.Tables[name] = readTable(t)
	}
	return v, nil
}

func readTable(t *vschemapb.Table) VSchemaTable {
	table := VSchemaTable{Type: t.GetType(), Pinned: t.GetPinned(), Source: t.GetSource()}
	for _, c := range t.GetColumnVindexes() {
		columns := c.GetColumns()
		if len(columns) == 0 && c.GetColumn() != "" {
			columns = []string{c.GetColumn()}
		}
		table.Vindexes = append(table.Vindexes, ColumnVindex{Columns: columns, Vindex: c.GetName()})
	}
	if a := t.GetAutoIncrement(); a != nil {
		table.AutoIncrement = &AutoIncrement{Column: a.GetColumn(), Sequence: a.GetSequence()}
	}
	return table
}
