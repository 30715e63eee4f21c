package config

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/reflect/protoreflect"
	vschemapb "vitess.io/vitess/go/vt/proto/vschema"

	"shardform/internal/ddl"
	"shardform/internal/diag/spell"
	"shardform/internal/keyrange"
)

// checkVSchema looks for mistakes in a vschema that no cluster has to be asked about. tables are those of the keyspace's
// schema, nil where it is not known. A table that the schema lacks may still have an entry: it may be moved there later.
func (l *loader) checkVSchema(d *document, tables *schemaTables) {
	c := &vschemaCheck{document: d, places: readJSON(d.text)}
	keyspace := &vschemapb.Keyspace{}
	c.fields(c.places, keyspace.ProtoReflect().Descriptor())
	if err := (protojson.UnmarshalOptions{DiscardUnknown: true}).Unmarshal([]byte(d.text), keyspace); err != nil {
		c.refused(err)
		return
	}
	for _, name := range slices.Sorted(maps.Keys(keyspace.Vindexes)) {
		c.vindex(name, keyspace.Vindexes[name])
	}
	for _, name := range slices.Sorted(maps.Keys(keyspace.Tables)) {
		var definition *ddl.Table
		if tables != nil {
			definition = tables.table(name)
		}
		for i, v := range keyspace.Tables[name].ColumnVindexes {
			c.columnVindex(name, i, v, keyspace, definition)
		}
	}
}

type vschemaCheck struct {
	*document
	places *jsonValue
}

// fields reports the members of an object that a message has no fields for: the server would refuse or drop them.
func (c *vschemaCheck) fields(v *jsonValue, message protoreflect.MessageDescriptor) {
	for _, m := range v.members {
		field := fieldOf(message, m.name)
		if field == nil {
			names := make([]string, message.Fields().Len())
			for i := range names {
				names[i] = message.Fields().Get(i).TextName()
			}
			c.errorAtOffset(m.offset, fmt.Sprintf("unknown field %q in the vschema", m.name), "expected "+list(names), suggest(m.name, names))
			continue
		}
		switch {
		case field.IsMap():
			if of := field.MapValue().Message(); of != nil {
				for _, entry := range m.value.members {
					c.fields(entry.value, of)
				}
			}
		case field.Message() != nil:
			c.fields(m.value, field.Message())
			for _, e := range m.value.elements {
				c.fields(e, field.Message())
			}
		}
	}
}

// fieldOf returns the field that a member of a JSON object is, spelled in either of the two ways that protobuf takes.
func fieldOf(message protoreflect.MessageDescriptor, name string) protoreflect.FieldDescriptor {
	if field := message.Fields().ByTextName(name); field != nil {
		return field
	}
	return message.Fields().ByJSONName(name)
}

// errorAtValue reports an error about the value at a path of members, as far as there is one. Fields of messages are named
// as protobuf's files have them.
func (c *vschemaCheck) errorAtValue(path []any, summary, detail, hint string) {
	v := c.places
	for _, step := range path {
		next := v.step(step)
		if next == nil && step == columnVindexes {
			next = v.step("columnVindexes")
		}
		if next == nil {
			break
		}
		v = next
	}
	c.errorAtOffset(v.offset, summary, detail, hint)
}

const columnVindexes = "column_vindexes"

// misspelled reports whether the object at a path lacks a member because its name is misspelled, which is reported.
func (c *vschemaCheck) misspelled(name string, path ...any) bool {
	v := c.places
	for _, step := range path {
		if v = v.step(step); v == nil {
			return false
		}
	}
	return v.step(name) == nil && slices.ContainsFunc(v.members, func(m jsonMember) bool { return spell.Nearest(m.name, []string{name}) != "" })
}

var protoPlace = regexp.MustCompile(`^proto: (?:syntax error )?\(line (\d+):(\d+)\): `)

// refused reports what protobuf does not take. It puts no-break spaces into its texts at random, so that nobody compares
// them.
func (c *vschemaCheck) refused(err error) {
	text := strings.ReplaceAll(err.Error(), "\u00a0", " ")
	line, column := 1, 1
	if m := protoPlace.FindStringSubmatch(text); m != nil {
		text = text[len(m[0]):]
		line, _ = strconv.Atoi(m[1])
		column, _ = strconv.Atoi(m[2])
	}
	c.errorAtPlace(line, column, "the vschema cannot be read: "+strings.TrimPrefix(text, "proto: "), "", "")
}

func (c *vschemaCheck) vindex(name string, v *vschemapb.Vindex) {
	member := "type"
	kind, err := keyrange.FindVindexType(v.GetType())
	if err == nil {
		member, err = "params", kind.Check(v.GetParams())
	}
	if err != nil && !c.misspelled(member, "vindexes", name) {
		c.errorAtValue([]any{"vindexes", name, member}, fmt.Sprintf("vindex %s: %v", name, err), "", "")
	}
}

// columnVindex checks that what the ith vindex of a table names exists. definition is the table, nil if it is not known.
func (c *vschemaCheck) columnVindex(table string, i int, v *vschemapb.ColumnVindex, keyspace *vschemapb.Keyspace, definition *ddl.Table) {
	path := []any{"tables", table, columnVindexes, i}
	if name := v.GetName(); name != "" && keyspace.Vindexes[name] == nil && !c.misspelled("vindexes") {
		known := slices.Sorted(maps.Keys(keyspace.Vindexes))
		detail := "the vschema defines no vindex"
		if len(known) > 0 {
			detail = "the vschema defines " + list(known)
		}
		c.errorAtValue(append(path, "name"), fmt.Sprintf("table %s: there is no vindex %q", table, name), detail, suggest(name, known))
	}
	if definition == nil {
		return
	}
	check := func(column string, at ...any) {
		if column != "" && definition.Column(column) == nil {
			names := columnNames(definition)
			c.errorAtValue(append(path, at...), fmt.Sprintf("table %s has no column %q", table, column), "the schema gives it "+list(names), suggest(column, names))
		}
	}
	check(v.GetColumn(), "column")
	for i, column := range v.GetColumns() {
		check(column, "columns", i)
	}
}
